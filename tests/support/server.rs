//! A real server on free ports, with a database of its own in a temporary folder.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chrysalis::clock::Clock;
use chrysalis::config::Config;
use chrysalis::model::{
    Address, ContactRef, GroupRef, Label, List, Phone, Privacy, ReversePrompt, UserId,
};
use chrysalis::server::Server;
use chrysalis::service::Services;
use chrysalis::service::accounts::{AccountSettings, Accounts};
use chrysalis::store::{AddToList, ListLimits, Opposite, Setting, Store};
use tempfile::TempDir;

use super::fixture::{Contact, Fixture, OwnList};
use super::player::Addresses;

/// Settings that differ from the defaults: free ports, and hashes that cost next to nothing.
const SETTINGS: &str = "listen.msnp = [\"127.0.0.1:0\"]\n\
                        listen.http = [\"127.0.0.1:0\"]\n\
                        listen.ops = [\"127.0.0.1:0\"]\n\
                        auth.argon2_memory_kib = 64\n\
                        auth.argon2_iterations = 1\n";

/// A server that runs until it is stopped.
#[derive(Debug)]
pub(crate) struct TestServer {
    pub(crate) addresses: Addresses,
    /// Where the metrics are.
    pub(crate) ops: SocketAddr,
    server: Server,
    /// Removed when the server is gone.
    folder: TempDir,
}

impl TestServer {
    /// Starts a server that has what the fixture asks for.
    pub(crate) async fn start(fixture: &Fixture) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let config = furnish(folder.path(), fixture).await?;
        Self::open(config, folder).await
    }

    /// Starts a server on what is in the folder.
    async fn open(config: Config, folder: TempDir) -> Result<Self, String> {
        let server = Server::start(config)
            .await
            .map_err(|error| format!("the server did not start: {error}"))?;
        let msnp = server.msnp_addrs().first().copied();
        let http = server.http_addrs().first().copied();
        let ops = server.ops_addrs().first().copied();
        let addresses = Addresses {
            msnp: msnp.ok_or("no address of the notification server")?,
            http: http.ok_or("no address of the web services")?,
        };
        Ok(Self {
            addresses,
            ops: ops.ok_or("no address of the metrics")?,
            server,
            folder,
        })
    }

    /// Where clients are only referred to the notification server, if the fixture asks for it.
    pub(crate) fn dispatch(&self) -> Option<SocketAddr> {
        self.server.dispatch_addrs().first().copied()
    }

    /// The operations, as an operator has them at the command line.
    pub(crate) fn services(&self) -> &Services {
        self.server.services()
    }

    /// The file of the database.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("data").join("chrysalis.db")
    }

    /// Stops the server and starts another one with the same settings and data, on other ports.
    pub(crate) async fn restart(self) -> Self {
        let Self { server, folder, .. } = self;
        assert!(server.stop().await, "the server does not stop");
        let config = Config::load(Some(&folder.path().join("config.toml")));
        Self::open(config.unwrap(), folder).await.unwrap()
    }

    /// The server's database, opened once more as the command line does.
    pub(crate) async fn store(&self) -> Store {
        let path = self.database();
        let opened = Store::open(&path, ListLimits::default());
        opened.await.unwrap()
    }

    /// Stops the server and waits until it is gone; answers whether all of it ended in time.
    pub(crate) async fn stop(self) -> bool {
        self.server.stop().await
    }
}

/// Makes a database in `folder/data` that has what the fixture asks for, and the settings of a
/// server for it.
pub(crate) async fn furnish(folder: &Path, fixture: &Fixture) -> Result<Config, String> {
    let config = config(folder, &fixture.config)?;
    fixture.apply(&config).await?;
    Ok(config)
}

/// Writes the settings to a file and loads it as an operator's would be.
fn config(folder: &Path, changes: &[(String, String)]) -> Result<Config, String> {
    let mut text = format!("data_dir = {:?}\n", folder.join("data"));
    let is_changed = |line: &str| {
        changes
            .iter()
            .any(|(name, _)| line.starts_with(name.as_str()))
    };
    for line in SETTINGS.lines().filter(|line| !is_changed(line)) {
        writeln!(text, "{line}").map_err(|error| error.to_string())?;
    }
    for (name, value) in changes {
        writeln!(text, "{name} = {value}").map_err(|error| error.to_string())?;
    }
    let path = folder.join("config.toml");
    std::fs::write(&path, text).map_err(|error| error.to_string())?;
    Config::load(Some(&path)).map_err(|error| error.to_string())
}

impl Fixture {
    /// Brings the accounts and their books about in the database, before the server opens it.
    pub(crate) async fn apply(&self, config: &Config) -> Result<(), String> {
        let store = Store::open(&config.database(), ListLimits::default())
            .await
            .map_err(|error| error.to_string())?;
        let settings = AccountSettings::new(&config.auth, &config.limits);
        let accounts = Accounts::open(store.clone(), Clock::system(), settings)
            .await
            .map_err(|error| error.to_string())?;
        for account in &self.accounts {
            let name = account.name.as_deref().map(name).transpose()?;
            accounts
                .create(
                    address(&account.address)?,
                    name,
                    account.password.clone().into(),
                    account.legacy,
                )
                .await
                .map_err(|error| error.to_string())?;
            if account.admin {
                let who = address(&account.address)?;
                let made = accounts.set_admin(&who, true);
                made.await.map_err(|error| error.to_string())?;
            }
        }
        for group in &self.groups {
            let owner = owner(&store, &group.owner).await?;
            done(store.create_group(owner, name(&group.name)?, |_| ()).await)?;
        }
        // Decisions come before the additions that would ask for them.
        for list in [OwnList::Allow, OwnList::Block, OwnList::Forward] {
            for contact in self.contacts.iter().filter(|one| one.lists.contains(&list)) {
                add(&store, contact, list).await?;
            }
        }
        for setting in &self.settings {
            let owner = owner(&store, &setting.owner).await?;
            let value = read_setting(&setting.name, &setting.value)?;
            done(store.change_setting(owner, value, |_| ()).await)?;
        }
        store.close().await;
        Ok(())
    }
}

/// Puts a contact on one list; a forward contact in each of its groups.
async fn add(store: &Store, contact: &Contact, list: OwnList) -> Result<(), String> {
    let owner = owner(store, &contact.owner).await?;
    let mut groups: Vec<Option<GroupRef>> = vec![None];
    if list == OwnList::Forward && !contact.groups.is_empty() {
        groups.clear();
        for group in &contact.groups {
            groups.push(Some(GroupRef::Name(name(group)?)));
        }
    }
    for group in groups {
        let request = AddToList {
            target: ContactRef::Address(address(&contact.other)?),
            list: match list {
                OwnList::Forward => List::Forward,
                OwnList::Allow => List::Allow,
                OwnList::Block => List::Block,
            },
            name: contact.name.as_deref().map(name).transpose()?,
            group,
            opposite: Opposite::Refused,
        };
        done(store.add_to_list(owner, request, |_| ()).await)?;
    }
    Ok(())
}

fn read_setting(name: &str, value: &str) -> Result<Setting, String> {
    let phone = |phone| {
        Label::from_wire(value.as_bytes(), Label::PHONE_MAX)
            .map(|value| Setting::Phone(phone, Some(value)))
            .map_err(|error| error.to_string())
    };
    match (name, value) {
        ("PHH", _) => phone(Phone::Home),
        ("PHW", _) => phone(Phone::Work),
        ("PHM", _) => phone(Phone::Mobile),
        ("MOB", _) => phone(Phone::MayPage),
        ("BLP", "AL") => Ok(Setting::Privacy(Privacy::AllowOthers)),
        ("BLP", "BL") => Ok(Setting::Privacy(Privacy::BlockOthers)),
        ("GTC", "A") => Ok(Setting::ReversePrompt(ReversePrompt::Ask)),
        ("GTC", "N") => Ok(Setting::ReversePrompt(ReversePrompt::AllowSilently)),
        _ => Err(format!("no setting {name} with the value {value}")),
    }
}

async fn owner(store: &Store, text: &str) -> Result<UserId, String> {
    store
        .account(&address(text)?)
        .await
        .map_err(|error| error.to_string())?
        .map(|account| account.id)
        .ok_or_else(|| format!("{text} was not created"))
}

fn address(text: &str) -> Result<Address, String> {
    Address::parse(text).map_err(|error| format!("{text}: {error}"))
}

fn name(text: &str) -> Result<Label, String> {
    Label::from_wire(text.as_bytes(), Label::NAME_MAX).map_err(|error| format!("{text}: {error}"))
}

/// A change that was refused is a mistake in the fixture.
fn done<T>(outcome: chrysalis::store::Published<T, ()>) -> Result<(), String> {
    match outcome {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(refusal)) => Err(format!("refused: {refusal}")),
        Err(error) => Err(error.to_string()),
    }
}
