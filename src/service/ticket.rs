//! Sign-in tickets: made by the sign-in services, presented to the notification server.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

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

    /// What is kept of it.
    pub(super) fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.expose()).into()
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What would have been kept of the ticket in this wire form. Clients leave out either end of it
/// (`docs/protocol/01 §3.4`).
pub(super) fn digest_of(wire: &str) -> [u8; 32] {
    let token = wire.strip_prefix("t=").unwrap_or(wire);
    let token = token.split_once('&').map_or(token, |(token, _)| token);
    Sha256::digest(token).into()
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
            assert_eq!(digest_of(&wire), ticket.digest());
        }
        assert_ne!(digest_of(&format!("T={token}")), ticket.digest());
    }

    #[test]
    fn a_ticket_does_not_print() {
        assert_eq!(format!("{:?}", Ticket::random()), "***");
    }
}
