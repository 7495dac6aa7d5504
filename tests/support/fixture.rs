//! The accounts, contact books and settings that a transcript starts from.
//!
//! A fixture only says what shall exist, in wire spelling; `server` brings it about through the
//! same operations a client's commands would use.

/// A list a person can put somebody on. The other two follow from other people's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnList {
    Forward,
    Allow,
    Block,
}

/// An account that shall exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) address: String,
    pub(crate) password: String,
    /// In wire spelling; without it the address is the name.
    pub(crate) name: Option<String>,
    /// Whether the account has opted in to the MD5 sign-in.
    pub(crate) legacy: bool,
    /// Whether it may run the server.
    pub(crate) admin: bool,
}

/// An entry of one account's contact book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contact {
    pub(crate) owner: String,
    pub(crate) other: String,
    pub(crate) lists: Vec<OwnList>,
    /// Names of groups the contact is in, in wire spelling.
    pub(crate) groups: Vec<String>,
    /// The name the owner keeps for them, in wire spelling.
    pub(crate) name: Option<String>,
}

/// Something the owner has named or set: a group, or a setting with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Everything a transcript asks for before its first line is played.
///
/// To apply it: settings of the server, accounts, groups, then allow and block lists of
/// everybody before any forward list, so that nobody is left undecided by the order alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fixture {
    pub(crate) accounts: Vec<Account>,
    pub(crate) groups: Vec<Named>,
    pub(crate) contacts: Vec<Contact>,
    /// `PHH`, `PHW`, `PHM`, `MOB`, `BLP`, `GTC`, by account.
    pub(crate) settings: Vec<Named>,
    /// Settings of the server, by their name in the configuration.
    pub(crate) config: Vec<(String, String)>,
}

impl Fixture {
    /// Finds an account by its address, or by what stands before the `@`.
    pub(crate) fn account(&self, name: &str) -> Result<&Account, String> {
        self.accounts
            .iter()
            .find(|account| {
                account.address == name
                    || account
                        .address
                        .split_once('@')
                        .is_some_and(|(local, _)| local == name)
            })
            .ok_or_else(|| format!("there is no account {name}; name it with @account first"))
    }

    /// Reads one `@` statement. `Ok(false)` if it is not about the fixture.
    pub(crate) fn read(&mut self, keyword: &str, rest: &str) -> Result<bool, String> {
        let mut words = rest.split_whitespace();
        let mut next = |what: &str| words.next().ok_or_else(|| format!("{what} is missing"));
        match keyword {
            "@account" => {
                let address = next("the address")?.to_owned();
                let mut account = Account {
                    address,
                    password: String::new(),
                    name: None,
                    legacy: false,
                    admin: false,
                };
                for word in words {
                    match word.split_once('=') {
                        Some(("password", value)) => value.clone_into(&mut account.password),
                        Some(("name", value)) => account.name = Some(value.to_owned()),
                        None if word == "legacy" => account.legacy = true,
                        None if word == "admin" => account.admin = true,
                        _ => return Err(format!("an account has no {word}")),
                    }
                }
                if account.password.is_empty() {
                    return Err("the account has no password".to_owned());
                }
                self.accounts.push(account);
            }
            "@contact" => {
                let owner = self.address(next("the owner")?)?;
                let other = self.address(next("the contact")?)?;
                let mut contact = Contact {
                    owner,
                    other,
                    lists: Vec::new(),
                    groups: Vec::new(),
                    name: None,
                };
                for word in words {
                    match (word, word.split_once('=')) {
                        ("FL", _) => contact.lists.push(OwnList::Forward),
                        ("AL", _) => contact.lists.push(OwnList::Allow),
                        ("BL", _) => contact.lists.push(OwnList::Block),
                        (_, Some(("group", name))) => contact.groups.push(name.to_owned()),
                        (_, Some(("name", name))) => contact.name = Some(name.to_owned()),
                        _ => return Err(format!("a contact has no {word}")),
                    }
                }
                self.contacts.push(contact);
            }
            "@friends" => {
                let one = self.address(next("the first friend")?)?;
                let two = self.address(next("the second friend")?)?;
                for (owner, other) in [(&one, &two), (&two, &one)] {
                    self.contacts.push(Contact {
                        owner: owner.clone(),
                        other: other.clone(),
                        lists: vec![OwnList::Forward, OwnList::Allow],
                        groups: Vec::new(),
                        name: self.account(other)?.name.clone(),
                    });
                }
            }
            "@group" => {
                let owner = self.address(next("the owner")?)?;
                let name = next("the group's name")?.to_owned();
                self.groups.push(Named {
                    owner,
                    name,
                    value: String::new(),
                });
            }
            "@setting" => {
                let owner = self.address(next("the owner")?)?;
                let name = next("the setting")?.to_owned();
                let value = next("the value")?.to_owned();
                self.settings.push(Named { owner, name, value });
            }
            "@config" => {
                let name = next("the name")?.to_owned();
                let value = next("the value")?.to_owned();
                self.config.push((name, value));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn address(&self, name: &str) -> Result<String, String> {
        self.account(name).map(|account| account.address.clone())
    }
}

mod tests {
    use super::*;

    #[test]
    fn statements_become_a_fixture() {
        let mut fixture = Fixture::default();
        for (keyword, rest) in [
            (
                "@account",
                "alice@example.com password=secret name=Alice%20A legacy",
            ),
            ("@account", "bob@example.com password=hunter2"),
            ("@group", "alice Friends"),
            ("@contact", "alice bob FL AL group=Friends name=Bob%20B"),
            ("@setting", "alice PHH 555%200100"),
        ] {
            assert_eq!(fixture.read(keyword, rest), Ok(true), "{keyword} {rest}");
        }
        let alice = fixture.account("alice").unwrap();
        assert_eq!(alice.address, "alice@example.com");
        assert!(alice.legacy);
        assert_eq!(
            fixture.contacts,
            [Contact {
                owner: "alice@example.com".to_owned(),
                other: "bob@example.com".to_owned(),
                lists: vec![OwnList::Forward, OwnList::Allow],
                groups: vec!["Friends".to_owned()],
                name: Some("Bob%20B".to_owned()),
            }]
        );
        assert_eq!(fixture.settings[0].value, "555%200100");
    }

    #[test]
    fn mistakes_are_named() {
        let mut fixture = Fixture::default();
        assert!(fixture.read("@account", "a@b.c").is_err());
        assert!(fixture.read("@contact", "alice bob FL").is_err());
        assert_eq!(fixture.read("@other", "x"), Ok(false));
    }
}
