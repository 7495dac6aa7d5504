//! Circle tickets (`docs/protocol/12 §4.3`): a client gets one with its circles, and shows it to
//! the notification server before it puts them on its list.
//!
//! The historic service signed them for others to verify. Here only the server itself does, so a
//! keyed hash is enough. What the account's password is checked against goes into the hash: with
//! another password, earlier tickets are void, and nothing has to be kept for that.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::Outcome;
use crate::clock::Clock;
use crate::model::{Refusal, UserId};
use crate::store::Store;

/// The name of the server's secret that tickets are signed with.
const SECRET: &str = "circle tickets";
/// How long a ticket is good for. Clients fetch one at every sign-in.
const LIFETIME_SECS: i64 = 7 * 24 * 60 * 60;
/// Bytes of the longest wire form that is looked at; real ones have some seven hundred.
const WIRE_MAX: usize = 4096;

/// Makes tickets and checks them.
#[derive(Debug, Clone)]
pub(super) struct CircleTickets {
    store: Store,
    clock: Clock,
}

impl CircleTickets {
    pub(super) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// A ticket for an account, as the XML that stands in the answer.
    ///
    /// Refused: `Unavailable` if the account is gone.
    pub(super) async fn issue(&self, user: UserId) -> Outcome<String> {
        let expires = self.clock.now_secs() + LIFETIME_SECS;
        let data = BASE64.encode(data(user, expires));
        let mac = self.mac(user, &data).await?;
        let mac = mac.ok_or(Refusal::Unavailable)?;
        let signature = BASE64.encode(mac.finalize().into_bytes());
        Ok(format!(
            "<?xml version=\"1.0\" encoding=\"utf-16\"?>\
             <SignedTicket xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
             xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" ver=\"1\" keyVer=\"1\">\
             <Data>{data}</Data><Sig>{signature}</Sig></SignedTicket>"
        ))
    }

    /// Checks what a client sent. The reason of a refusal is always the same.
    pub(super) async fn check(&self, user: UserId, wire: &[u8]) -> Outcome<()> {
        let ticket = SignedTicket::read(wire).ok_or(Refusal::AuthenticationFailed)?;
        let mac = self.mac(user, &ticket.data).await?;
        let mac = mac.ok_or(Refusal::AuthenticationFailed)?;
        // In constant time; the account is in what is hashed.
        let is_signed = mac.verify_slice(&ticket.signature).is_ok();
        let is_current = ticket
            .expires
            .is_some_and(|expires| expires > self.clock.now_secs());
        if is_signed && is_current {
            Ok(())
        } else {
            Err(Refusal::AuthenticationFailed.into())
        }
    }

    /// The keyed hash of a ticket's data for an account; `None` if the account is gone.
    async fn mac(&self, user: UserId, data: &str) -> Outcome<Option<Hmac<Sha256>>> {
        let Some(account) = self.store.account_by_id(user).await? else {
            return Ok(None);
        };
        let Some(credentials) = self.store.credentials(&account.address).await? else {
            return Ok(None);
        };
        let secret = self.store.server_secret(SECRET).await?;
        // The hash takes keys of a block's size, and shorter ones with zeros behind them.
        let key: [u8; 64] = std::array::from_fn(|index| secret.get(index).copied().unwrap_or(0));
        let mut mac = Hmac::<Sha256>::new(&key.into());
        mac.update(&user.0.to_be_bytes());
        let password = credentials.password.full.as_bytes();
        mac.update(&(password.len() as u64).to_be_bytes());
        mac.update(password);
        mac.update(data.as_bytes());
        Ok(Some(mac))
    }
}

/// What is signed: the account as clients know it, and until when.
fn data(user: UserId, expires: i64) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"utf-16\"?>\r\n<Ticket>\r\n");
    let cid = user.passport_id().cast_signed();
    let _ = write!(
        xml,
        "  <TS>0000-01-01T00:00:00</TS>\r\n  <CID>{cid}</CID>\r\n  \
         <Expires>{expires}</Expires>\r\n</Ticket>"
    );
    xml
}

/// A ticket as it came.
struct SignedTicket {
    data: String,
    signature: Vec<u8>,
    /// As it says, which counts only if it is signed.
    expires: Option<i64>,
}

impl SignedTicket {
    /// Reads the wire form, the XML in base64; `None` for anything else.
    fn read(wire: &[u8]) -> Option<Self> {
        if wire.len() > WIRE_MAX {
            return None;
        }
        let text = String::from_utf8(BASE64.decode(wire).ok()?).ok()?;
        let data = element(&text, "Data")?;
        let signature = BASE64.decode(element(&text, "Sig")?).ok()?;
        let inner = String::from_utf8(BASE64.decode(&data).ok()?).ok()?;
        Some(Self {
            expires: element(&inner, "Expires").and_then(|text| text.parse().ok()),
            data,
            signature,
        })
    }
}

/// The text of the root's child of this name.
fn element(xml: &str, name: &str) -> Option<String> {
    let document = roxmltree::Document::parse(xml).ok()?;
    let root = document.root_element();
    let found = root.children().find(|child| child.has_tag_name(name))?;
    found.text().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Address, Label};
    use crate::service::OperationError;
    use crate::store::{LegacyChange, ListLimits, NewAccount, PasswordRecord};

    struct Fixture {
        tickets: CircleTickets,
        alice: UserId,
        bob: UserId,
        _folder: tempfile::TempDir,
    }

    fn record(text: &str) -> PasswordRecord {
        PasswordRecord {
            full: text.to_owned(),
            first16: None,
        }
    }

    async fn fixture() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.sqlite");
        let store = Store::open(&path, ListLimits::default()).await.unwrap();
        let create = async |name: &str| {
            let account = NewAccount {
                address: Address::parse(&format!("{name}@example.com")).unwrap(),
                name: Label::from_stored(name),
                password: record("hash"),
                legacy: None,
            };
            store.create_account(account).await.unwrap().unwrap()
        };
        let (alice, bob) = (create("alice").await, create("bob").await);
        Fixture {
            tickets: CircleTickets::new(store, Clock::set_to(1_700_000_000_000)),
            alice,
            bob,
            _folder: folder,
        }
    }

    impl Fixture {
        async fn wire(&self, user: UserId) -> String {
            BASE64.encode(self.tickets.issue(user).await.unwrap())
        }

        async fn is_good(&self, user: UserId, wire: &str) -> bool {
            match self.tickets.check(user, wire.as_bytes()).await {
                Ok(()) => true,
                Err(OperationError::Refused(Refusal::AuthenticationFailed)) => false,
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[tokio::test]
    async fn a_ticket_is_good_for_its_own_account_until_it_expires() {
        let fixture = fixture().await;
        let wire = fixture.wire(fixture.alice).await;
        assert!(fixture.is_good(fixture.alice, &wire).await);
        assert!(!fixture.is_good(fixture.bob, &wire).await);
        assert!(!fixture.is_good(UserId(99), &wire).await);
        let week = Duration::from_secs(7 * 24 * 60 * 60);
        fixture.tickets.clock.advance(week - Duration::from_secs(1));
        assert!(fixture.is_good(fixture.alice, &wire).await);
        fixture.tickets.clock.advance(Duration::from_secs(1));
        assert!(!fixture.is_good(fixture.alice, &wire).await);
    }

    #[tokio::test]
    async fn a_new_password_voids_it() {
        let fixture = fixture().await;
        let wire = fixture.wire(fixture.alice).await;
        let store = &fixture.tickets.store;
        store
            .set_password(fixture.alice, record("other"), LegacyChange::Remove)
            .await
            .unwrap();
        assert!(!fixture.is_good(fixture.alice, &wire).await);
        let wire = fixture.wire(fixture.alice).await;
        assert!(fixture.is_good(fixture.alice, &wire).await);
    }

    #[tokio::test]
    async fn a_ticket_that_was_touched_is_none() {
        let fixture = fixture().await;
        let good = fixture.tickets.issue(fixture.alice).await.unwrap();
        let expires = 1_700_000_000 + LIFETIME_SECS;
        let forged = good.replace(
            &BASE64.encode(data(fixture.alice, expires)),
            &BASE64.encode(data(fixture.alice, expires + 1)),
        );
        assert_ne!(forged, good);
        let entity = good.replacen("<Data>", "<!DOCTYPE a><Data>", 1);
        for bad in [
            forged.as_str(),
            &entity,
            "",
            "<SignedTicket/>",
            "<SignedTicket><Data></Data><Sig></Sig></SignedTicket>",
        ] {
            assert!(!fixture.is_good(fixture.alice, &BASE64.encode(bad)).await);
        }
        assert!(!fixture.is_good(fixture.alice, &good).await, "not encoded");
        let long = BASE64.encode(format!("{good}{}", " ".repeat(WIRE_MAX)));
        assert!(!fixture.is_good(fixture.alice, &long).await);
    }
}
