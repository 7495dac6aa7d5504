//! One signed-in account and the places it is at (`docs/protocol/10 §8`).
//!
//! Nothing in here knows about other accounts. What others see of an account is made of its
//! places whenever one of them has changed: the status that was set last counts.

use std::sync::Arc;

use super::online::{Entrance, StateChange};
use crate::mailbox::Mailbox;
use crate::model::{
    Address, Capabilities, ClientTrace, DialectTag, EndpointPresence, Guid, Label, NsEvent,
    OwnEndpoint, OwnPresence, OwnSession, PersonalMessage, Place, Presence, PrivateDataChange,
    PrivateEndpointData, SessionId, Standing, Status, UserId,
};

/// Places that an account may be at; the one that came first makes room for one more.
pub(super) const MOST_ENDPOINTS: usize = 16;

/// One signed-in account.
#[derive(Debug)]
pub(super) struct Online {
    user: UserId,
    pub(super) address: Address,
    pub(super) name: Label,
    pub(super) message: Arc<PersonalMessage>,
    pub(super) standing: Standing,
    /// In order of arrival.
    endpoints: Vec<Endpoint>,
    /// How often a place has set a status.
    turns: u64,
    /// What others see, hidden or not. Nothing before the first status.
    presence: Option<Arc<Presence>>,
}

/// One place, which is one connection.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) session: SessionId,
    place: Place,
    mailbox: Mailbox<NsEvent>,
    pub(super) dialect: DialectTag,
    grant: Option<i64>,
    pub(super) client: ClientTrace,
    pub(super) accepts_calls: bool,
    pub(super) capabilities: Capabilities,
    data: Option<Arc<PrivateEndpointData>>,
    state: Option<State>,
}

#[derive(Debug)]
struct State {
    status: Status,
    picture: Option<Label>,
    turn: u64,
}

impl Online {
    pub(super) fn new(entrance: Entrance) -> Self {
        Self {
            user: entrance.user,
            endpoints: vec![Endpoint {
                session: entrance.session,
                place: entrance.place,
                mailbox: entrance.mailbox,
                dialect: entrance.dialect,
                grant: entrance.grant,
                client: entrance.client,
                accepts_calls: true,
                capabilities: Capabilities::default(),
                data: None,
                state: None,
            }],
            address: entrance.address,
            name: entrance.name,
            message: entrance.message,
            standing: entrance.standing,
            turns: 0,
            presence: None,
        }
    }

    /// Takes in the places of the same account that came later.
    pub(super) fn join(&mut self, other: Self) {
        self.endpoints.extend(other.endpoints);
    }

    /// Which sessions have to go when the account signs in at `place` (`docs/protocol/10 §8`).
    pub(super) fn displaced_by(&self, place: Place) -> Vec<SessionId> {
        let is_only = |place| matches!(place, Place::Only(_));
        let all_go = is_only(place) || self.endpoints.iter().any(|old| is_only(old.place));
        let (mut gone, stay): (Vec<&Endpoint>, Vec<&Endpoint>) = self
            .endpoints
            .iter()
            .partition(|old| all_go || old.place == place);
        let too_many = (stay.len() + 1).saturating_sub(MOST_ENDPOINTS);
        gone.extend(stay.into_iter().take(too_many));
        gone.into_iter().map(|old| old.session).collect()
    }

    pub(super) fn is_deserted(&self) -> bool {
        self.endpoints.is_empty()
    }

    pub(super) fn sessions(&self) -> Vec<SessionId> {
        self.endpoints.iter().map(|place| place.session).collect()
    }

    pub(super) fn endpoint(&self, session: SessionId) -> Option<&Endpoint> {
        self.endpoints
            .iter()
            .find(|endpoint| endpoint.session == session)
    }

    pub(super) fn endpoint_mut(&mut self, session: SessionId) -> Option<&mut Endpoint> {
        self.endpoints
            .iter_mut()
            .find(|endpoint| endpoint.session == session)
    }

    pub(super) fn remove(&mut self, sessions: &[SessionId]) {
        self.endpoints
            .retain(|endpoint| !sessions.contains(&endpoint.session));
    }

    pub(super) fn set_state(&mut self, session: SessionId, change: StateChange) {
        self.turns += 1;
        let turn = self.turns;
        if let Some(endpoint) = self.endpoint_mut(session) {
            endpoint.capabilities = change.capabilities;
            endpoint.state = Some(State {
                status: change.status,
                picture: change.picture,
                turn,
            });
        }
    }

    pub(super) fn set_private_data(&mut self, session: SessionId, change: PrivateDataChange) {
        if let Some(endpoint) = self.endpoint_mut(session) {
            let before = endpoint.private_data();
            endpoint.data = Some(Arc::new(change.applied_to(&before)));
        }
    }

    /// Makes anew what others see, after something has changed.
    pub(super) fn refresh(&mut self) {
        let latest = self
            .endpoints
            .iter()
            .filter_map(|endpoint| Some((endpoint, endpoint.state.as_ref()?)))
            .max_by_key(|(_, state)| state.turn);
        self.presence = latest.map(|(endpoint, state)| {
            Arc::new(self.presence_with(state.status, endpoint.capabilities, state.picture.clone()))
        });
    }

    fn presence_with(
        &self,
        status: Status,
        capabilities: Capabilities,
        picture: Option<Label>,
    ) -> Presence {
        let endpoints = self.endpoints.iter().filter(|place| place.has_status());
        Presence {
            user: self.user,
            address: self.address.clone(),
            name: self.name.clone(),
            status,
            capabilities,
            picture,
            message: Arc::clone(&self.message),
            endpoints: endpoints
                .filter_map(|endpoint| {
                    Some(EndpointPresence {
                        id: endpoint.id()?,
                        capabilities: endpoint.capabilities,
                    })
                })
                .collect(),
        }
    }

    /// What others would see if this person were not hidden.
    pub(super) fn presence(&self) -> Option<&Arc<Presence>> {
        self.presence.as_ref()
    }

    /// What those who may see this person see; nothing while they have no status or are hidden.
    pub(super) fn shown(&self) -> Option<&Arc<Presence>> {
        self.presence.as_ref().filter(|presence| is_shown(presence))
    }

    /// Every place that has told its machine's identity.
    pub(super) fn own_endpoints(&self) -> Vec<OwnEndpoint> {
        let listed = |endpoint: &Endpoint| {
            Some(OwnEndpoint {
                id: endpoint.id()?,
                capabilities: endpoint.capabilities,
                data: endpoint.private_data(),
            })
        };
        self.endpoints.iter().filter_map(listed).collect()
    }

    /// Every session, for its owner's eyes.
    pub(super) fn own_sessions(&self) -> Vec<OwnSession> {
        let listed = |endpoint: &Endpoint| OwnSession {
            session: endpoint.session,
            client: endpoint.client.clone(),
            endpoint: endpoint.id(),
            endpoint_name: endpoint.private_data().name,
            status: endpoint.state.as_ref().map(|state| state.status),
        };
        self.endpoints.iter().map(listed).collect()
    }

    /// What the places are told about each other.
    pub(super) fn own(&self) -> OwnPresence {
        OwnPresence {
            presence: self.presence.clone().unwrap_or_else(|| {
                Arc::new(self.presence_with(Status::Hidden, Capabilities::default(), None))
            }),
            endpoints: self.own_endpoints(),
        }
    }

    pub(super) fn is_at_several(&self) -> bool {
        self.endpoints.len() > 1
    }

    /// Posts what a contact's news are to those who have set a status: the others are told
    /// everything when they set one.
    pub(super) fn hear(&self, event: &NsEvent) {
        for endpoint in self.endpoints.iter().filter(|place| place.has_status()) {
            endpoint.mailbox.post(event.clone());
        }
    }

    /// Posts to the places that are wanted; answers how many took it.
    pub(super) fn tell(&self, event: NsEvent, wanted: impl Fn(&Endpoint) -> bool) -> usize {
        let mut places = self.endpoints.iter().filter(|place| wanted(place));
        let Some(last) = places.next_back() else {
            return 0;
        };
        let reached = places
            .filter(|place| place.mailbox.post(event.clone()))
            .count();
        reached + usize::from(last.mailbox.post(event))
    }

    /// The sessions that ring when somebody calls.
    pub(super) fn ringing(&self) -> Vec<SessionId> {
        let reachable = |place: &&Endpoint| place.accepts_calls && place.has_status();
        let places = self.endpoints.iter().filter(reachable);
        places.map(|place| place.session).collect()
    }
}

impl Endpoint {
    pub(super) fn has_status(&self) -> bool {
        self.state.is_some()
    }

    /// The machine's identity, if the client told one.
    pub(super) fn id(&self) -> Option<Guid> {
        self.place.id()
    }

    /// Where the session's events go.
    pub(super) fn mailbox(&self) -> &Mailbox<NsEvent> {
        &self.mailbox
    }

    /// Whether the session signed in with what belongs to this grant.
    pub(super) fn has_grant(&self, grant: i64) -> bool {
        self.grant == Some(grant)
    }

    fn private_data(&self) -> PrivateEndpointData {
        self.data.as_deref().cloned().unwrap_or_default()
    }
}

/// Whether anybody can be shown this.
pub(super) fn is_shown(presence: &Presence) -> bool {
    presence.status != Status::Hidden
}
