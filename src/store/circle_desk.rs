//! What every change of a circle works with: the circle as it is, whether the requester may do what
//! they want, who hears of it, and who is in charge afterwards.
//!
//! The changes themselves are in `circles`. Whatever writes a place does it here, so that the
//! circle as it was read stays true within one change.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::circle_rows::{circle_id, number, read_book, save, touch_circle};
use super::circles::CircleChange;
use super::notices::{NoticeKind, post};
use super::rows;
use super::turn::Turn;
use super::writer::Stop;
use super::{ListLimits, StoreError};
use crate::model::{
    Address, CircleBook, CircleMember, CircleMemberRef, CircleRole, CircleState, Guid, Label, List,
    ListSet, Privacy, Refusal, UserId,
};

/// Everything a change works with.
pub(super) struct Desk<'t> {
    pub(super) turn: &'t mut Turn,
    pub(super) actor: UserId,
    pub(super) book: CircleBook,
    pub(super) limits: ListLimits,
}

impl Desk<'_> {
    /// The requester's own place.
    pub(super) fn own(&self) -> Result<CircleMember, Refusal> {
        let own = self.place(&CircleMemberRef::User(self.actor));
        own.ok_or(Refusal::NotInCircle)
    }

    /// The requester's own place, if they are in the circle and their role allows it.
    pub(super) fn require(
        &self,
        allows: impl FnOnce(CircleRole) -> bool,
    ) -> Result<CircleMember, Refusal> {
        let own = self.own()?;
        if own.state != CircleState::Accepted {
            return Err(Refusal::NotInCircle);
        }
        if !allows(own.role) {
            return Err(Refusal::RoleTooLow);
        }
        Ok(own)
    }

    pub(super) fn is_actor(&self, who: &CircleMemberRef) -> bool {
        self.place(who)
            .is_some_and(|place| place.user == self.actor)
    }

    pub(super) fn place(&self, who: &CircleMemberRef) -> Option<CircleMember> {
        let mut members = self.book.members.iter();
        let found = members.find(|member| match who {
            CircleMemberRef::User(user) => member.user == *user,
            CircleMemberRef::Address(address) => member.address == *address,
            CircleMemberRef::Contact(guid) => member.circle_contact == *guid,
        });
        found.cloned()
    }

    /// Somebody's place, or a blank one for an account that has none.
    pub(super) async fn place_or_stranger(
        &mut self,
        who: &CircleMemberRef,
    ) -> Result<CircleMember, Stop> {
        if let Some(place) = self.place(who) {
            return Ok(place);
        }
        let user = match who {
            CircleMemberRef::Contact(_) => return Err(Refusal::UnknownContact.into()),
            CircleMemberRef::User(user) => Some(*user),
            CircleMemberRef::Address(address) => find_account(self.turn, address).await?,
        };
        let user = user.ok_or(Refusal::UnknownAccount)?;
        let account = account_of(self.turn, user).await?;
        Ok(account
            .ok_or(Refusal::UnknownAccount)?
            .into_place(self.turn.now))
    }

    /// The state as it is kept; `None` for a place that is not written yet.
    pub(super) fn state_of(&self, place: &CircleMember) -> Option<CircleState> {
        self.place(&CircleMemberRef::User(place.user))
            .map(|kept| kept.state)
    }

    pub(super) fn make_room(&self) -> Result<(), Refusal> {
        let members = &self.book.members;
        let open = members.iter().filter(|place| place.state.is_open()).count();
        if u32::try_from(open).is_ok_and(|open| open < self.limits.circle_members) {
            Ok(())
        } else {
            Err(Refusal::ListFull)
        }
    }

    /// Somebody comes in, or comes back as if they had never been there.
    pub(super) fn start_anew(&self, place: &mut CircleMember, state: CircleState) {
        if self.state_of(place).is_none_or(|before| !before.is_open()) {
            place.role = CircleRole::Member;
            place.is_blocked = false;
            place.created_at = self.turn.now;
            place.inviter = None;
            place.message = Arc::default();
        }
        place.state = state;
        place.state_at = self.turn.now;
        place.is_told = false;
    }

    /// Refuses to bring in somebody whom the requester, who invited them, or an administrator has
    /// blocked: an administrator can keep somebody out whoever invites them, and an invitation
    /// that was sent before the block opens nothing after it.
    pub(super) async fn refuse_blocked(&mut self, place: &CircleMember) -> Result<(), Stop> {
        let inviter = place.inviter.as_ref().map(|inviter| inviter.user);
        let admins = self.admins().map(|admin| admin.user);
        let keepers: BTreeSet<UserId> = admins.chain([self.actor]).chain(inviter).collect();
        for keeper in keepers {
            let lists = lists_of(self.turn, keeper, place.user).await?;
            if lists.has(List::Block) {
                return Err(Refusal::OppositeList.into());
            }
        }
        Ok(())
    }

    /// Whether somebody lets the requester call them, which is what an invitation is.
    pub(super) async fn lets_call(&mut self, place: &CircleMember) -> Result<bool, StoreError> {
        let lists = lists_of(self.turn, place.user, self.actor).await?;
        if lists.has(List::Block) {
            return Ok(false);
        }
        if lists.has(List::Allow) {
            return Ok(true);
        }
        let privacy = sqlx::query_scalar("SELECT privacy FROM account WHERE id = $1")
            .bind(place.user.0)
            .fetch_one(self.turn.connection().await?)
            .await?;
        Ok(rows::privacy(privacy, place.user.0)? == Privacy::AllowOthers)
    }

    /// Writes a place, with new stamps.
    pub(super) async fn write(
        &mut self,
        place: &mut CircleMember,
        seen: Seen,
    ) -> Result<(), StoreError> {
        let stamp = touch_circle(self.turn, self.book.circle.id).await?;
        self.book.circle.changed_at = stamp;
        place.circle_changed_at = stamp;
        match seen {
            Seen::Theirs => place.book_changed_at = stamp,
            Seen::Nobody => {}
        }
        save(self.turn, self.book.circle.id, place).await?;
        let members = &mut self.book.members;
        match members.iter_mut().find(|kept| kept.user == place.user) {
            Some(kept) => kept.clone_from(place),
            None => members.push(place.clone()),
        }
        Ok(())
    }

    /// Ends a place.
    pub(super) async fn close(
        &mut self,
        mut place: CircleMember,
    ) -> Result<CircleMember, StoreError> {
        let seen = if place.is_in_book() {
            Seen::Theirs
        } else {
            Seen::Nobody
        };
        place.state = CircleState::Left;
        place.state_at = self.turn.now;
        self.write(&mut place, seen).await?;
        Ok(place)
    }

    pub(super) fn accepted(&self) -> impl Iterator<Item = &CircleMember> {
        let members = self.book.members.iter();
        members.filter(|place| place.state == CircleState::Accepted)
    }

    pub(super) fn admins(&self) -> impl Iterator<Item = &CircleMember> {
        self.accepted()
            .filter(|place| place.role == CircleRole::Admin)
    }

    /// Sees to it that somebody is in charge: without an administrator it is who has been in the
    /// circle for longest, and without anybody the circle is over.
    pub(super) async fn settle_succession(&mut self) -> Result<(), StoreError> {
        let by_age = |place: &&CircleMember| (place.state_at, place.user);
        if self.admins().next().is_none()
            && let Some(mut heir) = self.accepted().min_by_key(by_age).cloned()
        {
            heir.role = CircleRole::Admin;
            self.write(&mut heir, Seen::Theirs).await?;
        }
        let Some(oldest) = self.admins().min_by_key(by_age).map(|admin| admin.user) else {
            for place in self.book.members.clone() {
                if place.state.is_open() {
                    self.close(place).await?;
                }
            }
            return Ok(());
        };
        let owner = self.book.circle.owner;
        if self.admins().all(|admin| admin.user != owner) {
            sqlx::query("UPDATE circle SET owner_id = $2 WHERE id = $1")
                .bind(number(self.book.circle.id))
                .bind(oldest.0)
                .execute(self.turn.connection().await?)
                .await?;
            self.book.circle.owner = oldest;
        }
        Ok(())
    }

    /// Whoever sees the circle and listens to it, and the one it is about.
    pub(super) fn audience(&self, subject: &CircleMember) -> Vec<UserId> {
        let members = self.book.members.iter();
        let alone = self.accepted().all(|place| place.user == subject.user);
        members
            .filter(|place| place.is_in_book() && !place.is_blocked)
            // Those who are invited see nothing of the circle but its end.
            .filter(|place| place.state == CircleState::Accepted || alone)
            .map(|place| place.user)
            .chain(
                (subject.is_told || subject.state == CircleState::Accepted).then_some(subject.user),
            )
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    pub(super) fn changed(self, subject: CircleMember) -> CircleChange {
        CircleChange {
            changed: true,
            audience: self.audience(&subject),
            circle: self.book.circle,
            subject,
        }
    }

    pub(super) fn unchanged(self, subject: CircleMember) -> CircleChange {
        CircleChange {
            changed: false,
            audience: Vec::new(),
            circle: self.book.circle,
            subject,
        }
    }
}

/// Whose view of a place changes besides the circle's own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Seen {
    /// The person's own book, too.
    Theirs,
    Nobody,
}

/// Ends every place of an account that is about to be deleted, so that its circles have somebody
/// in charge, and the others are told at their next synchronisation.
pub(super) async fn leave_all(turn: &mut Turn, user: UserId) -> Result<(), StoreError> {
    let places: Vec<i64> =
        sqlx::query_scalar("SELECT circle_id FROM circle_member WHERE user_id = $1")
            .bind(user.0)
            .fetch_all(turn.connection().await?)
            .await?;
    for place in places {
        let id = circle_id(place)?;
        let Some(book) = read_book(turn.connection().await?, id).await? else {
            continue;
        };
        let mut desk = Desk {
            turn: &mut *turn,
            actor: user,
            book,
            limits: ListLimits::default(),
        };
        if let Ok(own) = desk.own()
            && own.state.is_open()
        {
            let audience = desk.audience(&own);
            desk.close(own).await?;
            desk.settle_succession().await?;
            let change = NoticeKind::CircleChanged { circle: id };
            for other in audience.into_iter().filter(|other| *other != user) {
                post(desk.turn, other, &change).await?;
            }
        }
        // The place goes with the account, and nothing is left to tell who it was.
        sqlx::query("UPDATE circle SET horizon = changed_at WHERE id = $1")
            .bind(place)
            .execute(turn.connection().await?)
            .await?;
        // What is over stays for the others' sake, under another's name.
        sqlx::query(
            "UPDATE circle SET owner_id = coalesce((SELECT user_id FROM circle_member \
             WHERE circle_id = $1 AND user_id <> $2 LIMIT 1), owner_id) \
             WHERE id = $1 AND owner_id = $2",
        )
        .bind(place)
        .bind(user.0)
        .execute(turn.connection().await?)
        .await?;
    }
    Ok(())
}

/// An account as a circle knows it.
pub(super) struct Account {
    user: UserId,
    address: Address,
    name: Label,
}

impl Account {
    /// A place that is nowhere yet.
    pub(super) fn into_place(self, now: i64) -> CircleMember {
        CircleMember {
            user: self.user,
            address: self.address,
            name: self.name,
            role: CircleRole::Member,
            state: CircleState::Named,
            is_told: false,
            is_blocked: false,
            book_contact: Guid::random(),
            circle_contact: Guid::random(),
            inviter: None,
            message: Arc::default(),
            created_at: now,
            state_at: now,
            book_changed_at: 0,
            circle_changed_at: now,
        }
    }
}

pub(super) async fn account_of(
    turn: &mut Turn,
    user: UserId,
) -> Result<Option<Account>, StoreError> {
    let found: Option<(String, String)> =
        sqlx::query_as("SELECT address, name FROM account WHERE id = $1")
            .bind(user.0)
            .fetch_optional(turn.connection().await?)
            .await?;
    found
        .map(|(address, name)| {
            Ok(Account {
                user,
                address: rows::address(&address, user.0)?,
                name: Label::from_stored(&name),
            })
        })
        .transpose()
}

async fn find_account(turn: &mut Turn, address: &Address) -> Result<Option<UserId>, StoreError> {
    let found: Option<i64> = sqlx::query_scalar("SELECT id FROM account WHERE address = $1")
        .bind(address.as_str())
        .fetch_optional(turn.connection().await?)
        .await?;
    Ok(found.map(UserId))
}

/// The lists that `other` is on in the owner's book.
async fn lists_of(turn: &mut Turn, owner: UserId, other: UserId) -> Result<ListSet, StoreError> {
    let bits: Option<i64> =
        sqlx::query_scalar("SELECT list_bits FROM contact WHERE owner_id = $1 AND contact_id = $2")
            .bind(owner.0)
            .bind(other.0)
            .fetch_optional(turn.connection().await?)
            .await?;
    bits.map_or(Ok(ListSet::EMPTY), |bits| rows::lists(bits, owner.0))
}
