//! `SYN n version`: the contact list; `LST n list` and `LSG n`: a part of it
//! (`docs/protocol/02 §3, §4`).

use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::dialect::roster::{self, Cached};
use crate::dialect::{Dialect, VersionStyle};
use crate::model::{ContactBook, List, Refusal};
use crate::wire::{Arguments, Outbox};

/// The wish for the list, with the version that the client has.
#[derive(Debug)]
pub(super) struct Syn {
    cached: Cached,
}

impl Syn {
    /// Something else than a version is no version that the server ever gave: the client gets
    /// the whole list.
    pub(super) fn parse(mut args: Arguments<'_>, dialect: Dialect) -> Result<Self, Failure> {
        let cached = match dialect.version_style() {
            VersionStyle::Serial => Cached::Serial(args.text()?.parse().unwrap_or_default()),
            VersionStyle::Stamps => {
                let lists = args.text()?.to_owned();
                let settings = args.next_field().unwrap_or(b"0");
                Cached::Stamps(lists, String::from_utf8_lossy(settings).into_owned())
            }
        };
        args.finish()?;
        Ok(Self { cached })
    }

    pub(super) async fn apply(
        self,
        trid: u32,
        client: &mut SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let book = own_book(client, around).await?;
        client.has_synced = true;
        if client.dialect.is_current(&self.cached, &book) {
            client.dialect.roster_unchanged(trid, &book, out);
        } else {
            client.dialect.roster(trid, &book, out);
        }
        Ok(())
    }
}

/// The wish for one list.
#[derive(Debug)]
pub(super) struct Lst {
    list: List,
}

impl Lst {
    pub(super) fn parse(mut args: Arguments<'_>) -> Result<Self, Failure> {
        let list = roster::read_list(args.field()?).filter(|list| *list != List::Pending);
        args.finish()?;
        list.map(|list| Self { list })
            .ok_or(Failure::Refused(Refusal::UnknownGroup))
    }

    pub(super) async fn apply(
        self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let book = own_book(client, around).await?;
        client.dialect.list_lines(trid, self.list, &book, out);
        Ok(())
    }
}

/// The wish for the groups.
#[derive(Debug)]
pub(super) struct Lsg;

impl Lsg {
    pub(super) fn parse(args: Arguments<'_>) -> Result<Self, Failure> {
        args.finish()?;
        Ok(Self)
    }

    pub(super) async fn apply(
        self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let book = own_book(client, around).await?;
        client.dialect.group_lines(trid, &book, out);
        Ok(())
    }
}

async fn own_book(client: &SignedIn, around: &Surroundings) -> Result<ContactBook, Failure> {
    let contacts = &around.services.contacts;
    let book = contacts.book(client.guard.user()).await?;
    book.ok_or(Failure::Refused(Refusal::Unavailable))
}
