//! Circles in the address book (`docs/protocol/12 §4.2, §6`).
//!
//! A circle is in its members' books as a hidden contact, with what it is to them beside it, and
//! has a book of its own with the members as contacts. Whatever an operation is asked about either
//! comes here.

use std::sync::Arc;

use super::contact::bare;
use super::stamp::stamp;
use super::view::{
    AbView, CircleView, CirclesView, ContactView, Entry, InviterView, NetworkView, Page, Removed,
};
use super::{books, cid, editor, fault};
use crate::http::soap::{Call, Failure};
use crate::model::{
    Address, CircleBook, CircleId, CircleMember, CircleMemberRef, CircleMembership, CircleRef,
    CircleRole, CircleState, Guid, Label, MemberRef, Refusal, Role, Stamp,
};
use crate::service::{CircleChange, CircleOperations, CircleRequest, Origin};

/// The relationship that is membership of a circle.
const CIRCLE: u8 = 5;

/// Adds what somebody's book shows of their circles to a download of it.
pub(super) async fn add_to(
    call: &Call<'_>,
    since: Option<Stamp>,
    page: &mut Page,
) -> Result<CirclesView, Failure> {
    let shelf = circles(call).shelf(call.by.user).await?;
    let wanted: Vec<&CircleMembership> = shelf
        .iter()
        .filter(|one| match since {
            Some(Stamp(since)) => one.member.book_changed_at > since,
            None => one.member.is_in_book(),
        })
        .collect();
    let contacts = wanted.iter().map(|one| {
        if one.member.is_in_book() {
            Entry::Kept(as_contact(one))
        } else {
            Entry::Removed(Removed {
                id: one.member.book_contact,
                changed: stamp(one.member.book_changed_at),
            })
        }
    });
    page.contacts.splice(0..0, contacts);
    Ok(CirclesView {
        circles: wanted.into_iter().map(as_circle).collect(),
        ticket: ticket(call).await?,
    })
}

/// A circle's own book: its members, and the circle itself in the place of the owner.
pub(super) async fn page(
    call: &Call<'_>,
    circle: CircleId,
    since: Option<Stamp>,
) -> Result<Page, Failure> {
    let (book, _) = circles(call).book(call.by.user, circle).await?;
    if since.is_some_and(|Stamp(since)| since < book.horizon || since > book.circle.changed_at) {
        return Err(Refusal::FullSyncRequired.into());
    }
    let members = book.members.iter().filter(|place| match since {
        Some(Stamp(since)) => place.circle_changed_at > since,
        None => place.state.is_open(),
    });
    let members = members.map(|place| {
        if place.state.is_open() {
            Entry::Kept(as_member(place))
        } else {
            Entry::Removed(Removed {
                id: place.circle_contact,
                changed: stamp(place.circle_changed_at),
            })
        }
    });
    Ok(Page {
        groups: Vec::new(),
        contacts: members.chain([Entry::Kept(as_owner(&book))]).collect(),
        ab: as_book(&book),
    })
}

/// Names somebody who is to be invited into a circle. Who is in it already is as they are.
pub(super) async fn create_contact(
    call: &Call<'_>,
    circle: CircleId,
    address: &str,
) -> Result<ContactView, Failure> {
    let request = CircleRequest::Name {
        circle,
        address: Address::parse(address).map_err(|_| Refusal::MalformedAddress)?,
    };
    match change(call, request).await {
        Ok(change) => Ok(as_member(&change.subject)),
        Err(Failure::Refused(Refusal::UnknownAccount)) => Err(fault::no_such_account(address)),
        Err(other) => Err(other),
    }
}

/// What becomes of somebody in a circle's book.
#[derive(Debug)]
pub(super) struct Connection<'a> {
    pub(super) contact: Guid,
    /// The other decision is to take an invitation back.
    pub(super) connects: bool,
    pub(super) role: Option<CircleRole>,
    pub(super) message: Option<&'a str>,
}

/// Invites somebody who has a card in a circle's book, takes the invitation back, or gives
/// somebody who is in the circle another role.
pub(super) async fn connect(
    call: &Call<'_>,
    circle: CircleId,
    wish: Connection<'_>,
) -> Result<ContactView, Failure> {
    let who = CircleMemberRef::Contact(wish.contact);
    let (book, _) = circles(call).book(call.by.user, circle).await?;
    let is_member = book
        .members
        .iter()
        .any(|place| place.circle_contact == wish.contact && place.state == CircleState::Accepted);
    let request = match wish.role {
        Some(role) if wish.connects && is_member => CircleRequest::SetRole { circle, who, role },
        _ if wish.connects => CircleRequest::Invite {
            circle,
            who,
            message: wish.message.map(Arc::from).unwrap_or_default(),
        },
        _ => CircleRequest::End { circle, who },
    };
    Ok(as_member(&change(call, request).await?.subject))
}

/// Gives a circle another name.
pub(super) async fn rename(call: &Call<'_>, circle: CircleId, name: &str) -> Result<(), Failure> {
    let name = Label::from_text(name, Label::NAME_MAX).map_err(|_| Refusal::IllegalName)?;
    change(call, CircleRequest::Rename { circle, name }).await?;
    Ok(())
}

/// Accepts or declines the invitation into a circle, which the owner has as a contact.
pub(super) async fn decide(
    call: &Call<'_>,
    contact: Guid,
    accepts: bool,
) -> Result<ContactView, Failure> {
    let circle = CircleRef::Contact(contact);
    let change = change(call, CircleRequest::Answer { circle, accepts }).await?;
    Ok(as_contact(&CircleMembership {
        circle: change.circle,
        member: change.subject,
    }))
}

/// Takes a member out of a circle, the caller themself or another one; `blocks` keeps another one
/// from ever being invited by the caller. The caller may name themself by what they are in the
/// circle's book, or the circle by what it is in either.
pub(super) async fn leave(
    call: &Call<'_>,
    circle: CircleId,
    contact: Guid,
    blocks: bool,
) -> Result<(), Failure> {
    let user = call.by.user;
    let (_, own) = circles(call).book(user, circle).await?;
    let means_self = [circle.guid(), own.book_contact, own.circle_contact].contains(&contact);
    let who = if means_self {
        CircleMemberRef::User(user)
    } else {
        CircleMemberRef::Contact(contact)
    };
    let gone = change(call, CircleRequest::End { circle, who })
        .await?
        .subject;
    if blocks && gone.user != user {
        let member = MemberRef::Account(gone.address.as_str().to_owned());
        books(call)
            .add_member(editor(call), Role::Block, member, Vec::new())
            .await?;
    }
    Ok(())
}

/// The circle that a contact in the caller's own book is; `None` for a person.
pub(super) async fn of_contact(
    call: &Call<'_>,
    contact: Guid,
) -> Result<Option<CircleId>, Failure> {
    let shelf = circles(call).shelf(call.by.user).await?;
    let mut found = shelf.iter().filter(|one| one.member.is_in_book());
    Ok(found
        .find(|one| one.member.book_contact == contact)
        .map(|one| one.circle.id))
}

/// The ticket that a client shows when it enters its circles.
pub(super) async fn ticket(call: &Call<'_>) -> Result<String, Failure> {
    Ok(circles(call).ticket(call.by.user).await?)
}

fn circles<'a>(call: &Call<'a>) -> &'a CircleOperations {
    &call.web.services.circles
}

async fn change(call: &Call<'_>, request: CircleRequest) -> Result<CircleChange, Failure> {
    let origin = Origin::Grant(Some(call.by.grant));
    Ok(circles(call).change(call.by.user, origin, request).await?)
}

/// A circle as a contact of somebody who is in it. Clients find the circle by this address and
/// the tag.
fn as_contact(one: &CircleMembership) -> ContactView {
    let (circle, place) = (&one.circle, &one.member);
    let tag = circle.id.to_string().to_uppercase();
    let address = format!("{tag}@hotmail.com");
    let id = circle.id.passport_id().cast_signed();
    let name = circle.name.to_text();
    let mut view = bare(place.book_contact, "Circle", address, name, id);
    set(&mut view, "quickName", "circle");
    set(&mut view, "IsHidden", "true");
    view.networks = vec![NetworkView {
        domain_tag: tag,
        role: match place.state {
            CircleState::Accepted => role_number(place.role),
            CircleState::WaitingResponse => 4,
            CircleState::Named | CircleState::Left | CircleState::Rejected => 0,
        },
        ..network(place, own_state(place.state))
    }];
    view.changed = stamp(place.book_changed_at);
    view.created = stamp(place.created_at);
    view
}

/// What a circle is to somebody who has it in their book.
fn as_circle(one: &CircleMembership) -> CircleView {
    let place = &one.member;
    CircleView {
        id: one.circle.id.guid(),
        name: one.circle.name.to_text(),
        membership_access: 0,
        request_membership_option: 2,
        role: match (place.state, place.role) {
            (CircleState::WaitingResponse, _) => "StatePendingOutbound",
            (CircleState::Accepted, CircleRole::Admin) => "Admin",
            (CircleState::Accepted, CircleRole::AssistantAdmin) => "AssistantAdmin",
            (CircleState::Accepted, CircleRole::Member) => "Member",
            (CircleState::Named | CircleState::Left | CircleState::Rejected, _) => "None",
        },
        state: match place.state {
            CircleState::WaitingResponse => "WaitingResponse",
            CircleState::Accepted => "Accepted",
            CircleState::Named | CircleState::Left => "Left",
            CircleState::Rejected => "Rejected",
        },
        is_deleted: !place.is_in_book(),
        changed: stamp(place.book_changed_at),
        created: stamp(one.circle.created_at),
    }
}

/// Somebody in a circle's book.
fn as_member(place: &CircleMember) -> ContactView {
    let kind = if place.state == CircleState::Accepted {
        "Live"
    } else {
        "LivePending"
    };
    let address = place.address.as_str().to_owned();
    let name = match kind {
        // Who has not accepted yet is known by nothing but their address.
        "Live" => place.name.to_text(),
        _ => address.clone(),
    };
    let mut view = bare(place.circle_contact, kind, address, name, cid(place.user));
    view.networks = match place.state {
        CircleState::Named => Vec::new(),
        CircleState::WaitingResponse
        | CircleState::Accepted
        | CircleState::Left
        | CircleState::Rejected => vec![NetworkView {
            role: role_number(place.role),
            ..network(place, others_state(place.state))
        }],
    };
    view.changed = stamp(place.circle_changed_at);
    view.created = stamp(place.created_at);
    view
}

/// The circle in its own book, in the place of its owner.
fn as_owner(book: &CircleBook) -> ContactView {
    let circle = &book.circle;
    let address = format!("{}@live.com", circle.id);
    let id = circle.id.passport_id().cast_signed();
    let mut view = bare(circle.id.guid(), "Me", address, circle.name.to_text(), id);
    view.changed = stamp(circle.changed_at);
    view.created = stamp(circle.created_at);
    view
}

fn as_book(book: &CircleBook) -> AbView {
    let circle = &book.circle;
    let mut members = book.members.iter();
    let owner = members.find(|place| place.user == circle.owner);
    AbView {
        id: circle.id.guid(),
        owner_cid: cid(circle.owner),
        owner_address: owner.map_or_else(String::new, |owner| owner.address.as_str().to_owned()),
        is_default: false,
        kind: "Group",
        changed: stamp(circle.changed_at),
        created: stamp(circle.created_at),
    }
}

fn network(place: &CircleMember, state: u8) -> NetworkView {
    NetworkView {
        domain_tag: String::new(),
        kind: CIRCLE,
        state,
        state_date: stamp(place.state_at),
        role: 0,
        inviter: place.inviter.as_ref().map(|inviter| InviterView {
            message: place.message.as_ref().to_owned(),
            cid: cid(inviter.user),
            name: inviter.name.to_text(),
            address: inviter.address.as_str().to_owned(),
        }),
        created: stamp(place.created_at),
    }
}

/// A state as the person themself sees it.
fn own_state(state: CircleState) -> u8 {
    match state {
        CircleState::WaitingResponse => 1,
        CircleState::Named | CircleState::Left => 2,
        CircleState::Accepted => 3,
        CircleState::Rejected => 4,
    }
}

/// A state as the others see it: who is invited is pending to them.
fn others_state(state: CircleState) -> u8 {
    match state {
        CircleState::WaitingResponse | CircleState::Named | CircleState::Left => 2,
        CircleState::Accepted => 3,
        CircleState::Rejected => 4,
    }
}

fn role_number(role: CircleRole) -> u8 {
    match role {
        CircleRole::Admin => 1,
        CircleRole::AssistantAdmin => 2,
        CircleRole::Member => 3,
    }
}

/// Gives an element of a contact another text.
fn set(view: &mut ContactView, name: &str, value: &str) {
    let runs = [
        &mut view.names,
        &mut view.remarks,
        &mut view.details,
        &mut view.flags,
        &mut view.filing,
    ];
    for (_, text) in runs
        .into_iter()
        .flatten()
        .filter(|(other, _)| *other == name)
    {
        value.clone_into(text);
    }
}
