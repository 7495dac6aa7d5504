//! Rows of an Escargot database as people of ours.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::read::{Line, Tables};
use super::{Found, Remarks, Wishes, book};
use crate::model::{Address, CircleId, Guid, Label};
use crate::service::imported::Pbkdf2Hash;
use crate::service::legacy::hex;
use crate::store::people::{
    Dossier, KeptCircle, KeptCircleRole, KeptCircleState, KeptGroup, KeptLegacy, KeptPassword,
    KeptPlace, KeptPrivacy, KeptPrompt, People,
};

/// Longest personal message, in bytes.
const MESSAGE_MAX: usize = 1024;
/// Longest name of a circle, in encoded bytes.
const CIRCLE_NAME_MAX: usize = 180;
/// Groups of one book.
const GROUPS_MAX: u8 = 29;
/// The name of the default group, which clients expect.
const DEFAULT_GROUP: &str = "~";

/// A group in JSON; the identities are what contacts name it by.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Group {
    id: serde_json::Value,
    uuid: serde_json::Value,
    name: String,
    is_favorite: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    #[serde(rename = "BLP")]
    blp: String,
    #[serde(rename = "GTC")]
    gtc: String,
}

/// What each front end keeps with an account.
#[derive(Default, Deserialize)]
#[serde(default)]
struct FrontData {
    msn: Msn,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Msn {
    pw_md5: Option<String>,
}

/// Whoever of the database becomes somebody of ours.
pub(super) struct Somebody {
    pub(super) dossier: Dossier,
    /// The numbers of their groups by what contacts name them by.
    pub(super) groups: HashMap<String, u8>,
}

pub(super) fn convert(tables: &Tables, wishes: Wishes) -> Found {
    let mut remarks = Remarks::default();
    let mut everybody = Vec::new();
    let mut by_uuid = HashMap::new();
    let mut addresses = HashSet::new();
    for line in &tables.users {
        let email = line.text("email");
        let Ok(address) = Address::parse(email) else {
            remarks.add(
                email,
                "left out, because it is no address that clients take",
            );
            continue;
        };
        if !addresses.insert(address.clone()) {
            remarks.add(email, "left out, because it is there twice");
            continue;
        }
        by_uuid.insert(line.text("uuid").to_owned(), everybody.len());
        everybody.push(somebody(line, &address, wishes, &mut remarks));
    }
    book::contacts(&tables.contacts, &by_uuid, &mut everybody, &mut remarks);
    let address_of = |uuid: &str| {
        let somebody = by_uuid.get(uuid).and_then(|&at| everybody.get(at));
        somebody.map(|it| it.dossier.address.clone())
    };
    let circles = circles(tables, address_of, &mut remarks);
    Found {
        people: People {
            people: everybody.into_iter().map(|it| it.dossier).collect(),
            circles,
            ..People::new()
        },
        remarks: remarks.kept,
        further_remarks: remarks.further,
    }
}

fn somebody(line: &Line, address: &Address, wishes: Wishes, remarks: &mut Remarks) -> Somebody {
    let who = address.as_str();
    let settings: Settings = serde_json::from_str(line.text("settings")).unwrap_or_default();
    let name = label(line.text("friendly_name"), Label::NAME_MAX);
    let (groups, numbers) = groups(line.text("groups"), who, remarks);
    let dossier = Dossier {
        address: who.to_owned(),
        name: if name.is_empty() {
            label(who, Label::NAME_MAX)
        } else {
            name
        },
        message: plain(line.text("message"), MESSAGE_MAX),
        privacy: match settings.blp.as_str() {
            "BL" => KeptPrivacy::BlockOthers,
            _ => KeptPrivacy::AllowOthers,
        },
        when_added: match settings.gtc.as_str() {
            "N" => KeptPrompt::AllowSilently,
            _ => KeptPrompt::Ask,
        },
        default_group_name: DEFAULT_GROUP.to_owned(),
        created_at: time(line.text("date_created")).unwrap_or(0),
        last_sign_in: time(line.text("date_login")),
        password: password(line, wishes, who, remarks),
        groups,
        ..Dossier::default()
    };
    Somebody {
        dossier,
        groups: numbers,
    }
}

fn password(line: &Line, wishes: Wishes, who: &str, remarks: &mut Remarks) -> Option<KeptPassword> {
    let hash = line.text("password");
    let imported = Pbkdf2Hash::parse(hash).map(|_| hash.to_owned());
    if imported.is_none() {
        remarks.add(
            who,
            "has no password hash that can be used; give them a new one",
        );
    }
    let front: FrontData = serde_json::from_str(line.text("front_data")).unwrap_or_default();
    let stored = front
        .msn
        .pw_md5
        .filter(|it| wishes.legacy && !it.is_empty());
    let legacy = stored.as_deref().and_then(legacy);
    if stored.is_some() && legacy.is_none() {
        remarks.add(
            who,
            "has a secret for the oldest clients that cannot be used",
        );
    }
    (imported.is_some() || legacy.is_some()).then_some(KeptPassword {
        imported,
        legacy,
        ..KeptPassword::default()
    })
}

/// `md5$SALT$BASE64`, the MD5 of the salt's text and the password: what the oldest clients answer
/// to that salt as a challenge.
fn legacy(stored: &str) -> Option<KeptLegacy> {
    let mut parts = stored.split('$');
    let (kind, salt, digest) = (parts.next()?, parts.next()?, parts.next()?);
    let digest: [u8; 16] = BASE64.decode(digest).ok()?.try_into().ok()?;
    let is_sound = kind == "md5"
        && parts.next().is_none()
        && (1..=64).contains(&salt.len())
        && salt.bytes().all(|byte| byte.is_ascii_graphic());
    is_sound.then(|| KeptLegacy {
        salt: salt.to_owned(),
        digest: hex(&digest),
        is_separate: false,
    })
}

fn groups(text: &str, who: &str, remarks: &mut Remarks) -> (Vec<KeptGroup>, HashMap<String, u8>) {
    let found: Vec<Group> = serde_json::from_str(text).unwrap_or_default();
    let (mut groups, mut numbers) = (Vec::new(), HashMap::new());
    let mut number = 0;
    for group in found {
        let name = label(&group.name, Label::GROUP_MAX);
        if name.is_empty() || number == GROUPS_MAX {
            remarks.add(
                who,
                "a group was left out; there may be 29, each with a name",
            );
            continue;
        }
        number += 1;
        let (id, uuid) = (identity(&group.id), identity(&group.uuid));
        let guid = uuid.as_deref().and_then(Guid::parse);
        groups.push(KeptGroup {
            number,
            guid: guid.unwrap_or_else(Guid::random).to_string(),
            name,
            is_favorite: group.is_favorite,
            ..KeptGroup::default()
        });
        for name in [id, uuid].into_iter().flatten() {
            numbers.insert(name, number);
        }
    }
    (groups, numbers)
}

/// What a group is named by: a text or a number.
pub(super) fn identity(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn circles(
    tables: &Tables,
    address_of: impl Fn(&str) -> Option<String>,
    remarks: &mut Remarks,
) -> Vec<KeptCircle> {
    let mut by_chat: HashMap<&str, Vec<&Line>> = HashMap::new();
    for line in &tables.memberships {
        by_chat.entry(line.text("chat_id")).or_default().push(line);
    }
    let mut circles = Vec::new();
    for line in &tables.chats {
        let chat = line.text("chat_id");
        let Some(owner) = address_of(line.text("owner_uuid")) else {
            remarks.add(chat, "a circle was left out, because its owner was");
            continue;
        };
        let mut members = Vec::new();
        let mut seen = HashSet::new();
        for line in by_chat.remove(chat).unwrap_or_default() {
            if let Some(address) = address_of(line.text("member_uuid"))
                && seen.insert(address.clone())
            {
                let is_owner = address == owner;
                let inviter = address_of(line.text("inviter_uuid"));
                members.push(place(line, address, is_owner, inviter));
            }
        }
        if seen.insert(owner.clone()) {
            members.push(new_place(owner.clone(), KeptCircleState::Accepted, true));
        }
        let name = label(line.text("name"), CIRCLE_NAME_MAX);
        circles.push(KeptCircle {
            id: circle_id(chat),
            name: if name.is_empty() {
                label(chat, CIRCLE_NAME_MAX)
            } else {
                name
            },
            owner,
            created_at: 0,
            members,
        });
    }
    circles
}

fn place(line: &Line, address: String, is_owner: bool, inviter: Option<String>) -> KeptPlace {
    let state = match line.number("state") {
        3 => KeptCircleState::Accepted,
        2 => KeptCircleState::Left,
        4 => KeptCircleState::Rejected,
        _ => KeptCircleState::Invited,
    };
    let mut place = new_place(address, state, is_owner);
    place.role = match line.number("role") {
        _ if is_owner => KeptCircleRole::Admin,
        1 => KeptCircleRole::Admin,
        2 => KeptCircleRole::AssistantAdmin,
        _ => KeptCircleRole::Member,
    };
    place.is_blocked = line.number("blocking") != 0;
    place.inviter = inviter;
    place.message = plain(line.text("invite_message"), MESSAGE_MAX);
    place
}

fn new_place(address: String, state: KeptCircleState, is_admin: bool) -> KeptPlace {
    KeptPlace {
        address,
        role: if is_admin {
            KeptCircleRole::Admin
        } else {
            KeptCircleRole::Member
        },
        state,
        is_in_book: true,
        is_told: true,
        is_blocked: false,
        book_guid: Guid::random().to_string(),
        circle_guid: Guid::random().to_string(),
        inviter: None,
        message: String::new(),
        created_at: 0,
        state_at: 0,
    }
}

/// The number of a circle: its own, if it has one of ours, else one that the same name always
/// gets, so that a second run finds the circle.
fn circle_id(chat: &str) -> String {
    let known = CircleId::parse(&chat.to_ascii_lowercase());
    let derived = || {
        let digest = Sha256::new()
            .chain_update(b"escargot circle")
            .chain_update(chat)
            .finalize();
        let bytes = digest.iter().take(6);
        let number = bytes.fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
        CircleId::from_number(number)
    };
    let id = known.or_else(derived);
    id.map(|id| id.to_string()).unwrap_or_default()
}

/// Text as a label, as much of it as there is room for.
pub(super) fn label(text: &str, max: usize) -> String {
    // No sign takes less than a byte.
    let mut rest: String = text.chars().take(max).collect();
    loop {
        match Label::from_typed(&rest, max) {
            Ok(label) => return label.as_str().to_owned(),
            Err(_) => rest.pop(),
        };
    }
}

/// Text without what no document can have in it, as much as there is room for.
pub(super) fn plain(text: &str, max: usize) -> String {
    let mut kept = String::new();
    for sign in text.chars().filter(|sign| !sign.is_control()) {
        if kept.len() + sign.len_utf8() > max || matches!(sign, '\u{fffe}' | '\u{ffff}') {
            break;
        }
        kept.push(sign);
    }
    kept
}

/// `2026-11-21 07:48:49.167211`, in UTC.
fn time(text: &str) -> Option<i64> {
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let whole = text.get(..19)?;
    let parsed = time::PrimitiveDateTime::parse(whole, format).ok()?;
    Some(parsed.assume_utc().unix_timestamp() * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_the_oldest_clients_is_taken_as_it_is() {
        let secret = legacy("md5$f1a9c7cddf5585c$RDWexsUAUzawTGW3DTHkyA==").unwrap();
        assert_eq!(secret.salt, "f1a9c7cddf5585c");
        assert_eq!(secret.digest, "44359ec6c5005336b04c65b70d31e4c8");
        for bad in [
            "",
            "md5$$RDWexsUAUzawTGW3DTHkyA==",
            "md5$a b$RDWexsUAUzawTGW3DTHkyA==",
            "md5$salt$AAAA",
            "sha$salt$RDWexsUAUzawTGW3DTHkyA==",
            "md5$salt$RDWexsUAUzawTGW3DTHkyA==$",
        ] {
            assert!(legacy(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn texts_are_cut_and_times_are_read() {
        assert_eq!(label("a b", 61), "a%20b");
        assert_eq!(label(&" ".repeat(100), 61).len(), 60);
        assert_eq!(plain("a\u{0}b\u{1b}c", 2), "ab");
        assert_eq!(time("2004-11-09 11:33:20.167211"), Some(1_100_000_000_000));
        for bad in ["", "2004", "yesterday, at tea time", "2004-13-09 11:33:20"] {
            assert_eq!(time(bad), None);
        }
    }

    #[test]
    fn the_number_of_a_circle_stays_the_same() {
        let own = "00000000-0000-0000-0009-0123456789ab";
        assert_eq!(circle_id(own), own);
        assert_eq!(circle_id("a chat"), circle_id("a chat"));
        assert!(CircleId::parse(&circle_id("a chat")).is_some());
    }
}
