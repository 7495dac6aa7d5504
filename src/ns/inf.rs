//! `INF n` -> `INF n MD5`: how to sign in (`docs/protocol/01 §1`).

use super::Failure;
use crate::dialect::Dialect;
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct Inf;

impl Inf {
    pub(super) fn parse(args: Arguments<'_>) -> Result<Self, Failure> {
        args.finish()?;
        Ok(Self)
    }

    pub(super) fn apply(&self, trid: u32, dialect: Dialect, out: &mut Outbox) {
        let methods = dialect.sign_in_methods().iter();
        out.line("INF")
            .arg(trid)
            .args(methods.map(|method| method.word()))
            .end();
    }
}
