//! `FND`, a search for people, and `SND` and `SDC`, invitations by mail (`docs/protocol/02 §12`).
//!
//! There is no directory: who is here is nobody's business. There is no mail either; clients know
//! only one answer to its commands, so they get that and nothing is sent.

use super::{Failure, Handled};
use crate::dialect::{Dialect, DirectoryStyle};
use crate::model::Refusal;
use crate::wire::{Arguments, Outbox};

/// `FND n fname=X lname=Y city=* state=* country=US`
#[derive(Debug)]
pub(super) struct Fnd;

impl Fnd {
    pub(super) fn parse(mut args: Arguments<'_>, dialect: Dialect) -> Result<Self, Failure> {
        if dialect.directory_style() == DirectoryStyle::SwitchedOff {
            return Err(Failure::Refused(Refusal::Disabled));
        }
        let mut wanted = |key: &str| {
            let field = args.text()?;
            field
                .strip_prefix(key)
                .and_then(|rest| rest.strip_prefix('='))
                .ok_or(Failure::Refused(Refusal::InvalidParameter))
        };
        let names = [wanted("fname")?, wanted("lname")?];
        let places = [wanted("city")?, wanted("state")?];
        let country = wanted("country")?;
        args.finish()?;
        if names.contains(&"*") {
            return Err(Failure::Refused(Refusal::InvalidParameter));
        }
        if places != ["*", "*"] && country != "US" {
            return Err(Failure::Violation);
        }
        Ok(Self)
    }

    pub(super) fn apply(&self, trid: u32, out: &mut Outbox) -> Handled {
        out.line("FND").arg(trid).arg("0").arg("0").end();
        Ok(())
    }
}

/// `SND n handle [locale library [code base]]`
#[derive(Debug)]
pub(super) struct Snd;

impl Snd {
    pub(super) fn parse(mut args: Arguments<'_>) -> Result<Self, Failure> {
        args.field()?;
        if args.next_field().is_some_and(|locale| !is_locale(locale)) {
            return Err(Failure::Fatal(Refusal::BadMailInvitation));
        }
        Ok(Self)
    }

    pub(super) fn apply(&self, trid: u32, out: &mut Outbox) -> Handled {
        out.line("SND").arg(trid).arg("OK").end();
        Ok(())
    }
}

/// `SDC n handle locale library code-base X X name [length]`
#[derive(Debug)]
pub(super) struct Sdc;

impl Sdc {
    pub(super) fn parse(mut args: Arguments<'_>) -> Result<Self, Failure> {
        args.field()?;
        if !is_locale(args.field()?) {
            return Err(Failure::Refused(Refusal::InvalidParameter));
        }
        Ok(Self)
    }

    pub(super) fn apply(&self, trid: u32, out: &mut Outbox) -> Handled {
        out.line("SDC").arg(trid).arg("OK").end();
        Ok(())
    }
}

/// A locale is a number in hexadecimal, such as `0x0409`.
fn is_locale(field: &[u8]) -> bool {
    field
        .strip_prefix(b"0x")
        .is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit))
}
