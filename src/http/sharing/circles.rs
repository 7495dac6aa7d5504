//! Circles on the lists: on the block list while they are silenced, else on the allow list.
//!
//! They have no other role, and no number (`docs/protocol/25 §23`): 48 bits of a circle's name are
//! more than it could hold.

use roxmltree::Node;

use super::members;
use super::view::{MemberView, MembershipView, WhoView};
use crate::http::address_book::{no_such_book, stamp, words};
use crate::http::soap::{Call, Failure};
use crate::model::{CircleId, CircleMembership, CircleState, Refusal, Role, Stamp};
use crate::service::{CircleRequest, OperationError, Origin};

/// Whether members come onto lists or leave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Onto,
    Off,
}

/// Silences the circles that a request brings onto the block list, and lets those speak again
/// that leave it or come onto the allow list. Leaving a list again is no mistake, even when the
/// whole circle is gone by now.
pub(super) async fn change(call: &Call<'_>, direction: Direction) -> Result<(), Failure> {
    for (role, circle) in read(call.operation.node)? {
        let blocked = match (role, direction) {
            (Role::Block, Direction::Onto) => true,
            (Role::Block, Direction::Off) | (Role::Allow, Direction::Onto) => false,
            (Role::Allow, Direction::Off) | (Role::Reverse | Role::Pending, _) => continue,
        };
        let request = CircleRequest::Block { circle, blocked };
        let origin = Origin::Grant(Some(call.by.grant));
        let circles = &call.web.services.circles;
        match circles.change(call.by.user, origin, request).await {
            Err(OperationError::Refused(Refusal::NotInCircle)) if direction == Direction::Off => {}
            outcome => drop(outcome?),
        }
    }
    Ok(())
}

fn read(request: Node<'_, '_>) -> Result<Vec<(Role, CircleId)>, Failure> {
    let mut circles = Vec::new();
    for (role, member) in members::entries(request)? {
        if let Some(id) = words(member, "CircleId")? {
            circles.push((role, CircleId::parse(id).ok_or_else(no_such_book)?));
        }
    }
    Ok(circles)
}

/// Adds the caller's circles to the lists that are shown to them: all of them, or what became of
/// those that changed. Invitations are on no list.
pub(super) async fn add_to(
    call: &Call<'_>,
    since: Option<Stamp>,
    memberships: &mut [MembershipView],
) -> Result<(), Failure> {
    let shelf = call.web.services.circles.shelf(call.by.user).await?;
    for list in memberships {
        let Some(is_block) = [("Block", true), ("Allow", false)]
            .iter()
            .find_map(|&(role, is_block)| (list.role == role).then_some(is_block))
        else {
            continue;
        };
        list.members
            .extend(shelf.iter().filter_map(|one| member(one, is_block, since)));
    }
    Ok(())
}

fn member(one: &CircleMembership, is_block: bool, since: Option<Stamp>) -> Option<MemberView> {
    let place = &one.member;
    let is_on = place.state == CircleState::Accepted && place.is_blocked == is_block;
    let is_told = match since {
        Some(Stamp(since)) => place.book_changed_at > since,
        None => is_on,
    };
    is_told.then(|| MemberView {
        id: None,
        who: WhoView::Circle(one.circle.id.guid()),
        display_name: String::new(),
        annotations: Vec::new(),
        is_deleted: !is_on,
        changed: stamp(place.book_changed_at),
        joined: stamp(place.created_at),
    })
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    #[test]
    fn circles_are_named_by_their_identity_and_are_nobody_else() {
        let of = |member: &str| {
            let request = format!(
                "<a><memberships><Membership><MemberRole>Block</MemberRole><Members>\
                 <Member><Type>Circle</Type><MembershipId>9</MembershipId>{member}</Member>\
                 </Members></Membership></memberships></a>"
            );
            let document = Document::parse(&request).unwrap();
            let node = document.root_element();
            (read(node), members::read(node).unwrap().len())
        };
        let id = "00000000-0000-0000-0009-73944A8F7947";
        let (circles, people) = of(&format!("<CircleId>{id}</CircleId>"));
        let expected = (Role::Block, CircleId::parse(id).unwrap());
        assert_eq!((circles.unwrap(), people), (vec![expected], 0));
        let (circles, people) = of("<CircleId/>");
        assert_eq!((circles.unwrap().len(), people), (0, 1));
        assert!(of("<CircleId>x</CircleId>").0.is_err());
    }
}
