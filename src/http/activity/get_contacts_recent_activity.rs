//! `GetContactsRecentActivity`: what the caller's contacts did lately.
//!
//! Each entry has variables, and a template says how clients put a sentence together out of them.
//! Whose entries are asked for is not looked at: it is always the caller.

use askama::Template;

use crate::http::soap::{Call, Failure, Malformed, Reply, text_of};
use crate::service::{Activity, Deed};
use crate::xml::utc;

/// How many entries a client gets that does not say.
const USUAL: u32 = 50;
/// What clients know Messenger by among those that publish.
const APPLICATION: &str = "6262816084389410";
/// The sentence for each kind of entry, behind the name of who it is about.
const TITLES: [(u8, &str); 3] = [
    (NAME, "now goes by {text:What}"),
    (MESSAGE, "{text:What}"),
    (PICTURE, "{text:What}"),
];
const NAME: u8 = 1;
const MESSAGE: u8 = 2;
const PICTURE: u8 = 3;

#[derive(Template)]
#[template(path = "activity/get_contacts_recent_activity.xml")]
struct Answer {
    application: &'static str,
    titles: [(u8, &'static str); 3],
    entries: Vec<Entry>,
}

struct Entry {
    /// Decimal, with a sign.
    cid: i64,
    id: i64,
    change: u8,
    at: String,
    name: String,
    what: String,
}

impl From<Activity> for Entry {
    fn from(activity: Activity) -> Self {
        let (change, what) = match activity.deed {
            Deed::Name(name) => (NAME, name),
            Deed::Message(text) => (MESSAGE, text),
            Deed::Picture => (PICTURE, "has a new picture".to_owned()),
        };
        Self {
            cid: activity.user.passport_id().cast_signed(),
            id: activity.id,
            change,
            at: utc(activity.at),
            name: activity.name.to_text(),
            what,
        }
    }
}

pub(super) async fn handle(call: &Call<'_>) -> Result<Reply, Failure> {
    let count = call.operation.child("count").map(text_of);
    let count = count.map(str::parse).transpose().map_err(|_| Malformed)?;
    let profiles = &call.web.services.profiles;
    let found = profiles
        .recent_activity(call.by.user, count.unwrap_or(USUAL))
        .await?;
    let answer = Answer {
        application: APPLICATION,
        titles: TITLES,
        entries: found.into_iter().map(Entry::from).collect(),
    };
    Ok(Reply::render(&answer)?)
}
