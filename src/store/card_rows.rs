//! What is written on a card, as text in the database.
//!
//! The names in it are those of the contact schema. What is read goes through the same check as
//! what clients send, so a row that was changed by hand cannot bring in what would not have been
//! taken; names that this program does not know are passed over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::StoreError;
use super::book::group_bit;
use super::rows;
use crate::model::{
    Annotations, Card, CardAccount, CardField, CardFields, CardPatch, Group, Guid, ItemList,
    ItemPatch, Label, List, ListSet, Stamp, UserId,
};

/// Values by name. The order of the map makes the text the same for the same content.
type Values = BTreeMap<String, String>;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct StoredCard {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    texts: Values,
    /// Parts by kind by list.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    items: BTreeMap<String, BTreeMap<String, Values>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: Values,
}

/// The text of a card's fields. A blank card's is `{}`.
pub(super) fn write_fields(fields: &CardFields) -> String {
    let mut stored = StoredCard::default();
    for (field, value) in fields.texts() {
        let name = field.name().to_owned();
        stored.texts.insert(name, value.to_owned());
    }
    for list in ItemList::ALL {
        for (kind, item) in fields.items(list) {
            let parts = item.parts();
            let parts = parts.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let kinds = stored.items.entry(list.shape().list.to_owned());
            let kinds = kinds.or_default();
            kinds.insert(kind.to_owned(), parts.collect());
        }
    }
    stored.annotations = values(fields.annotations());
    // A map of texts by texts can always be written.
    serde_json::to_string(&stored).unwrap_or_default()
}

/// The fields in a column of a row of owner `id`.
pub(super) fn read_fields(
    text: &str,
    table: &'static str,
    id: i64,
) -> Result<CardFields, StoreError> {
    let unreadable = || rows::unreadable(table, "fields", id);
    let stored: StoredCard = serde_json::from_str(text).map_err(|_| unreadable())?;
    let texts = stored.texts.into_iter();
    let mut patch = CardPatch {
        texts: texts
            .filter_map(|(name, value)| Some((CardField::named(&name)?, value)))
            .collect(),
        items: Vec::new(),
        annotations: stored.annotations.into_iter().collect(),
    };
    for list in ItemList::ALL {
        let kinds = stored.items.get(list.shape().list);
        for (kind, parts) in kinds.into_iter().flatten() {
            patch.items.push(ItemPatch {
                list,
                kind: kind.clone(),
                parts: parts.clone().into_iter().collect(),
            });
        }
    }
    let mut fields = CardFields::default();
    fields.apply(&patch).map_err(|_| unreadable())?;
    Ok(fields)
}

/// The text of annotations that stand alone.
pub(super) fn write_annotations(annotations: &Annotations) -> String {
    // As above.
    serde_json::to_string(&values(annotations)).unwrap_or_default()
}

/// Annotations that stand alone, in a row of owner `id`.
pub(super) fn read_annotations(
    text: &str,
    table: &'static str,
    id: i64,
) -> Result<Annotations, StoreError> {
    let unreadable = || rows::unreadable(table, "annotations", id);
    let stored: Values = serde_json::from_str(text).map_err(|_| unreadable())?;
    let mut annotations = Annotations::default();
    for (name, value) in stored {
        annotations.set(&name, &value).map_err(|_| unreadable())?;
    }
    Ok(annotations)
}

fn values(annotations: &Annotations) -> Values {
    let all = annotations.iter();
    all.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The columns that [`card`] reads, with the joins that give them. The condition follows.
macro_rules! card_query {
    ($condition:literal) => {
        concat!(
            "SELECT k.guid, k.address AS typed, k.fields, k.group_bits AS card_bits, \
             k.created_at, k.changed_at, a.id AS account_id, a.address, a.name, \
             a.name_changed_at, c.name AS kept_name, c.list_bits, c.group_bits \
             FROM card k LEFT JOIN account a ON a.id = k.account_id \
             LEFT JOIN contact c ON c.owner_id = k.owner_id AND c.contact_id = k.account_id \
             WHERE k.owner_id = $1 AND ",
            $condition
        )
    };
}
pub(super) use card_query;

/// One entry of the owner's book. `groups` are all of the book's.
pub(super) fn card(row: &SqliteRow, owner: UserId, groups: &[Group]) -> Result<Card, StoreError> {
    let lists = match row.try_get::<Option<i64>, _>("list_bits")? {
        Some(bits) => rows::lists(bits, owner.0)?,
        None => ListSet::EMPTY,
    };
    let messenger = lists.has(List::Forward);
    let bits: i64 = row.try_get(if messenger { "group_bits" } else { "card_bits" })?;
    let mut changed_at: i64 = row.try_get("changed_at")?;
    let account = match row.try_get::<Option<i64>, _>("account_id")? {
        Some(id) => {
            changed_at = changed_at.max(row.try_get("name_changed_at")?);
            Some(CardAccount {
                user: UserId(id),
                address: rows::address(row.try_get("address")?, id)?,
                name: rows::label(row, "name")?,
            })
        }
        None => None,
    };
    let kept_name: Option<&str> = row.try_get("kept_name")?;
    Ok(Card {
        guid: rows::guid(row.try_get("guid")?, "card", owner.0)?,
        account,
        address: row.try_get::<Option<&str>, _>("typed")?.map(Into::into),
        messenger,
        kept_name: kept_name.filter(|_| messenger).map(Label::from_stored),
        lists,
        groups: guids_of(bits, groups),
        fields: read_fields(row.try_get("fields")?, "card", owner.0)?,
        created_at: row.try_get("created_at")?,
        changed_at: Stamp(changed_at),
    })
}

/// The identities of the groups in a set of membership bits.
fn guids_of(bits: i64, groups: &[Group]) -> Vec<Guid> {
    let of = groups
        .iter()
        .filter(|group| bits & group_bit(group.number) != 0);
    of.map(|group| group.guid).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_card_is_written_as_the_database_expects() {
        assert_eq!(write_fields(&CardFields::default()), "{}");
        assert_eq!(read_fields("{}", "card", 1).unwrap(), CardFields::default());
        assert_eq!(write_annotations(&Annotations::default()), "{}");
    }

    #[test]
    fn every_field_and_part_survives_the_database() {
        let value = |kind: crate::model::card::ValueKind| match kind {
            crate::model::card::ValueKind::Text => "\"é\" <\\>\n",
            crate::model::card::ValueKind::Flag => "true",
            crate::model::card::ValueKind::Number => "-7",
        };
        let patch = CardPatch {
            texts: CardField::ALL
                .iter()
                .map(|&field| (field, value(field.kind()).to_owned()))
                .collect(),
            items: ItemList::ALL
                .into_iter()
                .map(|list| ItemPatch {
                    list,
                    kind: "a kind".to_owned(),
                    parts: list
                        .shape()
                        .parts
                        .iter()
                        .map(|part| (part.name.to_owned(), value(part.kind).to_owned()))
                        .collect(),
                })
                .collect(),
            annotations: vec![("AB.NickName".to_owned(), "Bobby".to_owned())],
        };
        let mut fields = CardFields::default();
        fields.apply(&patch).unwrap();
        assert_eq!(fields.texts().count(), CardField::ALL.len());
        let text = write_fields(&fields);
        assert_eq!(read_fields(&text, "card", 1).unwrap(), fields);
        let text = write_annotations(fields.annotations());
        assert_eq!(
            &read_annotations(&text, "card", 1).unwrap(),
            fields.annotations()
        );
    }

    #[test]
    fn what_nobody_could_have_written_does_not_read() {
        for text in [
            "",
            "7",
            r#"{"texts":{"IsFavorite":"maybe","isFavorite":"maybe"}}"#,
        ] {
            assert!(read_fields(text, "card", 1).is_err(), "{text}");
        }
        let unknown = r#"{"texts":{"shoeSize":"44"},"items":{"boats":{"x":{"y":"z"}}}}"#;
        assert!(read_fields(unknown, "card", 1).unwrap().is_empty());
    }
}
