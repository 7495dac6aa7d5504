//! How a card is written as a contact (`docs/protocol/12 §4.3`).

use std::ops::RangeInclusive;

use super::stamp::{NEVER, stamp};
use super::view::{AnnotationView, ContactView, Element, ItemView, ItemsView};
use crate::model::{
    Annotations, Card, CardField, CardFields, CardItem, CardPage, ItemList, OwnCard, UserId,
};

/// The number of an account as these services write it: signed, in decimal.
pub(in crate::http) fn cid(user: UserId) -> i64 {
    user.passport_id().cast_signed()
}

/// Somebody in a book.
pub(in crate::http) fn of_card(card: &Card) -> ContactView {
    let account = card.account.as_ref();
    let address = match (account, &card.address) {
        (Some(account), _) => account.address.as_str(),
        (None, Some(address)) => address,
        (None, None) => "",
    };
    let shown = Some(card.display_name()).filter(|name| !name.is_empty());
    ContactView {
        groups: card.groups.clone(),
        is_messenger_user: card.messenger,
        changed: stamp(card.changed_at.0),
        created: stamp(card.created_at),
        ..contact(
            &card.fields,
            card.fields.annotations(),
            Identity {
                id: card.guid,
                kind: kind(card),
                address: address.to_owned(),
                name: shown.unwrap_or_else(|| address.to_owned()),
                cid: account.map_or(0, |account| cid(account.user)),
            },
        )
    }
}

/// The owner of a book, who is in it exactly once. They are no contact of themselves, so they are
/// no messenger user in it.
pub(in crate::http) fn of_owner(page: &CardPage, card: &OwnCard) -> ContactView {
    ContactView {
        changed: stamp(card.changed_at.0),
        created: stamp(page.created_at),
        ..contact(
            &card.fields,
            &card.annotations,
            Identity {
                id: card.guid,
                kind: "Me",
                address: page.address.as_str().to_owned(),
                name: card.name.to_text(),
                cid: cid(page.owner),
            },
        )
    }
}

/// Whoever is only being invited says so. Everybody else is an ordinary contact: clients show
/// presence for that kind without asking further, and the generations before 2009 know no other.
fn kind(card: &Card) -> &'static str {
    const INVITED: &str = "LivePending";
    if !card.messenger && card.fields.text(CardField::ContactType) == INVITED {
        INVITED
    } else {
        "Regular"
    }
}

/// What a contact is known by.
struct Identity {
    id: crate::model::Guid,
    kind: &'static str,
    address: String,
    name: String,
    cid: i64,
}

/// Somebody, or something, of whom no more is known than this.
pub(super) fn bare(
    id: crate::model::Guid,
    kind: &'static str,
    address: String,
    name: String,
    cid: i64,
) -> ContactView {
    let who = Identity {
        id,
        kind,
        address,
        name,
        cid,
    };
    contact(&CardFields::default(), &Annotations::default(), who)
}

fn contact(fields: &CardFields, annotations: &Annotations, who: Identity) -> ContactView {
    use CardField as Field;
    let label = fields.text(Field::QuickName);
    let label = if label.is_empty() { &who.name } else { label };
    let mut names = vec![
        (Field::ContactType.name(), who.kind.to_owned()),
        (Field::QuickName.name(), label.to_owned()),
    ];
    names.extend(run(fields, Field::FirstName..=Field::NameTitle));
    let early = [
        ItemList::Emails,
        ItemList::Phones,
        ItemList::Locations,
        ItemList::WebSites,
    ];
    ContactView {
        id: who.id,
        lists: early
            .into_iter()
            .filter_map(|list| items(fields, list))
            .collect(),
        annotations: notes(annotations),
        groups: Vec::new(),
        names,
        address: who.address,
        display_name: who.name,
        cid: who.cid,
        remarks: run(fields, Field::Comment..=Field::IsMobileImEnabled),
        is_messenger_user: false,
        details: run(fields, Field::IsFavorite..=Field::TrustLevel),
        networks: Vec::new(),
        flags: run(fields, Field::PublicDisplayName..=Field::IsShellContact),
        filing: run(fields, Field::FileAs..=Field::FileAs),
        late_lists: items(fields, ItemList::Urls).into_iter().collect(),
        changed: String::new(),
        created: String::new(),
    }
}

/// Annotations by name.
pub(in crate::http) fn notes(annotations: &Annotations) -> Vec<AnnotationView> {
    annotations
        .iter()
        .map(|(name, value)| AnnotationView {
            name: name.to_owned(),
            value: value.to_owned(),
        })
        .collect()
}

/// The fields from one to another, as far as they say something.
fn run(fields: &CardFields, range: RangeInclusive<CardField>) -> Vec<Element> {
    CardField::ALL
        .iter()
        .filter(|field| range.contains(field))
        .map(|&field| match fields.text(field) {
            "" => (field.name(), unset(field).to_owned()),
            text => (field.name(), text.to_owned()),
        })
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

/// What stands for an unset field. Where that is nothing, the element is missing: the clients
/// read some without looking whether they are there.
fn unset(field: CardField) -> &'static str {
    match field {
        CardField::IsMobileImEnabled
        | CardField::IsFavorite
        | CardField::IsSmtp
        | CardField::HasSpace
        | CardField::IsPrivate
        | CardField::IsAutoUpdateDisabled
        | CardField::IsHidden
        | CardField::IsPassportNameHidden
        | CardField::IsNotMobileVisible
        | CardField::IsShellContact => "false",
        CardField::SpotWatchState => "NoDevice",
        CardField::BirthDate => NEVER,
        CardField::PrimaryEmailType => "ContactEmailPersonal",
        CardField::PrimaryLocation => "ContactLocationPersonal",
        CardField::PrimaryPhone => "ContactPhonePersonal",
        CardField::Gender => "Unspecified",
        CardField::TimeZone => "None",
        CardField::TrustLevel => "0",
        CardField::ContactType
        | CardField::QuickName
        | CardField::FirstName
        | CardField::MiddleName
        | CardField::LastName
        | CardField::Suffix
        | CardField::NameTitle
        | CardField::DisplayName
        | CardField::Comment
        | CardField::Anniversary
        | CardField::PublicDisplayName
        | CardField::FileAs => "",
    }
}

fn items(fields: &CardFields, list: ItemList) -> Option<ItemsView> {
    let shape = list.shape();
    let items: Vec<ItemView> = fields
        .items(list)
        .map(|(kind, item)| ItemView {
            name: shape.item,
            parts: parts(list, kind, item),
        })
        .collect();
    let tail = match list {
        ItemList::Emails | ItemList::Phones => "<propertiesChanged />",
        ItemList::Locations => "<Changes />",
        ItemList::WebSites => "",
        ItemList::Urls => "<LastChange>0001-01-01T00:00:00</LastChange><Changes />",
    };
    (!items.is_empty()).then_some(ItemsView {
        name: shape.list,
        items,
        tail,
    })
}

/// The parts of an item in the order of the schema: the kind first, but behind its number for
/// pages. The parts of a postal address are optional, all others are not.
fn parts(list: ItemList, kind: &str, item: &CardItem) -> Vec<Element> {
    let shape = list.shape();
    let mut parts: Vec<Element> = shape
        .parts
        .iter()
        .map(|&part| (part.name, item.part(part).to_owned()))
        .filter(|(_, text)| list != ItemList::Locations || !text.is_empty())
        .collect();
    let place = usize::from(list == ItemList::Urls).min(parts.len());
    parts.insert(place, (shape.kind, kind.to_owned()));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::address_book::view::OneContact;
    use crate::http::address_book::view::tests::lines;
    use crate::model::{Address, CardAccount, CardPatch, Guid, ItemPatch, Label, ListSet, Stamp};

    const ID: &str = "5b1f2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c01";

    fn label(text: &str) -> Label {
        Label::from_wire(text.as_bytes(), Label::NAME_MAX).unwrap()
    }

    fn card(patch: &CardPatch) -> Card {
        let mut fields = CardFields::default();
        fields.apply(patch).unwrap();
        Card {
            guid: Guid::parse(ID).unwrap(),
            account: Some(CardAccount {
                user: UserId(7),
                address: Address::parse("bob@example.net").unwrap(),
                name: label("Bob%20%3C3"),
            }),
            address: None,
            messenger: true,
            kept_name: None,
            lists: ListSet::EMPTY,
            groups: vec![Guid::NIL],
            fields,
            created_at: 1_262_304_000_000,
            changed_at: Stamp(1_262_401_445_678),
        }
    }

    /// Every field, with a value of its kind.
    fn full() -> CardPatch {
        use crate::model::card::ValueKind;
        let texts = CardField::ALL.iter().map(|&field| {
            let value = match field {
                CardField::PrimaryEmailType => "ContactEmailBusiness",
                CardField::PrimaryLocation => "ContactLocationBusiness",
                _ => match field.kind() {
                    ValueKind::Text => field.name(),
                    ValueKind::Flag => "true",
                    ValueKind::Number => "3",
                },
            };
            (field, value.to_owned())
        });
        let items = ItemList::ALL.into_iter().map(|list| {
            let kind = match list {
                ItemList::Emails => "Messenger2",
                ItemList::WebSites => "ContactWebSiteBusiness",
                _ => "Some",
            };
            let parts = list.shape().parts.iter().map(|part| {
                let value = match part.kind {
                    ValueKind::Text => part.name,
                    ValueKind::Flag => "true",
                    ValueKind::Number => "32",
                };
                (part.name.to_owned(), value.to_owned())
            });
            ItemPatch {
                list,
                kind: kind.to_owned(),
                parts: parts.collect(),
            }
        });
        CardPatch {
            texts: texts.collect(),
            items: items.collect(),
            annotations: vec![("AB.NickName".to_owned(), "Bobby".to_owned())],
        }
    }

    fn shown(contact: ContactView) -> String {
        lines(&OneContact {
            operation: "CreateContact",
            contact,
        })
    }

    #[test]
    fn a_bare_card_has_what_clients_read_without_looking() {
        insta::assert_snapshot!(shown(of_card(&card(&CardPatch::default()))));
    }

    #[test]
    fn a_full_card_is_in_the_order_of_the_schema() {
        insta::assert_snapshot!(shown(of_card(&card(&full()))));
    }

    #[test]
    fn somebody_without_account_has_an_address_and_no_number() {
        let card = Card {
            account: None,
            address: Some("erin@example.org".into()),
            messenger: false,
            ..card(&CardPatch::default())
        };
        let view = of_card(&card);
        assert_eq!((&*view.address, view.cid), ("erin@example.org", 0));
        assert_eq!(view.display_name, "erin@example.org");
        assert!(!view.is_messenger_user);
    }

    #[test]
    fn only_who_is_invited_and_nothing_more_is_pending() {
        let patch = CardPatch {
            texts: vec![(CardField::ContactType, "LivePending".to_owned())],
            ..CardPatch::default()
        };
        let contact = card(&patch);
        assert_eq!(kind(&contact), "Regular");
        let invited = Card {
            messenger: false,
            ..contact
        };
        assert_eq!(kind(&invited), "LivePending");
    }
}
