//! Profiles: when somebody's name and message changed, and the pictures they show.
//!
//! Name and message themselves are settings of the account. Pictures are numbered for each
//! account; one of them may be shown, the others are its history, of which the newest few are kept.

use std::sync::Arc;

use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::activity::{self, Deed};
use super::rows;
use super::turn::Turn;
use super::{Store, StoreError};
use crate::model::{Label, UserId};

/// How many pictures an account keeps, the shown one included.
const TILES_KEPT: i64 = 10;
/// The number of an account's first picture (`docs/protocol/13 §2`).
const FIRST_TILE: i64 = 205;

/// What an account shows of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub name: Label,
    /// The personal message.
    pub message: Arc<str>,
    /// A number that clients keep here and only they understand.
    pub flags: i64,
    /// Grows with every change.
    pub version: u64,
    /// Epoch milliseconds, as are the other times.
    pub changed_at: i64,
    pub name_changed_at: i64,
    pub message_changed_at: i64,
    /// The picture that is shown.
    pub tile: Option<TileInfo>,
}

/// A picture without its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TileInfo {
    /// Unique among the pictures of its account.
    pub number: u32,
    /// Grows with every replacement of the bytes.
    pub version: u64,
    /// What its owner's client calls it.
    pub name: String,
    pub kind: PictureKind,
    /// Bytes of the picture as it was given.
    pub size: u64,
    /// Bytes of the miniature.
    pub small_size: u64,
    /// Epoch milliseconds.
    pub changed_at: i64,
}

/// The kinds of pictures that clients read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureKind {
    Png,
    Jpeg,
    Gif,
    Bmp,
}

/// A picture that was found to be sound.
#[derive(Clone)]
pub struct NewTile {
    /// Without one a replacement keeps the old name.
    pub name: Option<String>,
    pub kind: PictureKind,
    pub data: Vec<u8>,
    /// A miniature in PNG.
    pub small: Vec<u8>,
}

impl std::fmt::Debug for NewTile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewTile")
            .field("kind", &self.kind)
            .field("size", &self.data.len())
            .finish_non_exhaustive()
    }
}

/// Which form of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TileSize {
    /// As it was given.
    Full,
    /// The miniature, always PNG.
    Small,
}

/// The bytes of a picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    pub number: u32,
    pub version: u64,
    /// Of these bytes.
    pub kind: PictureKind,
    pub data: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Picture")
            .field("number", &self.number)
            .field("version", &self.version)
            .field("kind", &self.kind)
            .field("size", &self.data.len())
            .finish()
    }
}

/// What a change of a profile is about.
pub(super) enum Part {
    Name,
    Message,
    Other,
}

impl Store {
    /// The profile of an account; `None` if the account is gone.
    pub async fn profile(&self, user: UserId) -> Result<Option<Profile>, StoreError> {
        let row = sqlx::query(
            "SELECT a.name, a.message, a.created_at, p.version, p.changed_at, p.name_changed_at, \
             p.message_changed_at, COALESCE(p.flags, 0) AS flags, t.number, \
             t.version AS tile_version, t.name AS tile_name, t.kind, LENGTH(t.data) AS size, \
             LENGTH(t.small) AS small_size, t.changed_at AS tile_changed_at \
             FROM account a LEFT JOIN profile p ON p.user_id = a.id \
             LEFT JOIN tile t ON t.user_id = a.id AND t.number = p.tile WHERE a.id = $1",
        )
        .bind(user.0)
        .fetch_optional(&mut *self.readers.get().await?)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let created_at: i64 = row.try_get("created_at")?;
        let moment = |column: &str| -> Result<i64, StoreError> {
            Ok(row.try_get::<Option<i64>, _>(column)?.unwrap_or(created_at))
        };
        let version: Option<i64> = row.try_get("version")?;
        let has_tile = row.try_get::<Option<i64>, _>("number")?.is_some();
        Ok(Some(Profile {
            name: rows::label(&row, "name")?,
            message: row.try_get::<&str, _>("message")?.into(),
            flags: row.try_get("flags")?,
            version: number(version.unwrap_or(1), "profile", "version", user)?,
            changed_at: moment("changed_at")?,
            name_changed_at: moment("name_changed_at")?,
            message_changed_at: moment("message_changed_at")?,
            tile: has_tile.then(|| tile_info(&row, user)).transpose()?,
        }))
    }

    /// Keeps the number that only clients understand. Does nothing if the account is gone.
    pub async fn set_profile_flags(&self, user: UserId, flags: i64) -> Result<(), StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    if !touch(turn, user, &Part::Other).await? {
                        return Ok(());
                    }
                    sqlx::query("UPDATE profile SET flags = $2 WHERE user_id = $1")
                        .bind(user.0)
                        .bind(flags)
                        .execute(turn.connection().await?)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Adds a picture to the history, and drops the oldest where there are too many; the one that
    /// is shown stays. Answers its number, or `None` if the account is gone.
    pub async fn add_tile(&self, user: UserId, tile: NewTile) -> Result<Option<u32>, StoreError> {
        let most_bytes = self.limits.now().picture_bytes;
        self.writer
            .run(move |turn| Box::pin(add(turn, user, tile, most_bytes)))
            .await
    }

    /// Puts another picture in the place of one. Answers whether there was one.
    pub async fn replace_tile(
        &self,
        user: UserId,
        tile_number: u32,
        tile: NewTile,
    ) -> Result<bool, StoreError> {
        let most_bytes = self.limits.now().picture_bytes;
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    let is_replaced = replace(turn, user, tile_number, tile).await?;
                    forget_old(turn, user, i64::from(tile_number), most_bytes).await?;
                    Ok(is_replaced)
                })
            })
            .await
    }

    /// Shows a picture. Answers whether there is one with this number.
    pub async fn show_tile(&self, user: UserId, tile_number: u32) -> Result<bool, StoreError> {
        self.writer
            .run(move |turn| Box::pin(show(turn, user, tile_number)))
            .await
    }

    /// Shows none of these pictures any longer; they stay in the history.
    pub async fn hide_tiles(&self, user: UserId, numbers: Vec<u32>) -> Result<(), StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    for number in numbers {
                        hide(turn, user, number).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// Takes pictures out of the history, and the one that is shown off the profile.
    pub async fn discard_tiles(&self, user: UserId, numbers: Vec<u32>) -> Result<(), StoreError> {
        self.writer
            .run(move |turn| {
                Box::pin(async move {
                    for number in numbers {
                        hide(turn, user, number).await?;
                        discard(turn, user, number).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    /// The pictures of an account, newest first.
    pub async fn tiles(&self, user: UserId) -> Result<Vec<TileInfo>, StoreError> {
        let rows = sqlx::query(
            "SELECT number, version AS tile_version, name AS tile_name, kind, \
             LENGTH(data) AS size, LENGTH(small) AS small_size, changed_at AS tile_changed_at \
             FROM tile WHERE user_id = $1 ORDER BY number DESC",
        )
        .bind(user.0)
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        rows.iter().map(|row| tile_info(row, user)).collect()
    }

    /// The bytes of the picture that an account shows, or of the one with this number. Nothing if
    /// there is none, or the account is gone or disabled.
    pub async fn picture(
        &self,
        user: UserId,
        tile_number: Option<u32>,
        size: TileSize,
    ) -> Result<Option<Picture>, StoreError> {
        let row = sqlx::query(
            "SELECT t.number, t.version, t.kind, CASE WHEN $3 THEN t.small ELSE t.data END AS data \
             FROM account a LEFT JOIN profile p ON p.user_id = a.id \
             JOIN tile t ON t.user_id = a.id AND t.number = COALESCE($2, p.tile) \
             WHERE a.id = $1 AND a.disabled = 0",
        )
        .bind(user.0)
        .bind(tile_number)
        .bind(size == TileSize::Small)
        .fetch_optional(&mut *self.readers.get().await?)
        .await?;
        row.map(|row| {
            let kind = match size {
                TileSize::Full => picture_kind(row.try_get("kind")?, user)?,
                TileSize::Small => PictureKind::Png,
            };
            Ok(Picture {
                number: number(row.try_get("number")?, "tile", "number", user)?,
                version: number(row.try_get("version")?, "tile", "version", user)?,
                kind,
                data: row.try_get("data")?,
            })
        })
        .transpose()
    }
}

async fn add(
    turn: &mut Turn,
    user: UserId,
    tile: NewTile,
    most_bytes: u64,
) -> Result<Option<u32>, StoreError> {
    if !touch(turn, user, &Part::Other).await? {
        return Ok(None);
    }
    let given: i64 = sqlx::query_scalar(
        "UPDATE profile SET next_tile = next_tile + 1 WHERE user_id = $1 RETURNING next_tile - 1",
    )
    .bind(user.0)
    .fetch_one(turn.connection().await?)
    .await?;
    sqlx::query(
        "INSERT INTO tile (user_id, number, version, name, kind, data, small, changed_at) \
         VALUES ($1, $2, 1, $3, $4, $5, $6, $7)",
    )
    .bind(user.0)
    .bind(given)
    .bind(tile.name.unwrap_or_default())
    .bind(stored_kind(tile.kind))
    .bind(tile.data)
    .bind(tile.small)
    .bind(turn.now)
    .execute(turn.connection().await?)
    .await?;
    forget_old(turn, user, given, most_bytes).await?;
    number(given, "profile", "next_tile", user).map(Some)
}

/// Drops the oldest pictures where there are too many or they take too much, but neither the one
/// that is shown nor the `newest`.
async fn forget_old(
    turn: &mut Turn,
    user: UserId,
    newest: i64,
    most_bytes: u64,
) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM tile WHERE user_id = $1 AND number IN (SELECT number FROM ( \
         SELECT t.number, t.number IS p.tile OR t.number = $3 AS stays, \
         COUNT(*) OVER kept AS count, SUM(LENGTH(t.data) + LENGTH(t.small)) OVER kept AS bytes \
         FROM tile t JOIN profile p ON p.user_id = t.user_id WHERE t.user_id = $1 \
         WINDOW kept AS (ORDER BY t.number IS p.tile DESC, t.number DESC) \
         ) WHERE NOT stays AND (count > $2 OR bytes > $4))",
    )
    .bind(user.0)
    .bind(TILES_KEPT)
    .bind(newest)
    .bind(i64::try_from(most_bytes).unwrap_or(i64::MAX))
    .execute(turn.connection().await?)
    .await?;
    Ok(())
}

async fn replace(
    turn: &mut Turn,
    user: UserId,
    tile_number: u32,
    tile: NewTile,
) -> Result<bool, StoreError> {
    let replaced = sqlx::query(
        "UPDATE tile SET version = version + 1, name = COALESCE($3, name), kind = $4, data = $5, \
         small = $6, changed_at = $7 WHERE user_id = $1 AND number = $2",
    )
    .bind(user.0)
    .bind(tile_number)
    .bind(tile.name)
    .bind(stored_kind(tile.kind))
    .bind(tile.data)
    .bind(tile.small)
    .bind(turn.now)
    .execute(turn.connection().await?)
    .await?;
    if replaced.rows_affected() == 0 {
        return Ok(false);
    }
    touch(turn, user, &Part::Other).await?;
    if shown(turn, user).await? == Some(i64::from(tile_number)) {
        activity::note(turn, user, &Deed::Picture).await?;
    }
    Ok(true)
}

async fn show(turn: &mut Turn, user: UserId, tile_number: u32) -> Result<bool, StoreError> {
    let exists: Option<i64> =
        sqlx::query_scalar("SELECT number FROM tile WHERE user_id = $1 AND number = $2")
            .bind(user.0)
            .bind(tile_number)
            .fetch_optional(turn.connection().await?)
            .await?;
    if exists.is_none() {
        return Ok(false);
    }
    if shown(turn, user).await? == exists {
        return Ok(true);
    }
    touch(turn, user, &Part::Other).await?;
    set_shown(turn, user, exists).await?;
    activity::note(turn, user, &Deed::Picture).await?;
    Ok(true)
}

/// Shows a picture no longer, if it is the one that is shown.
async fn hide(turn: &mut Turn, user: UserId, tile_number: u32) -> Result<(), StoreError> {
    if shown(turn, user).await? == Some(i64::from(tile_number)) {
        touch(turn, user, &Part::Other).await?;
        set_shown(turn, user, None).await?;
    }
    Ok(())
}

async fn discard(turn: &mut Turn, user: UserId, tile_number: u32) -> Result<(), StoreError> {
    let deleted = sqlx::query("DELETE FROM tile WHERE user_id = $1 AND number = $2")
        .bind(user.0)
        .bind(tile_number)
        .execute(turn.connection().await?)
        .await?;
    if deleted.rows_affected() > 0 {
        touch(turn, user, &Part::Other).await?;
    }
    Ok(())
}

async fn shown(turn: &mut Turn, user: UserId) -> Result<Option<i64>, StoreError> {
    let shown: Option<Option<i64>> =
        sqlx::query_scalar("SELECT tile FROM profile WHERE user_id = $1")
            .bind(user.0)
            .fetch_optional(turn.connection().await?)
            .await?;
    Ok(shown.flatten())
}

async fn set_shown(turn: &mut Turn, user: UserId, tile: Option<i64>) -> Result<(), StoreError> {
    sqlx::query("UPDATE profile SET tile = $2 WHERE user_id = $1")
        .bind(user.0)
        .bind(tile)
        .execute(turn.connection().await?)
        .await?;
    Ok(())
}

/// Moves a profile forward, and makes its row where there is none. Answers whether there is such
/// an account.
pub(super) async fn touch(turn: &mut Turn, user: UserId, part: &Part) -> Result<bool, StoreError> {
    let written = sqlx::query(
        "INSERT INTO profile (user_id, version, changed_at, name_changed_at, message_changed_at, \
         next_tile) SELECT id, 2, $2, CASE WHEN $3 THEN $2 END, CASE WHEN $4 THEN $2 END, $5 \
         FROM account WHERE id = $1 \
         ON CONFLICT (user_id) DO UPDATE SET version = version + 1, changed_at = $2, \
         name_changed_at = CASE WHEN $3 THEN $2 ELSE name_changed_at END, \
         message_changed_at = CASE WHEN $4 THEN $2 ELSE message_changed_at END",
    )
    .bind(user.0)
    .bind(turn.now)
    .bind(matches!(part, Part::Name))
    .bind(matches!(part, Part::Message))
    .bind(FIRST_TILE)
    .execute(turn.connection().await?)
    .await?;
    Ok(written.rows_affected() > 0)
}

fn tile_info(row: &SqliteRow, user: UserId) -> Result<TileInfo, StoreError> {
    Ok(TileInfo {
        number: number(row.try_get("number")?, "tile", "number", user)?,
        version: number(row.try_get("tile_version")?, "tile", "version", user)?,
        name: row.try_get("tile_name")?,
        kind: picture_kind(row.try_get("kind")?, user)?,
        size: number(row.try_get("size")?, "tile", "data", user)?,
        small_size: number(row.try_get("small_size")?, "tile", "small", user)?,
        changed_at: row.try_get("tile_changed_at")?,
    })
}

/// A number that is never negative.
fn number<T: TryFrom<i64>>(
    stored: i64,
    table: &'static str,
    column: &'static str,
    user: UserId,
) -> Result<T, StoreError> {
    T::try_from(stored).map_err(|_| rows::unreadable(table, column, user.0))
}

fn picture_kind(stored: i64, user: UserId) -> Result<PictureKind, StoreError> {
    match stored {
        1 => Ok(PictureKind::Png),
        2 => Ok(PictureKind::Jpeg),
        3 => Ok(PictureKind::Gif),
        4 => Ok(PictureKind::Bmp),
        _ => Err(rows::unreadable("tile", "kind", user.0)),
    }
}

fn stored_kind(kind: PictureKind) -> i64 {
    match kind {
        PictureKind::Png => 1,
        PictureKind::Jpeg => 2,
        PictureKind::Gif => 3,
        PictureKind::Bmp => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fixture, done, label};
    use super::super::{ListLimits, Setting};
    use super::*;

    fn tile(name: &str, data: &[u8]) -> NewTile {
        NewTile {
            name: Some(name.to_owned()),
            kind: PictureKind::Gif,
            data: data.to_vec(),
            small: vec![9],
        }
    }

    async fn profile(fixture: &Fixture, user: UserId) -> Profile {
        fixture.store.profile(user).await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn everybody_has_a_profile_and_changes_move_their_own_stamp() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        // As if it had been made long ago.
        fixture.sql("UPDATE account SET created_at = 5").await;
        let first = profile(&fixture, alice).await;
        assert_eq!((first.version, first.changed_at, first.flags), (1, 5, 0));
        assert_eq!((&*first.message, &first.tile), ("", &None));
        done(fixture.set(alice, Setting::Name(label("A"))).await);
        let named = profile(&fixture, alice).await;
        assert_eq!((named.version, named.message_changed_at), (2, 5));
        assert!(named.name_changed_at > 5 && named.changed_at == named.name_changed_at);
        done(fixture.set(alice, Setting::Message("hi".to_owned())).await);
        fixture.store.set_profile_flags(alice, 7).await.unwrap();
        let last = profile(&fixture, alice).await;
        assert_eq!((last.version, last.flags, &*last.message), (4, 7, "hi"));
        assert!(last.message_changed_at > 5);
        assert_eq!(last.name_changed_at, named.name_changed_at);
        assert_eq!(fixture.store.profile(UserId(99)).await.unwrap(), None);
        fixture
            .store
            .set_profile_flags(UserId(99), 7)
            .await
            .unwrap();
        let none = fixture.store.add_tile(UserId(99), tile("a", &[1])).await;
        assert_eq!(none.unwrap(), None);
    }

    #[tokio::test]
    async fn a_picture_is_shown_replaced_hidden_and_discarded() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        let first = store
            .add_tile(alice, tile("a", &[1, 2]))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(first, 205);
        let nothing = store.picture(alice, None, TileSize::Full).await.unwrap();
        assert_eq!(nothing, None);
        assert!(store.show_tile(alice, first).await.unwrap());
        assert!(!store.show_tile(bob, first).await.unwrap());
        let renamed = NewTile {
            name: None,
            ..tile("", &[3])
        };
        assert!(
            store
                .replace_tile(alice, first, renamed.clone())
                .await
                .unwrap()
        );
        assert!(!store.replace_tile(bob, first, renamed).await.unwrap());
        let info = profile(&fixture, alice).await.tile.unwrap();
        assert_eq!(
            (&*info.name, info.version, info.size, info.small_size),
            ("a", 2, 1, 1)
        );
        let picture = store
            .picture(alice, None, TileSize::Full)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((picture.kind, picture.data), (PictureKind::Gif, vec![3]));
        let small = store
            .picture(alice, Some(first), TileSize::Small)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((small.kind, small.data), (PictureKind::Png, vec![9]));

        store.hide_tiles(alice, vec![first + 1]).await.unwrap();
        assert!(profile(&fixture, alice).await.tile.is_some());
        store.hide_tiles(alice, vec![first]).await.unwrap();
        assert_eq!(profile(&fixture, alice).await.tile, None);
        assert_eq!(store.tiles(alice).await.unwrap().len(), 1);
        assert!(store.show_tile(alice, first).await.unwrap());
        store.discard_tiles(bob, vec![first]).await.unwrap();
        assert!(profile(&fixture, alice).await.tile.is_some());
        store
            .discard_tiles(alice, vec![first + 1, first])
            .await
            .unwrap();
        assert_eq!(profile(&fixture, alice).await.tile, None);
        assert!(store.tiles(alice).await.unwrap().is_empty());
        let second = store.add_tile(alice, tile("b", &[1])).await.unwrap();
        assert_eq!(second, Some(first + 1), "no number is given out twice");
        store.set_disabled(alice, true).await.unwrap();
        let hidden = store.picture(alice, second, TileSize::Full).await.unwrap();
        assert_eq!(hidden, None);
    }

    #[tokio::test]
    async fn old_pictures_make_way_where_they_take_too_much() {
        // Room for three of a hundred bytes, their miniatures included.
        let fixture = Fixture::with(ListLimits {
            picture_bytes: 303,
            ..ListLimits::default()
        })
        .await;
        let store = &fixture.store;
        let alice = fixture.account("alice").await;
        let numbers = async || -> Vec<u32> {
            let tiles = store.tiles(alice).await.unwrap();
            tiles.iter().map(|tile| tile.number).collect()
        };
        for _ in 0..5 {
            store.add_tile(alice, tile("a", &[1; 100])).await.unwrap();
        }
        assert_eq!(numbers().await, [209, 208, 207]);
        assert!(store.show_tile(alice, 207).await.unwrap());
        store.add_tile(alice, tile("a", &[1; 100])).await.unwrap();
        assert_eq!(numbers().await, [210, 209, 207]);
        // What is larger than everything is the newest all the same; only the shown one stays.
        store.add_tile(alice, tile("a", &[1; 400])).await.unwrap();
        assert_eq!(numbers().await, [211, 207]);
        let tile = tile("b", &[2; 350]);
        assert!(store.replace_tile(alice, 207, tile).await.unwrap());
        assert_eq!(numbers().await, [207]);
    }

    #[tokio::test]
    async fn the_history_keeps_the_newest_and_the_shown_picture() {
        let fixture = Fixture::new().await;
        let store = &fixture.store;
        let alice = fixture.account("alice").await;
        for number in 0..20 {
            store.add_tile(alice, tile("a", &[number])).await.unwrap();
            if number == 2 {
                assert!(store.show_tile(alice, 207).await.unwrap());
            }
        }
        let kept = store.tiles(alice).await.unwrap();
        let numbers: Vec<u32> = kept.iter().map(|tile| tile.number).collect();
        let newest: Vec<u32> = (216..=224).rev().chain([207]).collect();
        assert_eq!(numbers, newest);
    }

    #[tokio::test]
    async fn bytes_do_not_print() {
        let text = format!("{:?}", tile("a", &[77, 78]));
        assert!(!text.contains("77"), "{text}");
    }
}
