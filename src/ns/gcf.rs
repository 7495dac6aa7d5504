//! `GCF n Shields.xml` -> the same with a payload (`docs/protocol/02 §10`).

use super::session::SignedIn;
use super::{Failure, Handled};
use crate::model::Refusal;
use crate::wire::{Arguments, Outbox};

/// Blocks no client and no word.
const SHIELDS: &str = "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\r\n\
    <config>\r\n\
    <shield><cli maj=\"7\" min=\"0\" minbld=\"0\" maxbld=\"9999\" deny=\" \" /></shield>\r\n\
    <block></block>\r\n\
    </config>";

#[derive(Debug)]
pub(super) struct Gcf<'a> {
    file: &'a str,
}

impl<'a> Gcf<'a> {
    pub(super) fn parse(mut args: Arguments<'a>) -> Result<Self, Failure> {
        let file = args.text()?;
        args.finish()?;
        Ok(Self { file })
    }

    pub(super) fn apply(&self, trid: u32, client: &SignedIn, out: &mut Outbox) -> Handled {
        if !client.has_synced {
            return Err(Failure::Refused(Refusal::NotExpected));
        }
        if !self.file.eq_ignore_ascii_case("Shields.xml") {
            return Err(Failure::Refused(Refusal::InvalidParameter));
        }
        out.line("GCF")
            .arg(trid)
            .arg(self.file)
            .payload(SHIELDS.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_length_of_the_reference() {
        assert_eq!(SHIELDS.len(), 153);
    }
}
