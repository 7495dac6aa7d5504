//! What the tests of the store share: a database of their own, and people in it.

use std::path::PathBuf;

use super::{
    AddToList, BookChange, BookRequest, BookStep, GroupChange, ListChange, ListLimits, NewAccount,
    Opposite, PasswordRecord, Published, Setting, SettingChange, Store,
};
use crate::model::{
    Address, CardField, CardPage, CardPatch, Contact, ContactBook, ContactRef, GroupRef, Guid,
    Label, List, Memberships, NewCard, Refusal, Stamp, UserId,
};

/// A database in a folder that goes away with it.
pub(super) struct Fixture {
    folder: tempfile::TempDir,
    pub(super) store: Store,
}

pub(super) fn address(name: &str) -> Address {
    Address::parse(&format!("{name}@example.com")).unwrap()
}

pub(super) fn label(text: &str) -> Label {
    Label::from_text(text, Label::NAME_MAX).unwrap()
}

pub(super) fn by_address(name: &str) -> ContactRef {
    ContactRef::Address(address(name))
}

pub(super) fn record(text: &str) -> PasswordRecord {
    PasswordRecord {
        full: text.to_owned(),
        first16: None,
    }
}

pub(super) fn new_account(name: &str) -> NewAccount {
    NewAccount {
        address: address(name),
        name: label(&format!("{name}'s name")),
        password: record("hash"),
        legacy: None,
    }
}

/// The committed outcome.
pub(super) fn done<T>(answer: Published<T, ()>) -> T {
    answer.unwrap().unwrap().0
}

/// The reason of a refusal.
pub(super) fn refused<T: std::fmt::Debug>(answer: Published<T, ()>) -> Refusal {
    answer.unwrap().map(|(outcome, ())| outcome).unwrap_err()
}

/// The wish to have somebody with an account on the forward list.
pub(super) fn messenger(name: &str) -> NewCard {
    NewCard {
        address: Some(address(name).as_str().to_owned()),
        messenger: true,
        ..NewCard::default()
    }
}

/// The first step of a change, which is one of the lists.
pub(super) fn first_list(change: &BookChange) -> &ListChange {
    match &change.steps[0] {
        BookStep::List(change) => change,
        step => panic!("{step:?}"),
    }
}

/// A change of fields.
pub(super) fn texts(texts: &[(CardField, &str)]) -> CardPatch {
    let texts = texts.iter();
    CardPatch {
        texts: texts
            .map(|&(field, text)| (field, text.to_owned()))
            .collect(),
        ..CardPatch::default()
    }
}

/// A change of one annotation.
pub(super) fn note(name: &str, value: &str) -> CardPatch {
    CardPatch {
        annotations: vec![(name.to_owned(), value.to_owned())],
        ..CardPatch::default()
    }
}

impl Fixture {
    pub(super) async fn new() -> Self {
        Self::with(ListLimits::default()).await
    }

    pub(super) async fn with(limits: ListLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chrysalis.db");
        let store = Store::open(&path, limits).await.unwrap();
        Self { folder, store }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("chrysalis.db")
    }

    /// Closes the database, so that nobody uses it, and leaves it where it is.
    pub(super) async fn close_and_keep(self) -> tempfile::TempDir {
        self.store.close().await;
        self.folder
    }

    /// Another handle with connections of its own, as another process has.
    pub(super) async fn second(&self) -> Store {
        Store::open(&self.path(), ListLimits::default())
            .await
            .unwrap()
    }

    pub(super) async fn account(&self, name: &str) -> UserId {
        let created = self.store.create_account(new_account(name)).await;
        created.unwrap().unwrap()
    }

    /// Keeps a ticket; whether it was kept.
    pub(super) async fn keep_ticket(&self, digest: [u8; 32], user: UserId, until: i64) -> bool {
        let kept = self.store.keep_tickets(vec![(digest, until)], user, 1);
        kept.await.unwrap()
    }

    /// Whose ticket it is.
    pub(super) async fn ticket_owner(&self, digest: [u8; 32], now: i64) -> Option<UserId> {
        let owner = self.store.ticket_owner(&[digest], now).await.unwrap();
        owner.map(|owner| owner.user)
    }

    pub(super) async fn book(&self, user: UserId) -> ContactBook {
        self.store.book(user).await.unwrap().unwrap()
    }

    /// The row about `other` in the book of `owner`.
    pub(super) async fn row(&self, owner: UserId, other: UserId) -> Option<Contact> {
        let contacts = self.book(owner).await.contacts;
        contacts.into_iter().find(|contact| contact.user == other)
    }

    pub(super) async fn add(
        &self,
        owner: UserId,
        target: ContactRef,
        list: List,
        group: Option<GroupRef>,
    ) -> Published<ListChange, ()> {
        let request = AddToList {
            target,
            list,
            name: None,
            group,
            opposite: Opposite::Refused,
        };
        self.store.add_to_list(owner, request, |_| ()).await
    }

    pub(super) async fn remove(
        &self,
        owner: UserId,
        target: ContactRef,
        list: List,
        group: Option<GroupRef>,
    ) -> Published<ListChange, ()> {
        let store = &self.store;
        store
            .remove_from_list(owner, target, list, group, |_| ())
            .await
    }

    pub(super) async fn group(&self, owner: UserId, name: &str) -> Published<GroupChange, ()> {
        self.store.create_group(owner, label(name), |_| ()).await
    }

    pub(super) async fn set(
        &self,
        owner: UserId,
        setting: Setting,
    ) -> Published<SettingChange, ()> {
        self.store.change_setting(owner, setting, |_| ()).await
    }

    pub(super) async fn change(
        &self,
        owner: UserId,
        request: BookRequest,
    ) -> Published<BookChange, ()> {
        self.store.change_book(owner, vec![request], |_| ()).await
    }

    /// Adds somebody with an account to the forward list as the later clients do.
    pub(super) async fn add_card(&self, owner: UserId, name: &str) -> Guid {
        let request = BookRequest::AddCard(messenger(name));
        done(self.change(owner, request).await).guids[0]
    }

    pub(super) async fn page(&self, owner: UserId, since: Option<Stamp>) -> CardPage {
        self.store.find_cards(owner, since).await.unwrap().unwrap()
    }

    pub(super) async fn members(&self, owner: UserId, since: Option<Stamp>) -> Memberships {
        self.store.memberships(owner, since).await.unwrap().unwrap()
    }

    /// Runs a statement behind the store's back.
    pub(super) async fn sql(&self, statement: &'static str) {
        self.store
            .writer
            .run(move |turn| {
                Box::pin(async move {
                    sqlx::query(statement)
                        .execute(turn.connection().await?)
                        .await?;
                    Ok(())
                })
            })
            .await
            .unwrap();
    }
}
