//! Accounts, as administrators change them.

use secrecy::SecretString;

use super::{Actor, AdminError, AdminOperations, PAGE};
use crate::model::{Label, SessionId, UserId};
use crate::service::Fault;
use crate::store::{
    Account, AccountFilter, Administered, Administration, FoundAccounts, LegacyChange,
};

impl AdminOperations {
    /// A page of the accounts whose address or name contains `text`, by address. The first page is
    /// number 0.
    pub async fn find_accounts(
        &self,
        text: &str,
        filter: AccountFilter,
        page: u32,
    ) -> Result<FoundAccounts, Fault> {
        let skip = page.saturating_mul(PAGE);
        Ok(self.store.find_accounts(text, filter, skip, PAGE).await?)
    }

    /// The account with this number.
    pub async fn account(&self, user: UserId) -> Result<Option<Account>, Fault> {
        Ok(self.store.account_by_id(user).await?)
    }

    /// Whether an account is signed in with a client.
    pub fn is_online(&self, user: UserId) -> bool {
        self.hub.is_online(user)
    }

    /// Gives an account another name, which everybody sees at once.
    pub async fn rename(&self, by: &Actor, user: UserId, name: Label) -> Result<(), AdminError> {
        let detail = name.to_text();
        let change = Administration::Name(name.clone());
        let hub = self.hub.clone();
        let shown = move || hub.set_name(user, name);
        self.change(by, user, change, ("rename", detail), shown)
            .await
    }

    /// Forbids an account to sign in, and signs it out everywhere; or lets it again.
    pub async fn set_disabled(
        &self,
        by: &Actor,
        user: UserId,
        disabled: bool,
    ) -> Result<(), AdminError> {
        let word = if disabled { "disable" } else { "enable" };
        let hub = self.hub.clone();
        let shown = move || {
            if disabled {
                hub.expel(user);
            }
        };
        let change = Administration::Disabled(disabled);
        self.change(by, user, change, (word, String::new()), shown)
            .await
    }

    /// Gives an account a new password, which is made here, and signs it out everywhere. The
    /// administrator's browser can see the password once ([`Self::take_password`]).
    pub async fn reset_password(&self, by: &Actor, user: UserId) -> Result<(), AdminError> {
        if by.user == user {
            return Err(AdminError::OwnAccount);
        }
        let account = self.known(user).await?;
        let made = self.accounts.make_password(&account.address).await?;
        let change = Administration::Password(made.record, LegacyChange::Follow(made.legacy));
        let hub = self.hub.clone();
        let detail = ("reset password", String::new());
        self.change(by, user, change, detail, move || hub.expel(user))
            .await?;
        let now = self.clock.now_ms();
        self.reveals.put(&by.browser, user, made.password, now);
        Ok(())
    }

    /// The password that this browser has just had made for the account; the second time there is
    /// none.
    pub fn take_password(&self, browser: &str, user: UserId) -> Option<SecretString> {
        self.reveals.take(browser, user, self.clock.now_ms())
    }

    /// Makes an account one that may run the server, or no longer.
    pub async fn set_admin(
        &self,
        by: &Actor,
        user: UserId,
        is_admin: bool,
    ) -> Result<(), AdminError> {
        let word = if is_admin {
            "make administrator"
        } else {
            "unmake administrator"
        };
        let change = Administration::Admin(is_admin);
        self.change(by, user, change, (word, String::new()), || ())
            .await
    }

    /// Deletes an account and takes it out of everybody's contacts.
    pub async fn delete(&self, by: &Actor, user: UserId) -> Result<(), AdminError> {
        let hub = self.hub.clone();
        let detail = ("delete", String::new());
        self.change(by, user, Administration::Delete, detail, move || {
            hub.expel(user);
        })
        .await
    }

    /// Signs out all clients and browsers of an account.
    pub async fn sign_out_all(&self, by: &Actor, user: UserId) -> Result<(), AdminError> {
        let hub = self.hub.clone();
        let detail = ("sign out everywhere", String::new());
        self.change(by, user, Administration::SignOut, detail, move || {
            for place in hub.sessions_of(user) {
                hub.sign_out(user, place.session);
            }
        })
        .await
    }

    /// Signs one client of an account out. Answers whether it was signed in.
    pub async fn disconnect(
        &self,
        by: &Actor,
        user: UserId,
        session: SessionId,
    ) -> Result<bool, AdminError> {
        let address = self.known(user).await?.address;
        let sessions = self.hub.sessions_of(user);
        let Some(place) = sessions.iter().find(|place| place.session == session) else {
            return Ok(false);
        };
        let client = &place.client;
        let detail = format!("{} {}", client.protocol, client.program);
        let deed = by.deed("disconnect", address.as_str(), detail);
        self.store.note_deed(deed).await?;
        Ok(self.hub.sign_out(user, session))
    }

    async fn known(&self, user: UserId) -> Result<Account, AdminError> {
        let account = self.store.account_by_id(user).await?;
        account.ok_or(AdminError::UnknownAccount)
    }

    /// Changes an account and shows that right after the commit.
    async fn change(
        &self,
        by: &Actor,
        user: UserId,
        change: Administration,
        (action, detail): (&str, String),
        shown: impl FnOnce() + Send + 'static,
    ) -> Result<(), AdminError> {
        let subject = self.known(user).await?.address;
        let deed = by.deed(action, subject.as_str(), detail);
        let published = move |outcome: &Administered| {
            if *outcome == Administered::Done {
                shown();
            }
        };
        let administered = self.store.administer(user, change, deed, published);
        match administered.await?.map(|(outcome, ())| outcome) {
            Ok(Administered::Done) => Ok(()),
            Ok(Administered::LastAdmin) => Err(AdminError::LastAdmin),
            // A refusal says that the account has gone meanwhile.
            Ok(Administered::UnknownAccount) | Err(_) => Err(AdminError::UnknownAccount),
        }
    }
}
