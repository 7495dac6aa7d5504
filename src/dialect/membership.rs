//! Lists as the clients since MSNP13 change them: many contacts in one piece of XML
//! (`docs/protocol/10 §3`).

use std::fmt::Write as _;

use roxmltree::{Document, Node};

use crate::model::{Address, CircleId, Label, List, ListSet, Refusal};
use crate::wire::Outbox;
use crate::xml::escape_into;

/// Which way contacts go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Onto lists, with `ADL`.
    On,
    /// Off them, with `RML`.
    Off,
}

/// What is put on lists or taken off them. Telephones and people in networks that this server does
/// not reach are not in here: nothing could come of them, and the web service keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Membership {
    /// A part of the list that a client announces when it arrives, not a change.
    pub is_initial: bool,
    /// Accounts here, or what could be one.
    pub accounts: Vec<(Address, ListSet)>,
    /// Groups of people that are contacts themselves.
    pub circles: Vec<(CircleId, ListSet)>,
}

/// The numbers of networks that an entry may name (`docs/protocol/10 §3.1`).
mod network {
    pub(super) const ACCOUNT: u32 = 1;
    pub(super) const TELEPHONE: u32 = 4;
    pub(super) const CIRCLE: u32 = 9;
    /// Where this server reaches nobody.
    const ELSEWHERE: [u32; 8] = [2, TELEPHONE, 8, 10, 13, 14, 16, 32];

    pub(super) fn exists(number: u32) -> bool {
        matches!(number, ACCOUNT | CIRCLE) || ELSEWHERE.contains(&number)
    }
}

/// The lists that a client may name: forward, allow, block. The others are the server's.
const WRITABLE: u32 = 7;

/// Reads the payload of `ADL` and `RML`. Document types are refused, so no entity can grow.
///
/// Refused with what the clients of `ADL` know: `MalformedList` for what is not that XML or names
/// lists that are not the client's, `EmptyList`, `UnknownNetwork`, `UnknownContact` for what is
/// no address, `InvalidParameter` for what is no circle. In a list that a client announces when it
/// arrives, such an entry is passed over: it has been in the client's list for long, and nobody
/// may be kept out by it (`docs/protocol/25 §14`).
pub fn read(payload: &[u8], direction: Direction) -> Result<Membership, Refusal> {
    let text = std::str::from_utf8(payload).map_err(|_| Refusal::MalformedList)?;
    let document = Document::parse(text).map_err(|_| Refusal::MalformedList)?;
    let root = list_root(&document)?;
    let mut membership = Membership {
        is_initial: root.attribute("l") == Some("1"),
        ..Membership::default()
    };
    let mut is_empty = true;
    for (group, entry) in entries(root)? {
        is_empty = false;
        match read_entry(&group, entry, direction, &mut membership) {
            Err(Refusal::UnknownNetwork | Refusal::UnknownContact | Refusal::InvalidParameter)
                if membership.is_initial => {}
            read => read?,
        }
    }
    if is_empty && !membership.is_initial {
        return Err(Refusal::EmptyList);
    }
    Ok(membership)
}

fn list_root<'a, 'input>(document: &'a Document<'input>) -> Result<Node<'a, 'input>, Refusal> {
    let root = document.root_element();
    if root.tag_name().name() == "ml" {
        Ok(root)
    } else {
        Err(Refusal::MalformedList)
    }
}

/// What entries stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group<'a> {
    Domain(&'a str),
    Telephones,
    /// Contacts of other networks, as the newest clients have them.
    Remote,
}

/// All entries with the group that each stands in.
fn entries<'a, 'input>(
    root: Node<'a, 'input>,
) -> Result<Vec<(Group<'a>, Node<'a, 'input>)>, Refusal> {
    let mut all = Vec::new();
    for element in root.children().filter(Node::is_element) {
        let group = match element.tag_name().name() {
            "d" => Group::Domain(element.attribute("n").ok_or(Refusal::MalformedList)?),
            "t" => Group::Telephones,
            "n" => Group::Remote,
            _ => return Err(Refusal::MalformedList),
        };
        for entry in element.children().filter(Node::is_element) {
            if entry.tag_name().name() != "c" {
                return Err(Refusal::MalformedList);
            }
            all.push((group, entry));
        }
    }
    Ok(all)
}

fn read_entry(
    group: &Group<'_>,
    entry: Node<'_, '_>,
    direction: Direction,
    membership: &mut Membership,
) -> Result<(), Refusal> {
    let name = entry.attribute("n").ok_or(Refusal::MalformedList)?;
    let lists = read_lists(entry, direction)?;
    let domain = match group {
        Group::Domain(domain) => domain,
        Group::Telephones | Group::Remote => return Ok(()),
    };
    match read_network(entry)? {
        network::ACCOUNT => {
            let address = Address::parse(&format!("{name}@{domain}"));
            let address = address.map_err(|_| Refusal::UnknownContact)?;
            membership.accounts.push((address, lists));
        }
        network::CIRCLE => {
            let circle = CircleId::parse(name).ok_or(Refusal::InvalidParameter)?;
            membership.circles.push((circle, lists));
        }
        _ => {}
    }
    Ok(())
}

/// The network of an entry; without a word it is the one of this server's accounts.
fn read_network(entry: Node<'_, '_>) -> Result<u32, Refusal> {
    let Some(text) = entry.attribute("t") else {
        return Ok(network::ACCOUNT);
    };
    let number = text.parse().ok();
    number
        .filter(|&number| network::exists(number))
        .ok_or(Refusal::UnknownNetwork)
}

/// Refuses a message to somebody in another network than this server's: `Unreachable`, or
/// `UnknownNetwork` if there is none of that number.
pub fn require_own_network(number: u32) -> Result<(), Refusal> {
    match number {
        network::ACCOUNT => Ok(()),
        number if network::exists(number) => Err(Refusal::Unreachable),
        _ => Err(Refusal::UnknownNetwork),
    }
}

/// The lists of an entry. The newest clients name them for each service; the one for messages
/// counts, and of it the lists that exist here. Nobody is put on the allow and the block list at
/// once, but whoever has to be on neither may be taken off both.
fn read_lists(entry: Node<'_, '_>, direction: Direction) -> Result<ListSet, Refusal> {
    let number = |text: &str| text.parse::<u32>().ok();
    let mask = match entry.attribute("l") {
        Some(text) => number(text).filter(|mask| mask & !WRITABLE == 0),
        None => entry
            .children()
            .filter(|child| child.tag_name().name() == "s")
            .map(|service| service.attribute("l").and_then(number))
            .try_fold(0, |all, mask| Some(all | (mask? & WRITABLE))),
    };
    let bits = mask.and_then(|mask| u8::try_from(mask).ok());
    let lists = ListSet::from_bits(bits.ok_or(Refusal::MalformedList)?);
    let contradicts =
        direction == Direction::On && lists.has(List::Allow) && lists.has(List::Block);
    if lists.is_empty() || contradicts {
        return Err(Refusal::MalformedList);
    }
    Ok(lists)
}

/// A question for the networks of addresses, as it was asked.
#[derive(Debug)]
pub struct Query {
    /// The payload, which was read once already.
    xml: String,
}

impl Query {
    /// Reads the payload of `FQY`. Whatever has the form of a list is a question, whoever it is
    /// about (`docs/protocol/25 §13`); what has not is refused with `MalformedList`.
    pub fn read(payload: &[u8]) -> Result<Self, Refusal> {
        let text = std::str::from_utf8(payload).map_err(|_| Refusal::MalformedList)?;
        let query = Self {
            xml: text.to_owned(),
        };
        query.visit(|_, _| ())?;
        Ok(query)
    }

    /// The addresses that could be accounts.
    pub fn addresses(&self) -> Vec<Address> {
        let mut addresses = Vec::new();
        // It was read before, so there is nothing to fail at.
        let _ = self.visit(|group, name| addresses.extend(account(group, name)));
        addresses
    }

    /// The answer: the same list, each entry with the number of its network, zero for none.
    pub fn answer(&self, exists: impl Fn(&Address) -> bool) -> String {
        let mut xml = String::with_capacity(self.xml.len() * 2);
        let Ok(document) = Document::parse(&self.xml) else {
            return xml;
        };
        let root = document.root_element();
        xml.push_str("<ml");
        if let Some(kind) = root.attribute("l") {
            attribute("l", kind, &mut xml);
        }
        xml.push('>');
        for element in root.children().filter(Node::is_element) {
            let tag = match element.tag_name().name() {
                "t" => "t",
                "n" => "n",
                _ => "d",
            };
            xml.push('<');
            xml.push_str(tag);
            let domain = element.attribute("n");
            if let Some(domain) = domain {
                attribute("n", domain, &mut xml);
            }
            xml.push('>');
            let group = match (tag, domain) {
                ("d", Some(domain)) => Group::Domain(domain),
                ("t", _) => Group::Telephones,
                _ => Group::Remote,
            };
            for name in names(element) {
                let network = match group {
                    Group::Telephones => network::TELEPHONE,
                    Group::Domain(_) | Group::Remote => {
                        let known = account(group, name).is_some_and(|address| exists(&address));
                        if known { network::ACCOUNT } else { 0 }
                    }
                };
                xml.push_str("<c");
                attribute("n", name, &mut xml);
                let _ = write!(xml, " t=\"{network}\" />");
            }
            let _ = write!(xml, "</{tag}>");
        }
        xml.push_str("</ml>");
        xml
    }

    fn visit(&self, mut each: impl FnMut(Group<'_>, &str)) -> Result<(), Refusal> {
        let document = Document::parse(&self.xml).map_err(|_| Refusal::MalformedList)?;
        for (group, entry) in entries(list_root(&document)?)? {
            each(group, entry.attribute("n").ok_or(Refusal::MalformedList)?);
        }
        Ok(())
    }
}

fn names<'a>(element: Node<'a, '_>) -> impl Iterator<Item = &'a str> {
    element.children().filter_map(|entry| entry.attribute("n"))
}

fn account(group: Group<'_>, name: &str) -> Option<Address> {
    match group {
        Group::Domain(domain) => Address::parse(&format!("{name}@{domain}")).ok(),
        Group::Telephones | Group::Remote => None,
    }
}

/// Tells that somebody put the client's owner on their forward list.
pub(super) fn followed(by: &Address, name: &Label, out: &mut Outbox) {
    push("ADL", by, Some(name), out);
}

/// Tells that somebody took the client's owner off their forward list.
pub(super) fn unfollowed(by: &Address, out: &mut Outbox) {
    push("RML", by, None, out);
}

fn push(verb: &str, by: &Address, name: Option<&Label>, out: &mut Outbox) {
    let address = by.as_str();
    let (local, domain) = address.split_once('@').unwrap_or((address, ""));
    let mut xml = String::from("<ml><d");
    attribute("n", domain, &mut xml);
    xml.push_str("><c");
    attribute("n", local, &mut xml);
    xml.push_str(" t=\"1\" l=\"8\"");
    if let Some(name) = name {
        attribute("f", name.as_str(), &mut xml);
    }
    xml.push_str(" /></d></ml>");
    out.line(verb).arg("0").payload(xml.as_bytes());
}

/// Writes ` name="value"`. Nothing in it can be white space but blanks: what was read from an
/// attribute has no other, and names are encoded.
fn attribute(name: &str, value: &str, xml: &mut String) {
    let _ = write!(xml, " {name}=\"");
    escape_into(value, xml);
    xml.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    fn on(xml: &str) -> Result<Membership, Refusal> {
        read(xml.as_bytes(), Direction::On)
    }

    fn accounts(xml: &str) -> Vec<(String, u8)> {
        let membership = on(xml).unwrap();
        let entries = membership.accounts.iter();
        entries
            .map(|(address, lists)| (address.to_string(), lists.bits()))
            .collect()
    }

    #[test]
    fn every_grouping_is_read() {
        let both = [
            ("bob@example.net".to_owned(), 3),
            ("carol@example.com".to_owned(), 5),
        ];
        for xml in [
            r#"<ml l="1"><d n="example.net"><c n="bob" l="3" t="1"/></d><d n="example.com"><c n="carol" l="5" t="1"/></d></ml>"#,
            "<ml><d n='Example.Net'><c n='Bob' l='3'/></d><d n='example.com'><c n='carol' l='5'></c></d></ml>",
            "<?xml version='1.0'?>\r\n<ml>\r\n <d n='example.net'> <c l='3' n='bob' t='1'/> </d> <d n='example.com'><c n='carol' l='5'/></d></ml>\r\n",
            "<ml><d n='example.net'><c n='bob' t='1'><s l='3' n='IM'/><s l='3' n='PE'/></c></d><d n='example.com'><c n='carol'><s l='69' n='IM'/></c></d></ml>",
        ] {
            assert_eq!(accounts(xml), both, "{xml}");
        }
    }

    #[test]
    fn an_empty_list_is_one_when_a_client_arrives() {
        for xml in [
            "<ml l=\"1\"></ml>",
            "<ml l='1'/>",
            "<ml l='1'><d n='a.b'/></ml>",
        ] {
            let membership = on(xml).unwrap();
            assert!(membership.is_initial && membership.accounts.is_empty());
        }
        assert_eq!(on("<ml></ml>"), Err(Refusal::EmptyList));
        assert_eq!(on("<ml><d n='a.b'></d></ml>"), Err(Refusal::EmptyList));
    }

    #[test]
    fn telephones_and_other_networks_are_nobodys_account() {
        let xml = "<ml><t><c n='tel:+15551234567' l='3'/></t>\
                   <d n='yahoo.com'><c n='dave' l='3' t='32'/><c n='not an address' l='1' t='2'/></d>\
                   <n><c n='fb'><s l='3' n='IM'/></c></n></ml>";
        let membership = on(xml).unwrap();
        assert_eq!(membership, Membership::default());
    }

    #[test]
    fn circles_are_apart() {
        let xml = "<ml><d n='live.com'>\
                   <c n='00000000-0000-0000-0009-73944a8f7947' l='3' t='9'/></d></ml>";
        let membership = on(xml).unwrap();
        let circle = CircleId::parse("00000000-0000-0000-0009-73944a8f7947").unwrap();
        assert_eq!(membership.circles, [(circle, ListSet::from_bits(3))]);
        let other = xml.replace("-0009-", "-0008-");
        assert_eq!(on(&other), Err(Refusal::InvalidParameter));
    }

    #[test]
    fn nobody_is_kept_out_by_an_entry_of_their_list_that_means_nothing() {
        let entries = "<d n='example.com'><c n='b o b' l='3' t='1'/><c n='x' l='3' t='77'/>\
                       <c n='y' l='3' t='9'/><c n='bob' l='3' t='1'/></d>";
        let membership = on(&format!("<ml l='1'>{entries}</ml>")).unwrap();
        let bob = (address("bob@example.com"), ListSet::from_bits(3));
        assert_eq!(membership.accounts, [bob]);
        assert!(membership.circles.is_empty());
        let change = on(&format!("<ml>{entries}</ml>"));
        assert_eq!(change, Err(Refusal::UnknownContact));
    }

    #[test]
    fn whoever_is_to_be_on_no_list_is_taken_off_all() {
        let off = |mask: u8| {
            let xml = format!("<ml><d n='example.com'><c n='bob' l='{mask}'/></d></ml>");
            read(xml.as_bytes(), Direction::Off)
        };
        for mask in 1..=7 {
            let lists = off(mask).unwrap().accounts[0].1;
            assert_eq!(lists, ListSet::from_bits(mask));
        }
        assert_eq!(off(8), Err(Refusal::MalformedList));
        assert_eq!(off(0), Err(Refusal::MalformedList));
    }

    #[test]
    fn other_networks_are_out_of_reach_and_others_do_not_exist() {
        assert_eq!(require_own_network(1), Ok(()));
        assert_eq!(require_own_network(32), Err(Refusal::Unreachable));
        assert_eq!(require_own_network(77), Err(Refusal::UnknownNetwork));
    }

    #[test]
    fn every_fault_has_its_refusal() {
        let entry = |attributes: &str| format!("<ml><d n='example.com'><c {attributes}/></d></ml>");
        for (xml, refusal) in [
            (String::new(), Refusal::MalformedList),
            ("x".to_owned(), Refusal::MalformedList),
            ("<ml><d n='a.b'>".to_owned(), Refusal::MalformedList),
            ("<other/>".to_owned(), Refusal::MalformedList),
            ("<ml><x/></ml>".to_owned(), Refusal::MalformedList),
            (
                "<ml><d><c n='b' l='1'/></d></ml>".to_owned(),
                Refusal::MalformedList,
            ),
            (
                "<ml><d n='a.b'><x/></d></ml>".to_owned(),
                Refusal::MalformedList,
            ),
            (
                "<!DOCTYPE ml [<!ENTITY a 'b'>]><ml l='1'/>".to_owned(),
                Refusal::MalformedList,
            ),
            (entry("l='1'"), Refusal::MalformedList),
            (entry("n='b'"), Refusal::MalformedList),
            (entry("n='b' l='0'"), Refusal::MalformedList),
            (entry("n='b' l='6'"), Refusal::MalformedList),
            (entry("n='b' l='7'"), Refusal::MalformedList),
            (entry("n='b' l='8'"), Refusal::MalformedList),
            (entry("n='b' l='16'"), Refusal::MalformedList),
            (entry("n='b' l='-1'"), Refusal::MalformedList),
            (entry("n='b' l='4294967297'"), Refusal::MalformedList),
            (entry("n='b' l='x'"), Refusal::MalformedList),
            (entry("n='b' l='1' t='3'"), Refusal::UnknownNetwork),
            (entry("n='b' l='1' t=''"), Refusal::UnknownNetwork),
            (entry("n='b c' l='1'"), Refusal::UnknownContact),
            (entry("n='b@c' l='1'"), Refusal::UnknownContact),
            (entry("n='' l='1'"), Refusal::UnknownContact),
            (entry("n='b' l='1' t='9'"), Refusal::InvalidParameter),
        ] {
            assert_eq!(on(&xml), Err(refusal), "{xml}");
        }
        assert_eq!(
            read(b"<ml l='1'>\xff</ml>", Direction::On),
            Err(Refusal::MalformedList)
        );
    }

    #[test]
    fn a_question_is_answered_in_its_own_form() {
        let bob = address("bob@example.net");
        let answer = |xml: &str| {
            let query = Query::read(xml.as_bytes()).unwrap();
            query.answer(|address| *address == bob)
        };
        assert_eq!(
            answer(r#"<ml><d n="example.net"><c n="Bob" /><c n="eve" t="1" l="3"/></d></ml>"#),
            r#"<ml><d n="example.net"><c n="Bob" t="1" /><c n="eve" t="0" /></d></ml>"#
        );
        assert_eq!(
            answer(
                "<ml l='2'><d n='a&amp;&quot;b'><c n='not one'/></d><t><c n='tel:+1'/></t></ml>"
            ),
            "<ml l=\"2\"><d n=\"a&amp;&quot;b\"><c n=\"not one\" t=\"0\" /></d>\
             <t><c n=\"tel:+1\" t=\"4\" /></t></ml>"
        );
        assert_eq!(answer("<ml/>"), "<ml></ml>");
        let query = Query::read(b"<ml><d n='example.net'><c n='bob'/><c n='b c'/></d></ml>");
        assert_eq!(query.unwrap().addresses(), [bob]);
        assert!(matches!(Query::read(b"<ml>"), Err(Refusal::MalformedList)));
        assert!(matches!(
            Query::read(b"<ml><d n='a.b'><c/></d></ml>"),
            Err(Refusal::MalformedList)
        ));
    }

    #[test]
    fn notices_about_followers_have_the_lengths_of_the_reference() {
        let mut out = Outbox::default();
        followed(
            &address("bob@example.net"),
            &Label::from_stored("Bob%20B"),
            &mut out,
        );
        unfollowed(&address("alice@example.com"), &mut out);
        assert_eq!(
            String::from_utf8(out.bytes().to_vec()).unwrap(),
            "ADL 0 69\r\n<ml><d n=\"example.net\"><c n=\"bob\" t=\"1\" l=\"8\" f=\"Bob%20B\" /></d></ml>\
             RML 0 59\r\n<ml><d n=\"example.com\"><c n=\"alice\" t=\"1\" l=\"8\" /></d></ml>"
        );
    }
}
