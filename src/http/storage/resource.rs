//! How requests name things: `{cid}!106` is a profile, `!118` what is shown of it, and everything
//! from `!205` on a picture (`docs/protocol/13 §2`).

use std::fmt;

use roxmltree::Node;

use super::does_not_exist;
use crate::http::soap::{Call, Failure, StorageFault, child, text_of};
use crate::model::UserId;

/// Below this no number is one of a picture.
const FIRST_TILE: u32 = 205;
/// The relationship that leads to the history of pictures.
const USER_TILES: &str = "/UserTiles";

/// Something of an account's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Profile,
    /// The part of a profile that others see.
    Expression,
    Tile(u32),
}

/// What a handle of the caller's leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handle {
    Resource(Resource),
    /// The history of pictures.
    UserTiles,
    /// The caller, with any other relationship or none.
    Owner,
}

impl Resource {
    /// The name for requests and answers.
    pub(super) fn id(self, owner: UserId) -> ResourceId {
        ResourceId {
            owner,
            number: match self {
                Self::Profile => 106,
                Self::Expression => 118,
                Self::Tile(number) => number,
            },
        }
    }

    /// Reads the name of something of the caller's. Refused: `InvalidObjectHandle` for what is no
    /// name, `AccessDenied` for other people's, `ItemDoesNotExist` for what nobody has.
    pub(super) fn read(text: &str, owner: UserId) -> Result<Self, Failure> {
        let (cid, number) = text.split_once('!').ok_or_else(invalid)?;
        let cid = u64::from_str_radix(cid, 16).map_err(|_| invalid())?;
        let number: u32 = number.parse().map_err(|_| invalid())?;
        if cid != owner.passport_id() {
            return Err(denied());
        }
        match number {
            106 => Ok(Self::Profile),
            118 => Ok(Self::Expression),
            FIRST_TILE.. => Ok(Self::Tile(number)),
            _ => Err(does_not_exist()),
        }
    }

    /// As [`Resource::read`], of an element that must be a picture.
    pub(super) fn read_tile(text: &str, owner: UserId) -> Result<u32, Failure> {
        match Self::read(text, owner)? {
            Self::Tile(number) => Ok(number),
            Self::Profile | Self::Expression => Err(invalid()),
        }
    }
}

impl Handle {
    /// Reads a handle of the caller's: an id, or the caller's number with a relationship.
    pub(super) fn read(node: Node<'_, '_>, owner: UserId) -> Result<Self, Failure> {
        if let Some(id) = child(node, "ResourceID") {
            return Resource::read(text_of(id), owner).map(Self::Resource);
        }
        let alias = child(node, "Alias").ok_or_else(invalid)?;
        let name = child(alias, "Name").map(text_of).ok_or_else(invalid)?;
        if read_cid(name).ok_or_else(invalid)? != owner.passport_id() {
            return Err(denied());
        }
        let relationship = child(node, "RelationshipName").map(text_of);
        match relationship {
            Some(name) if name.eq_ignore_ascii_case(USER_TILES) => Ok(Self::UserTiles),
            _ => Ok(Self::Owner),
        }
    }

    /// Reads the handle that the operation has under this name.
    pub(super) fn of(call: &Call<'_>, name: &str) -> Result<Self, Failure> {
        let node = call.operation.child(name).ok_or_else(invalid)?;
        Self::read(node, call.by.user)
    }
}

/// The number of an account, decimal, with a sign or without.
fn read_cid(text: &str) -> Option<u64> {
    let signed = text.parse::<i64>().map(i64::cast_unsigned);
    signed.ok().or_else(|| text.parse().ok())
}

pub(super) fn invalid() -> Failure {
    StorageFault::new("InvalidObjectHandle", "Invalid object handle").into()
}

pub(super) fn denied() -> Failure {
    StorageFault::new("AccessDenied", "Access denied").into()
}

/// Shows itself as the name.
#[derive(Debug, Clone, Copy)]
pub(super) struct ResourceId {
    owner: UserId,
    number: u32,
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}!{}", self.owner.passport_id(), self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: UserId = UserId(0x2a);

    fn word(failure: &Failure) -> String {
        format!("{failure:?}")
    }

    #[test]
    fn names_read_back() {
        for resource in [Resource::Profile, Resource::Expression, Resource::Tile(205)] {
            let id = resource.id(ALICE).to_string();
            assert_eq!(Resource::read(&id, ALICE).unwrap(), resource);
            let upper = id.to_uppercase();
            assert_eq!(Resource::read(&upper, ALICE).unwrap(), resource);
            let stranger = Resource::read(&id, UserId(7)).unwrap_err();
            assert!(word(&stranger).contains("AccessDenied"));
        }
        assert_eq!(
            Resource::Tile(207).id(ALICE).to_string(),
            "000300000000002a!207"
        );
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "!",
            "106",
            "x!106",
            "000300000000002a!",
            "000300000000002a!-1",
        ] {
            let failure = Resource::read(text, ALICE).unwrap_err();
            assert!(word(&failure).contains("InvalidObjectHandle"), "{text}");
        }
        let nothing = Resource::read("000300000000002a!107", ALICE).unwrap_err();
        assert!(word(&nothing).contains("ItemDoesNotExist"));
        assert!(Resource::read_tile("000300000000002a!118", ALICE).is_err());
    }

    #[test]
    fn handles_are_ids_or_aliases_of_the_caller() {
        let read = |xml: &str| {
            let document = roxmltree::Document::parse(xml).unwrap();
            Handle::read(document.root_element(), ALICE)
        };
        let cid = ALICE.passport_id();
        let alias = format!("<Alias><Name>{cid}</Name><NameSpace>MyCidStuff</NameSpace></Alias>");
        for (xml, expected) in [
            (format!("<h>{alias}</h>"), Handle::Owner),
            (
                format!("<h>{alias}<RelationshipName>MyProfile</RelationshipName></h>"),
                Handle::Owner,
            ),
            (
                format!("<h><RelationshipName>/UserTiles</RelationshipName>{alias}</h>"),
                Handle::UserTiles,
            ),
            (
                format!("<h><ResourceID>{cid:x}!118</ResourceID></h>"),
                Handle::Resource(Resource::Expression),
            ),
        ] {
            assert_eq!(read(&xml).unwrap(), expected, "{xml}");
        }
        let others = "<h><Alias><Name>-9187808514398587066</Name></Alias></h>";
        assert!(word(&read(others).unwrap_err()).contains("AccessDenied"));
        for xml in [
            "<h/>",
            "<h><Alias/></h>",
            "<h><Alias><Name>x</Name></Alias></h>",
        ] {
            assert!(word(&read(xml).unwrap_err()).contains("InvalidObjectHandle"));
        }
        assert_eq!(read_cid("-1"), Some(u64::MAX));
        assert_eq!(read_cid("18446744073709551615"), Some(u64::MAX));
    }
}
