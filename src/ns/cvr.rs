//! `CVR n 0x0409 winnt 5.1 i386 MSNMSGR 6.2.0137 MSMSGS alice@example.com` and `CVQ`, the same
//! request under the upgrade protocol (`docs/protocol/00 §3.1`).
//!
//! The answer never asks for another version: a client older than the recommended one nags, one
//! older than the minimum stops.

use super::Failure;
use super::session::{Negotiated, SignedIn, Surroundings};
use crate::dialect::family::{ClientFamily, ClientReport};
use crate::model::Refusal;
use crate::wire::{Arguments, Outbox};

/// What is recommended to clients that speak no version of the protocol we know.
const RECOMMENDED: &str = "7.5.0324";

/// How much of a client's name for itself is kept, in characters.
const PROGRAM_MAX: usize = 60;

/// A client's report of itself. What follows the code base differs from client to client and is
/// not looked at.
#[derive(Debug)]
pub(super) struct Cvr<'a> {
    client: ClientReport<'a>,
    version: &'a [u8],
}

impl<'a> Cvr<'a> {
    pub(super) fn parse(mut args: Arguments<'a>) -> Result<Self, Failure> {
        let bad = |_| Failure::Refused(Refusal::BadClientReport);
        for _locale_and_system in 0..2 {
            args.field().map_err(bad)?;
        }
        let system_version = args.text().map_err(bad)?;
        let _architecture = args.field().map_err(bad)?;
        let library = args.text().map_err(bad)?;
        let version = args.field().map_err(bad)?;
        Ok(Self {
            client: ClientReport {
                system_version,
                library,
                code_base: args.text().ok(),
            },
            version,
        })
    }

    /// Answers, and remembers the kind of client for replies that depend on it.
    pub(super) fn apply(
        &self,
        trid: u32,
        client: &mut Negotiated,
        around: &Surroundings,
        out: &mut Outbox,
    ) {
        client.family = ClientFamily::of(self.client);
        client.program = self.program();
        self.report(trid, around, out);
    }

    /// Answers a client that reports itself only after it has signed in.
    pub(super) fn apply_late(
        &self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) {
        let presence = &around.services.presence;
        presence.set_program(&client.guard, &self.program());
        self.report(trid, around, out);
    }

    /// The program and its version, for people to read.
    fn program(&self) -> String {
        let version = String::from_utf8_lossy(self.version);
        let signs = self.client.library.chars().chain([' ']);
        signs
            .chain(version.chars())
            .filter(|sign| !sign.is_control())
            .take(PROGRAM_MAX)
            .collect()
    }

    /// Answers with the client's own version.
    fn report(&self, trid: u32, around: &Surroundings, out: &mut Outbox) {
        tracing::debug!(
            library = self.client.library,
            version = %self.version.escape_ascii(),
            "client version"
        );
        let versions = [self.version; 3];
        reply("CVR", trid, versions, around, out);
    }

    /// Offers a version that can sign in.
    pub(super) fn offer_upgrade(&self, trid: u32, around: &Surroundings, out: &mut Outbox) {
        let versions = [RECOMMENDED.as_bytes(), RECOMMENDED.as_bytes(), self.version];
        reply("CVQ", trid, versions, around, out);
    }
}

fn reply(verb: &str, trid: u32, versions: [&[u8]; 3], around: &Surroundings, out: &mut Outbox) {
    let page = format!("{}/", around.web_address());
    out.line(verb)
        .arg(trid)
        .args(versions)
        .args([page.as_str(), page.as_str()])
        .end();
}
