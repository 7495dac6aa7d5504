//! Sign-in tickets: made by the sign-in services, presented to the notification server.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// Who tickets for the notification server are for (`docs/protocol/11 §2.1`).
pub const MESSENGER: &str = "messenger.msn.com";

/// Who the tickets are for that later clients sign in with, together with a proof that they hold
/// the key of the ticket.
pub const SINGLE_SIGN_ON: &str = "messengerclear.live.com";

/// Who the tickets are for that renew others (`docs/protocol/11 §5`).
pub const TICKET_GRANTING: &str = "http://Passport.NET/tb";

/// What a client presents a token for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The address book and the lists.
    Contacts,
    /// Messages to people who are not there: fetching and leaving them.
    OfflineMessages,
    /// The mailbox.
    Mail,
    /// Profiles and pictures.
    Storage,
    /// What contacts did lately.
    Activity,
    /// Personal pages and contact cards.
    Spaces,
}

impl Purpose {
    /// The services whose tokens are good for this (`docs/protocol/11 §2.1`). Whoever holds a
    /// token that signs in may do everything.
    pub(super) fn audiences(self) -> impl Iterator<Item = &'static str> {
        let own: &[&str] = match self {
            Self::Contacts => &["contacts.msn.com", "livecontacts.live.com"],
            Self::OfflineMessages => &["messengersecure.live.com"],
            Self::Mail => &[],
            Self::Storage => &["storage.msn.com", "storage.live.com"],
            Self::Activity => &["sup.live.com"],
            Self::Spaces => &["spaces.live.com"],
        };
        own.iter().copied().chain([MESSENGER, SINGLE_SIGN_ON])
    }
}

/// A sign-in ticket. It does not print; whoever sends it asks for its text.
pub struct Ticket(SecretString);

impl Ticket {
    /// Every sign survives HTTP headers, XML and command lines unescaped
    /// (`docs/protocol/01 §3.4`). There are 64, so one sign is worth six bits.
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*!";
    /// As many as 32 bytes need.
    const LENGTH: usize = 43;

    /// A new one, with 258 random bits.
    pub(super) fn random() -> Self {
        let signs = rand::random_iter::<u8>()
            .filter_map(|byte| Self::SIGNS.get(usize::from(byte % 64)))
            .map(|&sign| char::from(sign))
            .take(Self::LENGTH);
        Self(signs.collect::<String>().into())
    }

    /// The bare token, for example for the profile a client gets.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The form that clients get from the sign-in services and send to the notification server.
    pub fn to_wire(&self) -> String {
        format!("t={}&p=", self.expose())
    }

    /// What is kept of it. Who it is for goes into the digest, so a ticket for one service opens
    /// no other.
    pub(super) fn digest(&self, audience: &str) -> [u8; 32] {
        digest(audience, self.expose())
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What the keys of tokens are derived from. Does not print.
#[derive(Clone)]
pub(super) struct TokenKey([u8; 32]);

impl TokenKey {
    pub(super) fn new(server_secret: [u8; 32]) -> Self {
        Self(server_secret)
    }

    /// The key that goes with a bare token to who it was given to, and nowhere else: 24 bytes that
    /// only this server can derive from it (`docs/protocol/11 §3`), so none has to be kept.
    pub(super) fn secret_of(&self, token: &str) -> [u8; 24] {
        let derived: [u8; 32] = Sha256::new()
            .chain_update(self.0)
            .chain_update(token)
            .finalize()
            .into();
        std::array::from_fn(|index| derived.get(index).copied().unwrap_or_default())
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What would have been kept of the ticket in this wire form. Clients leave out either end of it
/// (`docs/protocol/01 §3.4`).
pub(super) fn digest_of(audience: &str, wire: &str) -> [u8; 32] {
    digest(audience, token_of(wire))
}

/// Whether tickets for this service renew others.
pub fn renews(audience: &str) -> bool {
    audience.eq_ignore_ascii_case(TICKET_GRANTING)
}

/// The bare token of a wire form.
pub fn token_of(wire: &str) -> &str {
    let token = wire.strip_prefix("t=").unwrap_or(wire);
    token.split_once('&').map_or(token, |(token, _)| token)
}

fn digest(audience: &str, token: &str) -> [u8; 32] {
    Sha256::new()
        .chain_update(audience.to_ascii_lowercase())
        .chain_update([0])
        .chain_update(token)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_travels_everywhere_and_is_never_the_same_twice() {
        let ticket = Ticket::random();
        assert_eq!(ticket.expose().len(), Ticket::LENGTH);
        assert!(ticket.expose().bytes().all(|b| Ticket::SIGNS.contains(&b)));
        assert_ne!(ticket.expose(), Ticket::random().expose());
    }

    #[test]
    fn every_wire_form_is_the_same_ticket() {
        let ticket = Ticket::random();
        let token = ticket.expose();
        for wire in [
            token.to_owned(),
            ticket.to_wire(),
            format!("t={token}"),
            format!("{token}&p=profile"),
        ] {
            assert_eq!(digest_of("A.example", &wire), ticket.digest("a.example"));
            assert_ne!(digest_of("b.example", &wire), ticket.digest("a.example"));
        }
        assert_ne!(digest_of("a", &format!("T={token}")), ticket.digest("a"));
    }

    #[test]
    fn a_ticket_does_not_print() {
        assert_eq!(format!("{:?}", Ticket::random()), "***");
    }
}
