//! `PNG` -> `QNG`, since MSNP9 with the seconds until the client asks again
//! (`docs/protocol/02 §13`).

use crate::dialect::Dialect;
use crate::wire::Outbox;

/// COMPAT: below six seconds some clients never stop asking (`docs/protocol/25 §12`).
const NEXT_PING_SECS: u32 = 50;

/// Answers a ping.
pub(super) fn answer(dialect: Dialect, out: &mut Outbox) {
    let next = dialect.has_ping_interval().then_some(NEXT_PING_SECS);
    out.line("QNG").maybe(next).end();
}
