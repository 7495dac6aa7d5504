//! `PRP n key [value]`: the own phone numbers, and the own name since MSNP10
//! (`docs/protocol/02 §5`).

use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::dialect::{Dialect, ListChangeStyle, NameStyle};
use crate::model::{Address, Label, Phone, Refusal};
use crate::service::Setting;
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct Prp<'a> {
    setting: Setting,
    key: &'a [u8],
    value: Option<&'a [u8]>,
}

impl<'a> Prp<'a> {
    /// Keys that the server alone sets are not expected from a client, nor are unknown ones; a
    /// key or number that is too long ends the session, as the historic service did.
    pub(super) fn parse(
        mut args: Arguments<'a>,
        dialect: Dialect,
        own: &Address,
    ) -> Result<Self, Failure> {
        let key = args.field()?;
        let value = args.next_field();
        args.finish()?;
        let setting = match key {
            b"PHH" => phone(Phone::Home, value)?,
            b"PHW" => phone(Phone::Work, value)?,
            b"PHM" => phone(Phone::Mobile, value)?,
            b"MOB" => phone(Phone::MayPage, value)?,
            b"MFN" if dialect.name_style() == NameStyle::Property => {
                let spelled = value.unwrap_or_default();
                if spelled.is_empty() && dialect.list_change_style() == ListChangeStyle::Membership
                {
                    // Without a name one is called by the address (`docs/protocol/10 §2, §4`).
                    Setting::Name(label_of(own)?)
                } else {
                    Setting::Name(name(spelled)?)
                }
            }
            _ if key.len() == 3 => return Err(Failure::Refused(Refusal::NotExpected)),
            _ => return Err(Failure::Violation),
        };
        Ok(Self {
            setting,
            key,
            value,
        })
    }

    pub(super) async fn apply(
        self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let contacts = around.services.contacts.of(&client.guard);
        let done = contacts.set(client.guard.user(), self.setting).await?;
        client
            .dialect
            .changed("PRP", trid, done.owner.revision, out)
            .arg(self.key)
            .maybe(self.value)
            .end();
        Ok(())
    }
}

fn phone(phone: Phone, value: Option<&[u8]>) -> Result<Setting, Failure> {
    let value = value
        .map(|value| Label::from_wire(value, Label::PHONE_MAX))
        .transpose()
        .map_err(|_| Failure::Violation)?;
    Ok(Setting::Phone(phone, value))
}

fn label_of(address: &Address) -> Result<Label, Failure> {
    Label::from_text(address.as_str(), Label::NAME_MAX)
        .map_err(|_| Failure::Refused(Refusal::IllegalName))
}

/// Reads a display name; there has to be one.
pub(super) fn name(field: &[u8]) -> Result<Label, Failure> {
    Label::from_wire(field, Label::NAME_MAX)
        .ok()
        .filter(|name| !name.is_empty())
        .ok_or(Failure::Refused(Refusal::IllegalName))
}
