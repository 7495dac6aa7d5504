//! Domain operations, used by every edge alike: a TCP command and a web request that mean the
//! same thing call the same function here.
//!
//! A change is committed first, shown to whoever is online second, and answered third.

pub mod accounts;
mod address_book;
pub mod admin;
mod allowance;
mod chat;
mod circle_ticket;
mod circles;
mod contacts;
mod failures;
pub mod imported;
pub mod legacy;
mod notices;
pub mod offline;
mod own_account;
pub mod passwords;
mod pictures;
mod presence;
mod profile;
mod registration;
pub mod seal;
mod sso;
pub mod throttle;
pub mod ticket;
mod web_sessions;

use std::ops::Deref;
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::{self, Limits};
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::model::Refusal;
use crate::store::{Store, StoreError};

pub use crate::hub::{
    Bearer, Called, CircleEntered, Delivery, JoinError, Membership, OnlineGuard, Origin,
    RoomEntrance, RoomReport, SignedInAccount, SignedInPage, StateChange,
};
pub use crate::store::{
    Account, AccountFilter, Activity, AddToList, AuditDeed, AuditEntry, CircleChange,
    CircleRequest, Deed, FoundAccounts, Invitation, ListChange, ListEdit, ListEditKind, Opposite,
    Picture, PictureKind, Profile, Setting, TileInfo, TileSize, WebSession,
};
pub use accounts::{Accounts, Fault, Redeemed, SignInError};
pub use address_book::{AddressBookOperations, Editor, NewMember};
pub use admin::{Actor, AdminError, AdminOperations, Maintenance, Overview};
pub use allowance::{AllowanceSettings, Allowances, Doing, Space, limit_of};
pub use chat::ChatOperations;
pub use circles::CircleOperations;
pub use contacts::{Added, ContactOperations};
pub use failures::{FailedSignIn, SignInWay};
pub use notices::NoticeFollower;
pub use offline::{Lock, NewMessage, OfflineOperations, OfflineSettings};
pub use own_account::{Export, OwnChangeError, Owner};
pub use pictures::{LARGEST as LARGEST_PICTURE, PictureError};
pub use presence::{Arriving, PresenceOperations, SignedIn};
pub use profile::{ProfileChange, ProfileOperations, TileError, Viewer};
pub use registration::{Applicant, Registration, RegistrationError, RegistrationSettings};
pub use web_sessions::{WebSessions, random_word};

/// What every edge is handed: a handle on the [`Operations`], because every connection keeps one.
#[derive(Debug, Clone)]
pub struct Services(Arc<Operations>);

/// Everything that can be done, whoever asks for it.
#[derive(Debug)]
pub struct Operations {
    pub accounts: Accounts,
    pub admin: AdminOperations,
    pub presence: PresenceOperations,
    pub contacts: ContactOperations,
    pub address_book: AddressBookOperations,
    pub allowances: Allowances,
    pub space: Space,
    pub chat: ChatOperations,
    pub circles: CircleOperations,
    pub offline: OfflineOperations,
    pub profiles: ProfileOperations,
    pub registration: Registration,
    pub web_sessions: WebSessions,
    pub clock: Clock,
    pub metrics: Metrics,
    hub: Hub,
    store: Store,
}

/// The settings of those operations that have some.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    pub allowances: AllowanceSettings,
    pub offline: OfflineSettings,
    pub registration: RegistrationSettings,
}

impl ServiceSettings {
    /// Takes what it needs from the two sections.
    pub fn new(limits: &Limits, registration: &config::Registration) -> Self {
        Self {
            allowances: AllowanceSettings::new(limits),
            offline: OfflineSettings::new(limits),
            registration: RegistrationSettings::new(registration, limits),
        }
    }
}

impl Services {
    /// Puts the operations together over one store and one hub.
    pub fn new(
        store: Store,
        hub: Hub,
        accounts: Accounts,
        clock: Clock,
        metrics: Metrics,
        settings: ServiceSettings,
    ) -> Self {
        let allowances = Allowances::new(settings.allowances, clock.clone(), metrics.clone());
        let space = Space::new(metrics.clone());
        let presence = PresenceOperations::new(store.clone(), hub.clone(), clock.clone());
        let contacts = ContactOperations::new(store.clone(), hub.clone(), clock.clone());
        let profiles = ProfileOperations::new(
            store.clone(),
            contacts.clone(),
            presence.clone(),
            clock.clone(),
            space.clone(),
        );
        let registration = Registration::new(
            accounts.clone(),
            (store.clone(), space.clone()),
            clock.clone(),
            settings.registration,
        );
        let admin = AdminOperations::new(
            (store.clone(), hub.clone()),
            (clock.clone(), metrics.clone()),
            accounts.clone(),
            registration.clone(),
        );
        let form_key = accounts.form_key();
        let offline = OfflineOperations::new(
            (store.clone(), space.clone()),
            hub.clone(),
            clock.clone(),
            settings.offline,
        );
        let address_book =
            AddressBookOperations::new((store.clone(), space.clone()), hub.clone(), clock.clone());
        Self(Arc::new(Operations {
            accounts,
            admin,
            offline,
            registration,
            web_sessions: WebSessions::new(store.clone(), clock.clone(), form_key),
            presence,
            contacts,
            profiles,
            address_book,
            allowances,
            space,
            chat: ChatOperations::new(hub.clone(), metrics.clone()),
            circles: CircleOperations::new(store.clone(), hub.clone(), clock.clone()),
            clock,
            metrics,
            hub,
            store,
        }))
    }
}

impl Deref for Services {
    type Target = Operations;

    fn deref(&self) -> &Operations {
        &self.0
    }
}

/// How many there are of what, for people to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Census {
    /// Sessions that are signed in.
    pub online: usize,
    /// Conversations.
    pub rooms: usize,
    /// Accounts.
    pub accounts: u64,
}

impl Services {
    /// Counts.
    pub async fn census(&self) -> Result<Census, Fault> {
        Ok(Census {
            online: self.hub.online_count(),
            rooms: self.hub.room_count(),
            accounts: self.store.account_count().await?,
        })
    }
}

/// What an operation on behalf of a client gives.
pub type Outcome<T> = Result<T, OperationError>;

/// Why an operation did nothing.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// It was understood and cannot be granted.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something of ours failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for OperationError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}
