//! Profiles: what an account shows of itself, and its pictures (`docs/protocol/13 §2`).
//!
//! A display name and a personal message set here are those of the account, and go the same way
//! as if a notification session had set them. Whoever fetches a picture is either known, and then
//! the owner's lists decide, or has a key that was given to the owner with the address of the
//! picture: official clients fetch pictures without saying who they are.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::allowance::Space;
use super::pictures::{PictureError, Pictures};
use super::{ContactOperations, Editor, Fault, Origin, Outcome, PresenceOperations};
use crate::clock::Clock;
use crate::model::{Label, ListSet, MessageChange, Refusal, UserId};
use crate::store::{Activity, NewTile, Picture, Profile, Setting, Store, TileInfo, TileSize};

/// The name of the server's secret that keys of pictures are made with.
const KEY_SECRET: &str = "picture keys";
/// How long a key is good for, in seconds. Clients ask for a new address at every sign-in.
const KEY_SECS: i64 = 7 * 24 * 60 * 60;
/// Bytes of a key's proof that are kept: as many as nobody guesses.
const PROOF_BYTES: usize = 16;
/// The longest personal message, in bytes. Clients stop at 129 signs.
const MESSAGE_MAX: usize = 1024;
/// The longest name of a picture, in characters.
const TILE_NAME_MAX: usize = 255;

/// Operations on profiles; clones share their state.
#[derive(Debug, Clone)]
pub struct ProfileOperations {
    store: Store,
    contacts: ContactOperations,
    presence: PresenceOperations,
    clock: Clock,
    pictures: Pictures,
    space: Space,
}

/// New values for a profile; what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// The display name. An empty one is no name and stays without effect.
    pub name: Option<String>,
    /// The personal message; an empty one clears it.
    pub message: Option<String>,
    /// A number that only clients understand.
    pub flags: Option<i64>,
}

/// Who wants to see a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer<'a> {
    /// Somebody who proved who they are.
    Account(UserId),
    /// Somebody with this key.
    Key(&'a str),
}

/// A picture could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum TileError {
    /// It cannot be taken.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The database is as large as it may become.
    #[error("there is no room for more pictures")]
    NoRoom,
    /// There is none to replace, or the account is gone.
    #[error("there is no such picture")]
    Unknown,
    /// Something of ours failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl ProfileOperations {
    pub(super) fn new(
        store: Store,
        contacts: ContactOperations,
        presence: PresenceOperations,
        clock: Clock,
        space: Space,
    ) -> Self {
        Self {
            store,
            contacts,
            presence,
            clock,
            space,
            pictures: Pictures::default(),
        }
    }

    /// Somebody's profile; `None` if the account is gone. Everybody has one.
    pub async fn profile(&self, user: UserId) -> Result<Option<Profile>, Fault> {
        Ok(self.store.profile(user).await?)
    }

    /// Changes a profile, and shows the change to whoever may see it and to the owner's other
    /// endpoints.
    ///
    /// Refused: `IllegalName` for a name that is too long; `InvalidParameter` for a message that
    /// is; `Unavailable` if the account is gone. Then nothing is changed.
    pub async fn change(&self, by: Editor, change: ProfileChange) -> Outcome<()> {
        let (user, origin) = (by.owner, Origin::Grant(by.grant));
        let name = change.name.filter(|name| !name.trim().is_empty());
        let name = name.map(|name| Label::from_text(&name, Label::NAME_MAX));
        let name = name.transpose().map_err(|_| Refusal::IllegalName)?;
        let is_too_long = |message: &String| message.len() > MESSAGE_MAX;
        if change.message.as_ref().is_some_and(is_too_long) {
            return Err(Refusal::InvalidParameter.into());
        }
        if let Some(name) = name {
            let contacts = self.contacts.by(origin);
            contacts.set(user, Setting::Name(name)).await?;
        }
        if let Some(message) = change.message {
            self.set_message(user, origin, message).await?;
        }
        if let Some(flags) = change.flags {
            self.store.set_profile_flags(user, flags).await?;
        }
        Ok(())
    }

    async fn set_message(&self, user: UserId, by: Origin, message: String) -> Outcome<()> {
        let change = MessageChange {
            text: Some(message.into()),
            ..MessageChange::default()
        };
        self.presence.set_message(user, by, change).await?;
        Ok(())
    }

    /// Keeps a picture in the history, without showing it; answers its number.
    pub async fn add_tile(
        &self,
        user: UserId,
        name: &str,
        data: Vec<u8>,
    ) -> Result<u32, TileError> {
        let tile = self.sound(Some(name), data).await?;
        let number = self.store.add_tile(user, tile).await.map_err(Fault::from)?;
        number.ok_or(TileError::Unknown)
    }

    /// Puts another picture in the place of one, shown if that was. Without a name it keeps the
    /// one it had.
    pub async fn replace_tile(
        &self,
        user: UserId,
        number: u32,
        name: Option<&str>,
        data: Vec<u8>,
    ) -> Result<(), TileError> {
        let tile = self.sound(name, data).await?;
        let replaced = self.store.replace_tile(user, number, tile).await;
        match replaced.map_err(Fault::from)? {
            true => Ok(()),
            false => Err(TileError::Unknown),
        }
    }

    async fn sound(&self, name: Option<&str>, data: Vec<u8>) -> Result<NewTile, TileError> {
        if !self.space.is_left() {
            return Err(TileError::NoRoom);
        }
        let sound = self.pictures.inspect(data).await?;
        Ok(NewTile {
            name: name.map(|name| name.chars().take(TILE_NAME_MAX).collect()),
            kind: sound.kind,
            data: sound.data,
            small: sound.small,
        })
    }

    /// Shows a picture of the history. Answers whether there is one with this number.
    pub async fn show_tile(&self, user: UserId, number: u32) -> Result<bool, Fault> {
        Ok(self.store.show_tile(user, number).await?)
    }

    /// Shows none of these pictures any longer; they stay in the history.
    pub async fn hide_tiles(&self, user: UserId, numbers: Vec<u32>) -> Result<(), Fault> {
        Ok(self.store.hide_tiles(user, numbers).await?)
    }

    /// Forgets pictures.
    pub async fn discard_tiles(&self, user: UserId, numbers: Vec<u32>) -> Result<(), Fault> {
        Ok(self.store.discard_tiles(user, numbers).await?)
    }

    /// The pictures of an account, newest first.
    pub async fn tiles(&self, user: UserId) -> Result<Vec<TileInfo>, Fault> {
        Ok(self.store.tiles(user).await?)
    }

    /// A picture, if this viewer may see it.
    ///
    /// An account sees what another one shows if that one knows it, by any list, and lets it see
    /// them; a picture is no reason to be found by strangers. A key opens the one picture it was
    /// made for, until that is replaced. Answers `None` for everything else, so that nothing can
    /// be learnt from the answer.
    pub async fn picture(
        &self,
        owner: UserId,
        size: TileSize,
        viewer: Viewer<'_>,
    ) -> Result<Option<Picture>, Fault> {
        match viewer {
            Viewer::Account(viewer) => {
                if viewer != owner && !self.is_shown_to(owner, viewer).await? {
                    return Ok(None);
                }
                Ok(self.store.picture(owner, None, size).await?)
            }
            Viewer::Key(key) => {
                let Some(number) = self.number_in_key(owner, key).await? else {
                    return Ok(None);
                };
                let picture = self.store.picture(owner, Some(number.tile), size).await?;
                Ok(picture.filter(|picture| picture.version == number.version))
            }
        }
    }

    async fn is_shown_to(&self, owner: UserId, viewer: UserId) -> Result<bool, Fault> {
        let standing = self.store.standing(owner).await?;
        Ok(standing.is_some_and(|standing| {
            standing.lists_of(viewer) != ListSet::EMPTY && standing.lets_see(viewer)
        }))
    }

    /// A key to a picture of the owner's, for the owner to hand on. Only letters and digits, all
    /// small, and hyphens: clients append to it and paths lose their case on the way.
    pub async fn tile_key(&self, owner: UserId, tile: &TileInfo) -> Result<String, Fault> {
        let opens = Opens {
            tile: tile.number,
            version: tile.version,
            until: self.clock.now_ms() / 1000 + KEY_SECS,
        };
        let proof = opens.proof(owner, &self.secret().await?);
        let Opens {
            tile,
            version,
            until,
        } = opens;
        Ok(format!("{tile}-{version}-{until}-{proof}"))
    }

    async fn number_in_key(&self, owner: UserId, key: &str) -> Result<Option<Opens>, Fault> {
        let Some((opens, proof)) = Opens::read(key) else {
            return Ok(None);
        };
        let expected = opens.proof(owner, &self.secret().await?);
        let is_proven: bool =
            subtle::ConstantTimeEq::ct_eq(expected.as_bytes(), proof.as_bytes()).into();
        let is_valid = is_proven && self.clock.now_ms() / 1000 < opens.until;
        Ok(is_valid.then_some(opens))
    }

    async fn secret(&self) -> Result<[u8; 32], Fault> {
        Ok(self.store.server_secret(KEY_SECRET).await?)
    }

    /// What the people whom the reader follows did lately, newest first.
    pub async fn recent_activity(
        &self,
        reader: UserId,
        count: u32,
    ) -> Result<Vec<Activity>, Fault> {
        Ok(self.store.recent_activity(reader, count).await?)
    }
}

/// What a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Opens {
    tile: u32,
    version: u64,
    /// Epoch seconds.
    until: i64,
}

impl Opens {
    fn read(key: &str) -> Option<(Self, &str)> {
        let mut parts = key.splitn(4, '-');
        let opens = Self {
            tile: parts.next()?.parse().ok()?,
            version: parts.next()?.parse().ok()?,
            until: parts.next()?.parse().ok()?,
        };
        Some((opens, parts.next()?))
    }

    fn proof(&self, owner: UserId, secret: &[u8; 32]) -> String {
        let mut mac = <Hmac<Sha256>>::new_from_slice(secret).expect("any length will do");
        mac.update(&owner.0.to_be_bytes());
        mac.update(&self.tile.to_be_bytes());
        mac.update(&self.version.to_be_bytes());
        mac.update(&self.until.to_be_bytes());
        let proof = mac.finalize().into_bytes();
        let kept = proof.iter().take(PROOF_BYTES);
        kept.map(|byte| format!("{byte:02x}")).collect()
    }
}
