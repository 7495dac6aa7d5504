//! `VER n MSNP12 MSNP11 CVR0` -> the versions in common (`docs/protocol/00 §3`).

use crate::dialect::{Dialect, Negotiation};
use crate::wire::{Arguments, Outbox};

/// What was agreed on.
pub(super) enum Negotiated {
    Dialect(Dialect),
    UpgradeOnly,
    Nothing,
}

/// Reads the offer, chooses and answers.
pub(super) fn negotiate(trid: u32, mut offer: Arguments<'_>, out: &mut Outbox) -> Negotiated {
    let names =
        std::iter::from_fn(|| offer.next_field()).filter_map(|name| std::str::from_utf8(name).ok());
    match Dialect::negotiate(names) {
        Negotiation::Agreed { dialect, answer } => {
            let names = answer.iter().map(String::as_str);
            out.line("VER").arg(trid).args(names).end();
            Negotiated::Dialect(dialect)
        }
        Negotiation::UpgradeOnly => {
            out.line("VER").arg(trid).arg("CVR0").end();
            Negotiated::UpgradeOnly
        }
        Negotiation::Nothing => {
            out.line("VER").arg(trid).arg("0").end();
            Negotiated::Nothing
        }
    }
}
