//! What waits for a person, as the notification server tells it (`docs/protocol/10 §7`).
//!
//! There is no mail beside the offline messages, so the counts of mailboxes are always nought. The
//! messages themselves are fetched over the web (`docs/protocol/13 §1`).

use askama::Template;

use super::{Dialect, MailStyle};
use crate::model::WaitingMessage;
use crate::wire::{Outbox, headers::HeaderBlock};

/// How many messages are listed in a notice; clients ask the web service for more of them.
const MOST_LISTED: usize = 25;

/// What stands in the place of too long a list.
const TOO_LARGE: &str = "too-large";

#[derive(Template)]
#[template(path = "mail/metadata.xml", escape = "xml")]
struct Metadata<'a> {
    /// Whether the counts of mailboxes come first.
    is_initial: bool,
    messages: &'a [WaitingMessage],
}

impl Metadata<'_> {
    fn written(&self) -> String {
        if self.messages.len() > MOST_LISTED {
            return TOO_LARGE.to_owned();
        }
        // Writing into a string fails only if a part of it claims to; then the client asks.
        self.render().unwrap_or_else(|_| TOO_LARGE.to_owned())
    }
}

impl Dialect {
    /// Tells once, after the first status, what waits.
    pub fn initial_mail(self, messages: &[WaitingMessage], out: &mut Outbox) {
        match self.mail_style() {
            MailStyle::None => return,
            MailStyle::WhenWaiting if messages.is_empty() => return,
            MailStyle::WhenWaiting | MailStyle::Always => {}
        }
        let metadata = Metadata {
            is_initial: true,
            messages,
        };
        let block = body("text/x-msmsgsinitialmdatanotification; charset=UTF-8")
            .with("Mail-Data", metadata.written())
            .with("Inbox-URL", "/cgi-bin/HoTMaiL")
            .with("Folders-URL", "/cgi-bin/folders")
            .with("Post-URL", "http://www.hotmail.com");
        send(block, out);
    }

    /// Tells that a message came.
    pub fn mail_arrived(self, message: &WaitingMessage, out: &mut Outbox) {
        if self.mail_style() == MailStyle::None {
            return;
        }
        let metadata = Metadata {
            is_initial: false,
            messages: std::slice::from_ref(message),
        };
        let block = body("text/x-msmsgsoimnotification; charset=UTF-8")
            .with("Mail-Data", metadata.written());
        send(block, out);
    }

    /// Tells that messages were deleted at another place.
    pub fn mail_deleted(self, count: u64, out: &mut Outbox) {
        if self.mail_style() == MailStyle::None {
            return;
        }
        let block = body("text/x-msmsgsactivemailnotification; charset=UTF-8")
            .with("Src-Folder", ".!!OIM")
            .with("Dest-Folder", ".!!trAsH")
            .with("Message-Delta", count);
        send(block, out);
    }
}

/// Starts the second block of such a message, which no blank line ends.
fn body(content_type: &str) -> HeaderBlock {
    HeaderBlock::message(content_type).then_body()
}

fn send(block: HeaderBlock, out: &mut Outbox) {
    out.line("MSG")
        .arg("Hotmail")
        .arg("Hotmail")
        .payload(&block.into_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::testing::dialect;
    use super::*;
    use crate::model::{Address, Guid};

    fn message() -> WaitingMessage {
        WaitingMessage {
            id: Guid::parse("2b9d6f32-7f0e-4d27-9a5e-7c8a0d3f1e11").unwrap(),
            sender: Address::parse("alice@example.com").unwrap(),
            sender_name: "Alice".into(),
            received_at: 1_262_401_445_000,
            size: 964,
            is_read: false,
        }
    }

    fn rendered(render: impl FnOnce(&mut Outbox)) -> String {
        let mut out = Outbox::default();
        render(&mut out);
        String::from_utf8(out.bytes().to_vec()).unwrap()
    }

    #[test]
    fn the_notices_are_those_of_the_reference() {
        let text = rendered(|out| {
            dialect(11).initial_mail(&[message()], out);
            dialect(11).mail_arrived(&message(), out);
            dialect(11).mail_deleted(1, out);
        });
        // The lengths that docs/protocol/transcripts/msnp15-oim.txt shows.
        for length in [505, 318, 148] {
            let line = format!("MSG Hotmail Hotmail {length}\r\n");
            assert!(text.contains(&line), "{length}: {text}");
        }
        insta::assert_snapshot!(text.replace('\r', ""));
    }

    #[test]
    fn too_many_are_not_listed() {
        let text = |count| rendered(|out| dialect(11).initial_mail(&vec![message(); count], out));
        assert_eq!(text(25).matches("<M>").count(), 25);
        assert!(text(26).contains("Mail-Data: too-large\r\nInbox-URL"));
    }

    #[test]
    fn nobody_is_told_who_cannot_fetch() {
        let nothing = rendered(|out| {
            dialect(10).initial_mail(&[message()], out);
            dialect(10).mail_arrived(&message(), out);
            dialect(10).mail_deleted(1, out);
            dialect(11).initial_mail(&[], out);
        });
        assert_eq!(nothing, "");
    }

    #[test]
    fn an_address_with_special_signs_does_not_break_the_document() {
        let message = WaitingMessage {
            sender: Address::parse("a&b@example.com").unwrap(),
            sender_name: "</N>".into(),
            is_read: true,
            ..message()
        };
        let text = rendered(|out| dialect(12).mail_arrived(&message, out));
        assert!(text.contains("<E>a&amp;b@example.com</E>"), "{text}");
        assert!(text.contains("<RS>1</RS>"));
        let start = text.find("<MD>").unwrap();
        roxmltree::Document::parse(text[start..].trim_end()).unwrap();
    }
}
