//! `/account/data` and `/account/export`: everything that is kept of one, to take along.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use crate::http::soap::utc;
use crate::http::web::page::{fault, page, see_other};
use crate::http::web::{Member, Shell};
use crate::http::{Web, storage};
use crate::model::{
    Annotations, Card, CardFields, CircleMembership, CircleRole, CircleState, Contact, ContactBook,
    ItemList, List, Member as ListMember, OfflineMessage, Phones, Privacy, ReversePrompt, Role,
    Who,
};
use crate::service::{Export, Picture, TileInfo};

#[derive(Template)]
#[template(path = "web/account_data.html")]
struct Data {
    shell: Shell,
}

pub(super) async fn show(State(web): State<Web>, member: Member) -> Response {
    let shell = Shell::new(&web, &member.visitor, "Your data");
    page(&member.visitor, StatusCode::OK, &Data { shell })
}

pub(super) async fn download(State(web): State<Web>, member: Member) -> Response {
    let export = match web.services.export(member.session.user).await {
        Ok(Some(export)) => export,
        Ok(None) => return see_other("/"),
        Err(error) => return fault(&error),
    };
    let text = match serde_json::to_vec_pretty(&document(&export)) {
        Ok(text) => text,
        Err(error) => return fault(&error),
    };
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"chrysalis-account.json\"",
        ),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text).into_response()
}

/// Everything as one document. Hashes of passwords are no one's to have and are not in it.
fn document(export: &Export) -> Value {
    let Export {
        account,
        profile,
        picture,
        tiles,
        book,
        memberships,
        cards,
        circles,
        messages,
    } = export;
    let settings = &account.settings;
    json!({
        "account": {
            "address": account.address.as_str(),
            "created_at": utc(account.created_at),
            "last_sign_in": account.last_sign_in.map(utc),
            "is_admin": account.is_admin,
            "old_clients_may_sign_in": account.has_legacy,
        },
        "settings": {
            "name": settings.name.to_text(),
            "message": &*settings.message,
            "strangers": match settings.privacy {
                Privacy::AllowOthers => "allowed",
                Privacy::BlockOthers => "blocked",
            },
            "when_somebody_adds_me": match settings.reverse_prompt {
                ReversePrompt::Ask => "ask",
                ReversePrompt::AllowSilently => "allow",
            },
            "phones": phones(&settings.phones),
        },
        "profile": {
            "flags": profile.flags,
            "changed_at": utc(profile.changed_at),
            "name_changed_at": utc(profile.name_changed_at),
            "message_changed_at": utc(profile.message_changed_at),
            "picture": picture.as_ref().map(shown),
            "pictures": tiles.iter().map(tile).collect::<Vec<_>>(),
        },
        "groups": cards.groups.iter().map(|group| json!({
            "id": group.guid.to_string(),
            "name": group.name.to_text(),
            "is_favorite": group.is_favorite,
            "annotations": annotations(&group.annotations),
        })).collect::<Vec<_>>(),
        "contacts": book.contacts.iter().map(|it| contact(it, book)).collect::<Vec<_>>(),
        "lists": memberships.members.iter().map(list_member).collect::<Vec<_>>(),
        "own_card": cards.me.as_ref().map(|me| json!({
            "fields": fields(&me.fields),
            "annotations": annotations(&me.annotations),
        })),
        "cards": cards.cards.iter().map(card).collect::<Vec<_>>(),
        "circles": circles.iter().map(circle).collect::<Vec<_>>(),
        "offline_messages": messages.iter().map(message).collect::<Vec<_>>(),
    })
}

fn phones(phones: &Phones) -> Value {
    let text = |label: &Option<crate::model::Label>| label.as_ref().map(|it| it.to_text());
    json!({
        "home": text(&phones.home),
        "work": text(&phones.work),
        "mobile": text(&phones.mobile),
        "may_page": phones.may_page,
    })
}

fn shown(picture: &Picture) -> Value {
    json!({
        "number": picture.number,
        "type": storage::mime(picture.kind),
        "base64": BASE64.encode(&picture.data),
    })
}

fn tile(tile: &TileInfo) -> Value {
    json!({
        "number": tile.number,
        "name": tile.name,
        "type": storage::mime(tile.kind),
        "bytes": tile.size,
        "changed_at": utc(tile.changed_at),
    })
}

fn contact(contact: &Contact, book: &ContactBook) -> Value {
    let lists = [
        (List::Forward, "forward"),
        (List::Allow, "allow"),
        (List::Block, "block"),
        (List::Reverse, "reverse"),
        (List::Pending, "pending"),
    ];
    let lists = lists
        .into_iter()
        .filter(|(list, _)| contact.lists.has(*list));
    let groups = book.groups.iter();
    let groups = groups.filter(|group| contact.groups.contains(&group.number));
    json!({
        "id": contact.guid.to_string(),
        "address": contact.address.as_str(),
        "name": contact.name.to_text(),
        "lists": lists.map(|(_, name)| name).collect::<Vec<_>>(),
        "groups": groups.map(|group| group.name.to_text()).collect::<Vec<_>>(),
        "phones": phones(&contact.phones),
    })
}

fn list_member(member: &ListMember) -> Value {
    let (kind, who) = match &member.who {
        Who::Account(_, address) => ("account", address.as_str()),
        Who::Email(address) => ("mail", &**address),
        Who::Phone(number) => ("phone", &**number),
    };
    json!({
        "list": match member.role {
            Role::Allow => "allow",
            Role::Block => "block",
            Role::Reverse => "reverse",
            Role::Pending => "pending",
        },
        "kind": kind,
        "who": who,
        "name": member.name.as_ref().map(|name| name.to_text()),
        "since": utc(member.joined_at),
        "annotations": annotations(&member.annotations),
    })
}

fn card(card: &Card) -> Value {
    let account = card
        .account
        .as_ref()
        .map(|account| account.address.as_str());
    json!({
        "id": card.guid.to_string(),
        "account": account,
        "address": card.address.as_deref(),
        "kept_name": card.kept_name.as_ref().map(|name| name.to_text()),
        "is_on_messenger": card.messenger,
        "groups": card.groups.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "created_at": utc(card.created_at),
        "fields": fields(&card.fields),
        "annotations": annotations(card.fields.annotations()),
    })
}

/// Fields and items by the names that the address book has for them.
fn fields(fields: &CardFields) -> Value {
    let mut all = Map::new();
    for (field, text) in fields.texts() {
        all.insert(field.name().to_owned(), json!(text));
    }
    for list in ItemList::ALL {
        let items: Map<String, Value> = fields
            .items(list)
            .map(|(kind, item)| {
                let parts: Map<String, Value> = item
                    .parts()
                    .map(|(name, text)| (name.to_owned(), json!(text)))
                    .collect();
                (kind.to_owned(), Value::Object(parts))
            })
            .collect();
        if !items.is_empty() {
            all.insert(list.shape().list.to_owned(), Value::Object(items));
        }
    }
    Value::Object(all)
}

fn annotations(annotations: &Annotations) -> Value {
    let all = annotations.iter();
    Value::Object(
        all.map(|(name, text)| (name.to_owned(), json!(text)))
            .collect(),
    )
}

fn circle(of: &CircleMembership) -> Value {
    let CircleMembership { circle, member } = of;
    json!({
        "id": circle.id.to_string(),
        "name": circle.name.to_text(),
        "created_at": utc(circle.created_at),
        "role": match member.role {
            CircleRole::Admin => "administrator",
            CircleRole::AssistantAdmin => "assistant administrator",
            CircleRole::Member => "member",
        },
        "state": match member.state {
            CircleState::Named => "named",
            CircleState::WaitingResponse => "invited",
            CircleState::Accepted => "accepted",
            CircleState::Left => "left",
            CircleState::Rejected => "declined",
        },
        "is_blocked": member.is_blocked,
        "invited_by": member.inviter.as_ref().map(|it| it.address.as_str()),
        "invitation": &*member.message,
        "since": utc(member.state_at),
    })
}

fn message(message: &OfflineMessage) -> Value {
    json!({
        "id": message.heading.id.to_string(),
        "from": message.heading.sender.as_str(),
        "from_name": &*message.heading.sender_name,
        "received_at": utc(message.heading.received_at),
        "is_read": message.heading.is_read,
        "text": message.text,
    })
}
