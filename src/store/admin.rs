//! What administrators do to accounts and invitations.
//!
//! A deed and its entry in the audit are one transaction: neither is ever there without the other.
//! Whether the last administrator would be lost is decided in there too.

use sqlx::Row as _;

use super::accounts::{
    Account, account, account_query, delete, set_admin, set_disabled, set_password,
};
use super::audit::{AuditDeed, note};
use super::invitations::{NewInvitation, forget, keep};
use super::rows::settings_columns;
use super::settings::{self, Setting};
use super::turn::Turn;
use super::writer::Published;
use super::{LegacyChange, PasswordRecord, Store, StoreError};
use crate::model::{Label, Refusal, UserId};

/// What an administrator changes about an account.
#[derive(Debug, Clone)]
pub enum Administration {
    Name(Label),
    Disabled(bool),
    /// A new password, as [`Store::set_password`] gives it.
    Password(PasswordRecord, LegacyChange),
    Admin(bool),
    Delete,
    /// Its browsers are signed out.
    SignOut,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Administered {
    Done,
    UnknownAccount,
    /// Nobody who can sign in would be left to run the server. Nothing was changed.
    LastAdmin,
}

/// Which accounts are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AccountFilter {
    #[default]
    All,
    Admins,
    Disabled,
}

/// Accounts that were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundAccounts {
    /// How many there are altogether.
    pub total: u64,
    pub page: Vec<Account>,
}

macro_rules! matching {
    () => {
        "WHERE (a.address LIKE $1 ESCAPE '\\' OR a.name LIKE $2 ESCAPE '\\') \
         AND ($3 = 0 OR a.is_admin = 1) AND ($4 = 0 OR a.disabled = 1)"
    };
}

impl Store {
    /// Changes an account and notes the deed. `published` runs right after the commit with what
    /// became of it.
    pub async fn administer<R: Send + 'static>(
        &self,
        user: UserId,
        change: Administration,
        deed: AuditDeed,
        published: impl FnOnce(&Administered) -> R + Send + 'static,
    ) -> Published<Administered, R> {
        self.writer
            .publish(
                move |turn| {
                    Box::pin(async move {
                        if takes_power(&change) && is_last_admin(turn, user).await? {
                            return Ok(Administered::LastAdmin);
                        }
                        let was_there = match change {
                            Administration::Name(name) => {
                                let changed = settings::change(turn, user, Setting::Name(name));
                                match changed.await {
                                    Ok(_) => true,
                                    Err(super::writer::Stop::Refused(Refusal::Unavailable)) => {
                                        false
                                    }
                                    Err(stop) => return Err(stop),
                                }
                            }
                            Administration::Disabled(disabled) => {
                                set_disabled(turn, user, disabled).await?
                            }
                            Administration::Password(record, legacy) => {
                                set_password(turn, user, record, legacy).await?
                            }
                            Administration::Admin(is_admin) => {
                                set_admin(turn, user, is_admin).await?
                            }
                            Administration::Delete => delete(turn, user).await?,
                            Administration::SignOut => {
                                sqlx::query("DELETE FROM web_session WHERE user_id = $1")
                                    .bind(user.0)
                                    .execute(turn.connection().await?)
                                    .await
                                    .map_err(StoreError::from)?;
                                true
                            }
                        };
                        if !was_there {
                            return Ok(Administered::UnknownAccount);
                        }
                        note(turn, deed).await?;
                        Ok(Administered::Done)
                    })
                },
                published,
            )
            .await
    }

    /// Keeps a new code and notes the deed; answers whether the code was new.
    pub async fn invite(&self, new: NewInvitation, deed: AuditDeed) -> Result<bool, StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    let kept = keep(turn, new).await?;
                    if kept {
                        note(turn, deed).await?;
                    }
                    Ok(kept)
                })
            })
            .await
    }

    /// Forgets a code and notes the deed; answers whether there was one.
    pub async fn withdraw_invitation(
        &self,
        code: String,
        deed: AuditDeed,
    ) -> Result<bool, StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    let was_there = forget(turn, code).await?;
                    if was_there {
                        note(turn, deed).await?;
                    }
                    Ok(was_there)
                })
            })
            .await
    }

    /// Accounts whose address or name contains `text` (every account for an empty one), by address,
    /// from number `skip` on and at most `count`.
    pub async fn find_accounts(
        &self,
        text: &str,
        filter: AccountFilter,
        skip: u32,
        count: u32,
    ) -> Result<FoundAccounts, StoreError> {
        let address = containing(text);
        // Names are kept as they travel.
        let name = Label::from_text(text, Label::NAME_MAX);
        let name = name.map_or_else(|_| address.clone(), |name| containing(name.as_str()));
        let (admins, disabled) = match filter {
            AccountFilter::All => (false, false),
            AccountFilter::Admins => (true, false),
            AccountFilter::Disabled => (false, true),
        };
        let total: i64 =
            sqlx::query_scalar(concat!("SELECT COUNT(*) FROM account a ", matching!()))
                .bind(&address)
                .bind(&name)
                .bind(admins)
                .bind(disabled)
                .fetch_one(&mut *self.readers.get().await?)
                .await?;
        let rows = sqlx::query(concat!(
            account_query!(""),
            matching!(),
            " ORDER BY a.address LIMIT $5 OFFSET $6"
        ))
        .bind(&address)
        .bind(&name)
        .bind(admins)
        .bind(disabled)
        .bind(count)
        .bind(skip)
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        Ok(FoundAccounts {
            total: total.unsigned_abs(),
            page: rows.iter().map(account).collect::<Result<_, _>>()?,
        })
    }
}

/// A pattern for what contains this text, whatever signs are in it.
fn containing(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for sign in text.chars() {
        if matches!(sign, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(sign);
    }
    pattern.push('%');
    pattern
}

/// Whether it may take the right to run the server from somebody.
fn takes_power(change: &Administration) -> bool {
    match change {
        Administration::Disabled(true) | Administration::Admin(false) | Administration::Delete => {
            true
        }
        Administration::Disabled(false)
        | Administration::Admin(true)
        | Administration::Name(_)
        | Administration::Password(..)
        | Administration::SignOut => false,
    }
}

/// Whether the account runs the server and no other one that can sign in does.
async fn is_last_admin(turn: &mut Turn, user: UserId) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "SELECT COALESCE(SUM(id = $1), 0) AS self, COALESCE(SUM(id <> $1), 0) AS others \
         FROM account WHERE is_admin = 1 AND disabled = 0",
    )
    .bind(user.0)
    .fetch_one(turn.connection().await?)
    .await?;
    let (own, others): (i64, i64) = (row.try_get("self")?, row.try_get("others")?);
    Ok(own > 0 && others == 0)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, address, done, label, record};
    use super::*;

    fn deed(action: &str) -> AuditDeed {
        AuditDeed {
            actor: "root@example.com".to_owned(),
            peer: "192.0.2.1".to_owned(),
            action: action.to_owned(),
            subject: String::new(),
            detail: String::new(),
        }
    }

    async fn administer(
        fixture: &Fixture,
        user: UserId,
        change: Administration,
        action: &str,
    ) -> Administered {
        let store = &fixture.store;
        done(store.administer(user, change, deed(action), |_| ()).await)
    }

    async fn actions(fixture: &Fixture) -> Vec<String> {
        let deeds = fixture.store.deeds(None, 100).await.unwrap();
        deeds.into_iter().map(|it| it.deed.action).collect()
    }

    #[tokio::test]
    async fn the_last_administrator_who_can_sign_in_stays() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        for user in [alice, bob] {
            fixture.store.set_admin(user, true).await.unwrap();
        }
        let disable = Administration::Disabled(true);
        let disabled = administer(&fixture, bob, disable.clone(), "disable").await;
        assert_eq!(disabled, Administered::Done);
        for change in [
            disable,
            Administration::Admin(false),
            Administration::Delete,
        ] {
            let refused = administer(&fixture, alice, change, "refused").await;
            assert_eq!(refused, Administered::LastAdmin);
        }
        // Somebody who cannot sign in is no loss.
        let deleted = administer(&fixture, bob, Administration::Delete, "delete").await;
        assert_eq!(deleted, Administered::Done);
        let again = administer(&fixture, bob, Administration::Delete, "again").await;
        assert_eq!(again, Administered::UnknownAccount);
        assert_eq!(actions(&fixture).await, ["delete", "disable"]);
    }

    #[tokio::test]
    async fn every_change_is_made_and_noted() {
        let fixture = Fixture::new().await;
        let bob = fixture.account("bob").await;
        for (action, change) in [
            ("name", Administration::Name(label("Robert"))),
            (
                "password",
                Administration::Password(record("new"), LegacyChange::Remove),
            ),
            ("admin", Administration::Admin(true)),
            ("sign-out", Administration::SignOut),
        ] {
            let done = administer(&fixture, bob, change, action).await;
            assert_eq!(done, Administered::Done, "{action}");
        }
        let account = fixture.store.account(&address("bob")).await.unwrap();
        let account = account.unwrap();
        assert_eq!(account.settings.name, label("Robert"));
        assert!(account.is_admin);
        let noted = actions(&fixture).await;
        assert_eq!(noted, ["sign-out", "admin", "password", "name"]);
    }

    #[tokio::test]
    async fn accounts_are_found_by_parts_of_address_and_name_in_pages() {
        let fixture = Fixture::new().await;
        for name in ["ann", "b_b", "bob", "cy"] {
            fixture.account(name).await;
        }
        let bob = fixture.store.account(&address("bob")).await.unwrap();
        let bob = bob.unwrap().id;
        fixture.store.set_disabled(bob, true).await.unwrap();
        let found = async |text: &str, filter, skip| {
            let found = fixture.store.find_accounts(text, filter, skip, 2).await;
            let found = found.unwrap();
            let names = found.page.iter().map(|it| it.address.as_str().to_owned());
            (found.total, names.collect::<Vec<_>>().join(" "))
        };
        let all = AccountFilter::All;
        let first = (4, "ann@example.com b_b@example.com".to_owned());
        assert_eq!(found("", all, 0).await, first);
        assert_eq!(found("", all, 2).await.1, "bob@example.com cy@example.com");
        assert_eq!(found("B_B", all, 0).await.1, "b_b@example.com");
        assert_eq!(found("bob's name", all, 0).await.1, "bob@example.com");
        assert_eq!(found("%", all, 0).await.0, 0);
        let disabled = found("", AccountFilter::Disabled, 0).await;
        assert_eq!(disabled, (1, "bob@example.com".to_owned()));
        assert_eq!(found("", AccountFilter::Admins, 0).await.0, 0);
    }
}
