//! Who is what to the owner: reading memberships, and changing them as the later clients do.
//!
//! For accounts a role is a view of the lists. People elsewhere have rows of their own, which the
//! server only keeps: nobody here is them.

use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::address_book::{Book, Reading, reading};
use super::card_rows::{read_annotations, write_annotations};
use super::pairs::{check_room, read_pair, write};
use super::removals::{self, leave_role, read_clock, tick};
use super::rows;
use super::writer::Stop;
use super::{Store, StoreError};
use crate::model::address_book::INVITE_MESSAGE;
use crate::model::{
    Address, Annotations, ContactRef, Label, List, Member, MemberRef, MembershipId, Memberships,
    Refusal, Role, Stamp, UserId, Who,
};

// The kinds of people elsewhere as the database has them.
const EMAIL: i64 = 1;
const PHONE: i64 = 2;

/// Longest telephone number, in bytes.
const NUMBER_MAX: usize = 64;

impl Store {
    /// Who is what to the owner, or what about that is new since a stamp.
    ///
    /// Refused: `FullSyncRequired` if what is new since then is not known; `Unavailable` if the
    /// owner is gone.
    pub async fn memberships(&self, owner: UserId, since: Option<Stamp>) -> Reading<Memberships> {
        let mut snapshot = self.readers.begin().await?;
        reading(read(&mut snapshot, owner, since).await)
    }
}

async fn read(
    snapshot: &mut SqliteConnection,
    owner: UserId,
    since: Option<Stamp>,
) -> Result<Memberships, Stop> {
    let stamp = read_clock(snapshot, owner, since).await?;
    let (address, created_at): (String, i64) =
        sqlx::query_as("SELECT address, created_at FROM account WHERE id = $1")
            .bind(owner.0)
            .fetch_one(&mut *snapshot)
            .await?;
    let from = since.unwrap_or(Stamp(i64::MIN));
    let mut members = read_accounts(snapshot, owner, from).await?;
    members.extend(read_foreign(snapshot, owner, from).await?);
    let removed = match since {
        Some(since) => removals::read(snapshot, owner, since).await?.members,
        None => Vec::new(),
    };
    Ok(Memberships {
        owner,
        address: rows::address(&address, owner.0)?,
        stamp,
        created_at,
        members,
        removed,
    })
}

async fn read_accounts(
    connection: &mut SqliteConnection,
    owner: UserId,
    from: Stamp,
) -> Result<Vec<Member>, StoreError> {
    let found = sqlx::query(
        "SELECT c.contact_id, c.list_bits, c.created_at, c.changed_at, c.invitation, \
         a.address, a.name, a.name_changed_at \
         FROM contact c JOIN account a ON a.id = c.contact_id \
         WHERE c.owner_id = $1 AND (c.changed_at > $2 OR a.name_changed_at > $2) \
         ORDER BY c.added_in",
    )
    .bind(owner.0)
    .bind(from.0)
    .fetch_all(connection)
    .await?;
    let mut members = Vec::with_capacity(found.len());
    for row in &found {
        let lists = rows::lists(row.try_get("list_bits")?, owner.0)?;
        for role in Role::ALL.into_iter().filter(|role| role.fits(lists)) {
            members.push(account_member(row, role)?);
        }
    }
    Ok(members)
}

fn account_member(row: &SqliteRow, role: Role) -> Result<Member, StoreError> {
    let id: i64 = row.try_get("contact_id")?;
    let invitation: Option<&str> = row.try_get("invitation")?;
    let mut annotations = Annotations::default();
    if let Some(text) = invitation.filter(|_| role == Role::Pending) {
        annotations
            .set(INVITE_MESSAGE, text)
            .map_err(|_| rows::unreadable("contact", "invitation", id))?;
    }
    let changed_at: i64 = row.try_get("changed_at")?;
    Ok(Member {
        id: MembershipId::Account(UserId(id), role),
        role,
        who: Who::Account(UserId(id), rows::address(row.try_get("address")?, id)?),
        name: Some(Label::from_stored(row.try_get("name")?)),
        annotations,
        joined_at: row.try_get("created_at")?,
        changed_at: Stamp(changed_at.max(row.try_get("name_changed_at")?)),
    })
}

async fn read_foreign(
    connection: &mut SqliteConnection,
    owner: UserId,
    from: Stamp,
) -> Result<Vec<Member>, StoreError> {
    let found = sqlx::query(
        "SELECT id, kind, address, role, annotations, created_at, changed_at \
         FROM foreign_member WHERE owner_id = $1 AND changed_at > $2 ORDER BY id",
    )
    .bind(owner.0)
    .bind(from.0)
    .fetch_all(connection)
    .await?;
    found.iter().map(foreign_member).collect()
}

fn foreign_member(row: &SqliteRow) -> Result<Member, StoreError> {
    let id: i64 = row.try_get("id")?;
    let unreadable = |column| rows::unreadable("foreign_member", column, id);
    Ok(Member {
        id: MembershipId::Foreign(id),
        role: Role::numbered(row.try_get("role")?).ok_or_else(|| unreadable("role"))?,
        who: foreign_who(row.try_get("kind")?, row.try_get("address")?)
            .ok_or_else(|| unreadable("kind"))?,
        name: None,
        annotations: read_annotations(row.try_get("annotations")?, "foreign_member", id)?,
        joined_at: row.try_get("created_at")?,
        changed_at: Stamp(row.try_get("changed_at")?),
    })
}

fn foreign_who(kind: i64, address: &str) -> Option<Who> {
    match kind {
        EMAIL => Some(Who::Email(address.into())),
        PHONE => Some(Who::Phone(address.into())),
        _ => None,
    }
}

/// Somebody elsewhere, in the one spelling that is kept.
fn elsewhere(who: &MemberRef) -> Option<Result<(i64, String), Refusal>> {
    match who {
        MemberRef::Id(_) | MemberRef::Account(_) => None,
        MemberRef::Email(text) => Some(match Address::parse(text) {
            Ok(address) => Ok((EMAIL, address.as_str().to_owned())),
            Err(_) => Err(Refusal::MalformedAddress),
        }),
        MemberRef::Phone(text) => {
            let is_number = !text.is_empty()
                && text.len() <= NUMBER_MAX
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() || byte == b' ');
            Some(match is_number {
                true => Ok((PHONE, text.clone())),
                false => Err(Refusal::MalformedAddress),
            })
        }
    }
}

impl Book<'_> {
    pub(super) async fn add_member(
        &mut self,
        role: Role,
        who: MemberRef,
        annotations: &[(String, String)],
    ) -> Result<(), Stop> {
        if role == Role::Pending {
            return Err(Refusal::InvalidParameter.into());
        }
        if let Some(elsewhere) = elsewhere(&who) {
            let (kind, address) = elsewhere?;
            return self.add_foreign(role, kind, &address, annotations).await;
        }
        let address = self.address_of(&who).await?;
        self.add_account(role, &address.ok_or(Refusal::UnknownAccount)?)
            .await
    }

    pub(super) async fn remove_member(&mut self, role: Role, who: MemberRef) -> Result<(), Stop> {
        match elsewhere(&who) {
            Some(Ok((kind, address))) => return self.remove_foreign(role, kind, &address).await,
            // Nobody of that name has a role.
            Some(Err(_)) => return Ok(()),
            None => {}
        }
        if let MemberRef::Id(MembershipId::Foreign(row)) = who {
            let found: Option<(i64, String)> = sqlx::query_as(
                "SELECT kind, address FROM foreign_member WHERE owner_id = $1 AND id = $2",
            )
            .bind(self.owner().0)
            .bind(row)
            .fetch_optional(&mut self.turn.connection)
            .await?;
            return match found {
                Some((kind, address)) => self.remove_foreign(role, kind, &address).await,
                None => Ok(()),
            };
        }
        match self.address_of(&who).await {
            Ok(Some(address)) => self.remove_account(role, &address).await,
            Ok(None) | Err(Stop::Refused(Refusal::MalformedAddress)) => Ok(()),
            Err(stop) => Err(stop),
        }
    }

    /// The address of the account that a request names.
    async fn address_of(&mut self, who: &MemberRef) -> Result<Option<Address>, Stop> {
        let user = match who {
            MemberRef::Account(text) => {
                let address = Address::parse(text).map_err(|_| Refusal::MalformedAddress)?;
                return Ok(Some(address));
            }
            MemberRef::Id(MembershipId::Account(user, _)) => *user,
            MemberRef::Id(MembershipId::Foreign(_)) | MemberRef::Email(_) | MemberRef::Phone(_) => {
                return Ok(None);
            }
        };
        // Numbers of accounts that the owner has nothing to do with tell nobody's address.
        let found: Option<String> = sqlx::query_scalar(
            "SELECT a.address FROM contact c JOIN account a ON a.id = c.contact_id \
             WHERE c.owner_id = $1 AND c.contact_id = $2",
        )
        .bind(self.owner().0)
        .bind(user.0)
        .fetch_optional(&mut self.turn.connection)
        .await?;
        let address = found.map(|text| rows::address(&text, user.0));
        Ok(address.transpose()?)
    }

    async fn add_account(&mut self, role: Role, address: &Address) -> Result<(), Stop> {
        let owner = self.owner();
        let target = ContactRef::Address(address.clone());
        let pair = read_pair(self.turn, owner, &target, Refusal::UnknownAccount).await?;
        if pair.target.id == owner {
            return Err(Refusal::InvalidParameter.into());
        }
        let (list, opposite) = match role {
            Role::Allow => (List::Allow, List::Block),
            Role::Block => (List::Block, List::Allow),
            Role::Reverse | Role::Pending => return self.settle(address).await,
        };
        let mut row = pair.row_or_new();
        if !row.lists.has(list) {
            check_room(self.turn, owner, list, self.limits).await?;
        }
        let lists = row.lists.with(list).without(opposite);
        row.lists = lists.without(List::Pending);
        let change = write(self.turn, pair, row, None).await?;
        self.change.list(change);
        Ok(())
    }

    async fn remove_account(&mut self, role: Role, address: &Address) -> Result<(), Stop> {
        let list = match role {
            Role::Allow => List::Allow,
            Role::Block => List::Block,
            Role::Reverse | Role::Pending => return self.settle(address).await,
        };
        self.take_off(list, address).await
    }

    /// Ends the waiting of somebody; who does not wait goes on not to.
    async fn settle(&mut self, address: &Address) -> Result<(), Stop> {
        self.take_off(List::Pending, address).await
    }

    async fn take_off(&mut self, list: List, address: &Address) -> Result<(), Stop> {
        let target = ContactRef::Address(address.clone());
        let pair = match read_pair(self.turn, self.owner(), &target, Refusal::NotOnList).await {
            Err(Stop::Refused(Refusal::NotOnList)) => return Ok(()),
            pair => pair?,
        };
        if let Some(mut row) = pair.row.clone() {
            row.lists = row.lists.without(list);
            let change = write(self.turn, pair, row, None).await?;
            self.change.list(change);
        }
        Ok(())
    }

    async fn add_foreign(
        &mut self,
        role: Role,
        kind: i64,
        address: &str,
        notes: &[(String, String)],
    ) -> Result<(), Stop> {
        let owner = self.owner();
        let before: Option<String> = sqlx::query_scalar(
            "SELECT annotations FROM foreign_member \
             WHERE owner_id = $1 AND role = $2 AND kind = $3 AND address = $4",
        )
        .bind(owner.0)
        .bind(role.number())
        .bind(kind)
        .bind(address)
        .fetch_optional(&mut self.turn.connection)
        .await?;
        if before.is_none() {
            self.check_foreign_room(role).await?;
        }
        let mut annotations = match &before {
            Some(text) => read_annotations(text, "foreign_member", owner.0)?,
            None => Annotations::default(),
        };
        for (name, value) in notes {
            annotations.set(name, value)?;
        }
        let text = write_annotations(&annotations);
        if before.as_ref() != Some(&text) {
            let stamp = tick(self.turn).await?;
            sqlx::query(
                "INSERT INTO foreign_member (owner_id, kind, address, role, annotations, \
                 created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
                 ON CONFLICT (owner_id, role, kind, address) DO UPDATE SET \
                 annotations = excluded.annotations, changed_at = excluded.changed_at",
            )
            .bind(owner.0)
            .bind(kind)
            .bind(address)
            .bind(role.number())
            .bind(text)
            .bind(self.turn.now)
            .bind(stamp.0)
            .execute(&mut self.turn.connection)
            .await?;
            self.change.changed = true;
        }
        match role {
            Role::Allow => self.remove_foreign(Role::Block, kind, address).await,
            Role::Block => self.remove_foreign(Role::Allow, kind, address).await,
            Role::Reverse | Role::Pending => Ok(()),
        }
    }

    /// Refuses if as many people elsewhere have the role as accounts may.
    async fn check_foreign_room(&mut self, role: Role) -> Result<(), Stop> {
        let limit = match role {
            Role::Block => self.limits.block,
            Role::Allow | Role::Reverse | Role::Pending => self.limits.allow,
        };
        let count: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM foreign_member WHERE owner_id = $1 AND role = $2",
        )
        .bind(self.owner().0)
        .bind(role.number())
        .fetch_one(&mut self.turn.connection)
        .await?;
        if count >= i64::from(limit) {
            return Err(Refusal::ListFull.into());
        }
        Ok(())
    }

    async fn remove_foreign(&mut self, role: Role, kind: i64, address: &str) -> Result<(), Stop> {
        let owner = self.owner();
        let gone: Option<i64> = sqlx::query_scalar(
            "DELETE FROM foreign_member \
             WHERE owner_id = $1 AND role = $2 AND kind = $3 AND address = $4 RETURNING id",
        )
        .bind(owner.0)
        .bind(role.number())
        .bind(kind)
        .bind(address)
        .fetch_optional(&mut self.turn.connection)
        .await?;
        if let (Some(row), Some(who)) = (gone, foreign_who(kind, address)) {
            let stamp = tick(self.turn).await?;
            let id = MembershipId::Foreign(row);
            leave_role(self.turn, owner, id, role, &who, stamp).await?;
            self.change.changed = true;
        }
        Ok(())
    }
}
