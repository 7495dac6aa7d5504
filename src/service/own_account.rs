//! What somebody does with their own account by the pages for people: what asks for the password
//! once more, and what takes everything that is kept of them together.

use std::net::IpAddr;

use secrecy::SecretString;

use super::accounts::{AccountError, LegacyChoice};
use super::passwords::check_new;
use super::{Account, Editor, Fault, OperationError, Outcome, Picture, Profile, Services};
use super::{SignInError, TileInfo, TileSize, Viewer};
use crate::model::{
    Address, CardPage, CircleMembership, ContactBook, List, MemberRef, Memberships, OfflineMessage,
    Role, UserId,
};

/// The owner of an account, who has to say the password for what is asked.
#[derive(Debug)]
pub struct Owner {
    pub user: UserId,
    pub address: Address,
    pub password: SecretString,
    /// Where they ask from.
    pub peer: IpAddr,
}

/// Something was not done that takes the password.
#[derive(Debug, thiserror::Error)]
pub enum OwnChangeError {
    /// The password is not the account's, or could not be checked.
    #[error(transparent)]
    NotProven(#[from] SignInError),
    /// It could not be done.
    #[error(transparent)]
    Account(#[from] AccountError),
}

/// Everything that is kept of an account and is its owner's to have.
#[derive(Debug)]
pub struct Export {
    pub account: Account,
    pub profile: Profile,
    /// The picture that is shown.
    pub picture: Option<Picture>,
    /// All pictures, without their bytes.
    pub tiles: Vec<TileInfo>,
    pub book: ContactBook,
    pub memberships: Memberships,
    pub cards: CardPage,
    /// The circles in the owner's book.
    pub circles: Vec<CircleMembership>,
    pub messages: Vec<OfflineMessage>,
}

impl Services {
    /// Gives an account a new password after its owner has said the old one. That voids its
    /// tickets and ends all of its browsers' sessions; clients that are signed in stay.
    pub async fn change_own_password(
        &self,
        owner: Owner,
        new: SecretString,
    ) -> Result<(), OwnChangeError> {
        // It costs nothing, and says nothing about the old one.
        check_new(&new).map_err(AccountError::from)?;
        let address = self.proven(owner).await?;
        let changed = self
            .accounts
            .set_password(&address, new, LegacyChoice::Keep);
        Ok(changed.await?)
    }

    /// Deletes an account after its owner has said the password, and signs it out everywhere.
    pub async fn delete_own_account(&self, owner: Owner) -> Result<(), OwnChangeError> {
        let user = owner.user;
        let address = self.proven(owner).await?;
        self.accounts.delete(&address).await?;
        // The notice in the database would do it too, a moment later.
        self.hub.expel(user);
        Ok(())
    }

    /// The address of an owner whose password is right. Every way to guess passes one throttle.
    async fn proven(&self, owner: Owner) -> Result<Address, SignInError> {
        let Owner {
            user,
            address,
            password,
            peer,
        } = owner;
        let verified = self
            .accounts
            .verify_password(address.as_str(), password, peer);
        if verified.await? == user {
            Ok(address)
        } else {
            // Another account has the address by now.
            Err(SignInError::UnknownAccount)
        }
    }

    /// Signs every client of an account out. Answers how many there were.
    pub fn sign_out_everywhere(&self, user: UserId) -> usize {
        let sessions = self.presence.sessions_of(user);
        let was_there = |it: &crate::model::OwnSession| self.presence.sign_out(user, it.session);
        sessions.iter().filter(|it| was_there(it)).count()
    }

    /// Takes the block off somebody, who may see and call the owner from then on. Whoever is not
    /// blocked stays as they are.
    pub async fn unblock(&self, owner: UserId, address: &Address) -> Outcome<()> {
        let book = self.contacts.book(owner).await?;
        let is_blocked = book.is_some_and(|book| {
            let mut contacts = book.contacts.iter();
            contacts.any(|it| it.address == *address && it.lists.has(List::Block))
        });
        if !is_blocked {
            return Ok(());
        }
        let by = Editor { owner, grant: None };
        let who = MemberRef::Account(address.as_str().to_owned());
        // Allowing ends a block, in the same transaction.
        self.address_book
            .add_member(by, Role::Allow, who, Vec::new())
            .await
    }

    /// Everything of an account; `None` if it is gone.
    pub async fn export(&self, user: UserId) -> Result<Option<Export>, Fault> {
        let account = self.store.account_by_id(user).await?;
        let profile = self.profiles.profile(user).await?;
        let book = self.contacts.book(user).await?;
        let (Some(account), Some(profile), Some(book)) = (account, profile, book) else {
            return Ok(None);
        };
        let memberships = there(self.address_book.memberships(user, None).await)?;
        let cards = there(self.address_book.find_cards(user, None).await)?;
        let circles = there(self.circles.shelf(user).await)?;
        let (Some(memberships), Some(cards), Some(circles)) = (memberships, cards, circles) else {
            return Ok(None);
        };
        let mut messages = Vec::new();
        for heading in self.offline.metadata(user).await? {
            messages.extend(self.offline.fetch(user, heading.id, false).await?);
        }
        let viewer = Viewer::Account(user);
        Ok(Some(Export {
            account,
            profile,
            picture: self.profiles.picture(user, TileSize::Full, viewer).await?,
            tiles: self.profiles.tiles(user).await?,
            book,
            memberships,
            cards,
            circles: circles
                .into_iter()
                .filter(|circle| circle.member.is_in_book())
                .collect(),
            messages,
        }))
    }
}

/// What was read, or `None` if the account is gone: nothing else refuses its owner.
fn there<T>(read: Outcome<T>) -> Result<Option<T>, Fault> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(OperationError::Refused(_)) => Ok(None),
        Err(OperationError::Fault(fault)) => Err(fault),
    }
}
