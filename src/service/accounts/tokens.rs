//! Tickets of an account: issued for a proven password, redeemed by whoever presents them.

use std::fmt;
use std::net::IpAddr;

use super::super::failures::SignInWay;
use super::{Accounts, Fault, SignInError, enabled};
use crate::model::{Address, UserId};
use crate::service::seal::Seal;
use crate::service::sso;
use crate::service::ticket::{self, MESSENGER, Purpose, SINGLE_SIGN_ON, TICKET_GRANTING, Ticket};
use crate::store::StoreError;

/// How long a ticket that renews others is good for, in milliseconds: longer than people stay
/// signed in. Clients renew only what has expired, so it has to outlive what it renews.
const GRANTING_MS: i64 = 30 * 24 * 3_600_000;

/// What a client gets for the services that it named, in that order.
#[derive(Debug)]
pub struct Tokens {
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds.
    pub expires_at: i64,
    pub tokens: Vec<Token>,
}

/// A ticket for one service.
pub struct Token {
    pub ticket: Ticket,
    /// The key that goes with it to the client.
    pub secret: [u8; 24],
    /// The service.
    pub audience: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// What a client gets that renews its tickets.
#[derive(Debug)]
pub struct Renewed {
    pub user: UserId,
    pub address: Address,
    pub tokens: Tokens,
    /// The tokens go out under this, and not otherwise: nobody has shown that they are the one
    /// that the old ticket was given to.
    pub seal: Seal,
}

/// A ticket was good for a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Redeemed {
    pub user: UserId,
    /// The number that this ticket shares with those that the client got together with it.
    pub grant: i64,
}

/// Somebody who presented a token to a web service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorised {
    pub user: UserId,
    pub address: Address,
    /// The number that the token shares with those that the client got together with it; so the
    /// session of the same client is known.
    pub grant: i64,
}

/// A token opens nothing.
#[derive(Debug, thiserror::Error)]
pub enum Unauthorised {
    /// It is unknown, expired, or for another service.
    #[error("no valid token for this service")]
    BadToken,
    /// Its owner may not sign in.
    #[error("the account is disabled")]
    Disabled,
    /// Something of ours failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for Unauthorised {
    fn from(error: StoreError) -> Self {
        Fault::from(error).into()
    }
}

impl Accounts {
    /// Makes a ticket for the notification server, for somebody whose password was just
    /// verified. Only its digest is kept.
    pub async fn issue_ticket(&self, user: UserId) -> Result<Ticket, SignInError> {
        let ticket = Ticket::random();
        let expires_at = self.clock.now_ms() + self.ticket_ms;
        let tickets = vec![(ticket.digest(MESSENGER), expires_at)];
        self.keep(tickets, user, rand::random()).await?;
        Ok(ticket)
    }

    /// Makes a ticket for a client that asks once and shows the same one to whoever wants one,
    /// because its sign-in library was replaced (`docs/protocol/24 §1.5`). It signs in either way
    /// that takes tickets, with single sign-on only where the settings take it without a proof.
    pub async fn issue_bare_ticket(&self, user: UserId) -> Result<Ticket, SignInError> {
        let ticket = Ticket::random();
        let expires_at = self.clock.now_ms() + self.token_ms;
        let digests = [MESSENGER, SINGLE_SIGN_ON].map(|audience| ticket.digest(audience));
        let tickets = digests.map(|digest| (digest, expires_at)).into();
        self.keep(tickets, user, rand::random()).await?;
        Ok(ticket)
    }

    /// Makes a ticket for each of the services that a client named, with the key that goes with
    /// it. They are good for as long as a session may last, a day if the settings say nothing
    /// else: clients renew them late or never (`docs/protocol/11 §3`).
    pub async fn issue_tokens(
        &self,
        user: UserId,
        audiences: &[String],
    ) -> Result<Tokens, SignInError> {
        self.issue(user, audiences, rand::random()).await
    }

    /// Makes tickets for a client that shows, instead of the password, the one that renews others
    /// (`docs/protocol/11 §5`). They belong to the same sign-in as that one.
    ///
    /// [`SignInError::BadTicket`] if it is none that renews others, or has expired;
    /// [`SignInError::Disabled`] if its owner may not sign in. It is too long to be guessed, so
    /// wrong ones are not counted.
    pub async fn renew_tokens(
        &self,
        granting: &str,
        audiences: &[String],
    ) -> Result<Renewed, SignInError> {
        let digest = ticket::digest_of(TICKET_GRANTING, granting);
        let owner = self
            .store
            .ticket_owner(&[digest], self.clock.now_ms())
            .await?
            .ok_or(SignInError::BadTicket)?;
        if owner.disabled {
            return Err(SignInError::Disabled);
        }
        let secret = self.token_key.secret_of(ticket::token_of(granting));
        Ok(Renewed {
            user: owner.user,
            address: owner.address,
            tokens: self.issue(owner.user, audiences, owner.grant).await?,
            seal: Seal::new(&secret),
        })
    }

    async fn issue(
        &self,
        user: UserId,
        audiences: &[String],
        grant: i64,
    ) -> Result<Tokens, SignInError> {
        let created_at = self.clock.now_ms();
        let expires_at = created_at + self.token_ms;
        let tokens: Vec<Token> = audiences
            .iter()
            .map(|audience| {
                let ticket = Ticket::random();
                let secret = self.token_key.secret_of(ticket.expose());
                Token {
                    ticket,
                    secret,
                    audience: audience.clone(),
                }
            })
            .collect();
        let kept_until = |token: &Token| match ticket::renews(&token.audience) {
            true => expires_at.max(created_at + GRANTING_MS),
            false => expires_at,
        };
        let tickets = tokens
            .iter()
            .map(|token| (token.ticket.digest(&token.audience), kept_until(token)))
            .collect();
        self.keep(tickets, user, grant).await?;
        Ok(Tokens {
            created_at,
            expires_at,
            tokens,
        })
    }

    /// Signs in with a ticket, in its wire form or any part of that which holds the token. It
    /// must belong to the account that it is presented for. It stays good until it expires,
    /// because clients present one again when they reconnect.
    pub async fn redeem_ticket(
        &self,
        wire: &str,
        address: &Address,
        peer: IpAddr,
    ) -> Result<Redeemed, SignInError> {
        let address = self.admitted(address.as_str(), peer, SignInWay::Ticket)?;
        let digest = ticket::digest_of(MESSENGER, wire);
        let result = self.redeemed(digest, &address).await?;
        self.noted(&address, peer, SignInWay::Ticket, result)
    }

    /// Signs in with a ticket and the proof that its key is held (`docs/protocol/10 §1.3`): the
    /// nonce of this connection, treated with the key as single sign-on has it. A ticket that was
    /// seen by others is so of no use to them. Without a `proof` it is good only where the
    /// settings say so; a wrong proof never is.
    ///
    /// All that is wrong with a ticket or a proof is [`SignInError::BadTicket`], and counts as a
    /// failed sign-in.
    pub async fn redeem_sso(
        &self,
        wire: &str,
        proof: Option<&str>,
        nonce: &str,
        address: &Address,
        peer: IpAddr,
    ) -> Result<Redeemed, SignInError> {
        let address = self.admitted(address.as_str(), peer, SignInWay::SingleSignOn)?;
        let digest = ticket::digest_of(SINGLE_SIGN_ON, wire);
        let is_proven = match proof {
            Some(proof) => {
                let secret = self.token_key.secret_of(ticket::token_of(wire));
                sso::proves(&secret, nonce, proof)
            }
            None => self.accept_bare_tickets,
        };
        let result = self.redeemed(digest, &address).await?;
        let result =
            result.and_then(|redeemed| is_proven.then_some(redeemed).ok_or(SignInError::BadTicket));
        self.noted(&address, peer, SignInWay::SingleSignOn, result)
    }

    /// Whether a ticket for single sign-on is good without its proof.
    pub fn accepts_bare_tickets(&self) -> bool {
        self.accept_bare_tickets
    }

    /// Who presents a token to a web service, in its wire form or any part of that which holds
    /// the token. It needs no session: a token is good by itself until it expires, also after a
    /// restart of the server. A token is too long to be guessed, so wrong ones are not counted.
    pub async fn authorise(
        &self,
        wire: &str,
        purpose: Purpose,
    ) -> Result<Authorised, Unauthorised> {
        let digests: Vec<[u8; 32]> = purpose
            .audiences()
            .map(|audience| ticket::digest_of(audience, wire))
            .collect();
        let owner = self
            .store
            .ticket_owner(&digests, self.clock.now_ms())
            .await?
            .ok_or(Unauthorised::BadToken)?;
        if owner.disabled {
            return Err(Unauthorised::Disabled);
        }
        Ok(Authorised {
            user: owner.user,
            address: owner.address,
            grant: owner.grant,
        })
    }

    /// Forgets expired tickets; answers how many. For the server to call now and then.
    pub async fn prune_tickets(&self) -> Result<u64, Fault> {
        let longest = self.ticket_ms.max(self.token_ms).max(GRANTING_MS);
        let pruned = self.store.prune_tickets(self.clock.now_ms(), longest);
        Ok(pruned.await?)
    }

    /// Forgets the notices that every program at the database has read.
    pub async fn prune_notices(&self) -> Result<(), Fault> {
        Ok(self.store.prune_notices().await?)
    }

    /// Keeps tickets that go to a client together, each until it expires.
    async fn keep(
        &self,
        tickets: Vec<([u8; 32], i64)>,
        user: UserId,
        grant: i64,
    ) -> Result<(), SignInError> {
        let kept = self.store.keep_tickets(tickets, user, grant);
        if kept.await? {
            Ok(())
        } else {
            Err(SignInError::Disabled)
        }
    }

    /// The outer error is ours; the inner one is the client's, and counts as a failed sign-in.
    async fn redeemed(
        &self,
        digest: [u8; 32],
        address: &Address,
    ) -> Result<Result<Redeemed, SignInError>, SignInError> {
        let now = self.clock.now_ms();
        let owner = self.store.ticket_owner(&[digest], now).await?;
        let credentials = self.store.credentials(address).await?;
        Ok(match (&credentials, owner) {
            (None, _) => Err(SignInError::UnknownAccount),
            (Some(credentials), Some(owner)) if owner.user == credentials.user => {
                enabled(credentials).map(|user| Redeemed {
                    user,
                    grant: owner.grant,
                })
            }
            (Some(_), _) => Err(SignInError::BadTicket),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::AccountSettings;
    use super::super::tests::{Fixture, alice as address_of_alice, settings};
    use super::*;

    const EVERY: [Purpose; 6] = [
        Purpose::Contacts,
        Purpose::OfflineMessages,
        Purpose::Mail,
        Purpose::Storage,
        Purpose::Activity,
        Purpose::Spaces,
    ];

    /// A token for each of the services, in their order.
    async fn tokens(fixture: &Fixture, user: UserId, audiences: &[&str]) -> Vec<String> {
        let audiences: Vec<String> = audiences.iter().map(|&it| it.into()).collect();
        let issued = fixture.accounts.issue_tokens(user, &audiences).await;
        let tokens = issued.unwrap().tokens;
        tokens.iter().map(|token| token.ticket.to_wire()).collect()
    }

    async fn opened(fixture: &Fixture, wire: &str) -> Vec<Purpose> {
        let mut opened = Vec::new();
        for purpose in EVERY {
            if fixture.accounts.authorise(wire, purpose).await.is_ok() {
                opened.push(purpose);
            }
        }
        opened
    }

    #[tokio::test]
    async fn a_token_opens_its_own_service_and_no_other() {
        let (fixture, alice) = Fixture::with_alice(false).await;
        for (audience, expected) in [
            ("contacts.msn.com", &[Purpose::Contacts][..]),
            ("Contacts.MSN.com", &[Purpose::Contacts]),
            ("messengersecure.live.com", &[Purpose::OfflineMessages]),
            ("storage.msn.com", &[Purpose::Storage]),
            ("sup.live.com", &[Purpose::Activity]),
            ("spaces.live.com", &[Purpose::Spaces]),
            ("messenger.msn.com", &EVERY),
            ("messengerclear.live.com", &EVERY),
            ("http://Passport.NET/tb", &[]),
            ("somebody.example", &[]),
        ] {
            let wire = tokens(&fixture, alice, &[audience]).await;
            assert_eq!(opened(&fixture, &wire[0]).await, expected, "{audience}");
        }
        for wire in ["", "t=&p=", "nonsense"] {
            assert_eq!(opened(&fixture, wire).await, [], "{wire}");
        }
    }

    #[tokio::test]
    async fn tokens_issued_together_share_a_grant_and_others_have_another() {
        let (fixture, alice) = Fixture::with_alice(false).await;
        let together = ["contacts.msn.com", "messenger.msn.com"];
        let first = tokens(&fixture, alice, &together).await;
        let second = tokens(&fixture, alice, &together).await;
        let mut grants = Vec::new();
        for wire in [&first[0], &first[1], &second[0]] {
            let authorised = fixture.accounts.authorise(wire, Purpose::Contacts).await;
            let authorised = authorised.unwrap();
            assert_eq!(authorised.user, alice);
            assert_eq!(authorised.address.as_str(), "alice@example.com");
            grants.push(authorised.grant);
        }
        assert_eq!(grants[0], grants[1]);
        assert_ne!(grants[0], grants[2]);
        let home = IpAddr::from([192, 0, 2, 1]);
        let address = address_of_alice();
        let redeemed = fixture.accounts.redeem_ticket(&first[1], &address, home);
        assert_eq!(redeemed.await.unwrap().grant, grants[0]);
    }

    #[tokio::test]
    async fn single_sign_on_takes_a_ticket_with_the_proof_of_its_key() {
        const NONCE: &str = "LAhAAUzdC+JvuB33nooLSa6Oh0oDFCbKrN57EVTY0Dmca8Reb3C1S1czlP12N8VU";
        let (fixture, alice) = Fixture::with_alice(false).await;
        let audiences = [SINGLE_SIGN_ON.to_owned(), MESSENGER.to_owned()];
        let issued = fixture.accounts.issue_tokens(alice, &audiences).await;
        let tokens = issued.unwrap().tokens;
        let wire = tokens[0].ticket.to_wire();
        let proof = sso::tests::proof(&tokens[0].secret, NONCE, [7; 8]);
        let address = address_of_alice();
        let redeem = async |wire: &str, proof: Option<&str>, nonce: &str| {
            let peer = IpAddr::from([192, 0, 2, rand::random()]);
            let redeemed = fixture
                .accounts
                .redeem_sso(wire, proof, nonce, &address, peer);
            redeemed.await
        };
        let redeemed = redeem(&wire, Some(&proof), NONCE).await.unwrap();
        assert_eq!(redeemed.user, alice);
        let bare = tokens[0].ticket.expose();
        assert!(redeem(bare, Some(&proof), NONCE).await.is_ok());

        let other_nonce = NONCE.replace('L', "M");
        let other_key = sso::tests::proof(&tokens[1].secret, NONCE, [7; 8]);
        let other_ticket = tokens[1].ticket.to_wire();
        for (wire, proof, nonce) in [
            (&wire, None, NONCE),
            (&wire, Some(&proof), other_nonce.as_str()),
            (&wire, Some(&other_key), NONCE),
            (&other_ticket, Some(&other_key), NONCE),
            (&other_ticket, Some(&proof), NONCE),
            (&"t=guess&p=".to_owned(), Some(&proof), NONCE),
        ] {
            let refused = redeem(wire, proof.map(String::as_str), nonce).await;
            assert!(
                matches!(refused, Err(SignInError::BadTicket)),
                "{refused:?}"
            );
        }
    }

    #[tokio::test]
    async fn bad_proofs_are_throttled_like_bad_passwords() {
        let (fixture, alice) = Fixture::with_alice(false).await;
        let wire = tokens(&fixture, alice, &[SINGLE_SIGN_ON]).await;
        let address = address_of_alice();
        let home = IpAddr::from([192, 0, 2, 1]);
        let mut throttled = false;
        for _ in 0..20 {
            let refused = fixture
                .accounts
                .redeem_sso(&wire[0], Some("AAAA"), "n", &address, home)
                .await;
            throttled |= matches!(refused, Err(SignInError::Throttled));
        }
        assert!(throttled);
    }

    #[tokio::test]
    async fn a_ticket_alone_is_enough_only_where_the_settings_say_so() {
        let (fixture, alice) = Fixture::with_alice(false).await;
        let wire = tokens(&fixture, alice, &[SINGLE_SIGN_ON]).await;
        let generous = AccountSettings {
            accept_bare_tickets: true,
            ..settings()
        };
        let open = Accounts::open(fixture.store.clone(), fixture.clock.clone(), generous);
        let generous = open.await.unwrap();
        let address = address_of_alice();
        let home = IpAddr::from([192, 0, 2, 1]);
        for (accounts, proof, is_good) in [
            (&generous, None, true),
            (&generous, Some("AAAA"), false),
            (&fixture.accounts, None, false),
        ] {
            let redeemed = accounts.redeem_sso(&wire[0], proof, "n", &address, home);
            assert_eq!(redeemed.await.is_ok(), is_good);
        }
    }

    #[tokio::test]
    async fn a_token_outlives_the_server_but_not_its_day_nor_its_account() {
        let (fixture, alice) = Fixture::with_alice(false).await;
        let wire = tokens(&fixture, alice, &["contacts.msn.com"]).await;
        let wire = wire[0].trim_end_matches("&p=");
        let again = Accounts::open(fixture.store.clone(), fixture.clock.clone(), settings());
        let again = again.await.unwrap();
        let opens = async || again.authorise(wire, Purpose::Contacts).await;
        assert_eq!(opens().await.unwrap().user, alice);

        let address = address_of_alice();
        again.set_disabled(&address, true).await.unwrap();
        assert!(matches!(opens().await, Err(Unauthorised::Disabled)));
        again.set_disabled(&address, false).await.unwrap();

        fixture.clock.advance(Duration::from_millis(86_399_999));
        assert!(opens().await.is_ok());
        fixture.clock.advance(Duration::from_millis(1));
        assert!(matches!(opens().await, Err(Unauthorised::BadToken)));
        fixture.store.close().await;
        assert!(matches!(opens().await, Err(Unauthorised::Fault(_))));
    }
}
