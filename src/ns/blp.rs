//! `BLP n AL|BL`: how strangers are treated; `GTC n A|N`: what the client does about people who
//! add its owner (`docs/protocol/02 §5`).
//!
//! COMPAT: the value that is already set gets the normal reply; the historic `218` breaks clients
//! (`docs/protocol/25 §11`).

use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::dialect::settings::{privacy_word, prompt_word, read_privacy, read_prompt};
use crate::model::{Privacy, ReversePrompt};
use crate::service::Setting;
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct Blp {
    privacy: Privacy,
}

impl Blp {
    pub(super) fn parse(mut args: Arguments<'_>) -> Result<Self, Failure> {
        let privacy = read_privacy(args.field()?).ok_or(Failure::Violation)?;
        args.finish()?;
        Ok(Self { privacy })
    }

    pub(super) async fn apply(
        self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let setting = Setting::Privacy(self.privacy);
        let contacts = around.services.contacts.of(&client.guard);
        let done = contacts.set(client.guard.user(), setting).await?;
        client
            .dialect
            .changed("BLP", trid, done.owner.revision, out)
            .arg(privacy_word(self.privacy))
            .end();
        Ok(())
    }
}

#[derive(Debug)]
pub(super) struct Gtc {
    prompt: ReversePrompt,
}

impl Gtc {
    pub(super) fn parse(mut args: Arguments<'_>) -> Result<Self, Failure> {
        let prompt = read_prompt(args.field()?).ok_or(Failure::Violation)?;
        args.finish()?;
        Ok(Self { prompt })
    }

    pub(super) async fn apply(
        self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        let setting = Setting::ReversePrompt(self.prompt);
        let contacts = around.services.contacts.of(&client.guard);
        let done = contacts.set(client.guard.user(), setting).await?;
        client
            .dialect
            .changed("GTC", trid, done.owner.revision, out)
            .arg(prompt_word(self.prompt))
            .end();
        Ok(())
    }
}
