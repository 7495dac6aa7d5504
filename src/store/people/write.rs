//! People into the database: all of them, or none.
//!
//! One transaction takes a whole document, so a run that is killed has changed nothing and can be
//! done again. An account that is there already is left as it is, whatever the document says of it:
//! so a second run of the same document changes nothing, and nobody's changes since are undone.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::accounts::{self, NewAccount, PasswordRecord};
use super::super::book::bump_lists;
use super::super::notices::{NoticeKind, post};
use super::super::turn::Turn;
use super::super::{Store, StoreError};
use super::items::{self, Unusable, bits, unusable};
use super::repair::{Repairs, repair};
use super::{Dossier, KeptContact, KeptLists, KeptPassword, People};
use crate::model::{Address, Guid, Label, UserId};

/// A hash that no password has, for accounts whose password is unknown. It costs next to nothing to
/// find that out, and nobody can sign in with it before there is a new password.
const NO_PASSWORD: &str =
    "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// Remarks that are kept; of more there is only the number.
const REMARKS: usize = 200;

/// How far an import is, for whoever shows it.
#[derive(Debug, Default)]
pub struct ImportWatch {
    /// People that are written, counted twice: once for themselves, once for their book.
    pub done: AtomicU64,
}

/// What an import did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportReport {
    /// People who have an account now.
    pub added: u64,
    /// Addresses that had one before, and were left alone.
    pub existing: Vec<String>,
    /// Of those who were added: nobody can sign in to them before they have a password.
    pub without_password: u64,
    pub groups: u64,
    pub contacts: u64,
    /// Of the contacts: they have no account here, and are in the address book only.
    pub contacts_without_account: u64,
    pub cards: u64,
    pub circles: u64,
    pub offline_messages: u64,
    pub pictures: u64,
    pub repairs: Repairs,
    /// What else somebody should know.
    pub remarks: Vec<String>,
    /// Remarks beyond those.
    pub further_remarks: u64,
}

impl ImportReport {
    pub(super) fn remark(&mut self, text: String) {
        if self.remarks.len() < REMARKS {
            self.remarks.push(text);
        } else {
            self.further_remarks += 1;
        }
    }
}

impl Store {
    /// Adds everybody in the document who has no account yet, with all they have. With `dry_run`
    /// everything is done and then taken back.
    ///
    /// Lists that contradict each other are put right. The inner error says what in the document
    /// cannot be used; then nothing was changed.
    pub async fn import_people(
        &self,
        people: People,
        dry_run: bool,
        watch: Arc<ImportWatch>,
    ) -> Result<Result<ImportReport, Unusable>, StoreError> {
        self.writer
            .run(move |turn| Box::pin(async move { run(turn, &people, dry_run, &watch).await }))
            .await
    }
}

async fn run(
    turn: &mut Turn,
    people: &People,
    dry_run: bool,
    watch: &ImportWatch,
) -> Result<Result<ImportReport, Unusable>, StoreError> {
    execute(turn, "SAVEPOINT import").await?;
    let mut import = Import {
        turn,
        known: HashMap::new(),
        report: ImportReport::default(),
    };
    let outcome = match import.everything(people, watch).await {
        Ok(()) => Ok(import.report),
        Err(Trouble::Unusable(unusable)) => Err(unusable),
        Err(Trouble::Failed(error)) => return Err(error),
    };
    if dry_run || outcome.is_err() {
        execute(turn, "ROLLBACK TO import").await?;
    }
    execute(turn, "RELEASE import").await?;
    Ok(outcome)
}

async fn execute(turn: &mut Turn, statement: &'static str) -> Result<(), StoreError> {
    sqlx::query(statement)
        .execute(turn.connection().await?)
        .await?;
    Ok(())
}

/// Why an import stops.
#[derive(Debug)]
pub(super) enum Trouble {
    Unusable(Unusable),
    Failed(StoreError),
}

impl From<Unusable> for Trouble {
    fn from(unusable: Unusable) -> Self {
        Self::Unusable(unusable)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Somebody that the document speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) user: UserId,
    /// Whether this import made the account.
    pub(super) is_new: bool,
}

pub(super) struct Import<'t> {
    pub(super) turn: &'t mut Turn,
    /// By address; `None` for those without account.
    known: HashMap<String, Option<Known>>,
    pub(super) report: ImportReport,
}

impl Import<'_> {
    async fn everything(&mut self, people: &People, watch: &ImportWatch) -> Result<(), Trouble> {
        let mut added = Vec::new();
        for dossier in &people.people {
            if let Some(user) = self.account(dossier).await? {
                added.push((user, dossier));
            }
            watch.done.fetch_add(1, Ordering::Relaxed);
        }
        let mut rows = self.contact_rows(&added).await?;
        let is_new: std::collections::HashSet<UserId> =
            added.iter().map(|&(user, _)| user).collect();
        self.report.repairs = repair(&mut rows, |user| is_new.contains(&user));
        let addresses: HashMap<UserId, &Dossier> = added.iter().copied().collect();
        for &(user, dossier) in &added {
            self.book(user, dossier, &rows, &addresses).await?;
            watch.done.fetch_add(1, Ordering::Relaxed);
        }
        for &(user, dossier) in &added {
            self.letters(user, dossier).await?;
        }
        for circle in &people.circles {
            self.circle(circle).await?;
        }
        Ok(())
    }

    /// Whoever has this address, if anybody has.
    pub(super) async fn known(&mut self, address: &str) -> Result<Option<Known>, Trouble> {
        let Ok(address) = Address::parse(address) else {
            return Ok(None);
        };
        if let Some(known) = self.known.get(address.as_str()) {
            return Ok(*known);
        }
        let found: Option<i64> = sqlx::query_scalar("SELECT id FROM account WHERE address = $1")
            .bind(address.as_str())
            .fetch_optional(self.turn.connection().await?)
            .await?;
        let known = found.map(|id| Known {
            user: UserId(id),
            is_new: false,
        });
        self.known.insert(address.as_str().to_owned(), known);
        Ok(known)
    }

    /// Makes an account with all but its book; `None` if the address has one.
    async fn account(&mut self, dossier: &Dossier) -> Result<Option<UserId>, Trouble> {
        let who = dossier.address.as_str();
        let address = Address::parse(who).map_err(|_| unusable(who, "its address"))?;
        let new = NewAccount {
            address: address.clone(),
            name: items::label(&dossier.name, Label::NAME_MAX, who, "its name")?,
            password: PasswordRecord {
                full: NO_PASSWORD.to_owned(),
                first16: None,
            },
            legacy: None,
        };
        let Some(user) = accounts::create(self.turn, new).await? else {
            self.report.existing.push(address.to_string());
            return Ok(None);
        };
        let known = Some(Known { user, is_new: true });
        self.known.insert(address.to_string(), known);
        self.report.added += 1;
        self.settings(user, dossier).await?;
        match &dossier.password {
            Some(password) => self.password(user, password, who).await?,
            None => self.report.without_password += 1,
        }
        self.own_card(user, dossier).await?;
        self.groups(user, dossier).await?;
        self.profile(user, dossier).await?;
        self.members(user, dossier).await?;
        Ok(Some(user))
    }

    async fn password(
        &mut self,
        user: UserId,
        password: &KeptPassword,
        who: &str,
    ) -> Result<(), Trouble> {
        let has_any = password.full.is_some() || password.imported.is_some();
        self.report.without_password += u64::from(!has_any);
        let legacy = password.legacy.as_ref();
        let is_sound = legacy.is_none_or(|legacy| {
            let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            // The salt is one field of a command line.
            let is_field = |byte: u8| byte.is_ascii_graphic();
            legacy.digest.len() == 32
                && legacy.digest.bytes().all(is_hex)
                && (1..=64).contains(&legacy.salt.len())
                && legacy.salt.bytes().all(is_field)
        });
        if !is_sound {
            return Err(unusable(who, "its secret for the oldest clients").into());
        }
        let full = password.full.as_deref();
        let full = full.filter(|_| password.imported.is_none());
        sqlx::query(
            "UPDATE credential SET password_full = COALESCE($2, password_full), \
             password_first16 = $3, imported_hash = $4, legacy_salt = $5, legacy_digest = $6, \
             legacy_is_separate = $7 WHERE user_id = $1",
        )
        .bind(user.0)
        .bind(full)
        .bind(&password.first16)
        .bind(&password.imported)
        .bind(legacy.map(|it| &it.salt))
        .bind(legacy.map(|it| &it.digest))
        .bind(legacy.is_some_and(|it| it.is_separate))
        .execute(self.turn.connection().await?)
        .await?;
        Ok(())
    }

    /// The lists of everybody who was added, by pairs of accounts. Who is in a book without having
    /// an account gets a card there.
    async fn contact_rows(
        &mut self,
        added: &[(UserId, &Dossier)],
    ) -> Result<BTreeMap<(UserId, UserId), KeptLists>, Trouble> {
        let mut rows = BTreeMap::new();
        for &(owner, dossier) in added {
            for contact in &dossier.contacts {
                match self.known(&contact.address).await? {
                    Some(known) if known.user == owner => self.report.repairs.meaningless += 1,
                    Some(known) => {
                        rows.insert((owner, known.user), contact.lists);
                    }
                    None => self.stranger(owner, dossier, contact).await?,
                }
            }
        }
        Ok(rows)
    }

    /// Writes somebody's contacts with their cards, and what others see of it.
    async fn book(
        &mut self,
        owner: UserId,
        dossier: &Dossier,
        rows: &BTreeMap<(UserId, UserId), KeptLists>,
        added: &HashMap<UserId, &Dossier>,
    ) -> Result<(), Trouble> {
        let stamp = self.turn.tick().0;
        let mut revision: i64 = sqlx::query_scalar("SELECT revision FROM account WHERE id = $1")
            .bind(owner.0)
            .fetch_one(self.turn.connection().await?)
            .await?;
        let mut written = std::collections::HashSet::new();
        let mut followed = HashMap::new();
        for contact in &dossier.contacts {
            let Some(known) = self.known(&contact.address).await? else {
                continue;
            };
            let Some(&lists) = rows.get(&(owner, known.user)) else {
                continue;
            };
            if !written.insert(known.user) {
                return Err(unusable(&dossier.address, "a contact that is there twice").into());
            }
            revision += 1;
            self.contact(
                owner,
                known.user,
                contact,
                lists,
                (revision, stamp),
                dossier,
            )
            .await?;
            if lists.forward {
                followed.insert(known.user, contact.guid.clone());
                if !known.is_new {
                    self.tell_the_old(known.user, owner, dossier).await?;
                }
            }
        }
        // Those whom only the repair put into the book.
        let all = (owner, UserId(i64::MIN))..=(owner, UserId(i64::MAX));
        for (&(_, target), &lists) in rows.range(all) {
            if written.contains(&target) {
                continue;
            }
            let Some(other) = added.get(&target) else {
                continue;
            };
            revision += 1;
            let contact = KeptContact {
                address: other.address.clone(),
                guid: Guid::random().to_string(),
                name: other.name.clone(),
                created_at: self.turn.now,
                ..KeptContact::default()
            };
            self.contact(owner, target, &contact, lists, (revision, stamp), dossier)
                .await?;
        }
        sqlx::query("UPDATE account SET revision = $2 WHERE id = $1")
            .bind(owner.0)
            .bind(revision)
            .execute(self.turn.connection().await?)
            .await?;
        self.cards(owner, dossier, followed, stamp).await
    }

    async fn contact(
        &mut self,
        owner: UserId,
        target: UserId,
        contact: &KeptContact,
        lists: KeptLists,
        (revision, stamp): (i64, i64),
        dossier: &Dossier,
    ) -> Result<(), Trouble> {
        let who = &dossier.address;
        let mut group_bits = items::group_bits(&contact.groups, dossier, who)?;
        if !lists.forward && group_bits != 0 {
            group_bits = 0;
            self.report.repairs.grouped_without_forward += 1;
        }
        let guid = items::guid(&contact.guid, who, "the identity of a contact")?;
        let name = items::label(&contact.name, Label::NAME_MAX, who, "the name of a contact")?;
        let invitation = contact.invitation.as_deref();
        sqlx::query(
            "INSERT INTO contact (owner_id, contact_id, guid, name, list_bits, group_bits, \
             added_in, created_at, changed_at, invitation) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(owner.0)
        .bind(target.0)
        .bind(guid.to_string())
        .bind(name.as_str())
        .bind(bits(lists))
        .bind(group_bits)
        .bind(revision)
        .bind(contact.created_at)
        .bind(stamp)
        .bind(invitation.filter(|_| lists.pending))
        .execute(self.turn.connection().await?)
        .await?;
        self.report.contacts += 1;
        Ok(())
    }

    /// Puts somebody who was added on the reverse list of an account that was there before, as if
    /// they had just added it.
    async fn tell_the_old(
        &mut self,
        old: UserId,
        new: UserId,
        dossier: &Dossier,
    ) -> Result<(), Trouble> {
        let stamp = self.turn.tick().0;
        let revision = bump_lists(self.turn, old).await?;
        let lists = KeptLists {
            reverse: true,
            pending: true,
            ..KeptLists::default()
        };
        sqlx::query(
            "INSERT INTO contact (owner_id, contact_id, guid, name, list_bits, group_bits, \
             added_in, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $8)",
        )
        .bind(old.0)
        .bind(new.0)
        .bind(Guid::random().to_string())
        .bind(&dossier.name)
        .bind(bits(lists))
        .bind(revision.cast_signed())
        .bind(self.turn.now)
        .bind(stamp)
        .execute(self.turn.connection().await?)
        .await?;
        post(self.turn, old, &NoticeKind::BookChanged).await?;
        Ok(())
    }
}
