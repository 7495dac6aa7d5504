//! `URL n service [parameter]` -> where a page of the service is (`docs/protocol/01 §6`).
//!
//! There is no mail here. Every service leads to this server's own pages, never to somebody
//! else's, because the client posts a form with a digest of the password there.

use super::Failure;
use super::session::Surroundings;
use crate::dialect::{Dialect, WebFormStyle};
use crate::wire::{Arguments, Outbox};

/// The site that the sign-in form of mail has.
const MAIL_SITE: u32 = 2;

#[derive(Debug)]
pub(super) struct Url;

impl Url {
    pub(super) fn parse(mut args: Arguments<'_>) -> Result<Self, Failure> {
        args.field()?;
        args.next_field();
        args.finish()?;
        Ok(Self)
    }

    pub(super) fn apply(
        &self,
        trid: u32,
        dialect: Dialect,
        around: &Surroundings,
        out: &mut Outbox,
    ) {
        let page = match dialect.web_form_style() {
            WebFormStyle::Md5 => "md5auth.srf",
            WebFormStyle::Sha1 => "sha1auth.srf",
        };
        let form = format!("{}/ppsecure/{page}?lc=1033", around.web_address());
        let site = dialect.has_url_site().then_some(MAIL_SITE);
        out.line("URL")
            .arg(trid)
            .arg("/")
            .arg(form.as_str())
            .maybe(site)
            .end();
    }
}
