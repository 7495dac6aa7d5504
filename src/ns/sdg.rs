//! `SDG n length` with header groups: something said in a circle (`docs/protocol/10 §10`). It is
//! handed on unread to every other session in the live roster, and has no answer unless it is
//! refused.

use bytes::Bytes;

use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::dialect::blocks::{Blocks, Content, Party};
use crate::dialect::circles::ROSTER;
use crate::model::{CircleId, Refusal};
use crate::wire::Arguments;

#[derive(Debug)]
pub(super) struct Sdg {
    circle: CircleId,
    from: Party,
    message: Bytes,
}

impl Sdg {
    pub(super) fn parse(mut args: Arguments<'_>, payload: Option<&[u8]>) -> Result<Self, Failure> {
        args.number()?;
        args.finish()?;
        let blocks = Blocks::parse(payload.ok_or(Failure::Violation)?)
            .map_err(|_| Refusal::InvalidParameter)?;
        match &blocks.to {
            Party::Circle {
                id,
                path: Some(path),
            } if path == ROSTER && blocks.content == Content::Message => Ok(Self {
                circle: *id,
                message: blocks.relayed(),
                from: blocks.from,
            }),
            Party::Circle { .. } | Party::Person { .. } => Err(Refusal::InvalidParameter.into()),
        }
    }

    pub(super) fn apply(self, client: &SignedIn, around: &Surroundings) -> Handled {
        client.require_own(&self.from)?;
        let circles = &around.services.circles;
        circles.say(&client.guard, self.circle, self.message)?;
        Ok(())
    }
}
