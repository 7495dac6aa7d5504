//! Domain operations, used by every edge alike: a TCP command and a web request that mean the
//! same thing call the same function here.
//!
//! A change is committed first, shown to whoever is online second, and answered third.

pub mod accounts;
mod address_book;
mod chat;
mod circle_ticket;
mod circles;
mod contacts;
pub mod legacy;
mod notices;
pub mod offline;
pub mod passwords;
mod pictures;
mod presence;
mod profile;
pub mod seal;
mod sso;
pub mod throttle;
pub mod ticket;

use crate::clock::Clock;
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::model::Refusal;
use crate::store::{Store, StoreError};

pub use crate::hub::{
    Bearer, Called, CircleEntered, Delivery, JoinError, Membership, OnlineGuard, Origin,
    RoomEntrance, StateChange,
};
pub use crate::store::{
    Activity, AddToList, CircleChange, CircleRequest, Deed, ListChange, ListEdit, ListEditKind,
    Opposite, Picture, PictureKind, Profile, Setting, TileInfo, TileSize,
};
pub use accounts::{Accounts, Fault, Redeemed, SignInError};
pub use address_book::{AddressBookOperations, Editor, NewMember};
pub use chat::ChatOperations;
pub use circles::CircleOperations;
pub use contacts::{Added, ContactOperations};
pub use notices::NoticeFollower;
pub use offline::{Lock, NewMessage, OfflineOperations, OfflineSettings};
pub use pictures::{LARGEST as LARGEST_PICTURE, PictureError};
pub use presence::{Arriving, PresenceOperations, SignedIn};
pub use profile::{ProfileChange, ProfileOperations, TileError, Viewer};

/// What every edge is handed; clones share their state.
#[derive(Debug, Clone)]
pub struct Services {
    pub accounts: Accounts,
    pub presence: PresenceOperations,
    pub contacts: ContactOperations,
    pub address_book: AddressBookOperations,
    pub chat: ChatOperations,
    pub circles: CircleOperations,
    pub offline: OfflineOperations,
    pub profiles: ProfileOperations,
    pub clock: Clock,
    pub metrics: Metrics,
    hub: Hub,
    store: Store,
}

impl Services {
    /// Puts the operations together over one store and one hub.
    pub fn new(
        store: Store,
        hub: Hub,
        accounts: Accounts,
        clock: Clock,
        metrics: Metrics,
        offline: OfflineSettings,
    ) -> Self {
        let presence = PresenceOperations::new(store.clone(), hub.clone(), clock.clone());
        let contacts = ContactOperations::new(store.clone(), hub.clone(), clock.clone());
        let profiles = ProfileOperations::new(
            store.clone(),
            contacts.clone(),
            presence.clone(),
            clock.clone(),
        );
        Self {
            accounts,
            presence,
            contacts,
            profiles,
            address_book: AddressBookOperations::new(store.clone(), hub.clone(), clock.clone()),
            chat: ChatOperations::new(hub.clone(), metrics.clone()),
            circles: CircleOperations::new(store.clone(), hub.clone(), clock.clone()),
            offline: OfflineOperations::new(store.clone(), hub.clone(), clock.clone(), offline),
            clock,
            metrics,
            hub,
            store,
        }
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
