//! The contact list as a download, and the lines that change it (`docs/protocol/02 §4-6`).

use time::OffsetDateTime;
use time::macros::format_description;

use super::family::ClientFamily;
use super::membership;
use super::presence::phone_key;
use super::settings::{privacy_word, prompt_word};
use super::{
    Dialect, GroupStyle, ListChangeStyle, PendingStyle, PhoneStyle, RosterStyle, VersionStyle,
};
use crate::model::{
    Address, Contact, ContactBook, Group, GroupNumber, GroupRef, Guid, Label, List, ListSet, Phone,
    Phones, Stamps,
};
use crate::wire::{LineWriter, Outbox};

/// The lists in the order in which the oldest clients download them.
const DOWNLOADED: [List; 4] = [List::Forward, List::Allow, List::Block, List::Reverse];

/// What a client has of the list already, as it says when it asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cached {
    Serial(u64),
    /// The two times as the server once wrote them.
    Stamps(String, String),
}

/// The two letters of a list.
pub fn list_word(list: List) -> &'static str {
    match list {
        List::Forward => "FL",
        List::Allow => "AL",
        List::Block => "BL",
        List::Reverse => "RL",
        List::Pending => "PL",
    }
}

/// Reads the two letters of a list.
pub fn read_list(word: &[u8]) -> Option<List> {
    match word {
        b"FL" => Some(List::Forward),
        b"AL" => Some(List::Allow),
        b"BL" => Some(List::Block),
        b"RL" => Some(List::Reverse),
        b"PL" => Some(List::Pending),
        _ => None,
    }
}

/// Writes a stamp as the clients keep it: a time of seven decimals, seven hours behind Greenwich.
pub fn stamp(epoch_ms: i64) -> String {
    const FORM: &[time::format_description::BorrowedFormatItem<'_>] = format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:7]-07:00"
    );
    let local = epoch_ms.saturating_sub(7 * 3_600_000);
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(local) * 1_000_000)
        .ok()
        .and_then(|moment| moment.format(FORM).ok())
        .unwrap_or_else(|| "1970-01-01T00:00:00.0000000-07:00".to_owned())
}

impl Dialect {
    /// Whether what the client has is exactly what the book holds.
    pub fn is_current(self, cached: &Cached, book: &ContactBook) -> bool {
        match cached {
            Cached::Serial(serial) => *serial == book.revision,
            Cached::Stamps(lists, settings) => {
                *lists == stamp(book.stamps.lists) && *settings == stamp(book.stamps.settings)
            }
        }
    }

    /// Answers a request for the list by a client that has it already.
    pub fn roster_unchanged(self, trid: u32, book: &ContactBook, out: &mut Outbox) {
        let line = out.line("SYN").arg(trid);
        self.roster_version(book.revision, book.stamps, line).end();
    }

    fn roster_version(self, revision: u64, stamps: Stamps, line: LineWriter<'_>) -> LineWriter<'_> {
        match self.version_style() {
            VersionStyle::Serial => line.arg(revision),
            VersionStyle::Stamps => line
                .arg(stamp(stamps.lists).as_str())
                .arg(stamp(stamps.settings).as_str()),
        }
    }

    /// Answers a request for the list with all of it.
    pub fn roster(self, trid: u32, book: &ContactBook, out: &mut Outbox) {
        match self.roster_style() {
            RosterStyle::PerList => self.roster_per_list(trid, book, out),
            RosterStyle::Flags
            | RosterStyle::NamedSparse
            | RosterStyle::Named
            | RosterStyle::NamedWithNetwork => self.roster_per_account(trid, book, out),
            RosterStyle::Web => {}
        }
    }

    /// The oldest form. The last line of the reverse list ends it, so every list has at least one
    /// line (`docs/protocol/02 §4.1`).
    fn roster_per_list(self, trid: u32, book: &ContactBook, out: &mut Outbox) {
        let (revision, settings) = (book.revision, &book.settings);
        self.roster_unchanged(trid, book, out);
        let prompt = prompt_word(settings.reverse_prompt);
        out.line("GTC").arg(trid).arg(revision).arg(prompt).end();
        let privacy = privacy_word(settings.privacy);
        out.line("BLP").arg(trid).arg(revision).arg(privacy).end();
        if self.phone_style() != PhoneStyle::None {
            for (key, value) in own_phones(&settings.phones) {
                let line = out.line("PRP").arg(trid).arg(revision).arg(key);
                line.maybe(value).end();
            }
        }
        if self.group_style() != GroupStyle::None {
            self.group_lines(trid, book, out);
        }
        for list in DOWNLOADED {
            self.list_lines(trid, list, book, out);
        }
    }

    /// One list in the oldest form, which clients may also ask for on its own.
    pub fn list_lines(self, trid: u32, list: List, book: &ContactBook, out: &mut Outbox) {
        let members: Vec<&Contact> = book
            .contacts
            .iter()
            .filter(|contact| contact.lists.has(list))
            .collect();
        let total = members.len() as u64;
        if members.is_empty() {
            list_line(trid, list, book, out).arg("0").arg("0").end();
        }
        for (index, contact) in (1u64..).zip(members) {
            let line = list_line(trid, list, book, out)
                .arg(index)
                .arg(total)
                .arg(contact.address.as_str())
                .arg(contact.name.as_str());
            let in_groups = list == List::Forward && self.group_style() == GroupStyle::Number;
            line.maybe(in_groups.then(|| group_numbers(contact)).as_deref())
                .end();
            if list == List::Forward && self.phone_style() != PhoneStyle::None {
                for (phone, value) in shown_phones(&contact.phones) {
                    self.contact_phone(book.revision, &contact.address, phone, value.as_ref(), out);
                }
            }
        }
    }

    /// The groups in the oldest form, which clients may also ask for on their own.
    pub fn group_lines(self, trid: u32, book: &ContactBook, out: &mut Outbox) {
        let total = book.groups.len() as u64 + 1;
        for (index, (number, name)) in (1u64..).zip(numbered_groups(book)) {
            out.line("LSG")
                .arg(trid)
                .arg(book.revision)
                .arg(index)
                .arg(total)
                .arg(number.0)
                .arg(name.as_str())
                .arg("0")
                .end();
        }
    }

    /// The newer form: counts first, because clients wait for exactly that many lines
    /// (`docs/protocol/02 §4.4`).
    fn roster_per_account(self, trid: u32, book: &ContactBook, out: &mut Outbox) {
        let settings = &book.settings;
        let numbered = self.group_style() == GroupStyle::Number;
        let listed: Vec<(&Contact, ListSet)> = book
            .contacts
            .iter()
            .map(|contact| (contact, self.shown_lists(contact.lists)))
            .filter(|(_, lists)| !lists.is_empty())
            .collect();
        let group_count = book.groups.len() + usize::from(numbered);
        let line = out.line("SYN").arg(trid);
        self.roster_version(book.revision, book.stamps, line)
            .arg(listed.len() as u64)
            .arg(group_count as u64)
            .end();
        out.line("GTC")
            .arg(prompt_word(settings.reverse_prompt))
            .end();
        out.line("BLP").arg(privacy_word(settings.privacy)).end();
        if self.roster_style() != RosterStyle::Flags {
            out.line("PRP").arg("MFN").arg(settings.name.as_str()).end();
        }
        for (key, value) in own_phones(&settings.phones) {
            if let Some(value) = value {
                out.line("PRP").arg(key).arg(value).end();
            }
        }
        if self.has_web_messenger() {
            out.line("PRP").arg("WWE").arg("0").end();
        }
        if numbered {
            for (number, name) in numbered_groups(book) {
                out.line("LSG")
                    .arg(number.0)
                    .arg(name.as_str())
                    .arg("0")
                    .end();
            }
        } else {
            for group in &book.groups {
                out.line("LSG")
                    .arg(group.name.as_str())
                    .arg(group.guid.to_string().as_str())
                    .end();
            }
        }
        for (contact, lists) in listed {
            self.account_line(contact, lists, book, out);
        }
    }

    fn account_line(self, contact: &Contact, lists: ListSet, book: &ContactBook, out: &mut Outbox) {
        let address = contact.address.as_str();
        let name = contact.name.as_str();
        let guid = contact.guid.to_string();
        let is_contact = lists.has(List::Forward);
        let line = out.line("LST");
        let line = match self.roster_style() {
            RosterStyle::PerList | RosterStyle::Flags | RosterStyle::Web => {
                line.arg(address).arg(name)
            }
            RosterStyle::NamedSparse if !is_contact => line.joined(&[&"N=", &address]),
            RosterStyle::NamedSparse | RosterStyle::Named | RosterStyle::NamedWithNetwork => {
                let line = line.joined(&[&"N=", &address]).joined(&[&"F=", &name]);
                if is_contact {
                    line.joined(&[&"C=", &guid.as_str()])
                } else {
                    line
                }
            }
        };
        let line = line.arg(lists.bits());
        // COMPAT: aMSN reads the groups only behind a network (`docs/protocol/02 §4.5`).
        let line = match self.roster_style() {
            RosterStyle::NamedWithNetwork => line.arg("1"),
            RosterStyle::PerList
            | RosterStyle::Flags
            | RosterStyle::NamedSparse
            | RosterStyle::Named
            | RosterStyle::Web => line,
        };
        let groups = match self.group_style() {
            GroupStyle::Number => Some(group_numbers(contact)),
            GroupStyle::Identity => Some(group_guids(contact, book)).filter(|ids| !ids.is_empty()),
            GroupStyle::None => None,
        };
        line.maybe(groups.as_deref().filter(|_| is_contact)).end();
        if is_contact {
            for (phone, value) in shown_phones(&contact.phones) {
                if let Some(value) = value {
                    out.line("BPR")
                        .arg(phone_key(phone))
                        .arg(value.as_str())
                        .end();
                }
            }
        }
    }

    /// The lists of an account as this client may see them (`docs/protocol/02 §6.4`).
    fn shown_lists(self, lists: ListSet) -> ListSet {
        let decided = lists.without(List::Pending);
        match self.pending_style() {
            PendingStyle::Unknown => decided,
            PendingStyle::Shown | PendingStyle::Settled if lists.is_undecided() => {
                lists.without(List::Reverse)
            }
            PendingStyle::Shown | PendingStyle::Settled => decided,
        }
    }

    /// Somebody put the client's owner on their forward list.
    pub fn followed(self, by: &Address, name: &Label, revision: u64, out: &mut Outbox) {
        match self.list_change_style() {
            ListChangeStyle::ByAddress => out
                .line("ADD")
                .arg("0")
                .arg("RL")
                .arg(revision)
                .arg(by.as_str())
                .arg(name.as_str())
                .end(),
            ListChangeStyle::ByIdentity => out
                .line("ADC")
                .arg("0")
                .arg("RL")
                .joined(&[&"N=", &by.as_str()])
                .joined(&[&"F=", &name.as_str()])
                .end(),
            ListChangeStyle::Membership => membership::followed(by, name, out),
        }
    }

    /// Somebody took the client's owner off their forward list.
    pub fn unfollowed(self, by: &Address, revision: u64, out: &mut Outbox) {
        match self.list_change_style() {
            ListChangeStyle::ByAddress => {
                let line = out.line("REM").arg("0").arg("RL");
                line.arg(revision).arg(by.as_str()).end();
            }
            ListChangeStyle::ByIdentity => {
                let line = out.line("REM").arg("0").arg("RL");
                line.arg(by.as_str()).end();
            }
            ListChangeStyle::Membership => membership::unfollowed(by, out),
        }
    }

    /// A contact was taken off a list; `echo` is what the client sent behind the list.
    pub fn removed(self, trid: u32, list: &[u8], revision: u64, echo: &[&[u8]], out: &mut Outbox) {
        let line = out.line("REM").arg(trid).arg(list);
        let line = match self.version_style() {
            VersionStyle::Serial => line.arg(revision),
            VersionStyle::Stamps => line,
        };
        line.args(echo.iter().copied()).end();
    }

    /// The phone numbers of a contact that was just added, where clients wait for them
    /// (`docs/protocol/02 §5`).
    pub fn added_contact_phones(self, contact: &Contact, revision: u64, out: &mut Outbox) {
        match self.phone_style() {
            PhoneStyle::VersionedAll | PhoneStyle::VersionedSet => {
                for (phone, value) in shown_phones(&contact.phones) {
                    self.contact_phone(revision, &contact.address, phone, value.as_ref(), out);
                }
            }
            PhoneStyle::Plain => {
                for (phone, value) in shown_phones(&contact.phones) {
                    let is_news = value.as_ref().is_some_and(|value| value.as_str() != "N");
                    if is_news {
                        self.contact_phone(revision, &contact.address, phone, value.as_ref(), out);
                    }
                }
            }
            PhoneStyle::None => {}
        }
    }

    /// A group was made; `name` as the client spelled it. For the forms of MSNP10 to 12 see
    /// `docs/protocol/02 §6.5`.
    pub fn group_created(
        self,
        trid: u32,
        revision: u64,
        group: &Group,
        name: &[u8],
        family: ClientFamily,
        out: &mut Outbox,
    ) {
        let guid = group.guid.to_string();
        match (self.group_style(), family) {
            (GroupStyle::None | GroupStyle::Number, _) => self
                .changed("ADG", trid, revision, out)
                .arg(name)
                .arg(group.number.0)
                .arg("0")
                .end(),
            (GroupStyle::Identity, ClientFamily::Official) => {
                out.line("ADG")
                    .arg(trid)
                    .arg(name)
                    .arg(guid.as_str())
                    .arg("0")
                    .end();
            }
            (GroupStyle::Identity, ClientFamily::Amsn) => {
                out.line("ADG").arg(trid).arg(name).arg(guid.as_str()).end();
            }
            (GroupStyle::Identity, ClientFamily::Msnp11Sdk) => {
                out.line("ADG")
                    .arg(trid)
                    .arg("1")
                    .arg(name)
                    .arg(guid.as_str())
                    .end();
            }
        }
    }

    /// A group got another name; `id` and `name` as the client spelled them.
    pub fn group_renamed(
        self,
        trid: u32,
        revision: u64,
        (id, name): (&[u8], &[u8]),
        family: ClientFamily,
        out: &mut Outbox,
    ) {
        match (self.group_style(), family) {
            (GroupStyle::None | GroupStyle::Number, _) => self
                .changed("REG", trid, revision, out)
                .arg(id)
                .arg(name)
                .arg("0")
                .end(),
            (GroupStyle::Identity, ClientFamily::Official) => {
                out.line("REG")
                    .arg(trid)
                    .arg("1")
                    .arg(name)
                    .arg(id)
                    .arg("0")
                    .end();
            }
            (GroupStyle::Identity, ClientFamily::Amsn) => {
                out.line("REG").arg(trid).arg(id).arg(name).end();
            }
            (GroupStyle::Identity, ClientFamily::Msnp11Sdk) => {
                out.line("REG").arg(trid).arg("1").arg(name).arg(id).end();
            }
        }
    }

    /// A group is gone; `id` as the client spelled it.
    pub fn group_deleted(
        self,
        trid: u32,
        revision: u64,
        id: &[u8],
        family: ClientFamily,
        out: &mut Outbox,
    ) {
        match (self.group_style(), family) {
            (GroupStyle::None | GroupStyle::Number, _) => {
                self.changed("RMG", trid, revision, out).arg(id).end();
            }
            (GroupStyle::Identity, ClientFamily::Official | ClientFamily::Msnp11Sdk) => {
                out.line("RMG").arg(trid).arg("1").arg(id).end();
            }
            (GroupStyle::Identity, ClientFamily::Amsn) => {
                out.line("RMG").arg(trid).arg(id).end();
            }
        }
    }

    /// Reads how a request names a group; `None` where it names none that could exist.
    ///
    /// COMPAT: MSN 7.0 may send a name, encoded twice, in place of the identity
    /// (`docs/protocol/02 §6.5`).
    pub fn read_group(self, field: &[u8]) -> Option<GroupRef> {
        match self.group_style() {
            GroupStyle::None => None,
            GroupStyle::Number => {
                let number: u8 = std::str::from_utf8(field).ok()?.parse().ok()?;
                (number <= GroupNumber::MAX.0).then_some(GroupRef::Number(GroupNumber(number)))
            }
            GroupStyle::Identity => {
                let text = std::str::from_utf8(field).ok()?;
                if let Some(guid) = Guid::parse(text) {
                    return Some(GroupRef::Guid(guid));
                }
                let once: Vec<u8> = percent_encoding::percent_decode(field).collect();
                let name = Label::from_wire(&once, Label::GROUP_MAX).ok()?;
                Some(GroupRef::Name(name))
            }
        }
    }
}

/// What every line of a list in the oldest form starts with.
fn list_line<'a>(trid: u32, list: List, book: &ContactBook, out: &'a mut Outbox) -> LineWriter<'a> {
    out.line("LST")
        .arg(trid)
        .arg(list_word(list))
        .arg(book.revision)
}

/// The own properties in the order in which clients get them; mobile messaging is never on.
fn own_phones(phones: &Phones) -> [(&'static str, Option<&str>); 5] {
    [
        ("PHH", phones.home.as_ref().map(Label::as_str)),
        ("PHW", phones.work.as_ref().map(Label::as_str)),
        ("PHM", phones.mobile.as_ref().map(Label::as_str)),
        ("MOB", Some(if phones.may_page { "Y" } else { "N" })),
        ("MBE", Some("N")),
    ]
}

/// A contact's phone properties in the order in which clients get them.
fn shown_phones(phones: &Phones) -> [(Phone, Option<Label>); 4] {
    let may_page = if phones.may_page { "Y" } else { "N" };
    [
        (Phone::Home, phones.home.clone()),
        (Phone::Work, phones.work.clone()),
        (Phone::Mobile, phones.mobile.clone()),
        (Phone::MayPage, Some(Label::from_stored(may_page))),
    ]
}

fn numbered_groups(book: &ContactBook) -> impl Iterator<Item = (GroupNumber, &Label)> {
    let default = (GroupNumber::DEFAULT, &book.default_group_name);
    let others = book.groups.iter().map(|group| (group.number, &group.name));
    std::iter::once(default).chain(others)
}

/// The groups of a contact by number; the default one where there is no other.
fn group_numbers(contact: &Contact) -> String {
    if contact.groups.is_empty() {
        return GroupNumber::DEFAULT.0.to_string();
    }
    let numbers: Vec<String> = contact
        .groups
        .iter()
        .map(|group| group.0.to_string())
        .collect();
    numbers.join(",")
}

fn group_guids(contact: &Contact, book: &ContactBook) -> String {
    let guids: Vec<String> = book
        .groups
        .iter()
        .filter(|group| contact.groups.contains(&group.number))
        .map(|group| group.guid.to_string())
        .collect();
    guids.join(",")
}

#[cfg(test)]
mod tests {
    use super::super::testing::dialect;
    use super::*;
    use crate::model::{Privacy, ReversePrompt, Settings, UserId};

    const CAROL: &str = "ca501000-0000-4000-8000-000000000003";
    const FRIENDS: &str = "9f000000-0000-4000-8000-0000000000f1";

    fn book() -> ContactBook {
        let contact = |id, address: &str, name: &str, lists, groups: &[u8]| Contact {
            user: UserId(id),
            address: Address::parse(address).unwrap(),
            guid: Guid::parse(CAROL).unwrap(),
            name: Label::from_stored(name),
            lists: ListSet::from_bits(lists),
            groups: groups.iter().copied().map(GroupNumber).collect(),
            phones: Phones {
                home: (id == 3).then(|| Label::from_stored("555%200199")),
                ..Phones::default()
            },
        };
        ContactBook {
            revision: 12,
            // The moment of docs/protocol/transcripts/msnp10-full-session.txt.
            stamps: Stamps {
                lists: 1_099_996_400_000,
                settings: 1_099_996_400_000,
            },
            settings: Settings {
                name: Label::from_stored("Alice%20A"),
                privacy: Privacy::AllowOthers,
                reverse_prompt: ReversePrompt::Ask,
                phones: Phones {
                    home: Some(Label::from_stored("555%200100")),
                    ..Phones::default()
                },
                message: "".into(),
            },
            default_group_name: Label::from_stored("Other%20Contacts"),
            groups: vec![Group {
                number: GroupNumber(1),
                guid: Guid::parse(FRIENDS).unwrap(),
                name: Label::from_stored("Friends"),
            }],
            contacts: vec![
                contact(3, "carol@example.com", "Carol%20C", 11, &[1]),
                contact(4, "dave@example.com", "Dave", 4, &[]),
            ],
        }
    }

    fn syn(number: u8, book: &ContactBook) -> String {
        let mut out = Outbox::default();
        dialect(number).roster(8, book, &mut out);
        String::from_utf8(out.bytes().to_vec()).unwrap()
    }

    /// The lines that the reference's session of a version shows between `SYN 8` and `CHG 9`.
    fn reference(number: u8) -> String {
        let file = format!(
            "{}/docs/protocol/transcripts/msnp{number:02}-full-session.txt",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = std::fs::read_to_string(file).unwrap();
        let burst = text
            .lines()
            .skip_while(|line| !line.starts_with("NS>A: SYN 8"))
            .take_while(|line| line.starts_with("NS>A: "))
            .map(|line| line.trim_start_matches("NS>A: "));
        let stamp = "2004-11-09T03:33:20.0000000-07:00";
        burst
            .map(|line| format!("{line}\r\n"))
            .collect::<String>()
            .replace("{list_ts}", stamp)
            .replace("{settings_ts}", stamp)
    }

    #[test]
    fn the_download_is_that_of_the_reference() {
        for number in [2, 5, 7, 8, 9, 10, 11, 12] {
            assert_eq!(syn(number, &book()), reference(number), "MSNP{number}");
        }
    }

    #[test]
    fn empty_lists_have_a_line_each_in_the_oldest_form() {
        let mut empty = book();
        empty.contacts.clear();
        let text = syn(2, &empty);
        for list in ["FL", "AL", "BL", "RL"] {
            assert!(text.contains(&format!("LST 8 {list} 12 0 0\r\n")), "{list}");
        }
        assert!(syn(8, &empty).starts_with("SYN 8 12 0 2\r\n"));
    }

    #[test]
    fn undecided_people_are_pending_to_those_who_know_the_list() {
        let mut pending = book();
        pending.contacts.truncate(1);
        pending.contacts[0].lists = ListSet::EMPTY.with(List::Reverse).with(List::Pending);
        assert!(syn(8, &pending).contains("LST carol@example.com Carol%20C 8\r\n"));
        assert!(syn(9, &pending).contains(" 8\r\n"));
        assert!(syn(11, &pending).contains("LST N=carol@example.com F=Carol%20C 16\r\n"));
        pending.contacts[0].lists = pending.contacts[0].lists.with(List::Allow);
        assert!(syn(11, &pending).contains("LST N=carol@example.com F=Carol%20C 10\r\n"));
    }

    #[test]
    fn what_a_client_has_is_current_only_when_it_is_equal() {
        let book = book();
        let stamp = stamp(book.stamps.lists);
        assert!(dialect(8).is_current(&Cached::Serial(12), &book));
        assert!(!dialect(8).is_current(&Cached::Serial(11), &book));
        let both = |a: &str, b: &str| Cached::Stamps(a.to_owned(), b.to_owned());
        assert!(dialect(10).is_current(&both(&stamp, &stamp), &book));
        assert!(!dialect(10).is_current(&both(&stamp, "0"), &book));
        assert!(!dialect(10).is_current(&both("0", "0"), &book));
    }

    #[test]
    fn replies_about_groups_have_a_form_for_each_kind_of_client() {
        let group = book().groups.remove(0);
        let render = |number, form| {
            let mut out = Outbox::default();
            let speaks = dialect(number);
            speaks.group_created(1, 5, &group, b"Friends", form, &mut out);
            speaks.group_renamed(2, 6, (b"ID", b"Pals"), form, &mut out);
            speaks.group_deleted(3, 7, b"ID", form, &mut out);
            String::from_utf8(out.bytes().to_vec()).unwrap()
        };
        use ClientFamily::{Amsn, Msnp11Sdk, Official};
        assert_eq!(
            render(7, Official),
            "ADG 1 5 Friends 1 0\r\nREG 2 6 ID Pals 0\r\nRMG 3 7 ID\r\n"
        );
        assert_eq!(
            render(11, Official),
            format!("ADG 1 Friends {FRIENDS} 0\r\nREG 2 1 Pals ID 0\r\nRMG 3 1 ID\r\n")
        );
        assert_eq!(
            render(12, Amsn),
            format!("ADG 1 Friends {FRIENDS}\r\nREG 2 ID Pals\r\nRMG 3 ID\r\n")
        );
        assert_eq!(
            render(11, Msnp11Sdk),
            format!("ADG 1 1 Friends {FRIENDS}\r\nREG 2 1 Pals ID\r\nRMG 3 1 ID\r\n")
        );
    }

    #[test]
    fn groups_are_named_by_number_identity_or_name() {
        let friends = Guid::parse(FRIENDS).unwrap();
        assert_eq!(dialect(2).read_group(b"1"), None);
        assert_eq!(
            dialect(7).read_group(b"29"),
            Some(GroupRef::Number(GroupNumber(29)))
        );
        assert_eq!(dialect(7).read_group(b"30"), None);
        assert_eq!(dialect(7).read_group(b"-1"), None);
        assert_eq!(
            dialect(10).read_group(FRIENDS.as_bytes()),
            Some(GroupRef::Guid(friends))
        );
        assert_eq!(
            dialect(11).read_group(b"New%2520Group"),
            Some(GroupRef::Name(Label::from_stored("New%20Group")))
        );
    }
}
