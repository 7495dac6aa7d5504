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
use super::pairs::{Extras, Pair, PairCard, Person, Row, check_room, read_pair, write, write_with};
use super::removals::{Entry, forget, is_gone, leave};
use super::rows;
use super::turn::Turn;
use super::writer::Stop;
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
    .fetch_optional(turn.connection().await?)
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

/// The identity and the groups of the card with this address, of its account or as it was typed.
async fn find_by_address(
    turn: &mut Turn,
    owner: UserId,
    address: &Address,
) -> Result<Option<(Guid, i64)>, StoreError> {
    // Two questions, because either has an index of its own and both together have none.
    let found: Option<(String, i64)> = sqlx::query_as(
        "SELECT k.guid, k.group_bits FROM account a JOIN card k \
         ON k.account_id = a.id AND k.owner_id = $1 WHERE a.address = $2 \
         UNION ALL SELECT guid, group_bits FROM card WHERE owner_id = $1 AND address = $2 LIMIT 1",
    )
    .bind(owner.0)
    .bind(address.as_str())
    .fetch_optional(turn.connection().await?)
    .await?;
    found
        .map(|(guid, bits)| Ok((rows::guid(&guid, "card", owner.0)?, bits)))
        .transpose()
}

/// Refuses if the book has no room for one more card.
async fn check_cards(turn: &mut Turn, owner: UserId, limits: ListLimits) -> Result<(), Stop> {
    let cards = turn.ask("SELECT COUNT(*) FROM card WHERE owner_id = ?");
    let count: i64 = cards.bind(owner.0).one().await?.try_get(0)?;
    if count >= i64::from(limits.cards) {
        return Err(Refusal::ListFull.into());
    }
    Ok(())
}

/// A card this small may always be written: their number bounds what they are together, and adding
/// up a whole book for each of them would make importing one slow.
const SMALL_CARD: usize = 1_024;

/// Refuses if the book has no room for so many bytes on this card.
async fn check_bytes(
    turn: &mut Turn,
    owner: UserId,
    guid: Guid,
    bytes: usize,
    limits: ListLimits,
) -> Result<(), Stop> {
    let others: i64 = sqlx::query_scalar(
        "SELECT COALESCE(SUM(LENGTH(CAST(fields AS BLOB))), 0) FROM card \
         WHERE owner_id = $1 AND guid <> $2",
    )
    .bind(owner.0)
    .bind(guid.to_string())
    .fetch_one(turn.connection().await?)
    .await?;
    let together = others.unsigned_abs().saturating_add(bytes as u64);
    if together > limits.card_bytes {
        return Err(Refusal::BookTooLarge.into());
    }
    Ok(())
}

/// Gives a row that comes onto the forward list the identity and the groups of the card that its
/// person has already. Refuses if they have none and the book is full.
pub(super) async fn take_over(
    turn: &mut Turn,
    owner: UserId,
    card: Option<&PairCard>,
    row: &mut Row,
    limits: ListLimits,
) -> Result<(), Stop> {
    match card {
        Some(card) => {
            row.guid = card.guid;
            row.group_bits |= card.group_bits;
            Ok(())
        }
        None => check_cards(turn, owner, limits).await,
    }
}

/// Somebody came onto the forward list: their card is there and belongs to their account.
pub(super) fn open(turn: &mut Turn, owner: UserId, target: &Person, guid: Guid, stamp: Stamp) {
    let now = turn.now;
    turn.later(
        "INSERT INTO card (owner_id, guid, account_id, created_at, changed_at) \
         VALUES (?, ?, ?, ?, ?) ON CONFLICT (owner_id, guid) DO UPDATE SET \
         account_id = excluded.account_id, address = NULL, group_bits = 0, \
         changed_at = excluded.changed_at",
    )
    .bind(owner.0)
    .bind(guid.to_string())
    .bind(target.id.0)
    .bind(now)
    .bind(stamp.0);
    forget(turn, owner, Entry::Card(guid));
}

/// Somebody left the forward list: their card goes too unless it `stays`, which keeps their groups
/// on it.
pub(super) fn close(
    turn: &mut Turn,
    owner: UserId,
    target: &Person,
    (guid, group_bits): (Guid, i64),
    stays: bool,
    stamp: Stamp,
) {
    if !stays {
        remove(turn, owner, guid, Some(target.address.as_str()), stamp);
        return;
    }
    turn.later("UPDATE card SET group_bits = ?, changed_at = ? WHERE owner_id = ? AND guid = ?")
        .bind(group_bits)
        .bind(stamp.0)
        .bind(owner.0)
        .bind(guid.to_string());
}

/// Notes that the card of an account, if it has one, shows something new.
pub(super) fn touch(turn: &mut Turn, owner: UserId, account: UserId, stamp: Stamp) {
    turn.later("UPDATE card SET changed_at = ? WHERE owner_id = ? AND account_id = ?")
        .bind(stamp.0)
        .bind(owner.0)
        .bind(account.0);
}

fn remove(turn: &mut Turn, owner: UserId, guid: Guid, address: Option<&str>, stamp: Stamp) {
    turn.later("DELETE FROM card WHERE owner_id = ? AND guid = ?")
        .bind(owner.0)
        .bind(guid.to_string());
    leave(turn, owner, Entry::Card(guid), address, stamp);
}

async fn set_fields(
    turn: &mut Turn,
    owner: UserId,
    guid: Guid,
    fields: &CardFields,
    limits: ListLimits,
) -> Result<(), Stop> {
    let text = write_fields(fields);
    if text.len() > SMALL_CARD {
        check_bytes(turn, owner, guid, text.len(), limits).await?;
    }
    let stamp = turn.tick();
    sqlx::query("UPDATE card SET fields = $3, changed_at = $4 WHERE owner_id = $1 AND guid = $2")
        .bind(owner.0)
        .bind(guid.to_string())
        .bind(text)
        .bind(stamp.0)
        .execute(turn.connection().await?)
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
            set_fields(self.turn, owner, guid, &fields, self.limits).await?;
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
        set_fields(self.turn, self.owner(), guid, &fields, self.limits).await?;
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
        let stamp = self.turn.tick();
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
        .execute(self.turn.connection().await?)
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
        take_over(self.turn, owner, pair.card.as_ref(), &mut row, self.limits).await?;
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
            set_fields(self.turn, owner, guid, &after, self.limits).await?;
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
                    let stamp = self.turn.tick();
                    let address = card.account.as_ref().map(Address::as_str);
                    let address = address.or(card.typed.as_deref());
                    remove(self.turn, owner, guid, address, stamp);
                    self.change.changed = true;
                }
                None if is_gone(self.turn, owner, Entry::Card(guid)).await? => {}
                None => return Err(Refusal::UnknownContact.into()),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{
        Fixture, address, by_address, done, first_list, label, messenger, note, refused, texts,
    };
    use super::super::{BookRequest, ListLimits};
    use super::*;
    use crate::model::{Card, GroupRef, ItemList, ItemPatch, Role};

    async fn card(fixture: &Fixture, owner: UserId, guid: Guid) -> Card {
        let cards = fixture.store.cards(owner, &[guid]).await.unwrap();
        cards.into_iter().next().unwrap()
    }

    fn update(guid: Guid, messenger: Option<bool>, fields: CardPatch) -> BookRequest {
        BookRequest::UpdateCards(vec![CardChange {
            card: CardRef::Card(guid),
            messenger,
            fields,
        }])
    }

    fn mail_only(email: &str) -> NewCard {
        NewCard {
            fields: CardPatch {
                items: vec![ItemPatch {
                    list: ItemList::Emails,
                    kind: "Messenger2".to_owned(),
                    parts: vec![("email".to_owned(), email.to_owned())],
                }],
                ..CardPatch::default()
            },
            ..NewCard::default()
        }
    }

    #[tokio::test]
    async fn a_card_of_an_account_is_a_forward_contact() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        let new = NewCard {
            allow: true,
            fields: texts(&[
                (CardField::DisplayName, "Bobby"),
                (CardField::Comment, "hi"),
            ]),
            invitation: Some("It is me".to_owned()),
            ..messenger("bob")
        };
        let change = done(fixture.change(alice, BookRequest::AddCard(new)).await);
        let guid = change.guids[0];
        assert!(change.changed && first_list(&change).other.is_some());
        let contact = fixture.row(alice, bob).await.unwrap();
        assert_eq!(contact.guid, guid);
        assert_eq!(contact.name, label("Bobby"));
        assert_eq!(contact.lists.bits(), 1 | 2);
        let card = card(&fixture, alice, guid).await;
        assert!(card.messenger);
        assert_eq!(card.display_name(), "bob's name");
        assert_eq!(card.kept_name, Some(label("Bobby")));
        assert_eq!(card.fields.text(CardField::Comment), "hi");
        assert_eq!(card.fields.text(CardField::DisplayName), "");
        assert!(card.created_at > 1_700_000_000_000);
        // Bob sees who invites him, and why, until he decides.
        let waiting = |members: crate::model::Memberships| {
            let mut members = members.members.into_iter();
            members.find(|member| member.role == Role::Pending)
        };
        let pending = waiting(fixture.members(bob, None).await).unwrap();
        let text = pending.annotations.get("MSN.IM.InviteMessage");
        assert_eq!(
            (text, pending.name),
            (Some("It is me"), Some(label("alice's name")))
        );
        done(
            fixture
                .add(bob, by_address("alice"), List::Allow, None)
                .await,
        );
        assert_eq!(waiting(fixture.members(bob, None).await), None);
    }

    #[tokio::test]
    async fn somebody_is_in_the_book_once() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        fixture.account("bob").await;
        let guid = fixture.add_card(alice, "bob").await;
        let stranger = NewCard {
            address: Some("Late@Example.com".to_owned()),
            ..NewCard::default()
        };
        let change = done(fixture.change(alice, BookRequest::AddCard(stranger)).await);
        let late = change.guids[0];
        for (new, exists) in [
            (messenger("bob"), guid),
            (mail_only("BOB@example.com"), guid),
            (mail_only("late@example.com"), late),
            (messenger("late"), late),
        ] {
            // An account that is made later does not make another person.
            if exists == late && new.messenger {
                fixture.account("late").await;
            }
            let answer = fixture.change(alice, BookRequest::AddCard(new)).await;
            assert_eq!(refused(answer), Refusal::CardExists(exists));
        }
        // Whoever adds them by command gets the card that is there.
        done(
            fixture
                .add(alice, by_address("late"), List::Forward, None)
                .await,
        );
        let card = card(&fixture, alice, late).await;
        assert!(card.messenger && card.address.is_none());
        assert_eq!(card.account.unwrap().address, address("late"));
        assert_eq!(fixture.page(alice, None).await.cards.len(), 2);
    }

    #[tokio::test]
    async fn what_is_written_on_cards_has_a_bound_in_bytes() {
        let fixture = Fixture::with(ListLimits {
            card_bytes: 10_000,
            ..ListLimits::default()
        })
        .await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        let written = |length: usize| texts(&[(CardField::Comment, &"x".repeat(length))]);
        let new = |name: &str, length| NewCard {
            fields: written(length),
            address: Some(format!("{name}@example.org")),
            ..NewCard::default()
        };
        let add = async |owner, name: &str, length| {
            let request = BookRequest::AddCard(new(name, length));
            fixture.change(owner, request).await
        };
        let first = done(add(alice, "a", 4_000).await).guids[0];
        let second = done(add(alice, "b", 4_000).await).guids[0];
        let too_much = add(alice, "c", 4_000).await;
        assert_eq!(refused(too_much), Refusal::BookTooLarge);
        assert_eq!(
            fixture.page(alice, None).await.cards.len(),
            2,
            "nothing is half done"
        );
        // What makes the book no larger goes on, and so does what is small.
        done(
            fixture
                .change(alice, update(first, None, written(4_050)))
                .await,
        );
        done(add(alice, "d", 900).await);
        let too_much = fixture.change(alice, update(second, None, written(4_096)));
        done(too_much.await);
        let too_much = add(alice, "e", 1_500).await;
        assert_eq!(refused(too_much), Refusal::BookTooLarge);
        // Others have books of their own.
        done(add(bob, "a", 4_000).await);
    }

    #[tokio::test]
    async fn what_cannot_be_added_is_refused_with_its_reason() {
        let fixture = Fixture::with(ListLimits {
            forward: 1,
            allow: 0,
            cards: 2,
            ..ListLimits::default()
        })
        .await;
        let alice = fixture.account("alice").await;
        for name in ["bob", "carol"] {
            fixture.account(name).await;
        }
        let malformed = NewCard {
            address: Some("nobody".to_owned()),
            ..NewCard::default()
        };
        let long = "x".repeat(INVITE_MAX + 1);
        for (new, refusal) in [
            (NewCard::default(), Refusal::InvalidParameter),
            (messenger("alice"), Refusal::InvalidParameter),
            (messenger("nobody"), Refusal::UnknownAccount),
            (malformed, Refusal::MalformedAddress),
            (mail_only("nobody"), Refusal::MalformedAddress),
            (
                NewCard {
                    messenger: true,
                    ..mail_only("nobody@example.com")
                },
                Refusal::UnknownAccount,
            ),
            (
                NewCard {
                    allow: true,
                    ..messenger("bob")
                },
                Refusal::ListFull,
            ),
            (
                NewCard {
                    groups: vec![Guid::random()],
                    ..messenger("bob")
                },
                Refusal::UnknownGroup,
            ),
            (
                NewCard {
                    invitation: Some(long),
                    ..messenger("bob")
                },
                Refusal::InvalidParameter,
            ),
            (
                NewCard {
                    fields: texts(&[(CardField::IsHidden, "perhaps")]),
                    ..messenger("bob")
                },
                Refusal::InvalidParameter,
            ),
        ] {
            let answer = fixture
                .change(alice, BookRequest::AddCard(new.clone()))
                .await;
            assert_eq!(refused(answer), refusal, "{new:?}");
        }
        let nobody = UserId(99);
        let answer = fixture
            .change(nobody, BookRequest::AddCard(messenger("bob")))
            .await;
        assert_eq!(refused(answer), Refusal::Unavailable);
        assert!(fixture.page(alice, None).await.cards.is_empty());
        fixture.add_card(alice, "bob").await;
        let answer = fixture
            .change(alice, BookRequest::AddCard(messenger("carol")))
            .await;
        assert_eq!(refused(answer), Refusal::ListFull);
        for (email, is_full) in [("one@example.com", false), ("two@example.com", true)] {
            let answer = fixture
                .change(alice, BookRequest::AddCard(mail_only(email)))
                .await;
            assert_eq!(answer.unwrap().err(), is_full.then_some(Refusal::ListFull));
        }
    }

    #[tokio::test]
    async fn a_card_leaves_the_forward_list_and_comes_back() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        let group = done(fixture.group(alice, "Friends").await).group;
        let guid = fixture.add_card(alice, "bob").await;
        let request = BookRequest::AddToGroup {
            group: group.guid,
            members: vec![crate::model::GroupMember::Card(guid)],
        };
        done(fixture.change(alice, request).await);
        let change = done(
            fixture
                .change(alice, update(guid, Some(false), CardPatch::default()))
                .await,
        );
        assert!(first_list(&change).other.is_some());
        assert_eq!(fixture.row(alice, bob).await, None);
        assert_eq!(fixture.row(bob, alice).await, None);
        let away = card(&fixture, alice, guid).await;
        assert!(!away.messenger);
        assert_eq!(away.groups, [group.guid]);
        assert_eq!(away.kept_name, None);
        done(
            fixture
                .change(alice, update(guid, Some(true), CardPatch::default()))
                .await,
        );
        let back = card(&fixture, alice, guid).await;
        assert!(back.messenger);
        assert_eq!(back.groups, [group.guid]);
        let contact = fixture.row(alice, bob).await.unwrap();
        assert_eq!((contact.guid, contact.groups), (guid, vec![group.number]));
        // Once more changes nothing.
        let again = update(guid, Some(true), CardPatch::default());
        assert!(!done(fixture.change(alice, again).await).changed);
    }

    #[tokio::test]
    async fn taking_somebody_off_by_command_keeps_what_was_written() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        for name in ["bob", "carol"] {
            fixture.account(name).await;
        }
        let bob = fixture.add_card(alice, "bob").await;
        let carol = fixture.add_card(alice, "carol").await;
        done(
            fixture
                .change(alice, update(bob, None, note("AB.NickName", "Bobby")))
                .await,
        );
        let before = fixture.page(alice, None).await;
        for name in ["bob", "carol"] {
            done(
                fixture
                    .remove(alice, by_address(name), List::Forward, None)
                    .await,
            );
        }
        let news = fixture.page(alice, Some(before.stamp)).await;
        assert_eq!(news.cards.len(), 1);
        assert_eq!((news.cards[0].guid, news.cards[0].messenger), (bob, false));
        assert_eq!(news.removed_cards.len(), 1);
        assert_eq!(news.removed_cards[0].guid, carol);
        // Who comes back by command has what was written.
        done(
            fixture
                .add(alice, by_address("bob"), List::Forward, None)
                .await,
        );
        let back = card(&fixture, alice, bob).await;
        assert_eq!(back.fields.annotations().get("AB.NickName"), Some("Bobby"));
    }

    #[tokio::test]
    async fn changes_are_made_all_or_none() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        fixture.account("bob").await;
        let bob = fixture.add_card(alice, "bob").await;
        let before = fixture.page(alice, None).await;
        let change = |card, fields| CardChange {
            card,
            messenger: None,
            fields,
        };
        let good = || change(CardRef::Card(bob), texts(&[(CardField::Comment, "x")]));
        for (bad, refusal) in [
            (
                change(CardRef::Card(Guid::random()), CardPatch::default()),
                Refusal::UnknownContact,
            ),
            (
                change(CardRef::Card(bob), texts(&[(CardField::TrustLevel, "x")])),
                Refusal::InvalidParameter,
            ),
            (
                change(CardRef::Me, texts(&[(CardField::DisplayName, "")])),
                Refusal::IllegalName,
            ),
            (
                change(CardRef::Me, note("MSN.IM.BLP", "7")),
                Refusal::InvalidParameter,
            ),
        ] {
            let request = BookRequest::UpdateCards(vec![good(), bad]);
            let answer = fixture.change(alice, request).await;
            assert_eq!(refused(answer), refusal);
            let after = fixture.page(alice, None).await;
            assert_eq!(after, before);
        }
        let many = vec![good(); 501];
        let answer = fixture.change(alice, BookRequest::UpdateCards(many)).await;
        assert_eq!(refused(answer), Refusal::InvalidParameter);
        let request = BookRequest::UpdateCards(vec![good(), good()]);
        assert!(done(fixture.change(alice, request).await).changed);
    }

    #[tokio::test]
    async fn the_name_on_a_card_is_what_the_owner_calls_a_contact() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        let guid = fixture.add_card(alice, "bob").await;
        let named = update(guid, None, texts(&[(CardField::DisplayName, "Бобби")]));
        let change = done(fixture.change(alice, named).await);
        assert_eq!(change.steps.len(), 1);
        assert_eq!(
            fixture.row(alice, bob).await.unwrap().name.as_str(),
            "Бобби"
        );
        let request = BookRequest::AddCard(NewCard {
            fields: texts(&[(CardField::DisplayName, "Old friend")]),
            ..NewCard::default()
        });
        let stranger = done(fixture.change(alice, request).await).guids[0];
        assert_eq!(
            card(&fixture, alice, stranger).await.display_name(),
            "Old friend"
        );
        let promote = update(stranger, Some(true), CardPatch::default());
        let answer = fixture.change(alice, promote).await;
        assert_eq!(refused(answer), Refusal::UnknownAccount);
    }

    #[tokio::test]
    async fn a_deleted_card_is_gone_and_may_be_deleted_again() {
        let fixture = Fixture::new().await;
        let (alice, bob) = (fixture.account("alice").await, fixture.account("bob").await);
        done(
            fixture
                .add(alice, by_address("bob"), List::Allow, None)
                .await,
        );
        let guid = fixture.add_card(alice, "bob").await;
        done(
            fixture
                .change(
                    alice,
                    update(guid, None, texts(&[(CardField::Comment, "x")])),
                )
                .await,
        );
        let before = fixture.page(alice, None).await;
        let delete = |guids| BookRequest::DeleteCards(guids);
        let answer = fixture
            .change(alice, delete(vec![guid, Guid::random()]))
            .await;
        assert_eq!(refused(answer), Refusal::UnknownContact);
        assert_eq!(fixture.page(alice, None).await, before);
        let change = done(fixture.change(alice, delete(vec![guid, guid])).await);
        assert_eq!(first_list(&change).contact.lists.bits(), 2);
        let news = fixture.page(alice, Some(before.stamp)).await;
        assert!(news.cards.is_empty());
        assert_eq!(news.removed_cards.len(), 1);
        assert!(!done(fixture.change(alice, delete(vec![guid])).await).changed);
        // What was written is gone, and whoever comes back is not among the gone.
        let again = fixture.add_card(alice, "bob").await;
        assert!(card(&fixture, alice, again).await.fields.is_empty());
        let news = fixture.page(alice, Some(before.stamp)).await;
        assert_eq!(news.cards.len(), 1);
        assert!(news.removed_cards.iter().all(|gone| gone.guid != again));
        assert!(
            fixture
                .row(alice, bob)
                .await
                .unwrap()
                .lists
                .has(List::Allow)
        );
    }

    #[tokio::test]
    async fn everybody_on_a_forward_list_has_a_card_of_the_same_identity() {
        let fixture = Fixture::new().await;
        let alice = fixture.account("alice").await;
        fixture.account("bob").await;
        done(fixture.group(alice, "Friends").await);
        let group = || Some(GroupRef::Name(label("Friends")));
        done(
            fixture
                .add(alice, by_address("bob"), List::Forward, group())
                .await,
        );
        let contact = fixture.book(alice).await.contacts.remove(0);
        let card = card(&fixture, alice, contact.guid).await;
        assert!(card.messenger && card.fields.is_empty());
        assert_eq!(card.groups.len(), 1);
        done(
            fixture
                .remove(alice, by_address("bob"), List::Forward, group())
                .await,
        );
        let news = fixture.page(alice, Some(card.changed_at)).await;
        assert!(news.cards[0].groups.is_empty());
    }
}
