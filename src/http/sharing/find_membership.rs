//! `FindMembership`: all lists, or what is new on them (`docs/protocol/12 §3`).

use roxmltree::Node;

use super::circles;
use super::members::role_name;
use super::view::{FoundMembership, MemberView, MembershipView, OwnerView, ServiceView, WhoView};
use crate::http::address_book::{books, changes_since, cid, maybe, notes, reply, stamp};
use crate::http::soap::{Call, Failure, Reply, named, text_of};
use crate::model::{FormerMember, Member, Memberships, Role, Stamp, Who};

pub(super) const OPERATION: &str = "FindMembership";

#[derive(Debug, PartialEq, Eq)]
struct Wish {
    since: Option<Stamp>,
    /// Clients ask for several services at once, and sometimes not for the only one there is.
    wants_messenger: bool,
}

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let wish = read(call.operation.node)?;
    let found = books(call).memberships(call.by.user, wish.since).await?;
    let mut answer = of_memberships(&found, &wish);
    if let Some(service) = &mut answer.service {
        circles::add_to(call, wish.since, &mut service.memberships).await?;
    }
    reply(call, &answer)
}

fn read(request: Node<'_, '_>) -> Result<Wish, Failure> {
    let types = match maybe(request, "serviceFilter")? {
        Some(filter) => maybe(filter, "Types")?,
        None => None,
    };
    let mut wanted: Vec<&str> = Vec::new();
    if let Some(types) = types {
        wanted.extend(named(types, "ServiceType").map(text_of));
    }
    Ok(Wish {
        since: changes_since(request, "deltasOnly", "lastChange")?,
        wants_messenger: wanted.is_empty() || wanted.contains(&"Messenger"),
    })
}

fn of_memberships(found: &Memberships, wish: &Wish) -> FoundMembership {
    let memberships = || Role::ALL.into_iter().map(|role| membership(found, role));
    FoundMembership {
        service: wish.wants_messenger.then(|| ServiceView {
            memberships: memberships().collect(),
            is_complete: wish.since.is_none(),
            changed: stamp(found.stamp.0),
        }),
        owner: OwnerView {
            address: found.address.as_str().to_owned(),
            cid: cid(found.owner),
            created: stamp(found.created_at),
            changed: stamp(found.stamp.0),
        },
    }
}

/// A list with who is on it, and in a delta also who left it.
fn membership(found: &Memberships, role: Role) -> MembershipView {
    let members = found.members.iter().filter(|one| one.role == role);
    let removed = found.removed.iter().filter(|one| one.role == role);
    MembershipView {
        role: role_name(role),
        members: members.map(present).chain(removed.map(former)).collect(),
    }
}

/// Who waits for a decision is shown by name, and with the words that they sent along.
fn present(member: &Member) -> MemberView {
    let name = member
        .name
        .as_ref()
        .filter(|_| member.role == Role::Pending);
    MemberView {
        id: Some(member.id.value()),
        who: who(&member.who),
        display_name: name.map(|name| name.to_text()).unwrap_or_default(),
        annotations: notes(&member.annotations),
        is_deleted: false,
        changed: stamp(member.changed_at.0),
        joined: stamp(member.joined_at),
    }
}

fn former(member: &FormerMember) -> MemberView {
    MemberView {
        id: Some(member.id.value()),
        who: who(&member.who),
        display_name: String::new(),
        annotations: Vec::new(),
        is_deleted: true,
        changed: stamp(member.changed_at.0),
        joined: stamp(member.changed_at.0),
    }
}

fn who(who: &Who) -> WhoView {
    match who {
        Who::Account(user, address) => WhoView::Passport {
            address: address.as_str().to_owned(),
            cid: cid(*user),
        },
        Who::Email(address) => WhoView::Email(address.as_ref().to_owned()),
        Who::Phone(number) => WhoView::Phone(number.as_ref().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    fn wish(inner: &str) -> Result<Wish, Failure> {
        let document = Document::parse(inner).unwrap();
        read(document.root_element())
    }

    #[test]
    fn everything_may_be_missing() {
        let all = Wish {
            since: None,
            wants_messenger: true,
        };
        for request in [
            "<a/>",
            "<a><serviceFilter/><View>Full</View></a>",
            "<a><lastChange>0001-01-01T00:00:00</lastChange><deltasOnly>true</deltasOnly>\
             <serviceFilter><Types><ServiceType>Messenger</ServiceType></Types></serviceFilter></a>",
        ] {
            assert_eq!(wish(request).unwrap(), all, "{request}");
        }
    }

    #[test]
    fn other_services_and_changes_are_asked_for() {
        let request = "<a><serviceFilter><Types><ServiceType>Space</ServiceType></Types>\
                       </serviceFilter><deltasOnly>1</deltasOnly>\
                       <lastChange>1970-01-01T00:00:01Z</lastChange></a>";
        let some = Wish {
            since: Some(Stamp(1000)),
            wants_messenger: false,
        };
        assert_eq!(wish(request).unwrap(), some);
        let doubled = "<a><serviceFilter/><serviceFilter/></a>";
        assert!(wish(doubled).is_err());
    }
}
