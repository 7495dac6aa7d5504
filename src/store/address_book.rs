//! Reading address books, and what their changes report.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::book::read_groups;
use super::card_rows::{card, card_query, read_annotations};
use super::removals::{self, read_clock};
use super::rows;
use super::writer::{Published, Stop, Turn};
use super::{GroupChange, ListChange, ListLimits, SettingChange, Store, StoreError, own_card};
use crate::model::{
    Card, CardChange, CardGroup, CardPage, Group, GroupEdit, GroupMember, GroupNumber, Guid, Label,
    MemberRef, NewCard, NewGroup, Refusal, Role, Stamp, StandingEdit, UserId,
};

/// One change of an address book. What it needs and refuses stands at the operation of the same
/// name in [`crate::service::AddressBookOperations`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookRequest {
    AddCard(NewCard),
    UpdateCards(Vec<CardChange>),
    DeleteCards(Vec<Guid>),
    CreateGroup(NewGroup),
    UpdateGroups(Vec<GroupEdit>),
    DeleteGroups(Vec<Guid>),
    AddToGroup {
        group: Guid,
        members: Vec<GroupMember>,
    },
    RemoveFromGroup {
        group: Guid,
        members: Vec<Guid>,
    },
    AddMember {
        role: Role,
        who: MemberRef,
        annotations: Vec<(String, String)>,
    },
    RemoveMember {
        role: Role,
        who: MemberRef,
    },
}

/// What one request may name, so that nobody else waits long for their turn.
const BATCH_MAX: usize = 500;

impl BookRequest {
    /// How many things it names.
    fn size(&self) -> usize {
        match self {
            Self::AddCard(new) => new.groups.len(),
            Self::UpdateCards(changes) => changes.len(),
            Self::UpdateGroups(edits) => edits.len(),
            Self::AddToGroup { members, .. } => members.len(),
            Self::DeleteCards(guids)
            | Self::DeleteGroups(guids)
            | Self::RemoveFromGroup { members: guids, .. } => guids.len(),
            Self::CreateGroup(_) | Self::AddMember { .. } | Self::RemoveMember { .. } => 1,
        }
    }
}

/// A committed change of an address book: what it did, in the order in which it was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookChange {
    pub owner: UserId,
    /// Whether anything changed.
    pub changed: bool,
    /// The identities of what the request put there, in its order.
    pub guids: Vec<Guid>,
    pub lists: Vec<ListChange>,
    pub settings: Vec<SettingChange>,
    /// Other changes that moved the revision of the owner's book.
    pub standings: Vec<StandingEdit>,
}

impl BookChange {
    pub(super) fn list(&mut self, change: ListChange) {
        self.changed |= change.changed;
        self.lists.push(change);
    }

    pub(super) fn setting(&mut self, change: SettingChange) {
        self.changed |= change.changed;
        self.settings.push(change);
    }

    pub(super) fn group(&mut self, change: &GroupChange) {
        self.changed |= change.changed;
        self.standings.push(change.owner);
    }
}

/// An answer that can be refused.
pub(super) type Reading<T> = Result<Result<T, Refusal>, StoreError>;

/// Tells a refusal from a fault.
pub(super) fn reading<T>(outcome: Result<T, Stop>) -> Reading<T> {
    match outcome {
        Ok(value) => Ok(Ok(value)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

impl Store {
    /// Changes the owner's address book: all that the request names, or nothing.
    ///
    /// Refused: what the request's own operation refuses; `InvalidParameter` if it names more
    /// than 500 things; `Unavailable` if the owner is gone.
    pub async fn change_book<R: Send + 'static>(
        &self,
        owner: UserId,
        request: BookRequest,
        published: impl FnOnce(&BookChange) -> R + Send + 'static,
    ) -> Published<BookChange, R> {
        let limits = self.limits;
        self.writer
            .publish(
                move |turn| Box::pin(change(turn, owner, request, limits)),
                published,
            )
            .await
    }

    /// The owner's whole address book, or what is new in it since a stamp.
    ///
    /// Refused: `FullSyncRequired` if what is new since then is not known; `Unavailable` if the
    /// owner is gone.
    pub async fn find_cards(&self, owner: UserId, since: Option<Stamp>) -> Reading<CardPage> {
        let mut snapshot = self.readers.begin().await?;
        reading(read_page(&mut snapshot, owner, since).await)
    }

    /// The cards with these identities, as far as they are in the book.
    pub async fn cards(&self, owner: UserId, guids: &[Guid]) -> Result<Vec<Card>, StoreError> {
        let mut snapshot = self.readers.begin().await?;
        let groups = read_groups(&mut snapshot, owner).await?;
        let mut cards = Vec::new();
        for guid in guids {
            let found = sqlx::query(card_query!("k.guid = $2"))
                .bind(owner.0)
                .bind(guid.to_string())
                .fetch_optional(&mut *snapshot)
                .await?;
            if let Some(row) = found {
                cards.push(card(&row, owner, &groups)?);
            }
        }
        Ok(cards)
    }
}

async fn change(
    turn: &mut Turn,
    owner: UserId,
    request: BookRequest,
    limits: ListLimits,
) -> Result<BookChange, Stop> {
    if request.size() > BATCH_MAX {
        return Err(Refusal::InvalidParameter.into());
    }
    let exists: Option<i64> = sqlx::query_scalar("SELECT id FROM account WHERE id = $1")
        .bind(owner.0)
        .fetch_optional(&mut turn.connection)
        .await?;
    exists.ok_or(Refusal::Unavailable)?;
    let mut book = Book {
        turn,
        limits,
        change: BookChange {
            owner,
            changed: false,
            guids: Vec::new(),
            lists: Vec::new(),
            settings: Vec::new(),
            standings: Vec::new(),
        },
    };
    match request {
        BookRequest::AddCard(new) => {
            let guid = book.add_card(new).await?;
            book.change.guids.push(guid);
        }
        BookRequest::UpdateCards(changes) => book.update_cards(changes).await?,
        BookRequest::DeleteCards(guids) => book.delete_cards(guids).await?,
        BookRequest::CreateGroup(new) => book.create_group(new).await?,
        BookRequest::UpdateGroups(edits) => book.update_groups(edits).await?,
        BookRequest::DeleteGroups(groups) => book.delete_groups(groups).await?,
        BookRequest::AddToGroup { group, members } => book.add_to_group(group, members).await?,
        BookRequest::RemoveFromGroup { group, members } => {
            book.remove_from_group(group, members).await?;
        }
        BookRequest::AddMember {
            role,
            who,
            annotations,
        } => book.add_member(role, who, &annotations).await?,
        BookRequest::RemoveMember { role, who } => book.remove_member(role, who).await?,
    }
    Ok(book.change)
}

/// A book while it is being changed. Its steps stand with what they change.
#[derive(Debug)]
pub(super) struct Book<'t> {
    pub(super) turn: &'t mut Turn,
    pub(super) limits: ListLimits,
    pub(super) change: BookChange,
}

impl Book<'_> {
    pub(super) fn owner(&self) -> UserId {
        self.change.owner
    }
}

async fn read_page(
    snapshot: &mut SqliteConnection,
    owner: UserId,
    since: Option<Stamp>,
) -> Result<CardPage, Stop> {
    let stamp = read_clock(snapshot, owner, since).await?;
    let (address, created_at): (String, i64) =
        sqlx::query_as("SELECT address, created_at FROM account WHERE id = $1")
            .bind(owner.0)
            .fetch_one(&mut *snapshot)
            .await?;
    let me = own_card::read(snapshot, owner).await?;
    let from = since.unwrap_or(Stamp(i64::MIN));
    let numbers = read_groups(snapshot, owner).await?;
    let cards = read_cards(snapshot, owner, from, &numbers).await?;
    let groups = read_card_groups(snapshot, owner, from).await?;
    let removed = match since {
        Some(since) => removals::read(snapshot, owner, since).await?,
        None => removals::Removals::default(),
    };
    Ok(CardPage {
        owner,
        address: rows::address(&address, owner.0)?,
        stamp,
        created_at,
        me: Some(me).filter(|me| me.changed_at > from),
        cards,
        groups: groups.into_iter().map(|(_, group)| group).collect(),
        removed_cards: removed.cards,
        removed_groups: removed.groups,
    })
}

async fn read_cards(
    connection: &mut SqliteConnection,
    owner: UserId,
    from: Stamp,
    groups: &[Group],
) -> Result<Vec<Card>, StoreError> {
    let found = sqlx::query(card_query!(
        "(k.changed_at > $2 OR a.name_changed_at > $2) ORDER BY k.created_at, k.guid"
    ))
    .bind(owner.0)
    .bind(from.0)
    .fetch_all(connection)
    .await?;
    found.iter().map(|row| card(row, owner, groups)).collect()
}

/// The groups that are new since a stamp, by number.
pub(super) async fn read_card_groups(
    connection: &mut SqliteConnection,
    owner: UserId,
    from: Stamp,
) -> Result<Vec<(GroupNumber, CardGroup)>, StoreError> {
    let found = sqlx::query(
        "SELECT number, guid, name, is_favorite, annotations, changed_at FROM contact_group \
         WHERE owner_id = $1 AND changed_at > $2 ORDER BY number",
    )
    .bind(owner.0)
    .bind(from.0)
    .fetch_all(connection)
    .await?;
    let group = |row: &SqliteRow| -> Result<(GroupNumber, CardGroup), StoreError> {
        let number = u8::try_from(row.try_get::<i64, _>("number")?)
            .map_err(|_| rows::unreadable("contact_group", "number", owner.0))?;
        let group = CardGroup {
            guid: rows::guid(row.try_get("guid")?, "contact_group", owner.0)?,
            name: Label::from_stored(row.try_get("name")?),
            is_favorite: row.try_get("is_favorite")?,
            annotations: read_annotations(row.try_get("annotations")?, "contact_group", owner.0)?,
            changed_at: Stamp(row.try_get("changed_at")?),
        };
        Ok((GroupNumber(number), group))
    };
    found.iter().map(group).collect()
}
