//! Offline messages as the little letters that clients send and fetch (`docs/protocol/13 §1.3`).

use std::fmt;

use crate::mime;
use crate::model::{Address, Guid, OfflineMessage, Refusal};

/// The service that letters say they went through. Clients do not follow the name.
const POST_OFFICE: &str = "oim.messenger.msn.com";

/// The form of a Windows file time: the years from 1601 to 1970, in milliseconds.
const FILE_TIME_EPOCH_MS: i64 = 11_644_473_600_000;

/// What a client wants to leave for somebody.
#[derive(Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// How the sender calls themselves, as plain text; `None` for the name of the account.
    pub sender_name: Option<String>,
    /// `None` for a client that does not tell its sessions apart.
    pub run: Option<Guid>,
    /// `None` for a client that does not count.
    pub sequence: Option<u32>,
    pub text: String,
}

impl fmt::Debug for NewMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewMessage")
            .field("run", &self.run)
            .field("sequence", &self.sequence)
            .field("text", &"***")
            .finish_non_exhaustive()
    }
}

impl NewMessage {
    /// Reads what a client sent. A run or number that is missing or none is made up later;
    /// [`Refusal::BadMessage`] for anything that is not plain text.
    pub fn read(letter: &[u8]) -> Result<Self, Refusal> {
        let part = mime::Part::split(letter).ok_or(Refusal::BadMessage)?;
        let text = part.text().ok_or(Refusal::BadMessage)?;
        Ok(Self {
            sender_name: None,
            run: part.header("X-OIM-Run-Id").and_then(Guid::parse),
            sequence: part
                .header("X-OIM-Sequence-Num")
                .and_then(|number| number.parse().ok()),
            text,
        })
    }
}

impl OfflineMessage {
    /// The message as its recipient fetches it, with line feeds between the lines.
    ///
    /// The address of the sender's machine is nobody's business and is not in there.
    pub fn letter(&self, recipient: &Address) -> String {
        let heading = &self.heading;
        let at = heading.received_at;
        let date = mime::date(at);
        let file_time = at
            .saturating_add(FILE_TIME_EPOCH_MS)
            .saturating_mul(10_000)
            .max(0);
        let mut letter = String::new();
        let mut line = |name: &str, value: &dyn fmt::Display| {
            letter.push_str(&format!("{name}: {value}\n"));
        };
        line(
            "X-Message-Info",
            &"cwRBnLifKNE8dVZlNj6AiX8142B67OTjG9BFMLMyzuui1H4Xx7m3NQ==",
        );
        line(
            "Received",
            &format_args!(
                "from {POST_OFFICE} by {POST_OFFICE}; {}",
                mime::date_with_weekday(at)
            ),
        );
        line(
            "From",
            &format_args!(
                "{} <{}>",
                mime::encoded_word(&heading.sender_name),
                heading.sender
            ),
        );
        line("To", recipient);
        line("Subject", &"");
        line("X-OIM-originatingSource", &"0.0.0.0");
        line("X-OIMProxy", &"MSNMSGR");
        line("MIME-Version", &"1.0");
        line("Content-Type", &"text/plain; charset=UTF-8");
        line("Content-Transfer-Encoding", &"base64");
        line("X-OIM-Message-Type", &"OfflineMessage");
        let run = self.run.to_string().to_uppercase();
        line("X-OIM-Run-Id", &format_args!("{{{run}}}"));
        line("X-OIM-Sequence-Num", &self.sequence);
        line(
            "Message-ID",
            &format_args!("<{}@{POST_OFFICE}>", heading.id),
        );
        line(
            "X-OriginalArrivalTime",
            &format_args!(
                "{:0>20}.{:04} (UTC) FILETIME=[{:08X}:{:08X}]",
                date.trim_end_matches(" -0000"),
                at.rem_euclid(1000) * 10,
                file_time & 0xffff_ffff,
                file_time >> 32
            ),
        );
        line("Date", &date);
        line("Return-Path", &"ndr@oim.messenger.msn.com");
        letter.push('\n');
        letter.push_str(&mime::base64_lines(self.text.as_bytes()));
        letter
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::WaitingMessage;

    fn message() -> OfflineMessage {
        OfflineMessage {
            heading: WaitingMessage {
                id: Guid::parse("2b9d6f32-7f0e-4d27-9a5e-7c8a0d3f1e11").unwrap(),
                sender: Address::parse("bob@example.net").unwrap(),
                sender_name: "Bob".into(),
                received_at: 1_262_401_445_000,
                size: 0,
                is_read: false,
            },
            run: Guid::parse("{3A3BE82C-684D-4F4F-8005-CBE8D4F82BAD}").unwrap(),
            sequence: 1,
            text: "Hello Alice".to_owned(),
        }
    }

    #[test]
    fn a_letter_is_that_of_the_reference() {
        let letter = message().letter(&Address::parse("alice@example.com").unwrap());
        assert!(!letter.contains('\r'));
        insta::assert_snapshot!(letter);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let message = message();
        let letter = message.letter(&message.heading.sender);
        let read = NewMessage::read(letter.as_bytes()).unwrap();
        assert_eq!(read.text, message.text);
        assert_eq!((read.run, read.sequence), (Some(message.run), Some(1)));
    }

    #[test]
    fn a_letter_without_run_and_number_is_one_too() {
        let letter = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\
                       Dest-Agent: client\r\nX-OIM-Sequence-Num: many\r\n\r\nHello";
        let read = NewMessage::read(letter).unwrap();
        assert_eq!((read.run, read.sequence), (None, None));
        assert_eq!(read.text, "Hello");
    }

    #[test]
    fn what_is_no_letter_is_refused() {
        for letter in ["", "Hello", "Content-Type: text/x-msmsgscontrol\n\n"] {
            let read = NewMessage::read(letter.as_bytes());
            assert_eq!(read.unwrap_err(), Refusal::BadMessage, "{letter}");
        }
    }
}
