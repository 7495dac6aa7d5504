//! Signing in and being seen.

use std::sync::Arc;

use super::{Fault, OnlineGuard};
use crate::clock::Clock;
use crate::hub::{Entrance, Hub, Origin, StateChange};
use crate::mailbox::Mailbox;
use crate::model::{
    Address, Capabilities, ClientTrace, DialectTag, DirectMessage, Guid, Label, MessageChange,
    Notice, NsEvent, OwnSession, PersonalMessage, Place, Presence, PrivateDataChange, Refusal,
    SessionId, UserId,
};
use crate::store::{Setting, Store};

/// Presence operations; clones share their state.
#[derive(Debug, Clone)]
pub struct PresenceOperations {
    store: Store,
    hub: Hub,
    clock: Clock,
}

/// A session that is to be signed in, its account proven.
#[derive(Debug)]
pub struct Arriving {
    pub user: UserId,
    pub mailbox: Mailbox<NsEvent>,
    pub dialect: DialectTag,
    /// Where it is, as the client tells.
    pub place: Place,
    /// What the tokens that were issued together with the one it came with have in common.
    pub grant: Option<i64>,
    /// What its owner may recognise it by; the time is set here.
    pub client: ClientTrace,
}

/// A session that is signed in. It has no status yet and is offline to everybody.
#[derive(Debug)]
pub struct SignedIn {
    pub guard: OnlineGuard,
    pub address: Address,
    pub name: Label,
    /// Epoch seconds.
    pub at: i64,
}

impl PresenceOperations {
    pub(super) fn new(store: Store, hub: Hub, clock: Clock) -> Self {
        Self { store, hub, clock }
    }

    /// Brings an account online and ends the sessions that cannot stay beside this one
    /// (`docs/protocol/10 §8`). Answers `None`, and leaves the old sessions alone, if the account
    /// is gone or disabled.
    pub async fn sign_in(&self, arriving: Arriving) -> Result<Option<SignedIn>, Fault> {
        let user = arriving.user;
        let Some(state) = self.store.sign_in_state(user).await? else {
            return Ok(None);
        };
        if state.disabled {
            return Ok(None);
        }
        let known = state.standing.revision;
        let place = match state.endpoints_allowed {
            true => arriving.place,
            false => arriving.place.alone(),
        };
        let guard = self.hub.enter(Entrance {
            user,
            address: state.address.clone(),
            name: state.settings.name.clone(),
            message: Arc::new(PersonalMessage {
                text: Arc::clone(&state.settings.message),
                ..PersonalMessage::default()
            }),
            standing: state.standing,
            session: self.hub.new_session(),
            mailbox: arriving.mailbox,
            dialect: arriving.dialect,
            place,
            grant: arriving.grant,
            client: ClientTrace {
                since: self.clock.now_ms(),
                ..arriving.client
            },
        });
        // Changes committed between reading and entering reached nobody; later ones come through
        // the hub.
        match self.store.sign_in_mark(user).await? {
            Some(mark) if mark.disabled => return Ok(None),
            Some(mark) if mark.revision == known => {}
            Some(_) => self.reload(user).await?,
            None => return Ok(None),
        }
        let now = self.clock.now_ms();
        self.store.note_sign_in(user, now);
        Ok(Some(SignedIn {
            guard,
            address: state.address,
            name: state.settings.name,
            at: now / 1000,
        }))
    }

    /// Writes down who signed in since the last time.
    pub async fn keep_sign_ins(&self) -> Result<(), Fault> {
        Ok(self.store.keep_sign_ins().await?)
    }

    /// The sessions of an account, in order of arrival.
    pub fn sessions_of(&self, user: UserId) -> Vec<OwnSession> {
        self.hub.sessions_of(user)
    }

    /// Signs one session of an account out, whose client hears that somebody wants it so. Answers
    /// whether there was such a session.
    pub fn sign_out(&self, user: UserId, session: SessionId) -> bool {
        self.hub.sign_out(user, session)
    }

    /// Takes down what a client reports of itself after it has signed in.
    pub fn set_program(&self, guard: &OnlineGuard, program: &str) {
        self.hub.set_program(guard, program.into());
    }

    /// Sets the status; the first one answers with the contacts who are to be seen.
    pub fn set_status(&self, guard: &OnlineGuard, change: StateChange) -> Vec<Arc<Presence>> {
        self.hub.set_state(guard, change)
    }

    /// Changes the personal message. The text is kept for the next sign-in, the rest is not.
    pub async fn set_message(
        &self,
        user: UserId,
        by: Origin,
        change: MessageChange,
    ) -> Result<(), Fault> {
        let Some(text) = &change.text else {
            self.hub.change_message(user, by, &change);
            return Ok(());
        };
        let kept = Setting::Message((**text).to_owned());
        let hub = self.hub.clone();
        // A refusal means that the account was deleted meanwhile; its session ends on its own.
        let _ = self
            .store
            .change_setting(user, kept, move |_| hub.change_message(user, by, &change))
            .await?;
        Ok(())
    }

    /// Sets what the client at one place can do.
    pub fn set_endpoint_capabilities(&self, guard: &OnlineGuard, capabilities: Capabilities) {
        self.hub.set_endpoint_capabilities(guard, capabilities);
    }

    /// Changes what only the account's own other places see of a place.
    pub fn set_private_data(&self, guard: &OnlineGuard, change: PrivateDataChange) {
        self.hub.set_private_data(guard, change);
    }

    /// Hands a small message to those places of an account whose dialect `takes` it, or to one of
    /// them; to the other places of the sender's own account if that is whose address it is.
    /// Refused with `Unreachable` if nobody is there whom the sender could call.
    pub fn notify(
        &self,
        from: &OnlineGuard,
        target: &Address,
        to: Option<Guid>,
        notice: Notice,
        takes: impl Fn(DialectTag) -> bool,
    ) -> Result<(), Refusal> {
        let took = self.hub.notify(from, target, to, Arc::new(notice), takes);
        if took {
            Ok(())
        } else {
            Err(Refusal::Unreachable)
        }
    }

    /// Hands a message without a switchboard to the places of its recipient whose dialect `takes`
    /// it. `false` if there are none whom the sender could call.
    pub fn deliver_direct(
        &self,
        from: &OnlineGuard,
        message: DirectMessage,
        takes: impl Fn(DialectTag) -> bool,
    ) -> bool {
        self.hub.deliver_direct(from, Arc::new(message), takes)
    }

    /// Sets whether calls ring.
    pub fn set_accepts_calls(&self, guard: &OnlineGuard, accepts: bool) {
        self.hub.set_accepts_calls(guard, accepts);
    }

    /// Reads somebody's lists anew because they changed behind the server's back.
    pub(super) async fn reload(&self, user: UserId) -> Result<(), Fault> {
        while let Some(standing) = self.store.standing(user).await? {
            if self.hub.replace_standing(user, standing) {
                break;
            }
        }
        Ok(())
    }
}
