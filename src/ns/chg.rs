//! `CHG n status [capabilities [picture]]`: the own status (`docs/protocol/02 §7.1`).

use std::time::Instant;

use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::dialect::status::{self, Wish};
use crate::dialect::{CapabilityStyle, ChallengeStyle, Dialect, MailStyle};
use crate::model::{Capabilities, Label, Refusal};
use crate::service::StateChange;
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct Chg<'a> {
    change: StateChange,
    /// The fields as they came: the reply repeats them.
    echo: Vec<&'a [u8]>,
}

impl<'a> Chg<'a> {
    pub(super) fn parse(mut args: Arguments<'a>, dialect: Dialect) -> Result<Self, Failure> {
        let echo: Vec<&[u8]> = {
            let mut all = args.clone();
            std::iter::from_fn(|| all.next_field()).collect()
        };
        let status = match status::read(args.text()?) {
            Some(Wish::Status(status)) => status,
            Some(Wish::Offline) => return Err(Failure::Refused(Refusal::InvalidParameter)),
            None => return Err(Failure::Violation),
        };
        // COMPAT: gaim and BitlBee leave the capabilities out (`docs/protocol/25 §10`).
        let capabilities = match next_if(
            &mut args,
            dialect.capability_style() != CapabilityStyle::None,
        ) {
            Some(field) => std::str::from_utf8(field)
                .ok()
                .and_then(status::read_capabilities)
                .ok_or(Failure::Refused(Refusal::InvalidParameter))?,
            None => Capabilities::default(),
        };
        let picture = next_if(&mut args, dialect.has_picture())
            .filter(|field| *field != b"0")
            .map(|field| Label::from_wire(field, Label::PICTURE_MAX))
            .transpose()
            .map_err(|_| Failure::Violation)?;
        args.finish()?;
        Ok(Self {
            change: StateChange {
                status,
                capabilities,
                picture,
            },
            echo,
        })
    }

    pub(super) async fn apply(
        self,
        trid: u32,
        client: &mut SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let seen = around
            .services
            .presence
            .set_status(&client.guard, self.change);
        out.line("CHG").arg(trid).args(self.echo).end();
        for presence in &seen {
            client.dialect.initial_presence(trid, presence, out);
        }
        if !client.has_status {
            client.has_status = true;
            send_challenge(client, out);
            tell_what_waits(client, around, out).await;
        }
        Ok(())
    }
}

fn next_if<'a>(args: &mut Arguments<'a>, exists: bool) -> Option<&'a [u8]> {
    if exists { args.next_field() } else { None }
}

/// Tells once what waits for the person. A sign-in is good without it, so a failure is only logged.
async fn tell_what_waits(client: &SignedIn, around: &Surroundings, out: &mut Outbox) {
    if client.dialect.mail_style() == MailStyle::None {
        return;
    }
    match around.services.offline.metadata(client.guard.user()).await {
        Ok(messages) => client.dialect.initial_mail(&messages, out),
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "what waits for a person cannot be read");
        }
    }
}

/// Asks the client to show that it is a known one. Always twenty digits: with the identities in
/// use their sum is no multiple of eight, where clients differ (`docs/protocol/vectors.json`).
fn send_challenge(client: &mut SignedIn, out: &mut Outbox) {
    if client.dialect.challenge_style() == ChallengeStyle::None {
        return;
    }
    let low = 10u128.pow(19);
    let question = rand::random_range(low..low * 10).to_string();
    out.line("CHL").arg("0").arg(question.as_str()).end();
    client.challenge = Some((question, Instant::now()));
}
