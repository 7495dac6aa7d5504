//! `USR n MD5 I handle`, `USR n MD5 S answer`, the same with `TWN` and a ticket
//! (`docs/protocol/01`), and with `SSO`, a ticket, a signed nonce and the machine
//! (`docs/protocol/10 §1.3`).
//!
//! Whatever is wrong with a proof gets one answer, `911`, and the end. Only a sign-in that
//! succeeded ends the session that the account had.

use std::net::IpAddr;

use super::Failure;
use super::session::{Negotiated, SignedIn, Surroundings};
use super::settings::ServerRole;
use crate::dialect::login::{self, Profile, Question};
use crate::dialect::{Dialect, SignInMethod};
use crate::mailbox::Mailbox;
use crate::metrics::{Method, Outcome};
use crate::model::address::AddressError;
use crate::model::{Address, ClientTrace, Guid, NsEvent, Place, Refusal, UserId};
use crate::service::ticket::token_of;
use crate::service::{Arriving, Redeemed, SignInError};
use crate::wire::{Arguments, Outbox};

/// One step of a sign-in.
#[derive(Debug)]
pub(super) enum Usr<'a> {
    /// Who the client says it is, and how it would prove it.
    Claim {
        method: SignInMethod,
        handle: &'a str,
    },
    /// What is to prove it.
    Proof(Proof<'a>),
}

/// A proof of a claim.
pub(super) enum Proof<'a> {
    Md5 {
        answer: &'a str,
    },
    Ticket {
        ticket: &'a str,
        machine: Option<Guid>,
    },
    Sso {
        ticket: &'a str,
        /// Missing from clients whose sign-in library was replaced (`docs/protocol/10 §1.3`).
        signed: Option<&'a str>,
        machine: Option<Guid>,
    },
}

impl std::fmt::Debug for Proof<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Who a client said it is, as it spelled it.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    handle: String,
    address: Address,
    question: Question,
}

/// Where a step led.
#[derive(Debug)]
pub(super) enum Step {
    Challenged,
    Referred,
    Proven(Proven),
}

/// An account whose owner is at the other end. Does not print what it was proven with.
pub(super) struct Proven {
    user: UserId,
    /// What the ticket has in common with those that the client got together with it.
    grant: Option<i64>,
    claim: Claim,
    web_token: String,
    /// The machine, as clients that may be signed in at several places name it.
    machine: Option<Guid>,
}

impl std::fmt::Debug for Proven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proven")
            .field("user", &self.user)
            .field("machine", &self.machine)
            .finish_non_exhaustive()
    }
}

impl<'a> Usr<'a> {
    pub(super) fn parse(mut args: Arguments<'a>, dialect: Dialect) -> Result<Self, Failure> {
        let word = args.field()?;
        let accepted = dialect.sign_in_methods();
        let method = SignInMethod::read(word).filter(|method| accepted.contains(method));
        let Some(method) = method else {
            // Tickets came later than the clients that answer a challenge: one of those cannot
            // ask for them. Everything else is a method that nobody knows (any more).
            let is_too_new = accepted == [SignInMethod::Md5]
                && SignInMethod::read(word) == Some(SignInMethod::Ticket);
            return Err(if is_too_new {
                Failure::Violation
            } else {
                Failure::Fatal(Refusal::AuthenticationFailed)
            });
        };
        match args.field()? {
            b"I" => {
                let handle = args.text()?;
                args.finish()?;
                Ok(Self::Claim { method, handle })
            }
            b"S" => Proof::parse(args, method, dialect).map(Self::Proof),
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
            Self::Claim { method, handle } => {
                challenge(trid, method, handle, client, around, out).await
            }
            Self::Proof(ref proof) => {
                let claim = client.claim.take();
                let claim = claim.ok_or(Failure::Fatal(Refusal::AuthenticationFailed))?;
                prove(proof, claim, around).await.map(Step::Proven)
            }
        }
    }
}

impl<'a> Proof<'a> {
    /// Behind a ticket stand, each only if there is one, the signed nonce and the machine. They
    /// cannot be mistaken for each other.
    fn parse(
        mut args: Arguments<'a>,
        method: SignInMethod,
        dialect: Dialect,
    ) -> Result<Self, Failure> {
        let first = args.text()?;
        if method == SignInMethod::Md5 {
            args.finish()?;
            return Ok(Self::Md5 { answer: first });
        }
        let (mut signed, mut machine) = (None, None);
        while let Some(field) = args.next_field() {
            let text = std::str::from_utf8(field).map_err(|_| Refusal::InvalidParameter)?;
            match Guid::parse(text) {
                Some(guid) if machine.is_none() => machine = Some(guid),
                None if signed.is_none() && machine.is_none() => signed = Some(text),
                Some(_) | None => return Err(Failure::Refused(Refusal::InvalidParameter)),
            }
        }
        let machine = machine.filter(|_| dialect.has_endpoints());
        match method {
            SignInMethod::Sso => Ok(Self::Sso {
                ticket: first,
                signed,
                machine,
            }),
            SignInMethod::Ticket | SignInMethod::Md5 if signed.is_none() => Ok(Self::Ticket {
                ticket: first,
                machine,
            }),
            SignInMethod::Ticket | SignInMethod::Md5 => {
                Err(Failure::Refused(Refusal::InvalidParameter))
            }
        }
    }
}

async fn challenge(
    trid: u32,
    method: SignInMethod,
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
    if around.services.admin.refuses_sign_ins() {
        return Err(Failure::Fatal(Refusal::GoingDown));
    }
    let accounts = &around.services.accounts;
    let question = match method {
        SignInMethod::Md5 => Question::Md5(accounts.legacy_challenge(handle).await?),
        SignInMethod::Ticket => {
            let now = around.services.clock.now_secs();
            Question::Ticket {
                policy: login::policy(now, &format!("{:032x}", rand::random::<u128>())),
            }
        }
        SignInMethod::Sso => Question::Sso {
            nonce: login::nonce(&rand::random()),
        },
    };
    dialect.challenge(trid, &question, out);
    client.claim = Some(Claim {
        handle: handle.to_owned(),
        address,
        question,
    });
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

async fn prove(proof: &Proof<'_>, claim: Claim, around: &Surroundings) -> Result<Proven, Failure> {
    let accounts = &around.services.accounts;
    let peer: IpAddr = around.peer.ip();
    let method = claim.question.method();
    let (checked, ticket, machine) = match (proof, &claim.question) {
        (&Proof::Md5 { answer }, Question::Md5(_)) => {
            let checked = accounts.verify_legacy(&claim.handle, answer, peer).await;
            (checked.map(|user| (user, None)), None, None)
        }
        (&Proof::Ticket { ticket, machine }, Question::Ticket { .. }) => {
            let redeemed = accounts.redeem_ticket(ticket, &claim.address, peer).await;
            (redeemed.map(with_grant), Some(ticket), machine)
        }
        (
            &Proof::Sso {
                ticket,
                signed,
                machine,
            },
            Question::Sso { nonce },
        ) => {
            let redeemed = accounts.redeem_sso(ticket, signed, nonce, &claim.address, peer);
            (redeemed.await.map(with_grant), Some(ticket), machine)
        }
        // The answer to another question than was asked.
        (Proof::Md5 { .. } | Proof::Ticket { .. } | Proof::Sso { .. }, _) => {
            return Err(Failure::Fatal(Refusal::AuthenticationFailed));
        }
    };
    let counted = match method {
        SignInMethod::Md5 => Method::Md5,
        SignInMethod::Ticket => Method::Ticket,
        SignInMethod::Sso => Method::Sso,
    };
    let outcome = checked
        .as_ref()
        .map_or_else(SignInError::outcome, |_| Outcome::Ok);
    around.services.metrics.sign_in(counted, outcome);
    let (user, grant) = checked.inspect_err(|reason| {
        tracing::info!(peer = %around.peer, method = method.word(), %reason, "sign-in refused");
    })?;
    let web_token = match ticket {
        Some(ticket) => token_of(ticket).to_owned(),
        None => format!("{:032x}", rand::random::<u128>()),
    };
    Ok(Proven {
        user,
        grant,
        claim,
        web_token,
        machine,
    })
}

fn with_grant(redeemed: Redeemed) -> (UserId, Option<i64>) {
    (redeemed.user, Some(redeemed.grant))
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
    let place = match proven.machine {
        Some(machine) => Place::Endpoint(machine),
        None => Place::Only(None),
    };
    let entered = around
        .services
        .presence
        .sign_in(Arriving {
            user: proven.user,
            mailbox: mailbox.clone(),
            dialect: dialect.tag(),
            place,
            grant: proven.grant,
            client: ClientTrace {
                protocol: dialect.name().into(),
                program: client.program.as_str().into(),
                peer: Some(around.peer.ip().to_canonical()),
                since: 0,
            },
        })
        .await?
        .ok_or(Failure::Fatal(Refusal::AuthenticationFailed))?;
    tracing::Span::current().record("user", proven.user.0);
    tracing::info!(?dialect, session = %entered.guard.session(), "signed in");
    dialect.accept(trid, &proven.claim.handle, &entered.name, out);
    let profile = Profile {
        user: proven.user,
        address: &entered.address,
        signed_in_at: entered.at,
        web_token: &proven.web_token,
        client: (around.peer.ip().to_canonical(), around.peer.port()),
    };
    dialect.profile(&profile, out);
    dialect.own_extended_presence(&entered.address, out);
    if let Some(minutes) = around.services.admin.minutes_left() {
        dialect.maintenance(minutes, out);
    }
    Ok(SignedIn {
        dialect,
        family: client.family,
        guard: entered.guard,
        address: entered.address,
        machine: proven.machine,
        has_synced: false,
        has_status: false,
        challenge: None,
    })
}
