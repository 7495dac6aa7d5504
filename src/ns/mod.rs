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
use crate::service::{OperationError, SignInError};
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
    let args = frame.parameters();
    let payload = frame.payload();
    let dialect = client.dialect;
    match &verb.0 {
        b"CVR" => cvr::Cvr::parse(args)?.apply_late(trid, client, around, out),
        b"USR" if dialect.has_circles() => {
            return usr_sha::UsrSha::parse(args)?
                .apply(trid, client, around, out)
                .await;
        }
        b"USR" => return Err(Failure::Refused(Refusal::AlreadySignedIn)),
        b"PUT" => {
            return put::Put::parse(args, payload)?
                .apply(trid, client, around, out)
                .await;
        }
        b"SDG" => return sdg::Sdg::parse(args, payload)?.apply(client, around),
        b"SYN" => {
            return syn::Syn::parse(args, dialect)?
                .apply(trid, client, around, out)
                .await;
        }
        b"LST" => {
            return syn::Lst::parse(args)?
                .apply(trid, client, around, out)
                .await;
        }
        b"LSG" => {
            return syn::Lsg::parse(args)?
                .apply(trid, client, around, out)
                .await;
        }
        b"GCF" => return gcf::Gcf::parse(args)?.apply(trid, client, out),
        b"CHG" => {
            let change = chg::Chg::parse(args, dialect)?;
            return change.apply(trid, client, around, out).await;
        }
        b"QRY" => return qry::Qry::parse(args, payload)?.apply(trid, client, around, out),
        b"GTC" => {
            return blp::Gtc::parse(args)?
                .apply(trid, client, around, out)
                .await;
        }
        b"BLP" => {
            return blp::Blp::parse(args)?
                .apply(trid, client, around, out)
                .await;
        }
        b"PRP" => {
            return prp::Prp::parse(args, dialect, &client.address)?
                .apply(trid, client, around, out)
                .await;
        }
        b"REA" => {
            return rea::Rea::parse(args)?
                .apply(trid, client, around, out)
                .await;
        }
        b"ADL" => {
            return adl::Adl::parse(args, payload)?
                .apply(trid, client, around, out)
                .await;
        }
        b"RML" => {
            return adl::Rml::parse(args, payload)?
                .apply(trid, client, around, out)
                .await;
        }
        b"FQY" => {
            return fqy::Fqy::parse(args, payload)?
                .apply(trid, around, out)
                .await;
        }
        b"SBP" if dialect.list_change_style() == ListChangeStyle::Membership => {
            rea::repeat(trid, args, out);
        }
        b"RFS" => {}
        b"UUN" => return uun::Uun::parse(args, payload)?.apply(trid, client, around, out),
        b"UUM" => {
            return uum::Uum::parse(args, payload)?
                .apply(trid, client, around, out)
                .await;
        }
        b"SBP" => {
            return rea::Sbp::parse(args)?
                .apply(trid, client, around, out)
                .await;
        }
        b"ADD" => {
            return add::Add::parse(args, dialect)?
                .apply(trid, client, around, out)
                .await;
        }
        b"ADC" => {
            return add::Adc::parse(args, dialect)?
                .apply(trid, client, around, out)
                .await;
        }
        b"REM" => {
            return rem::Rem::parse(args, dialect)?
                .apply(trid, client, around, out)
                .await;
        }
        b"ADG" => {
            return group::Adg::parse(args)?
                .apply(trid, client, around, out)
                .await;
        }
        b"REG" => {
            return group::Reg::parse(args, dialect)?
                .apply(trid, client, around, out)
                .await;
        }
        b"RMG" => {
            return group::Rmg::parse(args, dialect)?
                .apply(trid, client, around, out)
                .await;
        }
        b"UUX" => {
            return uux::Uux::parse(args, payload, dialect)?
                .apply(trid, client, around, out)
                .await;
        }
        b"XFR" => return xfr::Xfr::parse(args)?.apply(trid, client, around, out),
        b"IMS" => return ims::Ims::parse(args)?.apply(trid, client, around, out),
        b"URL" => url::Url::parse(args)?.apply(trid, dialect, around, out),
        b"FND" => return directory::Fnd::parse(args, dialect)?.apply(trid, out),
        b"SND" => return directory::Snd::parse(args)?.apply(trid, out),
        b"SDC" => return directory::Sdc::parse(args)?.apply(trid, out),
        b"PAG" => return page::pag(dialect),
        b"PGD" => return page::pgd(args),
        b"LKP" => return Err(Failure::Refused(Refusal::Disabled)),
        _ => return Err(Failure::Violation),
    }
    Ok(())
}
