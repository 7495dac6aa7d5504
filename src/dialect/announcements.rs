//! What the people who run the server say to everybody.
//!
//! Words go as an alert (`docs/protocol/23 §8`), which the clients before MSNP5 do not have: those
//! are told nothing. That the server will stop is something every client knows a sentence for
//! (`docs/protocol/01 §5`).

use super::Dialect;
use super::membership::escape_into;
use crate::model::{Address, Announcement, UserId};
use crate::wire::Outbox;
use crate::wire::headers::HeaderBlock;

impl Dialect {
    /// Shows an announcement, if clients of this version have something to show it in. `site` is
    /// the address of the pages for people.
    pub fn announcement(
        self,
        (user, own): (UserId, &Address),
        announcement: &Announcement,
        site: &str,
        out: &mut Outbox,
    ) {
        if !self.has_alerts() {
            return;
        }
        let id = user.passport_id();
        let mut xml = format!(
            "<NOTIFICATION ver=\"1\" id=\"{}\" siteid=\"0\" siteurl=\"",
            announcement.number
        );
        escape_into(site, &mut xml);
        xml.push_str(&format!(
            "\"><TO pid=\"0x{:08X}:0x{:08X}\" name=\"",
            id >> 32,
            id as u32,
        ));
        escape_into(own.as_str(), &mut xml);
        xml.push_str(
            "\"/><MSG id=\"0\"><ACTION url=\"\"/><SUBSCR url=\"\"/><BODY lang=\"1033\"><TEXT>",
        );
        escape_into(&announcement.text, &mut xml);
        xml.push_str("</TEXT></BODY></MSG></NOTIFICATION>");
        out.line("NOT").payload(xml.as_bytes());
    }

    /// Tells that the server will stop in so many minutes.
    pub fn maintenance(self, minutes: u32, out: &mut Outbox) {
        let block = HeaderBlock::message("application/x-msmsgssystemmessage")
            .then_body()
            .with("Type", 1)
            .with("Arg1", minutes);
        out.line("MSG")
            .arg("Hotmail")
            .arg("Hotmail")
            .payload(&block.into_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::dialect;
    use super::*;

    fn rendered(render: impl FnOnce(&mut Outbox)) -> String {
        let mut out = Outbox::default();
        render(&mut out);
        String::from_utf8(out.bytes().to_vec()).unwrap()
    }

    #[test]
    fn the_stop_is_told_as_the_reference_shows_it() {
        for number in [2, 8, 18] {
            assert_eq!(
                rendered(|out| dialect(number).maintenance(5, out)),
                "MSG Hotmail Hotmail 88\r\nMIME-Version: 1.0\r\n\
                 Content-Type: application/x-msmsgssystemmessage\r\n\r\nType: 1\r\nArg1: 5\r\n"
            );
        }
    }

    #[test]
    fn an_announcement_is_an_alert_whose_text_is_only_text() {
        let alice = Address::parse("alice@example.com").unwrap();
        let announcement = Announcement {
            number: 7,
            text: "</TEXT> & \"more\"".into(),
        };
        let text = |number| {
            rendered(|out| {
                dialect(number).announcement(
                    (UserId(5), &alice),
                    &announcement,
                    "http://msn.example",
                    out,
                );
            })
        };
        assert_eq!(text(4), "");
        let shown = text(5);
        assert!(shown.starts_with("NOT "), "{shown}");
        let xml = shown.split_once("\r\n").unwrap().1;
        let document = roxmltree::Document::parse(xml).unwrap();
        let body = document.descendants().find(|it| it.has_tag_name("TEXT"));
        assert_eq!(body.unwrap().text(), Some("</TEXT> & \"more\""));
        let site = document.root_element().attribute("siteurl");
        assert_eq!(site, Some("http://msn.example"));
        assert_eq!(text(18), shown);
    }
}
