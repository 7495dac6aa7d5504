//! `USR n MD5 I handle`, `USR n MD5 S answer`, and the same with `TWN` and a ticket
//! (`docs/protocol/01`).
//!
//! Whatever is wrong with a proof gets one answer, `911`, and the end. Only a sign-in that
//! succeeded ends the session that the account had.

use std::net::IpAddr;

use super::Failure;
use super::session::{Negotiated, SignedIn, Surroundings};
use super::settings::ServerRole;
use crate::dialect::login::{self, Profile};
use crate::dialect::{Dialect, SignInMethod};
use crate::mailbox::Mailbox;
use crate::metrics::{Method, Outcome};
use crate::model::address::AddressError;
use crate::model::{Address, NsEvent, Refusal, UserId};
use crate::service::ticket::token_of;
use crate::service::{Arriving, SignInError};
use crate::wire::{Arguments, Outbox};

/// One step of a sign-in.
#[derive(Debug)]
pub(super) enum Usr<'a> {
    /// Who the client says it is.
    Claim { handle: &'a str },
    /// What is to prove it.
    Proof { proof: &'a str },
}

/// Who a client said it is, as it spelled it.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    handle: String,
    address: Address,
}

/// Where a step led.
#[derive(Debug)]
pub(super) enum Step {
    Challenged,
    Referred,
    Proven(Proven),
}

/// An account whose owner is at the other end.
#[derive(Debug)]
pub(super) struct Proven {
    user: UserId,
    claim: Claim,
    web_token: String,
}

impl<'a> Usr<'a> {
    pub(super) fn parse(mut args: Arguments<'a>, dialect: Dialect) -> Result<Self, Failure> {
        let method = args.field()?;
        if method != dialect.sign_in_method().word().as_bytes() {
            // Tickets came later than the clients that answer a challenge: one of those cannot
            // ask for them. Everything else is a method that nobody knows (any more).
            return Err(if method == SignInMethod::Ticket.word().as_bytes() {
                Failure::Violation
            } else {
                Failure::Fatal(Refusal::AuthenticationFailed)
            });
        }
        let step = args.field()?;
        let value = args.text()?;
        args.finish()?;
        match step {
            b"I" => Ok(Self::Claim { handle: value }),
            b"S" => Ok(Self::Proof { proof: value }),
            _ => Err(Failure::Violation),
        }
    }

    pub(super) async fn apply(
        &self,
        trid: u32,
        client: &mut Negotiated,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Result<Step, Failure> {
        match *self {
            Self::Claim { handle } => challenge(trid, handle, client, around, out).await,
            Self::Proof { proof } => {
                let claim = client.claim.take();
                let claim = claim.ok_or(Failure::Fatal(Refusal::AuthenticationFailed))?;
                prove(proof, claim, client.dialect, around)
                    .await
                    .map(Step::Proven)
            }
        }
    }
}

async fn challenge(
    trid: u32,
    handle: &str,
    client: &mut Negotiated,
    around: &Surroundings,
    out: &mut Outbox,
) -> Result<Step, Failure> {
    let address = Address::parse(handle).map_err(|error| {
        Failure::Fatal(match error {
            AddressError::NoDomain if handle.contains('@') => Refusal::DomainMissing,
            AddressError::NoDomain | AddressError::Malformed | AddressError::TooLong => {
                Refusal::AuthenticationFailed
            }
        })
    })?;
    let dialect = client.dialect;
    if let ServerRole::Dispatch { targets } = &*around.role {
        refer(trid, &address, targets, dialect, around, out);
        return Ok(Step::Referred);
    }
    let accounts = &around.services.accounts;
    let question = match dialect.sign_in_method() {
        SignInMethod::Md5 => accounts.legacy_challenge(handle).await?,
        SignInMethod::Ticket => {
            let now = around.services.clock.now_secs();
            login::policy(now, &format!("{:032x}", rand::random::<u128>()))
        }
    };
    client.claim = Some(Claim {
        handle: handle.to_owned(),
        address,
    });
    out.line("USR")
        .arg(trid)
        .arg(dialect.sign_in_method().word())
        .arg("S")
        .arg(question.as_str())
        .end();
    Ok(Step::Challenged)
}

/// Sends the client to the server for its account; the same one every time, so that a client
/// which comes back finds what it remembers.
fn refer(
    trid: u32,
    address: &Address,
    targets: &[String],
    dialect: Dialect,
    around: &Surroundings,
    out: &mut Outbox,
) {
    let own = around.msnp_address();
    let pick = address.as_str().bytes().fold(0usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(byte))
    });
    let target = pick
        .checked_rem(targets.len())
        .and_then(|index| targets.get(index))
        .unwrap_or(&own);
    let local = around.local;
    let current = format!("{}:{}", local.ip().to_canonical(), local.port());
    dialect.redirect(trid, target, &current, out);
}

async fn prove(
    proof: &str,
    claim: Claim,
    dialect: Dialect,
    around: &Surroundings,
) -> Result<Proven, Failure> {
    let accounts = &around.services.accounts;
    let peer: IpAddr = around.peer.ip();
    let method = dialect.sign_in_method();
    let (checked, web_token) = match method {
        SignInMethod::Md5 => (
            accounts.verify_legacy(&claim.handle, proof, peer).await,
            format!("{:032x}", rand::random::<u128>()),
        ),
        SignInMethod::Ticket => (
            accounts
                .redeem_ticket(proof, &claim.address, peer)
                .await
                .map(|redeemed| redeemed.user),
            token_of(proof).to_owned(),
        ),
    };
    let counted = match method {
        SignInMethod::Md5 => Method::Md5,
        SignInMethod::Ticket => Method::Ticket,
    };
    around.services.metrics.sign_in(counted, outcome(&checked));
    let user = checked.inspect_err(|reason| {
        tracing::info!(peer = %around.peer, method = method.word(), %reason, "sign-in refused");
    })?;
    Ok(Proven {
        user,
        claim,
        web_token,
    })
}

fn outcome(checked: &Result<UserId, SignInError>) -> Outcome {
    match checked {
        Ok(_) => Outcome::Ok,
        Err(SignInError::Throttled | SignInError::Busy) => Outcome::Throttled,
        Err(SignInError::Fault(_)) => Outcome::Fault,
        Err(
            SignInError::UnknownAccount
            | SignInError::Disabled
            | SignInError::WrongPassword
            | SignInError::LegacyClosed
            | SignInError::BadTicket,
        ) => Outcome::Refused,
    }
}

/// Brings a proven account online and tells the client about itself.
pub(super) async fn enter(
    trid: u32,
    proven: Proven,
    client: &Negotiated,
    around: &Surroundings,
    mailbox: &Mailbox<NsEvent>,
    out: &mut Outbox,
) -> Result<SignedIn, Failure> {
    let dialect = client.dialect;
    let entered = around
        .services
        .presence
        .sign_in(Arriving {
            user: proven.user,
            mailbox: mailbox.clone(),
            dialect: dialect.tag(),
        })
        .await?
        .ok_or(Failure::Fatal(Refusal::AuthenticationFailed))?;
    tracing::Span::current().record("user", proven.user.0);
    tracing::info!(?dialect, session = %entered.guard.session(), "signed in");
    dialect.accept(trid, &proven.claim.handle, &entered.name, out);
    let profile = Profile {
        user: proven.user,
        signed_in_at: entered.at,
        web_token: &proven.web_token,
        client: (around.peer.ip().to_canonical(), around.peer.port()),
    };
    dialect.profile(&profile, out);
    Ok(SignedIn {
        dialect,
        family: client.family,
        guard: entered.guard,
        address: entered.address,
        has_synced: false,
        has_status: false,
        challenge: None,
    })
}
