//! Who a change of the lists is about.

use roxmltree::Node;

use crate::http::address_book::{annotations, maybe, no_such_book, text, words};
use crate::http::soap::{Failure, Malformed, named, text_of};
use crate::model::{Guid, MemberRef, MembershipId, Role};
use crate::service::NewMember;

/// As many people as one request may be about.
const MOST: usize = 500;

/// Reads the people of a request. Kinds of member that this server does not have are left out, and
/// circles are read elsewhere.
pub(super) fn read(request: Node<'_, '_>) -> Result<Vec<NewMember>, Failure> {
    let mut wishes = Vec::new();
    for (role, member) in entries(request)? {
        if let Some(who) = who(member)? {
            let annotations = annotations(member, "Annotations")?;
            wishes.push(NewMember {
                role,
                who,
                annotations,
            });
        }
    }
    Ok(wishes)
}

/// The members of a request with their lists. Roles that this server does not have are left out,
/// and so is everything about other services: clients set up sharing of profiles this way, and
/// would try again for ever (`docs/protocol/12 §5`).
pub(super) fn entries<'d, 'i>(request: Node<'d, 'i>) -> Result<Vec<(Role, Node<'d, 'i>)>, Failure> {
    if let Some(handle) = maybe(request, "nsHandle")?
        && let Some(id) = words(handle, "Id")?
        && Guid::parse(id) != Some(Guid::NIL)
    {
        return Err(no_such_book());
    }
    let memberships = maybe(request, "memberships")?.ok_or(Malformed)?;
    if let Some(handle) = maybe(request, "serviceHandle")?
        && words(handle, "Type")?.is_some_and(|service| service != "Messenger")
    {
        return Ok(Vec::new());
    }
    let mut entries = Vec::new();
    for membership in named(memberships, "Membership") {
        let role = text(membership, "MemberRole")?.ok_or(Malformed)?;
        let members = maybe(membership, "Members")?.ok_or(Malformed)?;
        if let Some(role) = role_named(role) {
            entries.extend(named(members, "Member").map(|member| (role, member)));
            if entries.len() > MOST {
                return Err(Malformed.into());
            }
        }
    }
    Ok(entries)
}

/// What a role is called.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Allow => "Allow",
        Role::Block => "Block",
        Role::Reverse => "Reverse",
        Role::Pending => "Pending",
    }
}

fn role_named(name: &str) -> Option<Role> {
    Role::ALL.into_iter().find(|&role| role_name(role) == name)
}

/// A name goes before a number: some clients send one of an entry that they no longer have.
fn who(member: Node<'_, '_>) -> Result<Option<MemberRef>, Malformed> {
    if let Some(address) = words(member, "PassportName")? {
        return Ok(Some(MemberRef::Account(address.to_owned())));
    }
    if let Some(address) = words(member, "Email")? {
        return Ok(Some(MemberRef::Email(address.to_owned())));
    }
    if let Some(number) = words(member, "PhoneNumber")? {
        return Ok(Some(MemberRef::Phone(number.to_owned())));
    }
    if words(member, "CircleId")?.is_some() {
        return Ok(None);
    }
    let id = maybe(member, "MembershipId")?.map(text_of);
    let id = id.and_then(|text| text.parse().ok());
    Ok(id.and_then(MembershipId::from_value).map(MemberRef::Id))
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;
    use crate::model::UserId;

    fn wishes(request: &str) -> Result<Vec<NewMember>, Failure> {
        let document = Document::parse(request).unwrap();
        read(document.root_element())
    }

    fn membership(role: &str, member: &str) -> String {
        format!(
            "<Membership><MemberRole>{role}</MemberRole><Members><Member>{member}</Member>\
             </Members></Membership>"
        )
    }

    fn only(member: &str) -> Option<MemberRef> {
        let request = membership("Allow", member);
        let wishes = wishes(&format!("<a><memberships>{request}</memberships></a>"));
        wishes.unwrap().pop().map(|wish| wish.who)
    }

    #[test]
    fn members_are_named_in_four_ways() {
        for (member, who) in [
            (
                "<Type>Passport</Type><MembershipId>9</MembershipId>\
                 <PassportName>a@b.c</PassportName>",
                Some(MemberRef::Account("a@b.c".to_owned())),
            ),
            (
                "<PassportName/><Email>a@b.c</Email>",
                Some(MemberRef::Email("a@b.c".to_owned())),
            ),
            (
                "<PhoneNumber>+1</PhoneNumber>",
                Some(MemberRef::Phone("+1".to_owned())),
            ),
            (
                "<MembershipId> 9 </MembershipId>",
                Some(MemberRef::Id(MembershipId::Account(UserId(1), Role::Allow))),
            ),
            ("<MembershipId>Allow/x</MembershipId>", None),
            ("<MembershipId>-9</MembershipId>", None),
            ("<Id>Allow</Id><Type>Role</Type>", None),
        ] {
            assert_eq!(only(member), who, "{member}");
        }
    }

    #[test]
    fn other_roles_and_services_are_passed_over() {
        let passport = "<PassportName>a@b.c</PassportName>";
        let several = [
            membership("ProfileExpression", "<Id>Allow</Id>"),
            membership("Block", passport),
            membership("Pending", passport),
        ]
        .concat();
        let roles = |handle: &str| {
            let request = format!("<a><memberships>{several}</memberships>{handle}</a>");
            let wishes = wishes(&request).unwrap();
            wishes.iter().map(|wish| wish.role).collect::<Vec<_>>()
        };
        assert_eq!(roles(""), [Role::Block, Role::Pending]);
        let own = "<nsHandle><Id>00000000-0000-0000-0000-000000000000</Id></nsHandle>";
        assert_eq!(roles(own).len(), 2);
        let other = "<serviceHandle><Id>0</Id><Type>Profile</Type></serviceHandle>";
        assert!(roles(other).is_empty());
    }

    #[test]
    fn what_is_missing_doubled_or_of_others_is_refused() {
        for request in [
            "<a/>",
            "<a><memberships/><memberships/></a>",
            "<a><memberships><Membership><Members/></Membership></memberships></a>",
            "<a><memberships><Membership><MemberRole>Allow</MemberRole></Membership>\
             </memberships></a>",
            "<a><memberships/><nsHandle><Id>00000000-0000-0000-0009-73944a8f7947</Id></nsHandle>\
             </a>",
        ] {
            assert!(wishes(request).is_err(), "{request}");
        }
        let twice = "<PassportName>a@b.c</PassportName>".repeat(2);
        let request = membership("Allow", &twice);
        let request = format!("<a><memberships>{request}</memberships></a>");
        assert!(wishes(&request).is_err());
    }
}
