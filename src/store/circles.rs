//! Changes of circles and of who is in them.
//!
//! Each reads the whole circle, decides by the state machine of [`crate::model::CircleState`] and
//! the roles, and writes what became of it. Who has to look again, and whether somebody is out of
//! the live roster from now on, follows from what is returned.

use std::sync::Arc;

use super::circle_desk::{Desk, Seen, account_of};
use super::circle_rows::{find_in_book, forget_past, number, read_book, save};
use super::turn::Turn;
use super::writer::{Published, Stop};
use super::{ListLimits, Store};
use crate::model::address_book::INVITE_MAX;
use crate::model::{
    Address, Circle, CircleId, CircleInviter, CircleMember, CircleMemberRef, CircleRef, CircleRole,
    CircleState, CircleStep, Label, Refusal, UserId,
};

/// What somebody wants of a circle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CircleRequest {
    /// A new one, with the requester as its administrator.
    Create {
        name: Label,
    },
    /// Writes somebody into the circle's book, so that they can be invited.
    Name {
        circle: CircleId,
        address: Address,
    },
    /// Invites somebody, written into the book already or not.
    Invite {
        circle: CircleId,
        who: CircleMemberRef,
        message: Arc<str>,
    },
    /// Accepts or declines an invitation.
    Answer {
        circle: CircleRef,
        accepts: bool,
    },
    /// Leaves, sends somebody away, or takes an invitation back.
    End {
        circle: CircleId,
        who: CircleMemberRef,
    },
    SetRole {
        circle: CircleId,
        who: CircleMemberRef,
        role: CircleRole,
    },
    Rename {
        circle: CircleId,
        name: Label,
    },
    /// Silences the circle for the requester, or lets it speak again.
    Block {
        circle: CircleId,
        blocked: bool,
    },
    /// Changes nothing, and is refused to whoever may not take part now. In the order of all
    /// changes, so that nobody enters who is sent away at the same moment.
    Enter {
        circle: CircleId,
    },
}

/// What became of a request, as it was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CircleChange {
    /// Whether anything changed. If not, nobody needs to hear of it.
    pub changed: bool,
    pub circle: Circle,
    /// Whom it is about: whoever was invited or sent away, else the requester.
    pub subject: CircleMember,
    /// Everybody whose view of the circle changed, the requester included.
    pub audience: Vec<UserId>,
}

impl Store {
    /// Does what is wanted of a circle.
    ///
    /// Refused: `NotInCircle` for a circle that there is not, that the requester is not in, or
    /// has no invitation to; `RoleTooLow` if their role does not allow it; `UnknownAccount`;
    /// `UnknownContact` for an identity that is not in the book; `AlreadyThere` for inviting who
    /// is in; `OppositeList` for inviting whom the requester or an administrator blocks, while who
    /// accepts in spite of such a block gets `NotInCircle`; `ListFull` at the limit of
    /// circles for one account or of people in one circle; `IllegalName` for an empty or too long
    /// name; `CardTooLarge` for too long a message; `NotExpected` for declining what was
    /// accepted, and for giving up the role of the only administrator; `Unavailable` if the
    /// requester is gone.
    ///
    /// Somebody who does not let the inviter call them is not told of the invitation, and the
    /// inviter cannot see that.
    pub async fn change_circle<R: Send + 'static>(
        &self,
        actor: UserId,
        request: CircleRequest,
        published: impl FnOnce(&CircleChange) -> R + Send + 'static,
    ) -> Published<CircleChange, R> {
        let limits = *self.limits.now();
        self.writer
            .publish(
                move |turn| Box::pin(change(turn, actor, request, limits)),
                published,
            )
            .await
    }
}

async fn change(
    turn: &mut Turn,
    actor: UserId,
    request: CircleRequest,
    limits: ListLimits,
) -> Result<CircleChange, Stop> {
    let (id, step) = match request {
        CircleRequest::Create { name } => return create(turn, actor, name, limits).await,
        CircleRequest::Answer { circle, accepts } => {
            let id = match circle {
                CircleRef::Id(id) => id,
                CircleRef::Contact(contact) => {
                    let found = find_in_book(turn.connection().await?, actor, contact).await?;
                    found.ok_or(Refusal::UnknownContact)?
                }
            };
            (id, Step::Answer { accepts })
        }
        CircleRequest::Name { circle, address } => (circle, Step::Name { address }),
        CircleRequest::Invite {
            circle,
            who,
            message,
        } => (circle, Step::Invite { who, message }),
        CircleRequest::End { circle, who } => (circle, Step::End { who }),
        CircleRequest::SetRole { circle, who, role } => (circle, Step::SetRole { who, role }),
        CircleRequest::Rename { circle, name } => (circle, Step::Rename { name }),
        CircleRequest::Block { circle, blocked } => (circle, Step::Block { blocked }),
        CircleRequest::Enter { circle } => (circle, Step::Enter),
    };
    let book = read_book(turn.connection().await?, id).await?;
    let desk = Desk {
        turn,
        actor,
        book: book.ok_or(Refusal::NotInCircle)?,
        limits,
    };
    match step {
        Step::Name { address } => desk.name(&address).await,
        Step::Invite { who, message } => desk.invite(&who, message).await,
        Step::Answer { accepts } => desk.answer(accepts).await,
        Step::End { who } => desk.end(&who).await,
        Step::SetRole { who, role } => desk.set_role(&who, role).await,
        Step::Rename { name } => desk.rename(name).await,
        Step::Block { blocked } => desk.block(blocked).await,
        Step::Enter => desk.enter(),
    }
}

/// A request whose circle is known.
enum Step {
    Name {
        address: Address,
    },
    Invite {
        who: CircleMemberRef,
        message: Arc<str>,
    },
    Answer {
        accepts: bool,
    },
    End {
        who: CircleMemberRef,
    },
    SetRole {
        who: CircleMemberRef,
        role: CircleRole,
    },
    Rename {
        name: Label,
    },
    Block {
        blocked: bool,
    },
    Enter,
}

async fn create(
    turn: &mut Turn,
    actor: UserId,
    name: Label,
    limits: ListLimits,
) -> Result<CircleChange, Stop> {
    let account = account_of(turn, actor).await?.ok_or(Refusal::Unavailable)?;
    refuse_illegal(&name, limits)?;
    refuse_one_circle_more(turn, actor, limits).await?;
    let (now, stamp) = (turn.now, turn.tick().0);
    let circle = Circle {
        id: CircleId::random(),
        name,
        owner: actor,
        created_at: now,
        changed_at: stamp,
    };
    // The same 48 bits twice are a failure, and as unlikely as one: the requester tries again.
    sqlx::query(
        "INSERT INTO circle (id, name, owner_id, created_at, changed_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(number(circle.id))
    .bind(circle.name.as_str())
    .bind(actor.0)
    .bind(now)
    .bind(stamp)
    .execute(turn.connection().await?)
    .await?;
    let mut owner = account.into_place(now);
    owner.role = CircleRole::Admin;
    owner.state = CircleState::Accepted;
    owner.is_told = true;
    owner.book_changed_at = stamp;
    owner.circle_changed_at = stamp;
    save(turn, circle.id, &owner).await?;
    Ok(CircleChange {
        changed: true,
        circle,
        subject: owner,
        audience: vec![actor],
    })
}

impl Desk<'_> {
    async fn name(mut self, address: &Address) -> Result<CircleChange, Stop> {
        self.require(CircleRole::may_invite)?;
        let wanted = CircleMemberRef::Address(address.clone());
        let mut place = self.place_or_stranger(&wanted).await?;
        self.refuse_blocked(&place).await?;
        let before = self.state_of(&place);
        let state = CircleState::after(before, CircleStep::Name)?;
        if before == Some(state) {
            return Ok(self.unchanged(place));
        }
        self.make_room()?;
        self.start_anew(&mut place, state);
        self.write(&mut place, Seen::Nobody).await?;
        Ok(self.changed(place))
    }

    async fn invite(
        mut self,
        who: &CircleMemberRef,
        message: Arc<str>,
    ) -> Result<CircleChange, Stop> {
        if message.len() > INVITE_MAX {
            return Err(Refusal::CardTooLarge.into());
        }
        let inviter = self.require(CircleRole::may_invite)?;
        let mut place = self.place_or_stranger(who).await?;
        self.refuse_blocked(&place).await?;
        let before = self.state_of(&place);
        let state = CircleState::after(before, CircleStep::Invite)?;
        let tells = self.lets_call(&place).await?;
        if before == Some(state) {
            // Once told is told: an invitation that is repeated does not ring again.
            if place.is_told || !tells {
                return Ok(self.unchanged(place));
            }
        } else {
            if before.is_none_or(|before| !before.is_open()) {
                self.make_room()?;
            }
            self.start_anew(&mut place, state);
        }
        place.is_told = tells;
        place.message = message;
        place.inviter = Some(CircleInviter {
            user: inviter.user,
            address: inviter.address,
            name: inviter.name,
        });
        let seen = if tells { Seen::Theirs } else { Seen::Nobody };
        self.write(&mut place, seen).await?;
        Ok(self.changed(place))
    }

    async fn answer(mut self, accepts: bool) -> Result<CircleChange, Stop> {
        let mut place = self.own()?;
        // Nobody may learn of an invitation that was kept from them by trying.
        if place.state == CircleState::WaitingResponse && !place.is_told {
            return Err(Refusal::NotInCircle.into());
        }
        let step = if accepts {
            CircleStep::Accept
        } else {
            CircleStep::Decline
        };
        let state = CircleState::after(Some(place.state), step)?;
        if state == place.state {
            return Ok(self.unchanged(place));
        }
        if accepts {
            match self.refuse_blocked(&place).await {
                // Who is blocked is not told so.
                Err(Stop::Refused(Refusal::OppositeList)) => {
                    return Err(Refusal::NotInCircle.into());
                }
                other => other?,
            }
            refuse_one_circle_more(self.turn, self.actor, self.limits).await?;
        }
        place.state = state;
        place.state_at = self.turn.now;
        place.is_blocked = false;
        self.write(&mut place, Seen::Theirs).await?;
        if !accepts {
            forget_past(self.turn, self.book.circle.id, place.user).await?;
        }
        Ok(self.changed(place))
    }

    async fn end(mut self, who: &CircleMemberRef) -> Result<CircleChange, Stop> {
        let place = if self.is_actor(who) {
            self.own()?
        } else {
            let actor = self.require(|_| true)?;
            let place = self.place(who).ok_or(Refusal::UnknownContact)?;
            let invited_by_actor = place.state != CircleState::Accepted
                && actor.role.may_invite()
                && place
                    .inviter
                    .as_ref()
                    .is_none_or(|inviter| inviter.user == actor.user);
            if place.user != actor.user && !actor.role.may_manage() && !invited_by_actor {
                return Err(Refusal::RoleTooLow.into());
            }
            place
        };
        let state = CircleState::after(Some(place.state), CircleStep::End)?;
        if state == place.state {
            return Ok(self.unchanged(place));
        }
        let audience = self.audience(&place);
        let subject = self.close(place).await?;
        self.settle_succession().await?;
        forget_past(self.turn, self.book.circle.id, subject.user).await?;
        Ok(CircleChange {
            changed: true,
            circle: self.book.circle,
            subject,
            audience,
        })
    }

    async fn set_role(
        mut self,
        who: &CircleMemberRef,
        role: CircleRole,
    ) -> Result<CircleChange, Stop> {
        self.require(CircleRole::may_manage)?;
        let mut place = self.place(who).ok_or(Refusal::UnknownContact)?;
        if !place.state.is_open() {
            return Err(Refusal::UnknownContact.into());
        }
        if place.role == role {
            return Ok(self.unchanged(place));
        }
        let was_in_charge = place.state == CircleState::Accepted && place.role == CircleRole::Admin;
        if was_in_charge && self.admins().all(|admin| admin.user == place.user) {
            return Err(Refusal::NotExpected.into());
        }
        place.role = role;
        let seen = if place.is_in_book() {
            Seen::Theirs
        } else {
            Seen::Nobody
        };
        self.write(&mut place, seen).await?;
        self.settle_succession().await?;
        Ok(self.changed(place))
    }

    async fn rename(mut self, name: Label) -> Result<CircleChange, Stop> {
        let actor = self.require(CircleRole::may_manage)?;
        refuse_illegal(&name, self.limits)?;
        if self.book.circle.name.as_str() == name.as_str() {
            return Ok(self.unchanged(actor));
        }
        sqlx::query("UPDATE circle SET name = $2 WHERE id = $1")
            .bind(number(self.book.circle.id))
            .bind(name.as_str())
            .execute(self.turn.connection().await?)
            .await?;
        self.book.circle.name = name;
        let mut audience = Vec::new();
        for mut place in self.book.members.clone() {
            if place.is_in_book() {
                self.write(&mut place, Seen::Theirs).await?;
                if !place.is_blocked {
                    audience.push(place.user);
                }
            }
        }
        let subject = self.own()?;
        Ok(CircleChange {
            changed: true,
            circle: self.book.circle,
            subject,
            audience,
        })
    }

    async fn block(self, blocked: bool) -> Result<CircleChange, Stop> {
        let mut place = self.own()?;
        if !place.is_in_book() {
            return Err(Refusal::NotInCircle.into());
        }
        if place.is_blocked == blocked {
            return Ok(self.unchanged(place));
        }
        place.is_blocked = blocked;
        // Nobody else learns of it, so the circle's own stamp stays.
        place.book_changed_at = self.turn.tick().0;
        save(self.turn, self.book.circle.id, &place).await?;
        Ok(CircleChange {
            changed: true,
            circle: self.book.circle,
            audience: vec![place.user],
            subject: place,
        })
    }

    fn enter(self) -> Result<CircleChange, Stop> {
        let place = self.own()?;
        if !place.is_present() {
            return Err(Refusal::NotInCircle.into());
        }
        Ok(self.unchanged(place))
    }
}

/// Refuses a name that is empty or too long.
fn refuse_illegal(name: &Label, limits: ListLimits) -> Result<(), Refusal> {
    if name.is_empty() || name.as_str().len() > limits.circle_name {
        return Err(Refusal::IllegalName);
    }
    Ok(())
}

/// Refuses another circle to an account that is in as many as it may.
async fn refuse_one_circle_more(
    turn: &mut Turn,
    user: UserId,
    limits: ListLimits,
) -> Result<(), Stop> {
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM circle_member WHERE user_id = $1 AND state = 3")
            .bind(user.0)
            .fetch_one(turn.connection().await?)
            .await?;
    if count >= i64::from(limits.circles) {
        return Err(Refusal::ListFull.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::NoticeKind;
    use super::super::testing::{Fixture, address, by_address, done, label, refused};
    use super::*;
    use crate::model::{CircleBook, CircleMembership, Guid, List};

    /// Three people, and a circle of the first one's.
    struct Scene {
        fixture: Fixture,
        alice: UserId,
        bob: UserId,
        carol: UserId,
        circle: CircleId,
    }

    impl Scene {
        async fn new() -> Self {
            Self::with(ListLimits::default()).await
        }

        async fn with(limits: ListLimits) -> Self {
            let fixture = Fixture::with(limits).await;
            let alice = fixture.account("alice").await;
            let bob = fixture.account("bob").await;
            let carol = fixture.account("carol").await;
            let name = label("Hiking");
            let created = ask(&fixture, alice, CircleRequest::Create { name }).await;
            let circle = done(created).circle.id;
            Self {
                fixture,
                alice,
                bob,
                carol,
                circle,
            }
        }

        async fn ask(&self, actor: UserId, request: CircleRequest) -> Published<CircleChange, ()> {
            ask(&self.fixture, actor, request).await
        }

        async fn invite(&self, actor: UserId, name: &str) -> Published<CircleChange, ()> {
            let request = CircleRequest::Invite {
                circle: self.circle,
                who: CircleMemberRef::Address(address(name)),
                message: "join us".into(),
            };
            self.ask(actor, request).await
        }

        async fn answer(&self, actor: UserId, accepts: bool) -> Published<CircleChange, ()> {
            let circle = CircleRef::Id(self.circle);
            self.ask(actor, CircleRequest::Answer { circle, accepts })
                .await
        }

        async fn join(&self, user: UserId, name: &str) {
            self.join_by(self.alice, user, name).await;
        }

        async fn join_by(&self, host: UserId, user: UserId, name: &str) {
            done(self.invite(host, name).await);
            done(self.answer(user, true).await);
        }

        async fn end(&self, actor: UserId, who: UserId) -> Published<CircleChange, ()> {
            let request = CircleRequest::End {
                circle: self.circle,
                who: CircleMemberRef::User(who),
            };
            self.ask(actor, request).await
        }

        async fn set_role(
            &self,
            actor: UserId,
            who: UserId,
            role: CircleRole,
        ) -> Published<CircleChange, ()> {
            let request = CircleRequest::SetRole {
                circle: self.circle,
                who: CircleMemberRef::User(who),
                role,
            };
            self.ask(actor, request).await
        }

        async fn enter(&self, actor: UserId) -> Published<CircleChange, ()> {
            let circle = self.circle;
            self.ask(actor, CircleRequest::Enter { circle }).await
        }

        async fn book(&self) -> CircleBook {
            let store = &self.fixture.store;
            store.circle_book(self.circle).await.unwrap().unwrap()
        }

        async fn place(&self, user: UserId) -> CircleMember {
            let members = self.book().await.members;
            members
                .into_iter()
                .find(|place| place.user == user)
                .unwrap()
        }

        async fn shelf(&self, user: UserId) -> Vec<CircleMembership> {
            self.fixture.store.circles(user).await.unwrap()
        }

        async fn only(&self, user: UserId) -> CircleMembership {
            self.shelf(user).await.pop().unwrap()
        }

        /// When the circles in somebody's book last changed.
        async fn stamp(&self, user: UserId) -> i64 {
            let shelf = self.shelf(user).await;
            let stamps = shelf.iter().map(|kept| kept.member.book_changed_at);
            stamps.max().unwrap_or(0)
        }
    }

    async fn ask(
        fixture: &Fixture,
        actor: UserId,
        request: CircleRequest,
    ) -> Published<CircleChange, ()> {
        fixture.store.change_circle(actor, request, |_| ()).await
    }

    #[tokio::test]
    async fn a_new_circle_is_in_its_makers_book_and_survives_a_restart() {
        let scene = Scene::new().await;
        let before = scene.only(scene.alice).await;
        assert_eq!(before.circle.name, label("Hiking"));
        assert_eq!(before.circle.owner, scene.alice);
        assert_eq!(before.member.role, CircleRole::Admin);
        assert_eq!(before.member.state, CircleState::Accepted);
        assert_eq!(before.member.book_changed_at, before.circle.changed_at);
        scene.fixture.store.close().await;
        let again = scene.fixture.second().await;
        let shelf = again.circles(scene.alice).await.unwrap();
        assert_eq!(shelf, [before]);
    }

    #[tokio::test]
    async fn naming_tells_nobody_and_inviting_tells_the_one() {
        let scene = Scene::new().await;
        let stamp = scene.stamp(scene.bob).await;
        let name = CircleRequest::Name {
            circle: scene.circle,
            address: address("bob"),
        };
        let named = done(scene.ask(scene.alice, name.clone()).await);
        assert_eq!(named.subject.state, CircleState::Named);
        assert_eq!(named.audience, [scene.alice]);
        assert!(!done(scene.ask(scene.alice, name).await).changed);
        assert!(scene.shelf(scene.bob).await.is_empty());
        assert_eq!(scene.stamp(scene.bob).await, stamp);

        let request = CircleRequest::Invite {
            circle: scene.circle,
            who: CircleMemberRef::Contact(named.subject.circle_contact),
            message: "join us".into(),
        };
        let invited = done(scene.ask(scene.alice, request.clone()).await);
        assert_eq!(invited.audience, [scene.alice, scene.bob]);
        let theirs = scene.only(scene.bob).await.member;
        assert_eq!(theirs.state, CircleState::WaitingResponse);
        assert_eq!(theirs.circle_contact, named.subject.circle_contact);
        assert_eq!(&*theirs.message, "join us");
        assert_eq!(theirs.inviter.unwrap().address, address("alice"));
        assert_eq!(theirs.book_changed_at, invited.circle.changed_at);
        // Once more changes nothing, and rings nobody.
        assert!(!done(scene.ask(scene.alice, request).await).changed);
    }

    #[tokio::test]
    async fn an_invitation_is_accepted_or_declined_by_either_name() {
        let scene = Scene::new().await;
        done(scene.invite(scene.alice, "bob").await);
        done(scene.invite(scene.alice, "carol").await);
        let contact = scene.only(scene.bob).await.member.book_contact;
        let accept = CircleRequest::Answer {
            circle: CircleRef::Contact(contact),
            accepts: true,
        };
        let accepted = done(scene.ask(scene.bob, accept.clone()).await);
        assert_eq!(accepted.subject.state, CircleState::Accepted);
        assert_eq!(accepted.audience, [scene.alice, scene.bob]);
        assert!(!done(scene.ask(scene.bob, accept.clone()).await).changed);
        // The identity is good in its owner's book only.
        let other = scene.ask(scene.carol, accept).await;
        assert_eq!(refused(other), Refusal::UnknownContact);

        let declined = done(scene.answer(scene.carol, false).await);
        assert_eq!(declined.subject.state, CircleState::Rejected);
        assert_eq!(
            declined.audience,
            [scene.alice, scene.bob, scene.carol],
            "everybody who sees the circle looks again"
        );
        assert_eq!(
            refused(scene.answer(scene.carol, true).await),
            Refusal::NotInCircle
        );
        assert_eq!(
            refused(scene.answer(scene.bob, false).await),
            Refusal::NotExpected
        );
        // Who declined may be asked again.
        done(scene.invite(scene.alice, "carol").await);
        done(scene.answer(scene.carol, true).await);
    }

    #[tokio::test]
    async fn only_who_is_in_and_has_the_role_may_change_anything() {
        let scene = Scene::new().await;
        for user in [scene.bob, UserId(99)] {
            assert_eq!(
                refused(scene.invite(user, "carol").await),
                Refusal::NotInCircle
            );
            assert_eq!(
                refused(scene.end(user, scene.alice).await),
                Refusal::NotInCircle
            );
        }
        done(scene.invite(scene.alice, "bob").await);
        // Being invited is not being in.
        assert_eq!(
            refused(scene.invite(scene.bob, "carol").await),
            Refusal::NotInCircle
        );
        assert_eq!(refused(scene.enter(scene.bob).await), Refusal::NotInCircle);
        done(scene.answer(scene.bob, true).await);
        let rename = CircleRequest::Rename {
            circle: scene.circle,
            name: label("Bob's"),
        };
        let promote = scene
            .set_role(scene.bob, scene.bob, CircleRole::Admin)
            .await;
        for answer in [
            scene.invite(scene.bob, "carol").await,
            scene.end(scene.bob, scene.alice).await,
            scene.ask(scene.bob, rename.clone()).await,
            promote,
        ] {
            assert_eq!(refused(answer), Refusal::RoleTooLow);
        }
        let assistant = CircleRole::AssistantAdmin;
        done(scene.set_role(scene.alice, scene.bob, assistant).await);
        done(scene.invite(scene.bob, "carol").await);
        // An assistant takes back what they offered, and no more.
        done(scene.end(scene.bob, scene.carol).await);
        assert_eq!(
            refused(scene.ask(scene.bob, rename).await),
            Refusal::RoleTooLow
        );
        let unknown = CircleRequest::Enter {
            circle: CircleId::random(),
        };
        assert_eq!(
            refused(scene.ask(scene.alice, unknown).await),
            Refusal::NotInCircle
        );
    }

    #[tokio::test]
    async fn an_invitation_needs_an_account_that_is_not_in_and_not_blocked() {
        let scene = Scene::new().await;
        assert_eq!(
            refused(scene.invite(scene.alice, "nobody").await),
            Refusal::UnknownAccount
        );
        assert_eq!(
            refused(scene.invite(scene.alice, "alice").await),
            Refusal::AlreadyThere
        );
        scene.join(scene.bob, "bob").await;
        assert_eq!(
            refused(scene.invite(scene.alice, "bob").await),
            Refusal::AlreadyThere
        );
        let fixture = &scene.fixture;
        let block = fixture.add(scene.alice, by_address("carol"), List::Block, None);
        done(block.await);
        assert_eq!(
            refused(scene.invite(scene.alice, "carol").await),
            Refusal::OppositeList
        );
        let stranger = CircleRequest::Invite {
            circle: scene.circle,
            who: CircleMemberRef::Contact(Guid::random()),
            message: "".into(),
        };
        assert_eq!(
            refused(scene.ask(scene.alice, stranger).await),
            Refusal::UnknownContact
        );
    }

    #[tokio::test]
    async fn whom_an_administrator_blocks_stays_out_whoever_invites_them_and_when() {
        let scene = Scene::new().await;
        scene.join(scene.bob, "bob").await;
        let assistant = CircleRole::AssistantAdmin;
        done(scene.set_role(scene.alice, scene.bob, assistant).await);
        done(scene.invite(scene.bob, "carol").await);
        let fixture = &scene.fixture;
        let block = fixture.add(scene.alice, by_address("carol"), List::Block, None);
        done(block.await);
        let late = scene.answer(scene.carol, true).await;
        assert_eq!(refused(late), Refusal::NotInCircle);
        let again = scene.invite(scene.bob, "carol").await;
        assert_eq!(refused(again), Refusal::OppositeList);
        done(scene.answer(scene.carol, false).await);
        let again = scene.invite(scene.bob, "carol").await;
        assert_eq!(refused(again), Refusal::OppositeList);
        // A member's block is about the two of them, and nobody else's affair.
        done(
            scene
                .set_role(scene.alice, scene.bob, CircleRole::Admin)
                .await,
        );
        done(
            scene
                .set_role(scene.bob, scene.alice, CircleRole::Member)
                .await,
        );
        scene.join_by(scene.bob, scene.carol, "carol").await;
    }

    #[tokio::test]
    async fn who_blocks_the_inviter_hears_nothing_and_the_inviter_cannot_tell() {
        let scene = Scene::new().await;
        let fixture = &scene.fixture;
        let block = fixture.add(scene.bob, by_address("alice"), List::Block, None);
        done(block.await);
        let stamp = scene.stamp(scene.bob).await;
        let invited = done(scene.invite(scene.alice, "bob").await);
        assert!(invited.changed);
        assert_eq!(invited.subject.state, CircleState::WaitingResponse);
        assert_eq!(invited.audience, [scene.alice]);
        assert!(scene.shelf(scene.bob).await.is_empty());
        assert_eq!(scene.stamp(scene.bob).await, stamp);
        // Not even by guessing.
        assert_eq!(
            refused(scene.answer(scene.bob, true).await),
            Refusal::NotInCircle
        );
        let unblock = fixture.remove(scene.bob, by_address("alice"), List::Block, None);
        done(unblock.await);
        let again = done(scene.invite(scene.alice, "bob").await);
        assert_eq!(again.audience, [scene.alice, scene.bob]);
        done(scene.answer(scene.bob, true).await);
    }

    #[tokio::test]
    async fn limits_hold_for_people_and_for_circles() {
        let limits = ListLimits {
            circles: 1,
            circle_members: 2,
            ..ListLimits::default()
        };
        let scene = Scene::with(limits).await;
        let name = label("Another");
        let create = CircleRequest::Create { name };
        assert_eq!(
            refused(scene.ask(scene.alice, create.clone()).await),
            Refusal::ListFull
        );
        done(scene.invite(scene.alice, "bob").await);
        assert_eq!(
            refused(scene.invite(scene.alice, "carol").await),
            Refusal::ListFull
        );
        done(scene.ask(scene.bob, create).await);
        assert_eq!(
            refused(scene.answer(scene.bob, true).await),
            Refusal::ListFull
        );
        done(scene.answer(scene.bob, false).await);
        done(scene.invite(scene.alice, "carol").await);
    }

    #[tokio::test]
    async fn a_name_is_neither_empty_nor_too_long() {
        let scene = Scene::new().await;
        for name in [label(""), label(&"x".repeat(181))] {
            let create = CircleRequest::Create { name: name.clone() };
            assert_eq!(
                refused(scene.ask(scene.bob, create).await),
                Refusal::IllegalName
            );
            let rename = CircleRequest::Rename {
                circle: scene.circle,
                name,
            };
            assert_eq!(
                refused(scene.ask(scene.alice, rename).await),
                Refusal::IllegalName
            );
        }
    }

    #[tokio::test]
    async fn the_longest_member_takes_over_and_the_last_one_ends_the_circle() {
        let scene = Scene::new().await;
        scene.join(scene.bob, "bob").await;
        scene.join(scene.carol, "carol").await;
        let dave = scene.fixture.account("dave").await;
        done(scene.invite(scene.alice, "dave").await);

        let left = done(scene.end(scene.alice, scene.alice).await);
        assert_eq!(left.subject.state, CircleState::Left);
        assert_eq!(left.audience, [scene.alice, scene.bob, scene.carol]);
        assert_eq!(left.circle.owner, scene.bob);
        assert_eq!(scene.place(scene.bob).await.role, CircleRole::Admin);
        assert_eq!(scene.place(scene.carol).await.role, CircleRole::Member);
        assert!(!done(scene.end(scene.alice, scene.alice).await).changed);

        done(scene.end(scene.bob, scene.carol).await);
        let last = done(scene.end(scene.bob, scene.bob).await);
        // The invitation went with the circle.
        assert_eq!(last.audience, [scene.bob, dave]);
        assert_eq!(scene.place(dave).await.state, CircleState::Left);
        assert_eq!(
            refused(scene.answer(dave, true).await),
            Refusal::NotInCircle
        );
        let gone = scene.only(scene.alice).await.member;
        assert!(!gone.is_in_book() && gone.book_changed_at > 0);
    }

    #[tokio::test]
    async fn the_only_administrator_stays_one() {
        let scene = Scene::new().await;
        scene.join(scene.bob, "bob").await;
        let step_down = scene.set_role(scene.alice, scene.alice, CircleRole::Member);
        assert_eq!(refused(step_down.await), Refusal::NotExpected);
        done(
            scene
                .set_role(scene.alice, scene.bob, CircleRole::Admin)
                .await,
        );
        let step_down = scene.set_role(scene.alice, scene.alice, CircleRole::Member);
        assert_eq!(done(step_down.await).circle.owner, scene.bob);
    }

    #[tokio::test]
    async fn a_new_name_moves_every_book_that_shows_it() {
        let scene = Scene::new().await;
        scene.join(scene.bob, "bob").await;
        done(scene.invite(scene.alice, "carol").await);
        let before = (
            scene.stamp(scene.alice).await,
            scene.stamp(scene.bob).await,
            scene.stamp(scene.carol).await,
            scene.book().await.circle.changed_at,
        );
        let rename = CircleRequest::Rename {
            circle: scene.circle,
            name: label("Climbing"),
        };
        let renamed = done(scene.ask(scene.alice, rename.clone()).await);
        assert_eq!(renamed.audience, [scene.alice, scene.bob, scene.carol]);
        assert_eq!(renamed.circle.name, label("Climbing"));
        assert!(scene.stamp(scene.alice).await > before.0);
        assert!(scene.stamp(scene.bob).await > before.1);
        assert!(scene.stamp(scene.carol).await > before.2);
        assert!(scene.book().await.circle.changed_at > before.3);
        assert!(!done(scene.ask(scene.alice, rename).await).changed);
    }

    #[tokio::test]
    async fn a_blocked_circle_is_there_and_lets_nobody_in_until_it_is_unblocked() {
        let scene = Scene::new().await;
        scene.join(scene.bob, "bob").await;
        done(scene.enter(scene.bob).await);
        let block = |blocked| CircleRequest::Block {
            circle: scene.circle,
            blocked,
        };
        let blocked = done(scene.ask(scene.bob, block(true)).await);
        assert_eq!(blocked.audience, [scene.bob]);
        assert!(scene.only(scene.bob).await.member.is_in_book());
        assert_eq!(refused(scene.enter(scene.bob).await), Refusal::NotInCircle);
        let rename = CircleRequest::Rename {
            circle: scene.circle,
            name: label("Climbing"),
        };
        let renamed = done(scene.ask(scene.alice, rename).await);
        assert_eq!(renamed.audience, [scene.alice]);
        done(scene.ask(scene.bob, block(false)).await);
        done(scene.enter(scene.bob).await);
        assert_eq!(
            refused(scene.ask(scene.carol, block(true)).await),
            Refusal::NotInCircle
        );
    }

    #[tokio::test]
    async fn a_deleted_account_leaves_its_circles_in_good_hands() {
        let scene = Scene::new().await;
        scene.join(scene.bob, "bob").await;
        assert!(
            scene
                .fixture
                .store
                .delete_account(scene.alice)
                .await
                .unwrap()
        );
        let book = scene.book().await;
        assert_eq!(book.circle.owner, scene.bob);
        assert_eq!(book.members.len(), 1);
        assert_eq!(book.members[0].role, CircleRole::Admin);
        // A running server tells those who stay.
        let notices = scene.fixture.store.notices_after(0).await.unwrap();
        let told: Vec<UserId> = notices
            .into_iter()
            .filter(|notice| {
                let circle = scene.circle;
                notice.kind == NoticeKind::CircleChanged { circle }
            })
            .map(|notice| notice.user)
            .collect();
        assert_eq!(told, [scene.bob]);
        // Differences cannot tell who is gone.
        assert_eq!(book.horizon, book.circle.changed_at);
        assert!(scene.fixture.store.delete_account(scene.bob).await.unwrap());
        let gone = scene.fixture.store.circle_book(scene.circle).await.unwrap();
        assert_eq!(gone, None);
    }

    #[tokio::test]
    async fn past_places_are_remembered_up_to_a_bound() {
        let scene = Scene::new().await;
        scene.join(scene.bob, "bob").await;
        done(scene.end(scene.bob, scene.bob).await);
        let first = scene.only(scene.bob).await.member;
        for round in 0..100 {
            let name = label(&format!("Circle {round}"));
            let created = ask(&scene.fixture, scene.bob, CircleRequest::Create { name });
            let circle = done(created.await).circle.id;
            let end = CircleRequest::End {
                circle,
                who: CircleMemberRef::User(scene.bob),
            };
            done(scene.ask(scene.bob, end).await);
        }
        let shelf = scene.shelf(scene.bob).await;
        assert_eq!(shelf.len(), 100);
        assert!(shelf.iter().all(|kept| kept.circle.id != scene.circle));
        // Differences from before that are refused, as for everything else in a book.
        let since: i64 = {
            let mut reader = scene.fixture.store.readers.get().await.unwrap();
            sqlx::query_scalar("SELECT removals_since FROM account WHERE id = $1")
                .bind(scene.bob.0)
                .fetch_one(&mut *reader)
                .await
                .unwrap()
        };
        assert_eq!(since, first.book_changed_at);
        assert_eq!(scene.book().await.horizon, first.circle_changed_at);
    }
}
