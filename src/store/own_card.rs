//! What an account has written on its own card.
//!
//! Three annotations of it are more than notes. Two of them are the privacy settings that the
//! older clients change by command: they are kept with the settings and only shown here. The
//! third says whether several endpoints may be signed in.

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use super::StoreError;
use super::address_book::Book;
use super::card_rows::{read_fields, write_fields};
use super::rows::{self, settings_columns};
use super::settings::{self, Setting};
use super::turn::Turn;
use super::writer::Stop;
use crate::model::address_book::{ENDPOINTS, PRIVACY, REVERSE_PROMPT};
use crate::model::{
    Annotations, CardField, CardFields, CardPatch, Guid, Label, OwnCard, Privacy, Refusal,
    ReversePrompt, Settings, Stamp, UserId,
};

/// Gives a new account its card.
pub(super) async fn create(turn: &mut Turn, user: UserId) -> Result<(), StoreError> {
    let stamp = turn.tick();
    sqlx::query("INSERT INTO own_card (user_id, guid, changed_at) VALUES ($1, $2, $3)")
        .bind(user.0)
        .bind(Guid::random().to_string())
        .bind(stamp.0)
        .execute(turn.connection().await?)
        .await?;
    // Nobody has seen an earlier state of this book.
    sqlx::query("UPDATE account SET name_changed_at = $2, removals_since = $2 WHERE id = $1")
        .bind(user.0)
        .bind(stamp.0)
        .execute(turn.connection().await?)
        .await?;
    Ok(())
}

/// The card of an account that exists.
pub(super) async fn read(
    connection: &mut SqliteConnection,
    user: UserId,
) -> Result<OwnCard, StoreError> {
    let row = sqlx::query(concat!(
        "SELECT k.guid, k.fields, k.changed_at, ",
        settings_columns!(),
        " FROM own_card k JOIN account a ON a.id = k.user_id WHERE k.user_id = $1"
    ))
    .bind(user.0)
    .fetch_one(connection)
    .await?;
    let settings = rows::settings(&row, user.0)?;
    let fields = read_fields(row.try_get("fields")?, "own_card", user.0)?;
    let annotations = shown(fields.annotations(), &settings)
        .map_err(|_| rows::unreadable("own_card", "fields", user.0))?;
    Ok(OwnCard {
        guid: rows::guid(row.try_get("guid")?, "own_card", user.0)?,
        name: settings.name,
        fields,
        annotations,
        changed_at: Stamp(row.try_get("changed_at")?),
    })
}

/// Whether an account with these fields on its card lets several of its endpoints be signed in.
pub(super) fn endpoints_allowed(fields: &str, user: UserId) -> Result<bool, StoreError> {
    let fields = read_fields(fields, "own_card", user.0)?;
    Ok(fields.annotations().get(ENDPOINTS) != Some("0"))
}

/// The annotations that are kept, and the settings as if they were annotations too.
fn shown(kept: &Annotations, settings: &Settings) -> Result<Annotations, Refusal> {
    let mut annotations = kept.clone();
    let privacy = match settings.privacy {
        Privacy::AllowOthers => "1",
        Privacy::BlockOthers => "2",
    };
    let prompt = match settings.reverse_prompt {
        ReversePrompt::Ask => "1",
        ReversePrompt::AllowSilently => "2",
    };
    annotations.set(PRIVACY, privacy)?;
    annotations.set(REVERSE_PROMPT, prompt)?;
    Ok(annotations)
}

/// The setting behind an annotation, if there is one. 0 and nothing are the default.
fn setting(name: &str, value: &str) -> Result<Option<Setting>, Refusal> {
    let setting = match (name, value) {
        (PRIVACY, "" | "0" | "1") => Setting::Privacy(Privacy::AllowOthers),
        (PRIVACY, "2") => Setting::Privacy(Privacy::BlockOthers),
        (REVERSE_PROMPT, "" | "0" | "1") => Setting::ReversePrompt(ReversePrompt::Ask),
        (REVERSE_PROMPT, "2") => Setting::ReversePrompt(ReversePrompt::AllowSilently),
        (PRIVACY | REVERSE_PROMPT, _) => return Err(Refusal::InvalidParameter),
        _ => return Ok(None),
    };
    Ok(Some(setting))
}

impl Book<'_> {
    /// Writes a change on the owner's own card; a display name renames the account.
    pub(super) async fn update_own_card(&mut self, patch: CardPatch) -> Result<(), Stop> {
        let owner = self.owner();
        let mut kept = CardPatch {
            items: patch.items,
            ..CardPatch::default()
        };
        for (field, value) in patch.texts {
            if field == CardField::DisplayName {
                let name = display_name(&value)?;
                let change = settings::change(self.turn, owner, Setting::Name(name)).await?;
                self.change.setting(change);
            } else {
                kept.texts.push((field, value));
            }
        }
        for (name, value) in patch.annotations {
            match setting(&name, &value)? {
                Some(setting) => {
                    let change = settings::change(self.turn, owner, setting).await?;
                    self.change.setting(change);
                }
                None => kept.annotations.push((name, value)),
            }
        }
        let before: String = sqlx::query_scalar("SELECT fields FROM own_card WHERE user_id = $1")
            .bind(owner.0)
            .fetch_one(self.turn.connection().await?)
            .await?;
        let before = read_fields(&before, "own_card", owner.0)?;
        let after = applied(&before, &kept)?;
        if after == before {
            return Ok(());
        }
        let stamp = self.turn.tick();
        sqlx::query("UPDATE own_card SET fields = $2, changed_at = $3 WHERE user_id = $1")
            .bind(owner.0)
            .bind(write_fields(&after))
            .bind(stamp.0)
            .execute(self.turn.connection().await?)
            .await?;
        self.change.changed = true;
        Ok(())
    }
}

/// The fields with a change in them.
pub(super) fn applied(before: &CardFields, patch: &CardPatch) -> Result<CardFields, Refusal> {
    let mut after = before.clone();
    after.apply(patch)?;
    Ok(after)
}

/// A name that somebody typed for an account or a contact.
pub(super) fn display_name(text: &str) -> Result<Label, Refusal> {
    if text.is_empty() {
        return Err(Refusal::IllegalName);
    }
    Label::from_typed(text, Label::NAME_MAX).map_err(|_| Refusal::IllegalName)
}

/// Notes that a setting changed which the card shows, and where it is the name, that others see
/// another one.
pub(super) async fn note_setting(
    turn: &mut Turn,
    owner: UserId,
    setting: &Setting,
) -> Result<(), StoreError> {
    let is_shown = match setting {
        Setting::Name(_) | Setting::Privacy(_) | Setting::ReversePrompt(_) => true,
        Setting::Phone(..) | Setting::Message(_) => false,
    };
    if !is_shown {
        return Ok(());
    }
    let stamp = turn.tick();
    sqlx::query("UPDATE own_card SET changed_at = $2 WHERE user_id = $1")
        .bind(owner.0)
        .bind(stamp.0)
        .execute(turn.connection().await?)
        .await?;
    if matches!(setting, Setting::Name(_)) {
        sqlx::query("UPDATE account SET name_changed_at = $2 WHERE id = $1")
            .bind(owner.0)
            .bind(stamp.0)
            .execute(turn.connection().await?)
            .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::BookRequest;
    use super::super::testing::{Fixture, done, label, note, texts};
    use super::*;
    use crate::model::{CardChange, CardRef};

    async fn write(fixture: &Fixture, owner: UserId, fields: CardPatch) -> bool {
        let request = BookRequest::UpdateCards(vec![CardChange {
            card: CardRef::Me,
            messenger: None,
            fields,
        }]);
        done(fixture.change(owner, request).await).changed
    }

    async fn me(fixture: &Fixture, owner: UserId) -> OwnCard {
        fixture.page(owner, None).await.me.unwrap()
    }

    #[tokio::test]
    async fn the_privacy_settings_are_annotations_and_the_reverse() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        let start = fixture.page(alice, None).await;
        let annotations = start.me.clone().unwrap().annotations;
        assert_eq!(annotations.get(PRIVACY), Some("1"));
        assert_eq!(annotations.get(REVERSE_PROMPT), Some("1"));
        assert_eq!(fixture.page(alice, Some(start.stamp)).await.me, None);
        // By annotation.
        assert!(write(&fixture, alice, note(PRIVACY, "2")).await);
        assert!(!write(&fixture, alice, note(PRIVACY, "2")).await);
        assert!(write(&fixture, alice, note(REVERSE_PROMPT, "2")).await);
        let settings = fixture.book(alice).await.settings;
        assert_eq!(settings.privacy, Privacy::BlockOthers);
        assert_eq!(settings.reverse_prompt, ReversePrompt::AllowSilently);
        assert!(me(&fixture, alice).await.fields.is_empty());
        // By command.
        let before = fixture.page(alice, None).await;
        done(
            fixture
                .set(alice, Setting::Privacy(Privacy::AllowOthers))
                .await,
        );
        let news = fixture.page(alice, Some(before.stamp)).await.me.unwrap();
        assert_eq!(news.annotations.get(PRIVACY), Some("1"));
        assert_eq!(news.annotations.get(REVERSE_PROMPT), Some("2"));
        assert_eq!(news.guid, before.me.unwrap().guid);
        // The default.
        for value in ["0", ""] {
            done(
                fixture
                    .set(alice, Setting::Privacy(Privacy::BlockOthers))
                    .await,
            );
            assert!(write(&fixture, alice, note(PRIVACY, value)).await);
            let settings = fixture.book(alice).await.settings;
            assert_eq!(settings.privacy, Privacy::AllowOthers);
        }
    }

    #[tokio::test]
    async fn several_endpoints_are_allowed_unless_the_owner_says_no() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        for (value, allowed) in [(None, true), (Some("0"), false), (Some("1"), true)] {
            if let Some(value) = value {
                assert!(write(&fixture, alice, note(ENDPOINTS, value)).await);
            }
            let state = fixture.store.sign_in_state(alice).await.unwrap().unwrap();
            assert_eq!(state.endpoints_allowed, allowed);
        }
        assert!(write(&fixture, alice, note(ENDPOINTS, "")).await);
        assert!(!write(&fixture, alice, note("MSN.IM.Unknown", "")).await);
    }

    #[tokio::test]
    async fn a_display_name_renames_the_account_for_everybody_who_has_it() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        let guid = fixture.add_card(bob, "alice").await;
        let before = fixture.page(bob, None).await;
        let revision = fixture.store.revision(bob).await.unwrap();
        assert!(
            write(
                &fixture,
                alice,
                texts(&[(CardField::DisplayName, "Alice B")])
            )
            .await
        );
        assert_eq!(fixture.book(alice).await.settings.name, label("Alice B"));
        let news = fixture.page(bob, Some(before.stamp)).await;
        assert_eq!((news.cards.len(), news.cards[0].guid), (1, guid));
        assert_eq!(news.cards[0].display_name(), "Alice B");
        // The older clients hear of names in another way.
        assert_eq!(fixture.store.revision(bob).await.unwrap(), revision);
        assert!(fixture.page(bob, Some(news.stamp)).await.cards.is_empty());
    }
}
