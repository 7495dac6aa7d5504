//! Replies to changes: with the list's version or without it (`docs/protocol/02 §3, §5`).

use super::{Dialect, VersionStyle};
use crate::model::{Privacy, ReversePrompt};
use crate::wire::{LineWriter, Outbox};

impl Dialect {
    /// Starts the reply to a change: verb, transaction, and the new version where the client
    /// counts them.
    pub fn changed<'a>(
        self,
        verb: &str,
        trid: u32,
        revision: u64,
        out: &'a mut Outbox,
    ) -> LineWriter<'a> {
        let versioned = match self.version_style() {
            VersionStyle::Serial => Some(revision),
            VersionStyle::Stamps => None,
        };
        out.line(verb).arg(trid).maybe(versioned)
    }
}

/// The word of a privacy default in `BLP`.
pub fn privacy_word(privacy: Privacy) -> &'static str {
    match privacy {
        Privacy::AllowOthers => "AL",
        Privacy::BlockOthers => "BL",
    }
}

/// Reads the word of a privacy default.
pub fn read_privacy(word: &[u8]) -> Option<Privacy> {
    match word {
        b"AL" => Some(Privacy::AllowOthers),
        b"BL" => Some(Privacy::BlockOthers),
        _ => None,
    }
}

/// The letter of a reverse prompt in `GTC`.
pub fn prompt_word(prompt: ReversePrompt) -> &'static str {
    match prompt {
        ReversePrompt::Ask => "A",
        ReversePrompt::AllowSilently => "N",
    }
}

/// Reads the letter of a reverse prompt.
pub fn read_prompt(word: &[u8]) -> Option<ReversePrompt> {
    match word {
        b"A" => Some(ReversePrompt::Ask),
        b"N" => Some(ReversePrompt::AllowSilently),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::dialect;
    use super::*;

    #[test]
    fn replies_count_versions_up_to_msnp9() {
        let reply = |number| {
            let mut out = Outbox::default();
            dialect(number)
                .changed("BLP", 18, 12, &mut out)
                .arg("AL")
                .end();
            String::from_utf8(out.bytes().to_vec()).unwrap()
        };
        assert_eq!(reply(2), "BLP 18 12 AL\r\n");
        assert_eq!(reply(9), "BLP 18 12 AL\r\n");
        assert_eq!(reply(10), "BLP 18 AL\r\n");
    }
}
