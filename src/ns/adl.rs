//! `ADL n length` and `RML n length` with XML: many contacts onto lists, or off them
//! (`docs/protocol/10 §3`).
//!
//! The answer is `OK` for whatever can be meant: clients go on only when every part of their list
//! has got one (`docs/protocol/25 §14`). What is no list, or names lists that are not the
//! client's, gets a number without a payload, and the connection stays.

use bytes::Bytes;

use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::dialect::membership::{self, Membership};
use crate::model::Refusal;
use crate::service::{ListEdit, ListEditKind};
use crate::wire::{Arguments, Outbox};

/// Contacts that come onto lists.
#[derive(Debug)]
pub(super) struct Adl {
    membership: Membership,
}

impl Adl {
    pub(super) fn parse(args: Arguments<'_>, payload: Option<&Bytes>) -> Result<Self, Failure> {
        let membership = read(args, payload)?;
        Ok(Self { membership })
    }

    pub(super) async fn apply(
        self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let kind = if self.membership.is_initial {
            ListEditKind::Merge
        } else {
            ListEditKind::Add
        };
        let edits = edits(self.membership);
        let contacts = &around.services.contacts;
        let appeared = contacts
            .edit_lists(client.guard.user(), kind, edits)
            .await?;
        out.line("ADL").arg(trid).arg("OK").end();
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
        let membership = read(args, payload)?;
        Ok(Self { membership })
    }

    pub(super) async fn apply(
        self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let edits = edits(self.membership);
        let contacts = &around.services.contacts;
        contacts
            .edit_lists(client.guard.user(), ListEditKind::Remove, edits)
            .await?;
        out.line("RML").arg(trid).arg("OK").end();
        Ok(())
    }
}

fn read(mut args: Arguments<'_>, payload: Option<&Bytes>) -> Result<Membership, Failure> {
    args.number()?;
    args.finish()?;
    let membership = membership::read(payload.ok_or(Failure::Violation)?)?;
    // Nobody is in a circle that the server does not have.
    if membership.circles.is_empty() {
        Ok(membership)
    } else {
        Err(Failure::Refused(Refusal::InvalidParameter))
    }
}

fn edits(membership: Membership) -> Vec<ListEdit> {
    let accounts = membership.accounts.into_iter();
    accounts
        .map(|(target, lists)| ListEdit { target, lists })
        .collect()
}
