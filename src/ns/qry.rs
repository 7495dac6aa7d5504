//! `QRY n product 32` with a digest as payload: the answer to a challenge
//! (`docs/protocol/02 §9`).
//!
//! A wrong or late answer ends the session. One that never comes does not: home-made clients and
//! bots know no challenges, and the answer only ever showed which program somebody uses.

use std::time::Duration;

use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::dialect::challenge::Verdict;
use crate::model::Refusal;
use crate::wire::{Arguments, Outbox};

/// Clients answer within moments; the historic service waited about fifty seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Qry<'a> {
    product: &'a str,
    answer: &'a [u8],
}

impl<'a> Qry<'a> {
    pub(super) fn parse(
        mut args: Arguments<'a>,
        payload: Option<&'a [u8]>,
    ) -> Result<Self, Failure> {
        let product = args.text()?;
        args.number()?;
        args.finish()?;
        let answer = payload.ok_or(Failure::Violation)?;
        Ok(Self { product, answer })
    }

    pub(super) fn apply(
        &self,
        trid: u32,
        client: &mut SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let failed = Failure::Fatal(Refusal::ChallengeFailed);
        let Some((question, asked)) = client.challenge.take() else {
            return Err(failed);
        };
        if asked.elapsed() > ANSWER_WITHIN {
            return Err(failed);
        }
        match client.dialect.judge(&question, self.product, self.answer) {
            Verdict::Right => {}
            Verdict::Wrong => return Err(failed),
            Verdict::UnknownProduct if around.settings.refuse_unknown_clients => {
                return Err(failed);
            }
            Verdict::UnknownProduct => {
                tracing::debug!(product = self.product, "a client without a known key");
            }
        }
        out.line("QRY").arg(trid).end();
        Ok(())
    }
}
