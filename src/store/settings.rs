//! Changes of what an account has set for itself.

use std::sync::Arc;

use super::activity::{self, Deed};
use super::own_card::note_setting;
use super::profiles::{self, Part};
use super::rows::{self, settings_columns};
use super::turn::Turn;
use super::writer::{Published, Stop};
use super::{Store, StoreError};
use crate::model::{
    Label, Phone, Phones, Privacy, Refusal, ReversePrompt, Settings, StandingChange, StandingEdit,
    UserId,
};

/// One setting with its new value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    Name(Label),
    Privacy(Privacy),
    ReversePrompt(ReversePrompt),
    /// No value, or an empty one, clears it. The paging wish is `Y` or `N`.
    Phone(Phone, Option<Label>),
    /// The personal message. It is kept for the next sign-in and is no part of the book.
    Message(String),
}

/// A change of a setting, as it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingChange {
    /// The setting as it is now kept.
    pub setting: Setting,
    pub owner: StandingEdit,
    /// Whether anything changed. If not, `owner` has the revision as it is.
    pub changed: bool,
    /// Whose books show the change, with their new revisions: for a phone number, everybody who
    /// has the owner on their forward list and whom the owner has allowed.
    pub followers: Vec<(UserId, u64)>,
}

impl Store {
    /// Changes one setting of the account. Its value again succeeds and changes nothing.
    ///
    /// Refused: `InvalidParameter` for a paging wish other than `Y` or `N`; `Unavailable` if the
    /// owner is gone.
    pub async fn change_setting<R: Send + 'static>(
        &self,
        owner: UserId,
        setting: Setting,
        published: impl FnOnce(&SettingChange) -> R + Send + 'static,
    ) -> Published<SettingChange, R> {
        self.writer
            .publish(
                move |turn| Box::pin(change(turn, owner, setting)),
                published,
            )
            .await
    }
}

pub(super) async fn change(
    turn: &mut Turn,
    owner: UserId,
    setting: Setting,
) -> Result<SettingChange, Stop> {
    let setting = normalised(setting)?;
    let (revision, before) = read(turn, owner).await?;
    let mut edit = StandingEdit {
        owner,
        revision,
        change: StandingChange::Nothing,
    };
    let after = applied(&setting, before.clone());
    if after == before {
        return Ok(SettingChange {
            setting,
            owner: edit,
            changed: false,
            followers: Vec::new(),
        });
    }
    let is_message = matches!(setting, Setting::Message(_));
    edit.revision = write(turn, owner, &after, !is_message).await?;
    note_setting(turn, owner, &setting).await?;
    if let Setting::Privacy(privacy) = setting {
        edit.change = StandingChange::Privacy(privacy);
    }
    tell(turn, owner, &setting).await?;
    let followers = match setting {
        Setting::Phone(..) => bump_followers(turn, owner).await?,
        _ => Vec::new(),
    };
    Ok(SettingChange {
        setting,
        owner: edit,
        changed: true,
        followers,
    })
}

/// Notes what others may read about, and moves the profile forward.
async fn tell(turn: &mut Turn, owner: UserId, setting: &Setting) -> Result<(), StoreError> {
    let (part, deed) = match setting {
        Setting::Name(name) => (Part::Name, Deed::Name(name.to_text())),
        Setting::Message(text) => (Part::Message, Deed::Message(text.clone())),
        _ => return Ok(()),
    };
    profiles::touch(turn, owner, &part).await?;
    activity::note(turn, owner, &deed).await
}

/// The one spelling in which a value is kept.
fn normalised(setting: Setting) -> Result<Setting, Refusal> {
    let Setting::Phone(phone, value) = setting else {
        return Ok(setting);
    };
    let value = value.filter(|value| !value.is_empty());
    if phone == Phone::MayPage {
        let is_known = value
            .as_ref()
            .is_none_or(|value| matches!(value.as_str(), "Y" | "N"));
        if !is_known {
            return Err(Refusal::InvalidParameter);
        }
    }
    Ok(Setting::Phone(phone, value))
}

fn applied(setting: &Setting, mut settings: Settings) -> Settings {
    match setting {
        Setting::Name(name) => settings.name = name.clone(),
        Setting::Privacy(privacy) => settings.privacy = *privacy,
        Setting::ReversePrompt(prompt) => settings.reverse_prompt = *prompt,
        Setting::Phone(phone, value) => set_phone(&mut settings.phones, *phone, value.clone()),
        Setting::Message(text) => settings.message = Arc::from(text.as_str()),
    }
    settings
}

fn set_phone(phones: &mut Phones, phone: Phone, value: Option<Label>) {
    match phone {
        Phone::Home => phones.home = value,
        Phone::Work => phones.work = value,
        Phone::Mobile => phones.mobile = value,
        Phone::MayPage => phones.may_page = value.is_some_and(|value| value.as_str() == "Y"),
    }
}

async fn read(turn: &mut Turn, owner: UserId) -> Result<(u64, Settings), Stop> {
    use sqlx::Row;
    let row = sqlx::query(concat!(
        "SELECT a.revision, ",
        settings_columns!(),
        " FROM account a WHERE a.id = $1"
    ))
    .bind(owner.0)
    .fetch_optional(turn.connection().await?)
    .await?
    .ok_or(Refusal::Unavailable)?;
    let revision = rows::revision(row.try_get("revision")?, owner.0)?;
    Ok((revision, rows::settings(&row, owner.0)?))
}

/// Writes all settings; answers the revision, which moves only if the change is one of the book.
async fn write(
    turn: &mut Turn,
    owner: UserId,
    settings: &Settings,
    is_of_book: bool,
) -> Result<u64, StoreError> {
    let label = |label: &Option<Label>| label.as_ref().map(|label| label.as_str().to_owned());
    let revision = sqlx::query_scalar(
        "UPDATE account SET name = $2, privacy = $3, reverse_prompt = $4, phone_home = $5, \
         phone_work = $6, phone_mobile = $7, may_page = $8, message = $9, \
         revision = revision + $10, settings_changed_at = \
         CASE WHEN $10 = 0 THEN settings_changed_at \
         WHEN settings_changed_at < $11 THEN $11 ELSE settings_changed_at + 1 END \
         WHERE id = $1 RETURNING revision",
    )
    .bind(owner.0)
    .bind(settings.name.as_str())
    .bind(rows::stored_privacy(settings.privacy))
    .bind(rows::stored_reverse_prompt(settings.reverse_prompt))
    .bind(label(&settings.phones.home))
    .bind(label(&settings.phones.work))
    .bind(label(&settings.phones.mobile))
    .bind(settings.phones.may_page)
    .bind(&*settings.message)
    .bind(i64::from(is_of_book))
    .bind(turn.now)
    .fetch_one(turn.connection().await?)
    .await?;
    rows::revision(revision, owner.0)
}

/// Moves the books forward that show the owner's phone numbers. There are at most as many as
/// the owner's allow list may have.
async fn bump_followers(turn: &mut Turn, owner: UserId) -> Result<Vec<(UserId, u64)>, StoreError> {
    let followers: Vec<(i64, i64)> = sqlx::query_as(
        "UPDATE account SET revision = revision + 1, lists_changed_at = \
         CASE WHEN lists_changed_at < $2 THEN $2 ELSE lists_changed_at + 1 END \
         WHERE id IN (SELECT mine.contact_id FROM contact mine JOIN contact theirs \
         ON theirs.owner_id = mine.contact_id AND theirs.contact_id = mine.owner_id \
         WHERE mine.owner_id = $1 AND (mine.list_bits & 6) = 2 AND (theirs.list_bits & 1) = 1) \
         RETURNING id, revision",
    )
    .bind(owner.0)
    .bind(turn.now)
    .fetch_all(turn.connection().await?)
    .await?;
    followers
        .into_iter()
        .map(|(id, revision)| Ok((UserId(id), rows::revision(revision, id)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, by_address, done, label, refused};
    use super::*;
    use crate::model::List;

    fn phone(phone: Phone, value: &str) -> Setting {
        Setting::Phone(phone, Some(label(value)))
    }

    #[tokio::test]
    async fn every_setting_is_kept_once_and_moves_the_settings_stamp() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        for setting in [
            Setting::Name(label("Alice A")),
            Setting::Privacy(Privacy::BlockOthers),
            Setting::Privacy(Privacy::AllowOthers),
            Setting::ReversePrompt(ReversePrompt::AllowSilently),
            Setting::ReversePrompt(ReversePrompt::Ask),
            phone(Phone::Home, "1"),
            phone(Phone::Work, "2"),
            phone(Phone::Mobile, "3"),
            phone(Phone::MayPage, "Y"),
            phone(Phone::MayPage, "N"),
            Setting::Phone(Phone::Work, None),
        ] {
            let before = fixture.book(alice).await;
            let change = done(fixture.set(alice, setting.clone()).await);
            assert!(change.changed && change.setting == setting);
            let after = fixture.book(alice).await;
            assert_eq!(after.settings, applied(&setting, before.settings));
            assert_eq!(after.revision, before.revision + 1);
            assert_eq!(change.owner.revision, after.revision);
            assert!(after.stamps.settings > before.stamps.settings);
            assert_eq!(after.stamps.lists, before.stamps.lists);
            let again = done(fixture.set(alice, setting).await);
            assert!(!again.changed && again.followers.is_empty());
            assert_eq!(again.owner.change, StandingChange::Nothing);
            assert_eq!(again.owner.revision, after.revision);
            assert_eq!(fixture.book(alice).await, after);
        }
        let phones = fixture.book(alice).await.settings.phones;
        assert_eq!(phones.home, Some(label("1")));
        assert_eq!((phones.work, phones.may_page), (None, false));
        assert_eq!(phones.mobile, Some(label("3")));
    }

    #[tokio::test]
    async fn only_privacy_changes_the_standing() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let mut standing = fixture.store.standing(alice).await.unwrap().unwrap();
        let privacy = Privacy::BlockOthers;
        for setting in [Setting::Privacy(privacy), Setting::Name(label("A"))] {
            standing.apply(&done(fixture.set(alice, setting).await).owner);
        }
        assert_eq!(standing.privacy, privacy);
        let stored = fixture.store.standing(alice).await.unwrap();
        assert_eq!(Some(standing), stored);
    }

    #[tokio::test]
    async fn a_message_is_kept_and_is_no_part_of_the_book() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let before = fixture.book(alice).await;
        let message = || Setting::Message("at <home> & away".to_owned());
        let change = done(fixture.set(alice, message()).await);
        assert!(change.changed && change.owner.revision == before.revision);
        let after = fixture.book(alice).await;
        assert_eq!(&*after.settings.message, "at <home> & away");
        assert_eq!(
            (after.revision, after.stamps),
            (before.revision, before.stamps)
        );
        assert!(!done(fixture.set(alice, message()).await).changed);
    }

    #[tokio::test]
    async fn an_empty_number_is_none_and_a_paging_wish_is_yes_or_no() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        done(fixture.set(alice, phone(Phone::Home, "1")).await);
        let change = done(fixture.set(alice, phone(Phone::Home, "")).await);
        assert_eq!(change.setting, Setting::Phone(Phone::Home, None));
        assert_eq!(fixture.book(alice).await.settings.phones.home, None);
        let answer = fixture.set(alice, phone(Phone::MayPage, "y")).await;
        assert_eq!(refused(answer), Refusal::InvalidParameter);
        let answer = fixture.set(UserId(99), Setting::Name(label("x"))).await;
        assert_eq!(refused(answer), Refusal::Unavailable);
    }

    #[tokio::test]
    async fn the_settings_stamp_moves_forward_even_if_the_clock_does_not() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        fixture
            .sql("UPDATE account SET settings_changed_at = settings_changed_at + 1000000000")
            .await;
        let before = fixture.book(alice).await.stamps.settings;
        done(fixture.set(alice, Setting::Name(label("A"))).await);
        assert_eq!(fixture.book(alice).await.stamps.settings, before + 1);
    }

    #[tokio::test]
    async fn a_phone_number_moves_the_books_that_show_it() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        // Who follows alice, and what she thinks of them; only the first two see her number.
        let people = [
            ("a", true, Some(List::Allow)),
            ("b", true, Some(List::Allow)),
            ("c", true, None),
            ("d", true, Some(List::Block)),
            ("e", false, Some(List::Allow)),
        ];
        let mut ids = Vec::new();
        for (name, follows, list) in people {
            let user = fixture.account(name).await;
            ids.push(user);
            if follows {
                done(
                    fixture
                        .add(user, by_address("alice"), List::Forward, None)
                        .await,
                );
            }
            if let Some(list) = list {
                done(fixture.add(alice, by_address(name), list, None).await);
            }
        }
        let mut before = Vec::new();
        for &user in &ids {
            before.push(fixture.book(user).await);
        }
        let change = done(fixture.set(alice, phone(Phone::Mobile, "1")).await);
        let mut followers = change.followers;
        followers.sort_unstable();
        let expected: Vec<_> = (0..2).map(|i| (ids[i], before[i].revision + 1)).collect();
        assert_eq!(followers, expected);
        for (index, (&user, before)) in ids.iter().zip(&before).enumerate() {
            let after = fixture.book(user).await;
            let is_seen = index < 2;
            assert_eq!(after.revision, before.revision + u64::from(is_seen));
            assert_eq!(after.stamps.lists > before.stamps.lists, is_seen);
            assert_eq!(after.stamps.settings, before.stamps.settings);
            if is_seen {
                assert_eq!(after.contacts[0].phones.mobile, Some(label("1")));
            }
        }
        // Other settings are no part of anybody else's book.
        let change = done(fixture.set(alice, Setting::Name(label("A"))).await);
        assert!(change.followers.is_empty());
    }
}
