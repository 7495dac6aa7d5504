//! `ADL n length` and `RML n length` with XML: many contacts onto lists, or off them
//! (`docs/protocol/10 §3`).
//!
//! The answer is `OK` for whatever can be meant: clients go on only when every part of their list
//! has got one (`docs/protocol/25 §14`). What is no list, or names lists that are not the
//! client's, gets a number without a payload, and the connection stays.

use bytes::Bytes;

use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::dialect::circles::CircleNotices;
use crate::dialect::membership::{self, Direction, Membership};
use crate::model::{Circle, CircleId, List, ListSet, Refusal};
use crate::service::{CircleRequest, Doing, ListEdit, ListEditKind, OperationError, Origin};
use crate::wire::{Arguments, Outbox};

/// Contacts that come onto lists.
#[derive(Debug)]
pub(super) struct Adl {
    membership: Membership,
}

impl Adl {
    pub(super) fn parse(args: Arguments<'_>, payload: Option<&Bytes>) -> Result<Self, Failure> {
        let membership = read(args, payload, Direction::On)?;
        Ok(Self { membership })
    }

    pub(super) async fn apply(
        mut self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let is_initial = self.membership.is_initial;
        let kind = if is_initial {
            ListEditKind::Merge
        } else {
            ListEditKind::Add
        };
        // What a client announces at every sign-in is one change, however long: it hardly changes
        // anything.
        let entries = self.membership.accounts.len() + self.membership.circles.len();
        let counted = if is_initial { 1 } else { entries };
        around.spend_many(Doing::ContactChange, counted, client)?;
        let circles = std::mem::take(&mut self.membership.circles);
        let present = add_circles(&circles, is_initial, client, around).await?;
        let edits = edits(self.membership);
        let contacts = around.services.contacts.of(&client.guard);
        let appeared = contacts
            .edit_lists(client.guard.user(), kind, edits)
            .await?;
        out.line("ADL").arg(trid).arg("OK").end();
        for circle in present {
            let roster = around.services.circles.roster(circle.id);
            let dialect = client.dialect;
            dialect.circle_presence(&client.address, circle.id, &circle.name, out);
            if !roster.is_empty() {
                CircleNotices::new(circle.id, &client.address).roster(&roster, out);
            }
        }
        // Before the first status nobody is shown to a client: that brings them all.
        if client.has_status {
            for presence in appeared {
                client.dialect.initial_presence(trid, &presence, out);
            }
        }
        Ok(())
    }
}

/// Contacts that leave lists.
#[derive(Debug)]
pub(super) struct Rml {
    membership: Membership,
}

impl Rml {
    pub(super) fn parse(args: Arguments<'_>, payload: Option<&Bytes>) -> Result<Self, Failure> {
        let membership = read(args, payload, Direction::Off)?;
        Ok(Self { membership })
    }

    pub(super) async fn apply(
        self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let entries = self.membership.accounts.len() + self.membership.circles.len();
        around.spend_many(Doing::ContactChange, entries, client)?;
        for &(circle, lists) in &self.membership.circles {
            remove_circle(circle, lists, client, around).await?;
        }
        let edits = edits(self.membership);
        let contacts = around.services.contacts.of(&client.guard);
        contacts
            .edit_lists(client.guard.user(), ListEditKind::Remove, edits)
            .await?;
        out.line("RML").arg(trid).arg("OK").end();
        Ok(())
    }
}

fn read(
    mut args: Arguments<'_>,
    payload: Option<&Bytes>,
    direction: Direction,
) -> Result<Membership, Failure> {
    args.number()?;
    args.finish()?;
    let payload = payload.ok_or(Failure::Violation)?;
    Ok(membership::read(payload, direction)?)
}

/// Blocks or unblocks circles as their lists say, and answers those that speak to the client
/// from now on.
///
/// What a client announces when it arrives changes nothing, and a circle that it is not in is
/// passed over: it may have been sent away a moment ago. Later on such a circle is refused with
/// `NotInCircle`, before anything is changed.
async fn add_circles(
    wanted: &[(CircleId, ListSet)],
    is_initial: bool,
    client: &SignedIn,
    around: &Surroundings,
) -> Result<Vec<Circle>, Failure> {
    let circles = &around.services.circles;
    let user = client.guard.user();
    if !is_initial {
        for &(circle, _) in wanted {
            circles.book(user, circle).await?;
        }
        for &(circle, lists) in wanted {
            if lists.has(List::Allow) || lists.has(List::Block) {
                let blocked = lists.has(List::Block);
                block_circle(circle, blocked, client, around).await?;
            }
        }
    }
    let mut present = Vec::new();
    for &(circle, _) in wanted {
        match circles.of_member(user, circle).await {
            Ok(circle) => present.push(circle),
            Err(OperationError::Refused(_)) => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    Ok(present)
}

/// A circle leaves lists: off the block list it speaks again, and off the forward list it is
/// closed at this place. Leaving it for good is the web service's.
async fn remove_circle(
    circle: CircleId,
    lists: ListSet,
    client: &SignedIn,
    around: &Surroundings,
) -> Handled {
    if lists.has(List::Forward) {
        around.services.circles.leave(&client.guard, circle);
    }
    if !lists.has(List::Block) {
        return Ok(());
    }
    match block_circle(circle, false, client, around).await {
        // It may be gone already, and that is what is wanted.
        Err(Failure::Refused(Refusal::NotInCircle)) => Ok(()),
        outcome => outcome,
    }
}

async fn block_circle(
    circle: CircleId,
    blocked: bool,
    client: &SignedIn,
    around: &Surroundings,
) -> Handled {
    let circles = &around.services.circles;
    let origin = Origin::Session(client.guard.session());
    let request = CircleRequest::Block { circle, blocked };
    circles.change(client.guard.user(), origin, request).await?;
    Ok(())
}

fn edits(membership: Membership) -> Vec<ListEdit> {
    let accounts = membership.accounts.into_iter();
    accounts
        .map(|(target, lists)| ListEdit { target, lists })
        .collect()
}
