//! The contacts of an Escargot database.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::Remarks;
use super::convert::{Somebody, identity, label, plain};
use super::read::Line;
use crate::model::{Guid, Label};
use crate::store::people::{Fields, KeptCard, KeptContact, KeptLists};

/// Longest value on a card, in bytes: all of them together fit on one.
const VALUE_MAX: usize = 400;

/// Fields of a card by column.
const TEXTS: [(&str, &str); 6] = [
    ("birthdate", "birthdate"),
    ("anniversary", "Anniversary"),
    ("notes", "comment"),
    ("first_name", "firstName"),
    ("middle_name", "MiddleName"),
    ("last_name", "lastName"),
];

/// Items of a card by column: the list, the kind of the item, and its part.
const ITEMS: [(&str, &str, &str, &str); 12] = [
    ("personal_email", "emails", "ContactEmailPersonal", "email"),
    ("work_email", "emails", "ContactEmailBusiness", "email"),
    ("im_email", "emails", "ContactEmailMessenger", "email"),
    ("other_email", "emails", "ContactEmailOther", "email"),
    ("home_phone", "phones", "ContactPhonePersonal", "number"),
    ("work_phone", "phones", "ContactPhoneBusiness", "number"),
    ("fax_phone", "phones", "ContactPhoneFax", "number"),
    ("pager_phone", "phones", "ContactPhonePager", "number"),
    ("mobile_phone", "phones", "ContactPhoneMobile", "number"),
    ("other_phone", "phones", "ContactPhoneOther", "number"),
    (
        "personal_website",
        "webSites",
        "ContactWebSitePersonal",
        "webURL",
    ),
    (
        "business_website",
        "webSites",
        "ContactWebSiteBusiness",
        "webURL",
    ),
];

/// Parts of a location by what they are called there.
const LOCATION: [(&str, &str); 7] = [
    ("name", "name"),
    ("street", "street"),
    ("city", "city"),
    ("state", "state"),
    ("country", "country"),
    ("zip_code", "postalCode"),
    ("postal_code", "postalCode"),
];

/// Locations of one card.
const LOCATIONS_MAX: usize = 3;

/// Gives everybody their contacts.
pub(super) fn contacts(
    lines: &[Line],
    by_uuid: &HashMap<String, usize>,
    everybody: &mut [Somebody],
    remarks: &mut Remarks,
) {
    for line in lines {
        let place = |column| by_uuid.get(line.text(column)).copied();
        let (Some(owner), Some(target)) = (place("user_uuid"), place("uuid")) else {
            remarks.add(
                line.text("name"),
                "a contact was left out, because one of the two accounts was",
            );
            continue;
        };
        let target = everybody.get(target).map(|it| it.dossier.address.clone());
        if let (Some(address), Some(owner)) = (target, everybody.get_mut(owner)) {
            contact(line, address, owner);
        }
    }
}

fn contact(line: &Line, address: String, owner: &mut Somebody) {
    let bits = line.number("lists");
    let lists = KeptLists {
        forward: bits & 1 != 0,
        allow: bits & 2 != 0,
        block: bits & 4 != 0,
        reverse: bits & 8 != 0,
        pending: bits & 16 != 0,
    };
    let fields = fields(line);
    let guid = Guid::random().to_string();
    let created_at = owner.dossier.created_at;
    if lists.forward || !fields.is_empty() {
        owner.dossier.cards.push(KeptCard {
            guid: guid.clone(),
            account: Some(address.clone()),
            fields,
            created_at,
            ..KeptCard::default()
        });
    }
    let name = label(line.text("name"), Label::NAME_MAX);
    let is_named = !name.is_empty();
    owner.dossier.contacts.push(KeptContact {
        guid,
        name: if is_named {
            name
        } else {
            label(&address, Label::NAME_MAX)
        },
        address,
        lists,
        groups: groups(line.text("groups"), &owner.groups),
        created_at,
        invitation: None,
    });
}

/// The numbers of the groups that a contact is in, each once.
fn groups(text: &str, known: &HashMap<String, u8>) -> Vec<u8> {
    let found: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    let number = |group: &Value| {
        // The identity is what lasts; the number is what is left where it is unknown.
        [group.get("uuid"), group.get("id"), Some(group)]
            .into_iter()
            .flatten()
            .filter_map(identity)
            .find_map(|name| known.get(&name).copied())
    };
    let mut numbers: Vec<u8> = found.iter().filter_map(number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// What is written on the contact's card.
fn fields(line: &Line) -> Fields {
    let value = |column| Some(plain(line.text(column), VALUE_MAX)).filter(|it| !it.is_empty());
    let mut texts = Map::new();
    for (column, field) in TEXTS {
        if let Some(value) = value(column) {
            texts.insert(field.to_owned(), value.into());
        }
    }
    let mut items: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for (column, list, kind, part) in ITEMS {
        if let Some(value) = value(column) {
            let items = items.entry(list).or_default();
            items.insert(kind.to_owned(), json!({ part: value }));
        }
    }
    let locations: Map<String, Value> =
        serde_json::from_str(line.text("locations")).unwrap_or_default();
    for (kind, location) in locations.iter().take(LOCATIONS_MAX) {
        let mut parts = Map::new();
        for (theirs, ours) in LOCATION {
            let text = location.get(theirs).and_then(Value::as_str);
            let text = text.map(|it| plain(it, VALUE_MAX)).unwrap_or_default();
            if !text.is_empty() {
                parts.insert(ours.to_owned(), text.into());
            }
        }
        let kind = plain(kind, 64);
        if !parts.is_empty() && !kind.is_empty() {
            let items = items.entry("locations").or_default();
            items.insert(kind, parts.into());
        }
    }
    let mut fields = Map::new();
    if !texts.is_empty() {
        fields.insert("texts".to_owned(), texts.into());
    }
    if !items.is_empty() {
        fields.insert("items".to_owned(), json!(items));
    }
    if let Some(nickname) = value("nickname") {
        let annotations = json!({ "AB.NickName": nickname });
        fields.insert("annotations".to_owned(), annotations);
    }
    fields
}
