//! The clock of all books, and what left them.
//!
//! A client that has a book asks only for what is new since its last answer. What is there tells
//! by its own stamp; what is gone leaves a row here. Of each book the newest rows are kept, and
//! whoever asks further back has to read everything anew.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::StoreError;
use super::rows;
use super::turn::Turn;
use super::writer::Stop;
use crate::model::{
    Address, FormerMember, Guid, List, ListSet, MembershipId, Refusal, Removed, Role, Stamp,
    UserId, Who,
};

/// Removals that are kept for each book, and some more until the next look at them.
const KEPT: i64 = 2000;
/// Of the stamps, which are as good as random in any one book, every so many-eth has a look.
const PRUNE_EVERY: i64 = 16;

// The kinds as the database has them.
const CARD: i64 = 1;
const GROUP: i64 = 2;
const ACCOUNT: i64 = 3;
const EMAIL: i64 = 4;
const PHONE: i64 = 5;

/// Something that has an identity in a book besides its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Card(Guid),
    Group(Guid),
}

impl Entry {
    fn key(self) -> (i64, String) {
        match self {
            Self::Card(guid) => (CARD, guid.to_string()),
            Self::Group(guid) => (GROUP, guid.to_string()),
        }
    }
}

/// Whether somebody of this address was on a list of the owner's and was taken off it, as far as
/// that is remembered.
pub(super) async fn was_on(
    turn: &mut Turn,
    owner: UserId,
    address: &Address,
    list: List,
) -> Result<bool, StoreError> {
    let (kind, role) = match list {
        List::Forward => (CARD, None),
        List::Allow => (ACCOUNT, Some(Role::Allow)),
        List::Block => (ACCOUNT, Some(Role::Block)),
        List::Reverse => (ACCOUNT, Some(Role::Reverse)),
        List::Pending => (ACCOUNT, Some(Role::Pending)),
    };
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT stamp FROM removal WHERE owner_id = $1 AND kind = $2 AND address = $3 \
         AND (role = $4 OR ($4 IS NULL AND role IS NULL)) LIMIT 1",
    )
    .bind(owner.0)
    .bind(kind)
    .bind(address.as_str())
    .bind(role.map(Role::number))
    .fetch_optional(turn.connection().await?)
    .await?;
    Ok(found.is_some())
}

/// What left a book since some stamp.
#[derive(Debug, Default)]
pub(super) struct Removals {
    pub(super) cards: Vec<Removed>,
    pub(super) groups: Vec<Removed>,
    pub(super) members: Vec<FormerMember>,
}

/// Whose book is read, and up to which moment.
pub(super) struct Owner {
    pub(super) address: Address,
    /// When the account was made, in epoch milliseconds.
    pub(super) created_at: i64,
    /// The newest stamp.
    pub(super) stamp: Stamp,
}

/// Reads about the owner what every download begins with. Refuses if what changed since `since` is
/// not known.
pub(super) async fn read_owner(
    connection: &mut SqliteConnection,
    owner: UserId,
    since: Option<Stamp>,
) -> Result<Owner, Stop> {
    let found: Option<(i64, i64, String, i64)> = sqlx::query_as(
        "SELECT k.stamp, a.removals_since, a.address, a.created_at \
         FROM book_clock k JOIN account a ON a.id = $1 WHERE k.only_row = 1",
    )
    .bind(owner.0)
    .fetch_optional(connection)
    .await?;
    let (newest, oldest, address, created_at) = found.ok_or(Refusal::Unavailable)?;
    if since.is_some_and(|Stamp(since)| since < oldest || since > newest) {
        return Err(Refusal::FullSyncRequired.into());
    }
    Ok(Owner {
        address: rows::address(&address, owner.0)?,
        created_at,
        stamp: Stamp(newest),
    })
}

/// Notes that a card or group is gone; of a card with the address that its person has.
pub(super) fn leave(
    turn: &mut Turn,
    owner: UserId,
    entry: Entry,
    address: Option<&str>,
    stamp: Stamp,
) {
    let (kind, item) = entry.key();
    insert(turn, owner, kind, &item, (address, None), stamp);
}

/// Notes that somebody lost a role.
pub(super) fn leave_role(
    turn: &mut Turn,
    owner: UserId,
    id: MembershipId,
    role: Role,
    who: &Who,
    stamp: Stamp,
) {
    let (kind, address) = match who {
        Who::Account(_, address) => (ACCOUNT, address.as_str()),
        Who::Email(address) => (EMAIL, &**address),
        Who::Phone(number) => (PHONE, &**number),
    };
    let item = id.value().to_string();
    insert(turn, owner, kind, &item, (Some(address), Some(role)), stamp);
}

fn insert(
    turn: &mut Turn,
    owner: UserId,
    kind: i64,
    item: &str,
    (address, role): (Option<&str>, Option<Role>),
    stamp: Stamp,
) {
    turn.later(
        "INSERT INTO removal (owner_id, kind, item, address, role, stamp) \
         VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT (owner_id, kind, item) DO UPDATE SET stamp = excluded.stamp, \
         address = excluded.address, role = excluded.role",
    )
    .bind(owner.0)
    .bind(kind)
    .bind(item)
    .bind(address)
    .bind(role.map(Role::number))
    .bind(stamp.0);
    prune(turn, owner, stamp);
}

/// Forgets the oldest removals of a book beyond those that are kept, now and then: looking for
/// them means to pass over all that stay.
fn prune(turn: &mut Turn, owner: UserId, stamp: Stamp) {
    if stamp.0 % PRUNE_EVERY != 0 {
        return;
    }
    turn.later(
        "UPDATE account SET removals_since = MAX(removals_since, COALESCE(\
         (SELECT stamp FROM removal WHERE owner_id = account.id \
         ORDER BY stamp DESC LIMIT 1 OFFSET ?), removals_since)) WHERE id = ?",
    )
    .bind(KEPT)
    .bind(owner.0);
    turn.later(
        "DELETE FROM removal WHERE owner_id = ? \
         AND stamp <= (SELECT removals_since FROM account WHERE id = ?)",
    )
    .bind(owner.0)
    .bind(owner.0);
}

/// Forgets that a card or group was ever gone: it is there again.
pub(super) fn forget(turn: &mut Turn, owner: UserId, entry: Entry) {
    let (kind, item) = entry.key();
    delete(turn, owner, kind, &item);
}

fn delete(turn: &mut Turn, owner: UserId, kind: i64, item: &str) {
    turn.later("DELETE FROM removal WHERE owner_id = ? AND kind = ? AND item = ?")
        .bind(owner.0)
        .bind(kind)
        .bind(item);
}

/// Whether a card or group is known to have been removed.
pub(super) async fn is_gone(
    turn: &mut Turn,
    owner: UserId,
    entry: Entry,
) -> Result<bool, StoreError> {
    let (kind, item) = entry.key();
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT stamp FROM removal WHERE owner_id = $1 AND kind = $2 AND item = $3",
    )
    .bind(owner.0)
    .bind(kind)
    .bind(item)
    .fetch_optional(turn.connection().await?)
    .await?;
    Ok(found.is_some())
}

/// Notes which roles an account gained and lost with a change of its lists.
pub(super) fn note_roles(
    turn: &mut Turn,
    owner: UserId,
    who: &Who,
    (before, after): (ListSet, ListSet),
    stamp: Stamp,
) {
    let Who::Account(user, _) = who else {
        return;
    };
    for role in Role::ALL {
        let id = MembershipId::Account(*user, role);
        match (role.fits(before), role.fits(after)) {
            (true, false) => leave_role(turn, owner, id, role, who, stamp),
            (false, true) => delete(turn, owner, ACCOUNT, &id.value().to_string()),
            _ => {}
        }
    }
}

/// Notes, in a few statements however many there are, that an account leaves every book.
pub(super) async fn leave_everywhere(turn: &mut Turn, user: UserId) -> Result<(), StoreError> {
    let stamp = turn.tick();
    // Which bits are looked at, and what they have to be: `Role::fits` in numbers.
    for (role, mask, bits) in [
        (Role::Allow, 2 | 4, 2),
        (Role::Block, 4, 4),
        (Role::Reverse, 8, 8),
        (Role::Pending, 2 | 4 | 16, 16),
    ] {
        sqlx::query(
            "INSERT INTO removal (owner_id, kind, item, address, role, stamp) \
             SELECT c.owner_id, $2, $3, a.address, $4, $5 \
             FROM contact c JOIN account a ON a.id = c.contact_id \
             WHERE c.contact_id = $1 AND (c.list_bits & $6) = $7 \
             ON CONFLICT (owner_id, kind, item) DO UPDATE SET stamp = excluded.stamp",
        )
        .bind(user.0)
        .bind(ACCOUNT)
        .bind(MembershipId::Account(user, role).value().to_string())
        .bind(role.number())
        .bind(stamp.0)
        .bind(mask)
        .bind(bits)
        .execute(turn.connection().await?)
        .await?;
    }
    sqlx::query(
        "INSERT INTO removal (owner_id, kind, item, address, stamp) \
         SELECT k.owner_id, $2, k.guid, a.address, $3 \
         FROM card k JOIN account a ON a.id = k.account_id WHERE k.account_id = $1 \
         ON CONFLICT (owner_id, kind, item) DO UPDATE SET stamp = excluded.stamp",
    )
    .bind(user.0)
    .bind(CARD)
    .bind(stamp.0)
    .execute(turn.connection().await?)
    .await?;
    Ok(())
}

/// What left the owner's book since a stamp, oldest first.
pub(super) async fn read(
    connection: &mut SqliteConnection,
    owner: UserId,
    since: Stamp,
) -> Result<Removals, StoreError> {
    let found = sqlx::query(
        "SELECT kind, item, address, role, stamp FROM removal \
         WHERE owner_id = $1 AND stamp > $2 ORDER BY stamp, item",
    )
    .bind(owner.0)
    .bind(since.0)
    .fetch_all(connection)
    .await?;
    let mut removals = Removals::default();
    for row in &found {
        match row.try_get::<i64, _>("kind")? {
            CARD => removals.cards.push(removed(row, owner)?),
            GROUP => removals.groups.push(removed(row, owner)?),
            kind => removals.members.push(former(row, kind, owner)?),
        }
    }
    Ok(removals)
}

fn removed(row: &SqliteRow, owner: UserId) -> Result<Removed, StoreError> {
    Ok(Removed {
        guid: Guid::parse(row.try_get("item")?)
            .ok_or_else(|| rows::unreadable("removal", "item", owner.0))?,
        changed_at: Stamp(row.try_get("stamp")?),
    })
}

fn former(row: &SqliteRow, kind: i64, owner: UserId) -> Result<FormerMember, StoreError> {
    let unreadable = |column| rows::unreadable("removal", column, owner.0);
    let id = row.try_get::<&str, _>("item")?.parse().ok();
    let id = id
        .and_then(MembershipId::from_value)
        .ok_or_else(|| unreadable("item"))?;
    let address: &str = row.try_get("address")?;
    let who = match (kind, id) {
        (ACCOUNT, MembershipId::Account(user, _)) => {
            Who::Account(user, rows::address(address, user.0)?)
        }
        (EMAIL, MembershipId::Foreign(_)) => Who::Email(address.into()),
        (PHONE, MembershipId::Foreign(_)) => Who::Phone(address.into()),
        _ => return Err(unreadable("kind")),
    };
    Ok(FormerMember {
        id,
        role: Role::numbered(row.try_get("role")?).ok_or_else(|| unreadable("role"))?,
        who,
        changed_at: Stamp(row.try_get("stamp")?),
    })
}
