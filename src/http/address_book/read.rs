//! What the requests of both services have in common.
//!
//! Elements may come in any order and under any prefix, and most may be missing. None may come
//! twice where one is meant: which of the two would count is not for us to guess.

use crate::http::soap::{Failure, Malformed, named, text_of};
use roxmltree::Node;

use super::fault;
use super::stamp::{Since, since};
use crate::model::{
    CardField, CardPatch, CircleId, Guid, ItemList, ItemPatch, NewCard, Refusal, Stamp,
    address_book,
};

/// The child with this local name, if there is one; there may not be two.
pub(in crate::http) fn maybe<'d, 'i>(
    parent: Node<'d, 'i>,
    name: &str,
) -> Result<Option<Node<'d, 'i>>, Malformed> {
    let mut found = named(parent, name);
    match (found.next(), found.next()) {
        (first, None) => Ok(first),
        _ => Err(Malformed),
    }
}

/// The child at the end of a path.
pub(in crate::http) fn at<'d, 'i>(
    parent: Node<'d, 'i>,
    path: &[&str],
) -> Result<Option<Node<'d, 'i>>, Malformed> {
    path.iter().try_fold(Some(parent), |node, name| match node {
        Some(node) => maybe(node, name),
        None => Ok(None),
    })
}

/// The text of a child, without the blanks around it; `None` where there is no such child.
pub(in crate::http) fn text<'d>(
    parent: Node<'d, '_>,
    name: &str,
) -> Result<Option<&'d str>, Malformed> {
    Ok(maybe(parent, name)?.map(text_of))
}

/// The text of a child that may be missing or empty, which is the same.
pub(in crate::http) fn words<'d>(
    parent: Node<'d, '_>,
    name: &str,
) -> Result<Option<&'d str>, Malformed> {
    Ok(text(parent, name)?.filter(|text| !text.is_empty()))
}

/// Whether a child says `true`; `None` where there is none.
pub(in crate::http) fn flag(parent: Node<'_, '_>, name: &str) -> Result<Option<bool>, Malformed> {
    match text(parent, name)? {
        None | Some("") => Ok(None),
        Some(word) if word.eq_ignore_ascii_case("true") || word == "1" => Ok(Some(true)),
        Some(word) if word.eq_ignore_ascii_case("false") || word == "0" => Ok(Some(false)),
        Some(_) => Err(Malformed),
    }
}

/// The contacts that a request is about.
pub(in crate::http) fn contacts<'d, 'i>(
    request: Node<'d, 'i>,
) -> Result<Vec<Node<'d, 'i>>, Malformed> {
    let list = maybe(request, "contacts")?.ok_or(Malformed)?;
    let contacts: Vec<_> = named(list, "Contact").collect();
    if contacts.is_empty() {
        return Err(Malformed);
    }
    Ok(contacts)
}

/// The identity of a contact. What is none belongs to no contact.
pub(in crate::http) fn contact_id(contact: Node<'_, '_>) -> Result<Option<Guid>, Failure> {
    words(contact, "contactId")?
        .map(|text| Guid::parse(text).ok_or(Refusal::UnknownContact.into()))
        .transpose()
}

/// The identities of contacts, each of which has one.
pub(in crate::http) fn contact_ids(request: Node<'_, '_>) -> Result<Vec<Guid>, Failure> {
    contacts(request)?
        .into_iter()
        .map(|contact| contact_id(contact)?.ok_or(Malformed.into()))
        .collect()
}

/// The groups that a request filters by; there is at least one.
pub(in crate::http) fn filtered_groups(request: Node<'_, '_>) -> Result<Vec<Guid>, Failure> {
    let list = at(request, &["groupFilter", "groupIds"])?.ok_or(Malformed)?;
    let groups = named(list, "guid")
        .map(|node| Guid::parse(text_of(node)).ok_or(Refusal::UnknownGroup))
        .collect::<Result<Vec<Guid>, Refusal>>()?;
    if groups.is_empty() {
        return Err(Malformed.into());
    }
    Ok(groups)
}

/// Which book a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Book {
    /// The caller's own.
    Own,
    /// That of a circle.
    Circle(CircleId),
}

/// The book of a request that is about the caller's own only: every identity but that of the own
/// book belongs to no book here.
pub(in crate::http) fn own_book(request: Node<'_, '_>) -> Result<(), Failure> {
    match book_of(words(request, "abId")?)? {
        Book::Own => Ok(()),
        Book::Circle(_) => Err(fault::no_such_book()),
    }
}

/// The book of a request with an `abId`; without one it is the caller's own.
pub(in crate::http) fn book(request: Node<'_, '_>) -> Result<Book, Failure> {
    book_of(words(request, "abId")?)
}

/// The book of a request with an `abHandle`; without one it is the caller's own.
pub(in crate::http) fn handled_book(request: Node<'_, '_>) -> Result<Book, Failure> {
    match maybe(request, "abHandle")? {
        Some(handle) => book_of(words(handle, "ABId")?),
        None => Ok(Book::Own),
    }
}

fn book_of(id: Option<&str>) -> Result<Book, Failure> {
    match id {
        None => Ok(Book::Own),
        Some(id) if Guid::parse(id) == Some(Guid::NIL) => Ok(Book::Own),
        Some(id) => {
            let circle = CircleId::parse(id).ok_or_else(fault::no_such_book)?;
            Ok(Book::Circle(circle))
        }
    }
}

/// Since when changes are wanted; `None` where all is. A stamp that cannot be read makes a full
/// answer necessary, and the client has to know that it is one.
pub(in crate::http) fn changes_since(
    parent: Node<'_, '_>,
    wish: &str,
    stamp: &str,
) -> Result<Option<Stamp>, Failure> {
    if flag(parent, wish)? != Some(true) {
        return Ok(None);
    }
    match since(text(parent, stamp)?.unwrap_or_default()) {
        Since::Nothing => Ok(None),
        Since::Moment(moment) => Ok(Some(Stamp(moment))),
        Since::Unreadable => Err(Refusal::FullSyncRequired.into()),
    }
}

/// Names and values of annotations, wherever they are.
pub(in crate::http) fn annotations(
    parent: Node<'_, '_>,
    name: &str,
) -> Result<Vec<(String, String)>, Malformed> {
    let Some(list) = maybe(parent, name)? else {
        return Ok(Vec::new());
    };
    named(list, "Annotation")
        .map(|one| {
            let name = text(one, "Name")?.ok_or(Malformed)?;
            let value = text(one, "Value")?.unwrap_or_default();
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}

/// Which of a contact's properties a request speaks of.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) enum Properties<'d> {
    /// All that are there.
    Present,
    /// Those that are named here, separated by blanks. Unknown names are passed over.
    Named(&'d str),
}

impl Properties<'_> {
    pub(in crate::http) fn include(self, property: &str) -> bool {
        match self {
            Self::Present => true,
            Self::Named(names) => names
                .split_ascii_whitespace()
                .any(|name| name.eq_ignore_ascii_case(property)),
        }
    }
}

/// The fields of a `contactInfo`. What is named and not there stays as it is: clients leave out
/// what they have no value for, and write an empty element to delete.
pub(in crate::http) fn patch(
    info: Node<'_, '_>,
    properties: Properties<'_>,
) -> Result<CardPatch, Malformed> {
    let mut patch = CardPatch::default();
    for &field in CardField::ALL {
        if !properties.include(field.property()) {
            continue;
        }
        if let Some(value) = text(info, field.name())?
            && !is_kind_of_ours(field, value)
        {
            patch.texts.push((field, spelled(field, value)));
        }
    }
    for list in ItemList::ALL {
        let shape = list.shape();
        if !properties.include(shape.property) {
            continue;
        }
        if let Some(node) = maybe(info, shape.list)? {
            for item in named(node, shape.item) {
                patch.items.push(item_patch(list, item)?);
            }
        }
    }
    if properties.include("Annotation") {
        patch.annotations = annotations(info, "annotations")?;
    }
    Ok(patch)
}

/// The two kinds of contact that nobody becomes by a change of their card.
fn is_kind_of_ours(field: CardField, value: &str) -> bool {
    field == CardField::ContactType && matches!(value, "Me" | "Circle")
}

/// Flags are words of a program, so their case is not the client's to choose.
fn spelled(field: CardField, value: &str) -> String {
    match field.kind() {
        crate::model::card::ValueKind::Flag => value.to_ascii_lowercase(),
        _ => value.to_owned(),
    }
}

fn item_patch(list: ItemList, item: Node<'_, '_>) -> Result<ItemPatch, Malformed> {
    let shape = list.shape();
    let mut parts = Vec::new();
    for part in shape.parts {
        if let Some(value) = text(item, part.name)? {
            parts.push((part.name.to_owned(), value.to_owned()));
        }
    }
    Ok(ItemPatch {
        list,
        kind: text(item, shape.kind)?.ok_or(Malformed)?.to_owned(),
        parts,
    })
}

/// A new contact. `options` is what may ask for the allow list.
pub(in crate::http) fn new_card(
    info: Node<'_, '_>,
    options: Option<Node<'_, '_>>,
) -> Result<NewCard, Malformed> {
    let mut fields = patch(info, Properties::Present)?;
    let mut invitation = None;
    if let Some(member) = maybe(info, "MessengerMemberInfo")? {
        let notes = annotations(member, "PendingAnnotations")?;
        let mut texts = notes.into_iter();
        let found = texts.find(|(name, _)| name == address_book::INVITE_MESSAGE);
        invitation = found.map(|(_, text)| text).filter(|text| !text.is_empty());
    }
    // What an account is called is for its owner to say.
    let address = words(info, "passportName")?.map(str::to_owned);
    if address.is_some() {
        let is_name = |(field, _): &(CardField, String)| *field == CardField::DisplayName;
        fields.texts.retain(|text| !is_name(text));
    }
    let allow = match options {
        Some(options) => flag(options, "EnableAllowListManagement")?,
        None => None,
    };
    Ok(NewCard {
        address,
        messenger: flag(info, "isMessengerUser")?.unwrap_or(false),
        allow: allow.unwrap_or(false),
        fields,
        groups: Vec::new(),
        invitation,
    })
}

/// A number, such as what a connection is to become.
pub(in crate::http) fn number(parent: Node<'_, '_>, name: &str) -> Result<Option<i64>, Malformed> {
    words(parent, name)?
        .map(|text| text.parse().map_err(|_| Malformed))
        .transpose()
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    fn with<T>(text: &str, read: impl FnOnce(Node<'_, '_>) -> T) -> T {
        read(Document::parse(text).unwrap().root_element())
    }

    #[test]
    fn one_element_is_meant_or_none() {
        with("<a><b> x </b><c/><c/><d/></a>", |a| {
            assert_eq!(text(a, "b"), Ok(Some("x")));
            assert_eq!(text(a, "c"), Err(Malformed));
            assert_eq!(text(a, "d"), Ok(Some("")));
            assert_eq!(words(a, "d"), Ok(None));
            assert_eq!(text(a, "e"), Ok(None));
            assert!(at(a, &["d", "e", "f"]).unwrap().is_none());
        });
    }

    #[test]
    fn flags_and_numbers_are_read_in_every_spelling() {
        with(
            "<a><t>True</t><o>1</o><f>FALSE</f><z>0</z><e/><x>yes</x><n> -7 </n></a>",
            |a| {
                for (name, value) in [
                    ("t", Some(true)),
                    ("o", Some(true)),
                    ("f", Some(false)),
                    ("z", Some(false)),
                    ("e", None),
                    ("missing", None),
                ] {
                    assert_eq!(flag(a, name), Ok(value), "{name}");
                }
                assert_eq!(flag(a, "x"), Err(Malformed));
                assert_eq!(number(a, "n"), Ok(Some(-7)));
                assert_eq!(number(a, "x"), Err(Malformed));
            },
        );
    }

    #[test]
    fn the_own_book_is_the_only_one_without_a_handle() {
        let nil = Guid::NIL;
        for request in [
            "<a/>".to_owned(),
            "<a><abId/></a>".to_owned(),
            format!("<a><abId>{nil}</abId></a>"),
        ] {
            assert!(with(&request, own_book).is_ok(), "{request}");
        }
        for id in ["x", "99999999-9999-4999-8999-999999999999"] {
            let request = format!("<a><abId>{id}</abId></a>");
            assert!(with(&request, own_book).is_err(), "{request}");
        }
    }

    #[test]
    fn a_handle_names_the_own_book_or_a_circle() {
        let handle = |id: &str| {
            let request = format!("<a><abHandle><Cid>0</Cid><ABId>{id}</ABId></abHandle></a>");
            with(&request, handled_book).ok()
        };
        assert_eq!(handle(""), Some(Book::Own));
        assert_eq!(handle(&Guid::NIL.to_string()), Some(Book::Own));
        assert_eq!(handle("1"), None);
        let circle = "00000000-0000-0000-0009-73944A8F7947";
        let id = CircleId::parse(circle).unwrap();
        assert_eq!(handle(circle), Some(Book::Circle(id)));
    }

    #[test]
    fn changes_are_wanted_only_with_a_stamp_to_start_from() {
        let since = |inner: &str| {
            with(&format!("<a>{inner}</a>"), |a| {
                changes_since(a, "deltasOnly", "lastChange").ok()
            })
        };
        let moment = "<lastChange>1970-01-01T00:00:01.5Z</lastChange>";
        assert_eq!(since(moment), Some(None));
        let wish = "<deltasOnly>true</deltasOnly>";
        assert_eq!(since(wish), Some(None));
        assert_eq!(since(&format!("{moment}{wish}")), Some(Some(Stamp(1500))));
        let nonsense = format!("<lastChange>x</lastChange>{wish}");
        assert_eq!(since(&nonsense), None);
        assert_eq!(since("<lastChange>x</lastChange>"), Some(None));
    }

    #[test]
    fn a_patch_has_what_is_named_and_there() {
        let info = "<i><firstName> Bob </firstName><lastName/><comment>x</comment>\
                    <isFavorite>True</isFavorite><contactType>Me</contactType>\
                    <phones><ContactPhone><number>1</number><contactPhoneType>Pager</contactPhoneType>\
                    <propertiesChanged>Number</propertiesChanged></ContactPhone></phones>\
                    <annotations><Annotation><Value/><Name>a</Name></Annotation>\
                    <Annotation><Name>b</Name></Annotation></annotations></i>";
        let all = with(info, |info| patch(info, Properties::Present)).unwrap();
        let value = |field: CardField, text: &str| (field, text.to_owned());
        assert_eq!(
            all.texts,
            [
                value(CardField::FirstName, "Bob"),
                value(CardField::LastName, ""),
                value(CardField::Comment, "x"),
                value(CardField::IsFavorite, "true"),
            ]
        );
        assert_eq!(all.items.len(), 1);
        assert_eq!(all.annotations.len(), 2);
        let named = Properties::Named(" contactlastname\nMiddleName Unheard ");
        let some = with(info, |info| patch(info, named)).unwrap();
        assert_eq!(some.texts, [value(CardField::LastName, "")]);
        assert!(some.items.is_empty() && some.annotations.is_empty());
        assert!(
            with(info, |info| patch(info, Properties::Named("")))
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn items_and_annotations_without_a_name_are_refused() {
        for info in [
            "<i><annotations><Annotation><Value>x</Value></Annotation></annotations></i>",
            "<i><phones><ContactPhone><number>1</number></ContactPhone></phones></i>",
            "<i><phones/><phones/></i>",
        ] {
            let read = with(info, |info| patch(info, Properties::Present));
            assert!(read.is_err(), "{info}");
        }
    }

    #[test]
    fn a_new_card_is_read_with_its_invitation() {
        let info = "<i><MessengerMemberInfo><DisplayName>Me</DisplayName><PendingAnnotations>\
                    <Annotation><Name>MSN.IM.InviteMessage</Name><Value>Hi</Value></Annotation>\
                    </PendingAnnotations></MessengerMemberInfo><isMessengerUser>true</isMessengerUser>\
                    <displayName>not yours to say</displayName><passportName>a@b.c</passportName></i>";
        let card = with(info, |info| new_card(info, None)).unwrap();
        assert_eq!(card.address.as_deref(), Some("a@b.c"));
        assert_eq!(card.invitation.as_deref(), Some("Hi"));
        assert!(card.messenger && !card.allow && card.fields.is_empty());
    }

    #[test]
    fn groups_are_named_by_identities_only() {
        let filter = |inner: &str| {
            let request = format!("<a><groupFilter><groupIds>{inner}</groupIds></groupFilter></a>");
            with(&request, filtered_groups).ok()
        };
        let id = "6C1F0D6E-0F6D-4C5E-9E83-6A4B1F8E2D10";
        let guid = Guid::parse(id).unwrap();
        assert_eq!(filter(&format!("<guid>{id}</guid>")), Some(vec![guid]));
        assert_eq!(filter("<guid>Friends</guid>"), None);
        assert_eq!(filter(""), None);
    }
}
