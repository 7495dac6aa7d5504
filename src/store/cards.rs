//! Changes of the cards in an address book.
//!
//! Everybody on the forward list has a card and shares its identity with their contact row, so
//! whoever puts somebody there or takes them off, by whichever client, passes through here.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::address_book::Book;
use super::card_groups::find_bits;
use super::card_rows::{read_fields, write_fields};
use super::own_card::{applied, display_name};
use super::pairs::{Extras, Pair, Person, Row, check_room, read_pair, write, write_with};
use super::removals::{Entry, forget, is_gone, leave, tick};
use super::rows;
use super::writer::{Stop, Turn};
use super::{ListLimits, StoreError};
use crate::model::address_book::INVITE_MAX;
use crate::model::{
    Address, CardChange, CardField, CardFields, CardPatch, CardRef, ContactRef, Guid, Label, List,
    ListSet, NewCard, Refusal, Stamp, UserId,
};

/// A card as its row has it, and whether its person is on the forward list.
#[derive(Debug)]
pub(super) struct CardRow {
    /// The address of the account behind it.
    pub(super) account: Option<Address>,
    /// The address of somebody without account.
    typed: Option<String>,
    fields: CardFields,
    pub(super) group_bits: i64,
    pub(super) messenger: bool,
}

/// The card of this identity.
pub(super) async fn find(
    turn: &mut Turn,
    owner: UserId,
    guid: Guid,
) -> Result<Option<CardRow>, StoreError> {
    let found = sqlx::query(
        "SELECT k.address AS typed, k.fields, k.group_bits, a.id, a.address, c.list_bits \
         FROM card k LEFT JOIN account a ON a.id = k.account_id \
         LEFT JOIN contact c ON c.owner_id = k.owner_id AND c.contact_id = k.account_id \
         WHERE k.owner_id = $1 AND k.guid = $2",
    )
    .bind(owner.0)
    .bind(guid.to_string())
    .fetch_optional(&mut turn.connection)
    .await?;
    let card = |row: &SqliteRow| -> Result<CardRow, StoreError> {
        let account = match row.try_get::<Option<i64>, _>("id")? {
            Some(id) => Some(rows::address(row.try_get("address")?, id)?),
            None => None,
        };
        let lists = match row.try_get::<Option<i64>, _>("list_bits")? {
            Some(bits) => rows::lists(bits, owner.0)?,
            None => ListSet::EMPTY,
        };
        Ok(CardRow {
            account,
            typed: row.try_get("typed")?,
            fields: read_fields(row.try_get("fields")?, "card", owner.0)?,
            group_bits: row.try_get("group_bits")?,
            messenger: lists.has(List::Forward),
        })
    };
    found.as_ref().map(card).transpose()
}

/// The identity and the groups of the card that somebody with an account has in the owner's book.
pub(super) async fn find_of(
    turn: &mut Turn,
    owner: UserId,
    target: &Person,
) -> Result<Option<(Guid, i64)>, StoreError> {
    find_by_address(turn, owner, &target.address).await
}

/// The identity and the groups of the card with this address, of its account or as it was typed.
async fn find_by_address(
    turn: &mut Turn,
    owner: UserId,
    address: &Address,
) -> Result<Option<(Guid, i64)>, StoreError> {
    let found: Option<(String, i64)> = sqlx::query_as(
        "SELECT k.guid, k.group_bits FROM card k LEFT JOIN account a ON a.id = k.account_id \
         WHERE k.owner_id = $1 AND (k.address = $2 OR a.address = $2)",
    )
    .bind(owner.0)
    .bind(address.as_str())
    .fetch_optional(&mut turn.connection)
    .await?;
    found
        .map(|(guid, bits)| Ok((rows::guid(&guid, "card", owner.0)?, bits)))
        .transpose()
}

/// Refuses if the book has no room for one more card.
async fn check_cards(turn: &mut Turn, owner: UserId, limits: ListLimits) -> Result<(), Stop> {
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM card WHERE owner_id = $1")
        .bind(owner.0)
        .fetch_one(&mut turn.connection)
        .await?;
    if count >= i64::from(limits.cards) {
        return Err(Refusal::ListFull.into());
    }
    Ok(())
}

/// Gives a row that comes onto the forward list the identity and the groups of the card that its
/// person has already. Refuses if they have none and the book is full.
pub(super) async fn take_over(
    turn: &mut Turn,
    owner: UserId,
    target: &Person,
    row: &mut Row,
    limits: ListLimits,
) -> Result<(), Stop> {
    match find_of(turn, owner, target).await? {
        Some((guid, bits)) => {
            row.guid = guid;
            row.group_bits |= bits;
            Ok(())
        }
        None => check_cards(turn, owner, limits).await,
    }
}

/// Somebody came onto the forward list: their card is there and belongs to their account.
pub(super) async fn open(
    turn: &mut Turn,
    owner: UserId,
    target: &Person,
    guid: Guid,
    stamp: Stamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO card (owner_id, guid, account_id, created_at, changed_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (owner_id, guid) DO UPDATE SET \
         account_id = excluded.account_id, address = NULL, group_bits = 0, \
         changed_at = excluded.changed_at",
    )
    .bind(owner.0)
    .bind(guid.to_string())
    .bind(target.id.0)
    .bind(turn.now)
    .bind(stamp.0)
    .execute(&mut turn.connection)
    .await?;
    forget(turn, owner, Entry::Card(guid)).await
}

/// Somebody left the forward list: their card goes too unless something is written on it, or the
/// owner wants it to stay. It keeps their groups.
pub(super) async fn close(
    turn: &mut Turn,
    owner: UserId,
    guid: Guid,
    group_bits: i64,
    stays: bool,
    stamp: Stamp,
) -> Result<(), StoreError> {
    let kept = sqlx::query(
        "UPDATE card SET group_bits = $3, changed_at = $4 \
         WHERE owner_id = $1 AND guid = $2 AND ($5 OR fields <> '{}')",
    )
    .bind(owner.0)
    .bind(guid.to_string())
    .bind(group_bits)
    .bind(stamp.0)
    .bind(stays)
    .execute(&mut turn.connection)
    .await?;
    if kept.rows_affected() == 0 {
        remove(turn, owner, guid, stamp).await?;
    }
    Ok(())
}

/// Notes that a card shows something new.
pub(super) async fn touch(
    turn: &mut Turn,
    owner: UserId,
    guid: Guid,
    stamp: Stamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE card SET changed_at = $3 WHERE owner_id = $1 AND guid = $2")
        .bind(owner.0)
        .bind(guid.to_string())
        .bind(stamp.0)
        .execute(&mut turn.connection)
        .await?;
    Ok(())
}

async fn remove(
    turn: &mut Turn,
    owner: UserId,
    guid: Guid,
    stamp: Stamp,
) -> Result<(), StoreError> {
    let address: Option<Option<String>> = sqlx::query_scalar(
        "SELECT COALESCE(a.address, k.address) FROM card k \
         LEFT JOIN account a ON a.id = k.account_id WHERE k.owner_id = $1 AND k.guid = $2",
    )
    .bind(owner.0)
    .bind(guid.to_string())
    .fetch_optional(&mut turn.connection)
    .await?;
    sqlx::query("DELETE FROM card WHERE owner_id = $1 AND guid = $2")
        .bind(owner.0)
        .bind(guid.to_string())
        .execute(&mut turn.connection)
        .await?;
    let address = address.flatten();
    leave(turn, owner, Entry::Card(guid), address.as_deref(), stamp).await
}

async fn set_fields(
    turn: &mut Turn,
    owner: UserId,
    guid: Guid,
    fields: &CardFields,
) -> Result<(), StoreError> {
    let stamp = tick(turn).await?;
    sqlx::query("UPDATE card SET fields = $3, changed_at = $4 WHERE owner_id = $1 AND guid = $2")
        .bind(owner.0)
        .bind(guid.to_string())
        .bind(write_fields(fields))
        .bind(stamp.0)
        .execute(&mut turn.connection)
        .await?;
    Ok(())
}

/// Takes the display name out of a change for somebody who has an account: what the account is
/// called is not the owner's to write, so it becomes the name that the owner keeps.
fn take_name(patch: &mut CardPatch) -> Result<Option<Label>, Refusal> {
    let mut name = None;
    for (field, value) in &patch.texts {
        if *field == CardField::DisplayName && !value.is_empty() {
            name = Some(display_name(value)?);
        }
    }
    patch
        .texts
        .retain(|(field, _)| *field != CardField::DisplayName);
    Ok(name)
}

/// An address from outside; nothing at all is no address.
fn parsed(text: Option<&str>) -> Result<Option<Address>, Refusal> {
    text.filter(|text| !text.is_empty())
        .map(|text| Address::parse(text).map_err(|_| Refusal::MalformedAddress))
        .transpose()
}

impl Book<'_> {
    pub(super) async fn add_card(&mut self, mut new: NewCard) -> Result<Guid, Stop> {
        let owner = self.owner();
        let by_account = parsed(new.address.as_deref())?;
        let address = match by_account.clone() {
            Some(address) => Some(address),
            None => parsed(new.fields.first_email())?,
        };
        if new
            .invitation
            .as_ref()
            .is_some_and(|text| text.len() > INVITE_MAX)
        {
            return Err(Refusal::InvalidParameter.into());
        }
        let bits = find_bits(self.turn, owner, &new.groups).await?;
        let Some(address) = address else {
            return self.add_stranger(None, &new.fields, bits).await;
        };
        let pair = match by_account.is_some() || new.messenger {
            true => self.find_pair(&address).await?,
            false => None,
        };
        let account = pair.as_ref().map(|pair| pair.target.id);
        if account == Some(owner) {
            return Err(Refusal::InvalidParameter.into());
        }
        if let Some((guid, _)) = find_by_address(self.turn, owner, &address).await? {
            return Err(Refusal::CardExists(guid).into());
        }
        let Some(pair) = pair else {
            if new.messenger {
                return Err(Refusal::UnknownAccount.into());
            }
            return self.add_stranger(Some(&address), &new.fields, bits).await;
        };
        let name = take_name(&mut new.fields)?;
        let fields = applied(&CardFields::default(), &new.fields)?;
        let guid = if new.messenger {
            let invitation = new.invitation.filter(|text| !text.is_empty());
            self.follow(pair, name, bits, new.allow, invitation).await?
        } else {
            self.insert(Some(pair.target.id), None, bits).await?
        };
        if !fields.is_empty() {
            set_fields(self.turn, owner, guid, &fields).await?;
        }
        Ok(guid)
    }

    /// Both sides, if somebody has an account of this address.
    async fn find_pair(&mut self, address: &Address) -> Result<Option<Pair>, Stop> {
        let target = ContactRef::Address(address.clone());
        match read_pair(self.turn, self.owner(), &target, Refusal::UnknownAccount).await {
            Ok(pair) => Ok(Some(pair)),
            Err(Stop::Refused(Refusal::UnknownAccount)) => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    /// Adds somebody who has no account, or no address even.
    async fn add_stranger(
        &mut self,
        address: Option<&Address>,
        fields: &CardPatch,
        group_bits: i64,
    ) -> Result<Guid, Stop> {
        let fields = applied(&CardFields::default(), fields)?;
        if fields.is_empty() && address.is_none() {
            return Err(Refusal::InvalidParameter.into());
        }
        let guid = self.insert(None, address, group_bits).await?;
        set_fields(self.turn, self.owner(), guid, &fields).await?;
        Ok(guid)
    }

    /// A blank card of somebody who is not on the forward list.
    async fn insert(
        &mut self,
        account: Option<UserId>,
        address: Option<&Address>,
        group_bits: i64,
    ) -> Result<Guid, Stop> {
        let owner = self.owner();
        check_cards(self.turn, owner, self.limits).await?;
        let stamp = tick(self.turn).await?;
        let guid = Guid::random();
        sqlx::query(
            "INSERT INTO card (owner_id, guid, account_id, address, group_bits, created_at, \
             changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(owner.0)
        .bind(guid.to_string())
        .bind(account.map(|account| account.0))
        .bind(address.map(Address::as_str))
        .bind(group_bits)
        .bind(self.turn.now)
        .bind(stamp.0)
        .execute(&mut self.turn.connection)
        .await?;
        self.change.changed = true;
        Ok(guid)
    }

    /// Puts somebody onto the forward list, into these groups too, and answers their identity.
    async fn follow(
        &mut self,
        pair: Pair,
        name: Option<Label>,
        group_bits: i64,
        allow: bool,
        invitation: Option<String>,
    ) -> Result<Guid, Stop> {
        let owner = self.owner();
        check_room(self.turn, owner, List::Forward, self.limits).await?;
        let mut row = pair.row_or_new();
        row.name = name.unwrap_or(row.name);
        row.group_bits = group_bits;
        row.lists = row.lists.with(List::Forward);
        if allow && !row.lists.has(List::Allow) && !row.lists.has(List::Block) {
            check_room(self.turn, owner, List::Allow, self.limits).await?;
            row.lists = row.lists.with(List::Allow).without(List::Pending);
        }
        take_over(self.turn, owner, &pair.target, &mut row, self.limits).await?;
        let guid = row.guid;
        let extras = Extras {
            invitation,
            ..Extras::default()
        };
        let change = write_with(self.turn, pair, row, None, &extras).await?;
        self.change.list(change);
        Ok(guid)
    }

    pub(super) async fn update_cards(&mut self, changes: Vec<CardChange>) -> Result<(), Stop> {
        for change in changes {
            match change.card {
                CardRef::Me => self.update_own_card(change.fields).await?,
                CardRef::Card(guid) => {
                    self.update_card(guid, change.messenger, change.fields)
                        .await?;
                }
            }
        }
        Ok(())
    }

    async fn update_card(
        &mut self,
        guid: Guid,
        messenger: Option<bool>,
        mut patch: CardPatch,
    ) -> Result<(), Stop> {
        let owner = self.owner();
        let before = find(self.turn, owner, guid).await?;
        let before = before.ok_or(Refusal::UnknownContact)?;
        let follows = messenger.unwrap_or(before.messenger);
        let name = match before.account.is_some() || follows {
            true => take_name(&mut patch)?,
            false => None,
        };
        match (before.messenger, follows) {
            (false, true) => {
                let address = match before.account.clone() {
                    Some(address) => Some(address),
                    None => parsed(before.typed.as_deref())?,
                };
                let address = address.ok_or(Refusal::UnknownAccount)?;
                let pair = self.find_pair(&address).await?;
                let pair = pair.ok_or(Refusal::UnknownAccount)?;
                if pair.target.id == owner {
                    return Err(Refusal::InvalidParameter.into());
                }
                self.follow(pair, name, 0, false, None).await?;
            }
            (true, false) => self.unfollow(guid, true).await?,
            (true, true) => {
                if let Some(name) = name {
                    let (pair, mut row) = self.contact(guid).await?;
                    row.name = name;
                    let change = write(self.turn, pair, row, None).await?;
                    self.change.list(change);
                }
            }
            (false, false) => {}
        }
        let after = applied(&before.fields, &patch)?;
        if after != before.fields {
            self.change.changed = true;
            set_fields(self.turn, owner, guid, &after).await?;
        }
        Ok(())
    }

    /// Both sides, and the row of somebody on the forward list.
    pub(super) async fn contact(&mut self, guid: Guid) -> Result<(Pair, Row), Stop> {
        let target = ContactRef::Guid(guid);
        let pair = read_pair(self.turn, self.owner(), &target, Refusal::UnknownContact).await?;
        let row = pair.row.clone().ok_or(Refusal::UnknownContact)?;
        Ok((pair, row))
    }

    async fn unfollow(&mut self, guid: Guid, keeps_card: bool) -> Result<(), Stop> {
        let (pair, mut row) = self.contact(guid).await?;
        row.lists = row.lists.without(List::Forward);
        row.group_bits = 0;
        let extras = Extras {
            keeps_card,
            ..Extras::default()
        };
        let change = write_with(self.turn, pair, row, None, &extras).await?;
        self.change.list(change);
        Ok(())
    }

    pub(super) async fn delete_cards(&mut self, guids: Vec<Guid>) -> Result<(), Stop> {
        let owner = self.owner();
        for guid in guids {
            match find(self.turn, owner, guid).await? {
                Some(card) => {
                    if card.messenger {
                        self.unfollow(guid, true).await?;
                    }
                    let stamp = tick(self.turn).await?;
                    remove(self.turn, owner, guid, stamp).await?;
                    self.change.changed = true;
                }
                None if is_gone(self.turn, owner, Entry::Card(guid)).await? => {}
                None => return Err(Refusal::UnknownContact.into()),
            }
        }
        Ok(())
    }
}
