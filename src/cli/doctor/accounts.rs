//! Two accounts that exist as long as the check takes.

use anyhow::Context as _;

use crate::cli::user;
use crate::client::Credentials;
use crate::config::Config;
use crate::model::{Address, ContactRef, List, UserId};
use crate::service::accounts::Accounts;
use crate::service::random_word;
use crate::store::{AddToList, Opposite, Store};

/// No mail ever goes there (RFC 2606), and nobody's address ends like this.
const DOMAIN: &str = "chrysalis.invalid";
/// Letters of a random word that tell one check from another.
const WORD: usize = 12;

/// Accounts made for a check, which are each other's contacts.
#[derive(Debug)]
pub(super) struct Guests {
    store: Store,
    accounts: Accounts,
    people: Vec<Guest>,
}

#[derive(Debug)]
struct Guest {
    address: Address,
    password: String,
}

impl Guests {
    /// Makes them. On an error none is left.
    pub(super) async fn invite(config: &Config) -> anyhow::Result<Self> {
        let (store, accounts) = user::open(config).await?;
        let mut guests = Self {
            store,
            accounts,
            people: Vec::new(),
        };
        match guests.make().await {
            Ok(()) => Ok(guests),
            Err(error) => {
                // What was made goes; the reason for failing is that of making it.
                let _ = guests.leave().await;
                Err(error)
            }
        }
    }

    async fn make(&mut self) -> anyhow::Result<()> {
        let mut users = Vec::new();
        for number in 1..=2 {
            let word: String = random_word().chars().take(WORD).collect();
            let address = Address::parse(&format!("doctor-{word}-{number}@{DOMAIN}"))?;
            // Short enough for the clients that cut passwords (`docs/protocol/25 §6`).
            let password: String = random_word().chars().take(WORD).collect();
            let secret = password.as_str().into();
            let user = self.accounts.create(address.clone(), None, secret, true);
            let user = user.await.context("an account cannot be made")?;
            users.push((user, address.clone()));
            self.people.push(Guest { address, password });
        }
        for (owner, _) in &users {
            for (other, address) in &users {
                if owner != other {
                    self.befriend(*owner, address).await?;
                }
            }
        }
        Ok(())
    }

    async fn befriend(&self, owner: UserId, other: &Address) -> anyhow::Result<()> {
        for list in [List::Allow, List::Forward] {
            let request = AddToList {
                target: ContactRef::Address(other.clone()),
                list,
                name: None,
                group: None,
                opposite: Opposite::Refused,
            };
            let added = self.store.add_to_list(owner, request, |_| ()).await?;
            if let Err(refusal) = added {
                anyhow::bail!("the two cannot be made contacts: {refusal}");
            }
        }
        Ok(())
    }

    /// What they sign in with.
    pub(super) fn credentials(&self) -> Vec<Credentials> {
        let people = self.people.iter();
        people
            .map(|guest| Credentials {
                address: guest.address.to_string(),
                password: guest.password.clone(),
            })
            .collect()
    }

    /// Their addresses.
    pub(super) fn names(&self) -> String {
        let names = self.people.iter().map(|guest| guest.address.as_str());
        names.collect::<Vec<_>>().join(" ")
    }

    /// Removes them, and closes the database.
    pub(super) async fn leave(&self) -> anyhow::Result<()> {
        let mut outcome = Ok(());
        for guest in &self.people {
            let deleted = self.accounts.delete(&guest.address).await;
            outcome = outcome.and(deleted.map_err(anyhow::Error::from));
        }
        self.store.close().await;
        outcome
    }
}
