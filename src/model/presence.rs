//! What others see of somebody who is signed in, and what one's own places see of each other.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Address, Guid, Label, SessionId, UserId};

/// The status a person has chosen. `Hidden` is known to the server only: everybody else sees
/// a hidden person as offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Online,
    Busy,
    Idle,
    BeRightBack,
    Away,
    OnThePhone,
    OutToLunch,
    Hidden,
}

/// What a client says it can do: two opaque bit fields that the server hands on
/// (`docs/protocol/02 §7.2`). Clients that send none have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    pub basic: u32,
    pub extended: u32,
}

/// Where an account signs in (`docs/protocol/10 §8`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A client that puts up with no other one beside it: it does not know of several places, or
    /// its owner does not want them. It may tell its machine's identity all the same, which its
    /// contacts need for transfers.
    Only(Option<Guid>),
    /// One of possibly several places, by its machine's identity.
    Endpoint(Guid),
}

impl Place {
    /// The machine's identity, if the client told one.
    pub fn id(self) -> Option<Guid> {
        match self {
            Self::Only(id) => id,
            Self::Endpoint(id) => Some(id),
        }
    }

    /// The same place, with nobody beside it.
    #[must_use]
    pub fn alone(self) -> Self {
        Self::Only(self.id())
    }
}

/// What everybody who sees a person may see of one of the places the person is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointPresence {
    pub id: Guid,
    pub capabilities: Capabilities,
}

/// The line under a name, what its owner is listening to, and the rest of what a person shows of
/// themselves. Plain text, not escaped; what is empty is not set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersonalMessage {
    pub text: Arc<str>,
    pub media: Arc<str>,
    pub machine_guid: Arc<str>,
    pub signature_sound: Arc<str>,
    pub scene: Arc<str>,
    pub color_scheme: Arc<str>,
    /// The description of a moving display picture.
    pub dynamic_picture: Arc<str>,
}

/// A new personal message; what is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageChange {
    pub text: Option<Arc<str>>,
    pub media: Option<Arc<str>>,
    pub machine_guid: Option<Arc<str>>,
    pub signature_sound: Option<Arc<str>>,
    pub scene: Option<Arc<str>>,
    pub color_scheme: Option<Arc<str>>,
    pub dynamic_picture: Option<Arc<str>>,
}

impl MessageChange {
    /// A change that clears everything.
    pub fn clear() -> Self {
        let nothing = || Some(Arc::default());
        Self {
            text: nothing(),
            media: nothing(),
            machine_guid: nothing(),
            signature_sound: nothing(),
            scene: nothing(),
            color_scheme: nothing(),
            dynamic_picture: nothing(),
        }
    }

    /// What the message is after the change.
    pub fn applied_to(&self, before: &PersonalMessage) -> PersonalMessage {
        let part = |new: &Option<Arc<str>>, old: &Arc<str>| Arc::clone(new.as_ref().unwrap_or(old));
        PersonalMessage {
            text: part(&self.text, &before.text),
            media: part(&self.media, &before.media),
            machine_guid: part(&self.machine_guid, &before.machine_guid),
            signature_sound: part(&self.signature_sound, &before.signature_sound),
            scene: part(&self.scene, &before.scene),
            color_scheme: part(&self.color_scheme, &before.color_scheme),
            dynamic_picture: part(&self.dynamic_picture, &before.dynamic_picture),
        }
    }
}

/// Everything watchers are told about one person, as one immutable value that all of them share.
/// Of somebody at several places it is the status that was set last, with what came along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    pub user: UserId,
    pub address: Address,
    pub name: Label,
    pub status: Status,
    pub capabilities: Capabilities,
    /// The description of the display picture as its owner's client spelled it.
    pub picture: Option<Label>,
    pub message: Arc<PersonalMessage>,
    /// The places that have set a status and told their machine's identity, in order of arrival.
    pub endpoints: Arc<[EndpointPresence]>,
}

/// What only one's own other places see of a place (`docs/protocol/10 §5`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateEndpointData {
    /// What its owner calls the place.
    pub name: Arc<str>,
    pub idle: bool,
    /// Computer, web, telephone or console, as a number that the server hands on.
    pub client_type: u32,
    pub state: Option<Status>,
}

impl Default for PrivateEndpointData {
    /// A computer of which nothing is known yet.
    fn default() -> Self {
        Self {
            name: Arc::default(),
            idle: false,
            client_type: 1,
            state: None,
        }
    }
}

/// News of a place for one's own other places; what is absent stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PrivateDataChange {
    pub name: Option<Arc<str>>,
    pub idle: Option<bool>,
    pub client_type: Option<u32>,
    pub state: Option<Status>,
}

impl PrivateDataChange {
    /// What is known of the place after the change.
    pub fn applied_to(self, before: &PrivateEndpointData) -> PrivateEndpointData {
        PrivateEndpointData {
            name: self.name.unwrap_or_else(|| Arc::clone(&before.name)),
            idle: self.idle.unwrap_or(before.idle),
            client_type: self.client_type.unwrap_or(before.client_type),
            state: self.state.or(before.state),
        }
    }
}

/// One of the places an account is signed in at, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnEndpoint {
    pub id: Guid,
    pub capabilities: Capabilities,
    pub data: PrivateEndpointData,
}

/// A client as its owner may recognise it. Every word of it is for people to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientTrace {
    /// The protocol version that it speaks, such as `MSNP8`.
    pub protocol: Arc<str>,
    /// The program and its version as the client reports them; empty if it has not yet.
    pub program: Arc<str>,
    /// Where it connects from.
    pub peer: Option<IpAddr>,
    /// When it signed in, in epoch milliseconds.
    pub since: i64,
}

/// A session of an account, as its owner and the people who run the server see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSession {
    pub session: SessionId,
    pub client: ClientTrace,
    /// The machine's identity, if the client told one.
    pub endpoint: Option<Guid>,
    /// What its owner calls the place; empty where it has no name.
    pub endpoint_name: Arc<str>,
    /// The status that was set there; `None` before the first one.
    pub status: Option<Status>,
}

/// What an account's own places are told about the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPresence {
    /// As others see it. The status is `Hidden` while no place has set one.
    pub presence: Arc<Presence>,
    /// Every place, whether it has set a status or not, in order of arrival.
    pub endpoints: Vec<OwnEndpoint>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_change_leaves_out_stays() {
        let before = PersonalMessage {
            text: "at work".into(),
            scene: "beach".into(),
            ..PersonalMessage::default()
        };
        let change = MessageChange {
            text: Some("".into()),
            color_scheme: Some("-3".into()),
            ..MessageChange::default()
        };
        let after = change.applied_to(&before);
        assert_eq!((&*after.text, &*after.scene), ("", "beach"));
        assert_eq!(&*after.color_scheme, "-3");
        let cleared = MessageChange::clear().applied_to(&after);
        assert_eq!(cleared, PersonalMessage::default());
    }

    #[test]
    fn a_place_keeps_what_is_not_told_again() {
        let before = PrivateEndpointData {
            name: "LAPTOP".into(),
            idle: false,
            client_type: 1,
            state: Some(Status::Online),
        };
        let change = PrivateDataChange {
            idle: Some(true),
            ..PrivateDataChange::default()
        };
        let after = change.applied_to(&before);
        assert_eq!(
            after,
            PrivateEndpointData {
                idle: true,
                ..before
            }
        );
    }

    #[test]
    fn a_place_of_its_own_keeps_its_identity() {
        let id = Guid::random();
        assert_eq!(Place::Endpoint(id).alone(), Place::Only(Some(id)));
        assert_eq!(Place::Only(None).alone().id(), None);
    }
}
