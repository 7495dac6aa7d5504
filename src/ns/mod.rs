//! The notification role: signing in, lists, presence, referrals.
//!
//! Each command has a file with its form on the wire, its fields, how they are read and what they
//! do. Which command is possible when is data, in `phase_of` and in the dialect's set of verbs;
//! no handler asks for it again.

mod add;
mod adl;
mod blp;
mod chg;
mod cvr;
mod directory;
mod fqy;
mod gcf;
mod group;
mod ims;
mod inf;
mod page;
mod png;
mod prp;
mod put;
mod qry;
mod rea;
mod rem;
mod sdg;
mod session;
mod settings;
mod syn;
mod url;
mod usr;
mod usr_sha;
mod uum;
mod uun;
mod uux;
mod ver;
mod xfr;

pub use session::NsSession;
pub use settings::{NsSettings, ServerRole};

use crate::dialect::ListChangeStyle;
use crate::model::Refusal;
use crate::service::{Doing, OperationError, SignInError};
use crate::wire::{ArgumentError, Frame, Outbox, Verb};

use session::{Negotiated, SignedIn, Surroundings};

/// Why a command does nothing, and what that means for the connection.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Understood and refused: a number, and on it goes.
    Refused(Refusal),
    /// Refused for good: a number, then the end.
    Fatal(Refusal),
    /// Nothing a client of this dialect would send: the end without a word
    /// (`docs/protocol/00 §6`).
    Violation,
    /// Our own trouble: logged where it is answered.
    Fault(crate::service::Fault),
}

impl From<ArgumentError> for Failure {
    fn from(_: ArgumentError) -> Self {
        Self::Refused(Refusal::InvalidParameter)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<OperationError> for Failure {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::Refused(refusal) => Self::Refused(refusal),
            OperationError::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<crate::service::Fault> for Failure {
    fn from(fault: crate::service::Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<SignInError> for Failure {
    /// One answer for everything that is wrong with a proof, so that nobody learns which
    /// addresses have an account.
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Throttled | SignInError::Busy => Self::Fatal(Refusal::TooManyAttempts),
            SignInError::Fault(fault) => Self::Fault(fault),
            SignInError::UnknownAccount
            | SignInError::Disabled
            | SignInError::WrongPassword
            | SignInError::LegacyClosed
            | SignInError::BadTicket => Self::Fatal(Refusal::AuthenticationFailed),
        }
    }
}

/// What a handled command means for the connection.
pub(crate) type Handled = Result<(), Failure>;

/// When a command is possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// After the dialect is agreed on, at any time.
    Negotiated,
    /// Only before sign-in.
    SigningIn,
    /// Only after it.
    SignedIn,
}

/// When the commands with a transaction number are possible; `VER`, `CVQ`, `PNG` and `OUT` are
/// the session's own.
fn phase_of(verb: Verb) -> Phase {
    match &verb.0 {
        b"CVR" | b"CVQ" | b"USR" => Phase::Negotiated,
        b"INF" => Phase::SigningIn,
        _ => Phase::SignedIn,
    }
}

/// What a command is counted as; those that name many contacts count them themselves.
fn counted_as(verb: Verb) -> Option<Doing> {
    match &verb.0 {
        b"CHG" | b"UUX" => Some(Doing::StatusChange),
        b"ADD" | b"ADC" | b"REM" | b"REA" | b"SBP" | b"PRP" | b"ADG" | b"REG" | b"RMG" | b"BLP"
        | b"GTC" => Some(Doing::ContactChange),
        b"XFR" => Some(Doing::RoomOpen),
        b"SYN" | b"LST" | b"LSG" | b"FQY" => Some(Doing::WebCall),
        _ => None,
    }
}

/// A command of a client that has agreed on a dialect but is not signed in.
async fn before_sign_in(
    verb: Verb,
    trid: u32,
    frame: &Frame,
    client: &mut Negotiated,
    around: &Surroundings,
    out: &mut Outbox,
) -> Result<Option<usr::Step>, Failure> {
    if phase_of(verb) == Phase::SignedIn {
        return Err(Failure::Fatal(Refusal::NotSignedIn));
    }
    let args = frame.parameters();
    match &verb.0 {
        b"CVR" => cvr::Cvr::parse(args)?.apply(trid, client, around, out),
        b"INF" => inf::Inf::parse(args)?.apply(trid, client.dialect, out),
        b"USR" => {
            let usr = usr::Usr::parse(args, client.dialect)?;
            return usr.apply(trid, client, around, out).await.map(Some);
        }
        _ => return Err(Failure::Violation),
    }
    Ok(None)
}

/// A command of a client that is signed in.
async fn signed_in(
    verb: Verb,
    trid: u32,
    frame: &Frame,
    client: &mut SignedIn,
    around: &Surroundings,
    out: &mut Outbox,
) -> Handled {
    if phase_of(verb) == Phase::SigningIn {
        return Err(Failure::Refused(Refusal::NotExpected));
    }
    // The first status belongs to the sign-in, which was counted; without it nobody is there.
    let is_first_status = &verb.0 == b"CHG" && !client.has_status;
    if let Some(doing) = counted_as(verb).filter(|_| !is_first_status) {
        around.spend(doing, client)?;
    }
    let args = frame.parameters();
    let payload = frame.payload();
    let dialect = client.dialect;
    match &verb.0 {
        b"CVR" => {
            cvr::Cvr::parse(args)?.apply_late(trid, client, around, out);
            Ok(())
        }
        b"USR" if dialect.has_circles() => {
            let shown = usr_sha::UsrSha::parse(args)?;
            shown.apply(trid, client, around, out).await
        }
        b"USR" => Err(Refusal::AlreadySignedIn.into()),
        b"CHG" => {
            let change = chg::Chg::parse(args, dialect)?;
            change.apply(trid, client, around, out).await
        }
        b"UUX" => {
            let data = uux::Uux::parse(args, payload, dialect)?;
            data.apply(trid, client, around, out).await
        }
        b"PRP" => {
            let property = prp::Prp::parse(args, dialect, &client.address)?;
            property.apply(trid, client, around, out).await
        }
        b"GTC" => {
            let prompt = blp::Gtc::parse(args)?;
            prompt.apply(trid, client, around, out).await
        }
        b"BLP" => {
            let privacy = blp::Blp::parse(args)?;
            privacy.apply(trid, client, around, out).await
        }
        b"QRY" => qry::Qry::parse(args, payload)?.apply(trid, client, around, out),
        b"GCF" => gcf::Gcf::parse(args)?.apply(trid, client, out),
        b"XFR" => xfr::Xfr::parse(args)?.apply(trid, client, around, out),
        b"IMS" => ims::Ims::parse(args)?.apply(trid, client, around, out),
        b"URL" => {
            url::Url::parse(args)?.apply(trid, dialect, around, out);
            Ok(())
        }
        b"UUN" => uun::Uun::parse(args, payload)?.apply(trid, client, around, out),
        b"UUM" => {
            let message = uum::Uum::parse(args, payload)?;
            message.apply(trid, client, around, out).await
        }
        b"PUT" => {
            let published = put::Put::parse(args, payload)?;
            published.apply(trid, client, around, out).await
        }
        b"SDG" => sdg::Sdg::parse(args, payload)?.apply(client, around),
        b"FND" => directory::Fnd::parse(args, dialect)?.apply(trid, out),
        b"SND" => directory::Snd::parse(args)?.apply(trid, out),
        b"SDC" => directory::Sdc::parse(args)?.apply(trid, out),
        b"PAG" => page::pag(dialect),
        b"PGD" => page::pgd(args),
        b"LKP" => Err(Refusal::Disabled.into()),
        _ => contacts(verb, trid, frame, client, around, out).await,
    }
}

/// The part of [`signed_in`] that is about contacts and their lists.
async fn contacts(
    verb: Verb,
    trid: u32,
    frame: &Frame,
    client: &mut SignedIn,
    around: &Surroundings,
    out: &mut Outbox,
) -> Handled {
    let args = frame.parameters();
    let payload = frame.payload();
    let dialect = client.dialect;
    match &verb.0 {
        b"SYN" => {
            let wanted = syn::Syn::parse(args, dialect)?;
            wanted.apply(trid, client, around, out).await
        }
        b"LST" => {
            let wanted = syn::Lst::parse(args)?;
            wanted.apply(trid, client, around, out).await
        }
        b"LSG" => {
            let wanted = syn::Lsg::parse(args)?;
            wanted.apply(trid, client, around, out).await
        }
        b"ADL" => {
            let listed = adl::Adl::parse(args, payload)?;
            listed.apply(trid, client, around, out).await
        }
        b"RML" => {
            let listed = adl::Rml::parse(args, payload)?;
            listed.apply(trid, client, around, out).await
        }
        b"FQY" => {
            let query = fqy::Fqy::parse(args, payload)?;
            query.apply(trid, around, out).await
        }
        // A wish to hear of the list anew; no answer to it is known (`docs/protocol/10 §2`).
        b"RFS" => Ok(()),
        b"ADD" => {
            let added = add::Add::parse(args, dialect)?;
            added.apply(trid, client, around, out).await
        }
        b"ADC" => {
            let added = add::Adc::parse(args, dialect)?;
            added.apply(trid, client, around, out).await
        }
        b"REM" => {
            let removed = rem::Rem::parse(args, dialect)?;
            removed.apply(trid, client, around, out).await
        }
        b"REA" => {
            let renamed = rea::Rea::parse(args)?;
            renamed.apply(trid, client, around, out).await
        }
        b"SBP" if dialect.list_change_style() == ListChangeStyle::Membership => {
            rea::repeat(trid, args, out);
            Ok(())
        }
        b"SBP" => {
            let renamed = rea::Sbp::parse(args)?;
            renamed.apply(trid, client, around, out).await
        }
        b"ADG" => {
            let group = group::Adg::parse(args)?;
            group.apply(trid, client, around, out).await
        }
        b"REG" => {
            let group = group::Reg::parse(args, dialect)?;
            group.apply(trid, client, around, out).await
        }
        b"RMG" => {
            let group = group::Rmg::parse(args, dialect)?;
            group.apply(trid, client, around, out).await
        }
        _ => Err(Failure::Violation),
    }
}
