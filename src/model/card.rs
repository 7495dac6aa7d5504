//! What an address book keeps about a person: a card.
//!
//! A card has some forty fields that the server only keeps. So they are data, not struct fields:
//! one table says what each is called, what a client calls a change of it, and which values it
//! takes, in the order of the contact schema (`docs/protocol/12 §4.3`). Whatever comes from outside is
//! a [`CardPatch`] and is checked when it is applied; a [`CardFields`] has only what fits.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Refusal;

/// Longest value of a field, a part of an item or an annotation, in bytes.
pub const VALUE_MAX: usize = 4096;
/// Longest name of an annotation, and longest kind of an item, in bytes.
pub const NAME_MAX: usize = 128;
/// What a whole card may hold, in bytes of names and values.
pub const CARD_MAX: usize = 16 * 1024;
/// Annotations on one card, group or member.
pub const ANNOTATIONS_MAX: usize = 64;
/// Items in one list of a card. Each kind comes once.
pub const ITEMS_MAX: usize = 32;

/// Which values a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// Anything a person may type.
    Text,
    /// `true` or `false`; kept in these words, read also as `1` and `0`.
    Flag,
    /// A whole number of 32 bits.
    Number,
}

impl ValueKind {
    /// The one spelling in which a value is kept, or why it cannot be. Empty means unset and is
    /// good for every kind.
    fn normalised(self, value: &str) -> Result<&str, Refusal> {
        if value.len() > VALUE_MAX {
            return Err(Refusal::CardTooLarge);
        }
        match (self, value) {
            (_, "") => Ok(""),
            (Self::Flag, "true" | "1") => Ok("true"),
            (Self::Flag, "false" | "0") => Ok("false"),
            (Self::Number, number) if number.parse::<i32>().is_ok() => Ok(number),
            (Self::Text, text) if is_printable(text) => Ok(text),
            _ => Err(Refusal::InvalidParameter),
        }
    }

    /// What an absent value means where one has to be written.
    pub const fn default(self) -> &'static str {
        match self {
            Self::Text => "",
            Self::Flag => "false",
            Self::Number => "0",
        }
    }
}

/// Whether every sign can be written in an XML document.
fn is_printable(text: &str) -> bool {
    text.chars().all(|sign| {
        matches!(sign, '\t' | '\n' | '\r')
            || (sign >= ' ' && !matches!(sign, '\u{fffe}' | '\u{ffff}'))
    })
}

/// A name from outside: of an annotation, or the kind of an item.
fn checked_name(name: &str) -> Result<&str, Refusal> {
    if name.len() > NAME_MAX {
        return Err(Refusal::CardTooLarge);
    }
    if name.is_empty() || !is_printable(name) {
        return Err(Refusal::InvalidParameter);
    }
    Ok(name)
}

macro_rules! card_fields {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $property:literal, $kind:ident;)*) => {
        /// A field of a card that holds one value. They are ordered as in the contact schema.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum CardField { $($(#[$doc])* $variant,)* }

        impl CardField {
            /// All of them, in the order of the schema.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// What it is called in a contact.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What a client calls a change of it.
            pub const fn property(self) -> &'static str {
                match self { $(Self::$variant => $property,)* }
            }

            /// Which values it takes.
            pub const fn kind(self) -> ValueKind {
                match self { $(Self::$variant => ValueKind::$kind,)* }
            }
        }
    };
}

card_fields! {
    ContactType = "contactType", "ContactType", Text;
    /// The owner's own label for the person.
    QuickName = "quickName", "ContactQuickName", Text;
    FirstName = "firstName", "ContactFirstName", Text;
    MiddleName = "MiddleName", "MiddleName", Text;
    LastName = "lastName", "ContactLastName", Text;
    Suffix = "Suffix", "Suffix", Text;
    NameTitle = "NameTitle", "NameTitle", Text;
    /// Kept only for people without account; others have a name of their own.
    DisplayName = "displayName", "DisplayName", Text;
    Comment = "comment", "Comment", Text;
    IsMobileImEnabled = "isMobileIMEnabled", "IsMobileIMEnabled", Flag;
    IsFavorite = "isFavorite", "IsFavorite", Flag;
    IsSmtp = "isSmtp", "IsSmtp", Flag;
    HasSpace = "hasSpace", "HasSpace", Flag;
    SpotWatchState = "spotWatchState", "SpotWatchState", Text;
    BirthDate = "birthdate", "ContactBirthDate", Text;
    PrimaryEmailType = "primaryEmailType", "ContactPrimaryEmailType", Text;
    PrimaryLocation = "PrimaryLocation", "ContactPrimaryLocation", Text;
    PrimaryPhone = "PrimaryPhone", "ContactPrimaryPhone", Text;
    IsPrivate = "IsPrivate", "IsPrivate", Flag;
    Anniversary = "Anniversary", "Anniversary", Text;
    Gender = "Gender", "Gender", Text;
    TimeZone = "TimeZone", "TimeZone", Text;
    TrustLevel = "TrustLevel", "TrustLevel", Number;
    PublicDisplayName = "PublicDisplayName", "PublicDisplayName", Text;
    IsAutoUpdateDisabled = "IsAutoUpdateDisabled", "IsAutoUpdateDisabled", Flag;
    IsHidden = "IsHidden", "IsHidden", Flag;
    IsPassportNameHidden = "IsPassportNameHidden", "IsPassportNameHidden", Flag;
    IsNotMobileVisible = "IsNotMobileVisible", "IsNotMobileVisible", Flag;
    IsShellContact = "IsShellContact", "IsShellContact", Flag;
    FileAs = "FileAs", "FileAs", Text;
}

impl CardField {
    /// The field of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }

    /// The field whose change a client calls this, in any case.
    pub fn of_property(property: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|field| field.property().eq_ignore_ascii_case(property))
    }
}

/// One part of an item: what it is called, and which values it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemPart {
    pub name: &'static str,
    pub kind: ValueKind,
}

const fn part(name: &'static str, kind: ValueKind) -> ItemPart {
    ItemPart { name, kind }
}

/// A list of a card. Its items differ by their kind, such as private and business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ItemList {
    Emails,
    Phones,
    Locations,
    WebSites,
    Urls,
}

/// What a list and the things in it are called.
#[derive(Debug)]
pub struct ItemShape {
    /// The list in a contact.
    pub list: &'static str,
    /// One item in it.
    pub item: &'static str,
    /// The item's kind, which is its key. It comes first.
    pub kind: &'static str,
    /// What a client calls a change of the list.
    pub property: &'static str,
    /// The other parts, in the order of the schema. An item without any text is none.
    pub parts: &'static [ItemPart],
}

impl ItemList {
    pub const ALL: [Self; 5] = [
        Self::Emails,
        Self::Phones,
        Self::Locations,
        Self::WebSites,
        Self::Urls,
    ];

    /// The names and parts of its items.
    pub const fn shape(self) -> &'static ItemShape {
        use ValueKind::{Flag, Number, Text};
        match self {
            Self::Emails => {
                const {
                    &ItemShape {
                        list: "emails",
                        item: "ContactEmail",
                        kind: "contactEmailType",
                        property: "ContactEmail",
                        parts: &[
                            part("email", Text),
                            part("isMessengerEnabled", Flag),
                            part("Capability", Number),
                            part("MessengerEnabledExternally", Flag),
                        ],
                    }
                }
            }
            Self::Phones => {
                const {
                    &ItemShape {
                        list: "phones",
                        item: "ContactPhone",
                        kind: "contactPhoneType",
                        property: "ContactPhone",
                        parts: &[part("number", Text), part("isMessengerEnabled", Flag)],
                    }
                }
            }
            Self::Locations => {
                const {
                    &ItemShape {
                        list: "locations",
                        item: "ContactLocation",
                        kind: "contactLocationType",
                        property: "ContactLocation",
                        parts: &[
                            part("name", Text),
                            part("street", Text),
                            part("city", Text),
                            part("state", Text),
                            part("country", Text),
                            part("postalCode", Text),
                            part("Department", Text),
                        ],
                    }
                }
            }
            Self::WebSites => {
                const {
                    &ItemShape {
                        list: "webSites",
                        item: "ContactWebSite",
                        kind: "contactWebSiteType",
                        property: "ContactWebSite",
                        parts: &[part("webURL", Text)],
                    }
                }
            }
            Self::Urls => {
                const {
                    &ItemShape {
                        list: "URLs",
                        item: "ContactURL",
                        kind: "URLType",
                        property: "ContactURL",
                        parts: &[
                            part("URLId", Number),
                            part("URLName", Text),
                            part("URL", Text),
                        ],
                    }
                }
            }
        }
    }

    /// The list whose change a client calls this, in any case.
    pub fn of_property(property: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|list| list.shape().property.eq_ignore_ascii_case(property))
    }

    fn part(self, name: &str) -> Option<ItemPart> {
        let mut parts = self.shape().parts.iter().copied();
        parts.find(|part| part.name == name)
    }
}

/// One item of a list: its parts by name. A part that is unset is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CardItem(BTreeMap<&'static str, Arc<str>>);

impl CardItem {
    /// A part's value, or what its absence means.
    pub fn part(&self, part: ItemPart) -> &str {
        self.0
            .get(part.name)
            .map_or(part.kind.default(), |value| value)
    }

    /// The parts that are set.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(&name, value)| (name, &**value))
    }

    fn says_nothing(&self, list: ItemList) -> bool {
        let mut parts = list.shape().parts.iter();
        parts.all(|part| part.kind != ValueKind::Text || self.part(*part).is_empty())
    }
}

/// Names with values that clients keep for themselves. A name comes once; no value is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Annotations(BTreeMap<Arc<str>, Arc<str>>);

impl Annotations {
    /// The value of an annotation.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| &**value)
    }

    /// All of them by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets an annotation; an empty value deletes it.
    ///
    /// Refused: `InvalidParameter` for a name or value that is none; `CardTooLarge`.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let name = checked_name(name)?;
        let value = ValueKind::Text.normalised(value)?;
        if value.is_empty() {
            self.0.remove(name);
        } else {
            self.0.insert(name.into(), value.into());
            if self.0.len() > ANNOTATIONS_MAX || self.size() > CARD_MAX {
                return Err(Refusal::CardTooLarge);
            }
        }
        Ok(())
    }

    fn size(&self) -> usize {
        self.iter()
            .map(|(name, value)| name.len() + value.len())
            .sum()
    }
}

/// What is written on a card. Nothing in it is empty, too long or too much.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CardFields {
    texts: BTreeMap<CardField, Arc<str>>,
    items: BTreeMap<(ItemList, Arc<str>), CardItem>,
    annotations: Annotations,
}

/// A change of a card as a client wants it: each entry takes the place of what is there under the
/// same name, and an empty value deletes it. What is not named stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CardPatch {
    pub texts: Vec<(CardField, String)>,
    pub items: Vec<ItemPatch>,
    pub annotations: Vec<(String, String)>,
}

/// A change of the item of this kind. A part that is not named stays; an item whose text is
/// gone goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPatch {
    pub list: ItemList,
    pub kind: String,
    /// By name; names that the list does not have are passed over.
    pub parts: Vec<(String, String)>,
}

impl CardPatch {
    /// Whether it names nothing at all.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.items.is_empty() && self.annotations.is_empty()
    }

    /// The first address in it, for a person who has no account.
    pub fn first_email(&self) -> Option<&str> {
        let emails = self
            .items
            .iter()
            .filter(|item| item.list == ItemList::Emails);
        let mut parts = emails.flat_map(|item| item.parts.iter());
        let found = parts.find(|(name, value)| name == "email" && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }
}

impl CardFields {
    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.items.is_empty() && self.annotations.is_empty()
    }

    /// A field's value; empty where it is unset.
    pub fn text(&self, field: CardField) -> &str {
        self.texts.get(&field).map_or("", |value| value)
    }

    /// Whether a flag is set.
    pub fn flag(&self, field: CardField) -> bool {
        self.text(field) == "true"
    }

    /// The fields that are set, in the order of the schema.
    pub fn texts(&self) -> impl Iterator<Item = (CardField, &str)> {
        self.texts.iter().map(|(&field, value)| (field, &**value))
    }

    /// The items of one list with their kinds.
    pub fn items(&self, list: ItemList) -> impl Iterator<Item = (&str, &CardItem)> {
        self.items
            .iter()
            .filter(move |((of, _), _)| *of == list)
            .map(|((_, kind), item)| (&**kind, item))
    }

    /// What clients keep on the card for themselves.
    pub fn annotations(&self) -> &Annotations {
        &self.annotations
    }

    /// Writes a change on the card.
    ///
    /// Refused, and then the card is to be thrown away: `InvalidParameter` for a value that its
    /// field cannot take; `CardTooLarge`.
    pub fn apply(&mut self, patch: &CardPatch) -> Result<(), Refusal> {
        for (field, value) in &patch.texts {
            let value = field.kind().normalised(value)?;
            if value.is_empty() {
                self.texts.remove(field);
            } else {
                self.texts.insert(*field, value.into());
            }
        }
        for item in &patch.items {
            self.apply_item(item)?;
        }
        for (name, value) in &patch.annotations {
            self.annotations.set(name, value)?;
        }
        let is_crowded = ItemList::ALL
            .into_iter()
            .any(|list| self.items(list).count() > ITEMS_MAX);
        if is_crowded || self.size() > CARD_MAX {
            return Err(Refusal::CardTooLarge);
        }
        Ok(())
    }

    fn apply_item(&mut self, patch: &ItemPatch) -> Result<(), Refusal> {
        let kind = checked_name(&patch.kind)?;
        let key = (patch.list, Arc::from(kind));
        let mut item = self.items.remove(&key).unwrap_or_default();
        for (name, value) in &patch.parts {
            let Some(part) = patch.list.part(name) else {
                continue;
            };
            let value = part.kind.normalised(value)?;
            if value.is_empty() {
                item.0.remove(part.name);
            } else {
                item.0.insert(part.name, value.into());
            }
        }
        if !item.says_nothing(patch.list) {
            self.items.insert(key, item);
        }
        Ok(())
    }

    fn size(&self) -> usize {
        let texts = self
            .texts()
            .map(|(field, value)| field.name().len() + value.len());
        let items = self.items.iter().map(|((_, kind), item)| {
            let parts = item.parts().map(|(name, value)| name.len() + value.len());
            kind.len() + parts.sum::<usize>()
        });
        texts.sum::<usize>() + items.sum::<usize>() + self.annotations.size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[(CardField, &str)]) -> CardPatch {
        CardPatch {
            texts: texts
                .iter()
                .map(|&(field, text)| (field, text.to_owned()))
                .collect(),
            ..CardPatch::default()
        }
    }

    fn item(list: ItemList, kind: &str, parts: &[(&str, &str)]) -> CardPatch {
        CardPatch {
            items: vec![ItemPatch {
                list,
                kind: kind.to_owned(),
                parts: parts
                    .iter()
                    .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                    .collect(),
            }],
            ..CardPatch::default()
        }
    }

    fn note(name: &str, value: &str) -> CardPatch {
        CardPatch {
            annotations: vec![(name.to_owned(), value.to_owned())],
            ..CardPatch::default()
        }
    }

    #[test]
    fn names_and_properties_are_unique() {
        for (index, field) in CardField::ALL.iter().enumerate() {
            assert_eq!(CardField::named(field.name()), Some(*field));
            assert_eq!(CardField::of_property(field.property()), Some(*field));
            assert_eq!(*field as usize, index);
        }
        for list in ItemList::ALL {
            assert_eq!(ItemList::of_property(list.shape().property), Some(list));
        }
    }

    #[test]
    fn a_patch_sets_replaces_and_deletes() {
        let mut card = CardFields::default();
        card.apply(&texts(&[
            (CardField::FirstName, "Bob"),
            (CardField::IsFavorite, "1"),
        ]))
        .unwrap();
        assert_eq!(card.text(CardField::FirstName), "Bob");
        assert!(card.flag(CardField::IsFavorite));
        card.apply(&note("AB.NickName", "Bobby")).unwrap();
        card.apply(&note("AB.NickName", "Rob")).unwrap();
        assert_eq!(card.annotations().get("AB.NickName"), Some("Rob"));
        card.apply(&texts(&[
            (CardField::FirstName, ""),
            (CardField::IsFavorite, ""),
        ]))
        .unwrap();
        card.apply(&note("AB.NickName", "")).unwrap();
        assert!(card.is_empty());
    }

    #[test]
    fn items_merge_by_kind_and_part() {
        let mut card = CardFields::default();
        let home = "ContactLocationPersonal";
        for patch in [
            item(
                ItemList::Locations,
                home,
                &[("city", "Oslo"), ("street", "Main 1")],
            ),
            item(
                ItemList::Locations,
                home,
                &[("city", "Bergen"), ("planet", "Mars")],
            ),
            item(
                ItemList::Emails,
                "Messenger2",
                &[("email", "a@b.c"), ("Capability", "32")],
            ),
        ] {
            card.apply(&patch).unwrap();
        }
        let (kind, place) = card.items(ItemList::Locations).next().unwrap();
        assert_eq!(kind, home);
        assert_eq!(
            place.parts().collect::<Vec<_>>(),
            [("city", "Bergen"), ("street", "Main 1")]
        );
        let (_, email) = card.items(ItemList::Emails).next().unwrap();
        let parts: Vec<_> = ItemList::Emails
            .shape()
            .parts
            .iter()
            .map(|p| email.part(*p))
            .collect();
        assert_eq!(parts, ["a@b.c", "false", "32", "false"]);
        // An item without text is gone, whatever its flags say.
        card.apply(&item(ItemList::Emails, "Messenger2", &[("email", "")]))
            .unwrap();
        assert_eq!(card.items(ItemList::Emails).count(), 0);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |patch: &CardPatch| CardFields::default().apply(patch).unwrap_err();
        let long = "x".repeat(VALUE_MAX + 1);
        for (patch, refusal) in [
            (texts(&[(CardField::Comment, &long)]), Refusal::CardTooLarge),
            (
                texts(&[(CardField::Comment, "\u{1}")]),
                Refusal::InvalidParameter,
            ),
            (
                texts(&[(CardField::IsFavorite, "yes")]),
                Refusal::InvalidParameter,
            ),
            (
                texts(&[(CardField::TrustLevel, "much")]),
                Refusal::InvalidParameter,
            ),
            (note("", "x"), Refusal::InvalidParameter),
            (note(&long, "x"), Refusal::CardTooLarge),
            (
                item(ItemList::Phones, "", &[("number", "1")]),
                Refusal::InvalidParameter,
            ),
        ] {
            assert_eq!(refused(&patch), refusal);
        }
        let mut card = CardFields::default();
        let many: Vec<_> = (0..=ANNOTATIONS_MAX)
            .map(|number| (format!("n{number}"), "x".to_owned()))
            .collect();
        let patch = CardPatch {
            annotations: many,
            ..CardPatch::default()
        };
        assert_eq!(card.apply(&patch), Err(Refusal::CardTooLarge));
        let large = "x".repeat(VALUE_MAX);
        let four: Vec<_> = (0..4)
            .map(|number| (format!("n{number}"), large.clone()))
            .collect();
        let patch = CardPatch {
            annotations: four,
            ..CardPatch::default()
        };
        assert_eq!(
            CardFields::default().apply(&patch),
            Err(Refusal::CardTooLarge)
        );
        let kinds = (0..=ITEMS_MAX).map(|number| ItemPatch {
            list: ItemList::Phones,
            kind: number.to_string(),
            parts: vec![("number".to_owned(), "1".to_owned())],
        });
        let patch = CardPatch {
            items: kinds.collect(),
            ..CardPatch::default()
        };
        assert_eq!(
            CardFields::default().apply(&patch),
            Err(Refusal::CardTooLarge)
        );
    }
}
