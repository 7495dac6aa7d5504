//! `MSG n class length` and a body: saying something (`docs/protocol/03 §5`).

use std::time::Duration;

use bytes::Bytes;

use super::Failure;
use super::session::Seat;
use crate::dialect::Dialect;
use crate::model::Refusal;
use crate::net::Turn;
use crate::service::Services;
use crate::wire::{Frame, Outbox};

/// How long a sender waits when its only listener has fallen behind: file transfers slow down
/// instead of breaking off (`docs/protocol/25 §21`).
const BREATH: Duration = Duration::from_millis(20);
/// The same when there is hardly any room left: slower than any line that is in use at all.
const LONG_BREATH: Duration = Duration::from_secs(1);

/// What the sender wants to hear of the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Acknowledge {
    Never,
    Failure,
    Both,
}

#[derive(Debug)]
pub(super) struct Msg {
    acknowledge: Acknowledge,
    body: Bytes,
}

impl Msg {
    pub(super) fn parse(frame: Frame, dialect: Dialect) -> Result<Self, Failure> {
        let mut args = frame.parameters();
        let class = args.field()?;
        args.number()?;
        args.finish()?;
        let body = frame.payload().ok_or(Failure::Violation)?;
        let acknowledge = match class {
            b"U" => Acknowledge::Never,
            b"N" => Acknowledge::Failure,
            b"A" => Acknowledge::Both,
            b"D" if dialect.has_data_messages() => {
                if !has_headers(body) {
                    return Err(Refusal::BadMessage.into());
                }
                Acknowledge::Both
            }
            _ => return Err(Failure::Violation),
        };
        let body = frame.into_payload().ok_or(Failure::Violation)?;
        Ok(Self { acknowledge, body })
    }

    pub(super) fn apply(
        self,
        trid: u32,
        seat: &Seat,
        services: &Services,
        out: &mut Outbox,
    ) -> Result<Turn, Failure> {
        let delivery = services.chat.relay(&seat.membership, self.body);
        let answer = match (self.acknowledge, delivery.complete) {
            (Acknowledge::Both, true) => Some("ACK"),
            (Acknowledge::Both | Acknowledge::Failure, false) => Some("NAK"),
            (Acknowledge::Failure, true) | (Acknowledge::Never, _) => None,
        };
        if let Some(verb) = answer {
            out.line(verb).arg(trid).end();
        }
        Ok(if delivery.nearly_full {
            Turn::Pause(LONG_BREATH)
        } else if delivery.congested {
            Turn::Pause(BREATH)
        } else {
            Turn::Continue
        })
    }
}

/// Whether a body starts with a block of headers, as every message does.
fn has_headers(body: &[u8]) -> bool {
    let starts = body
        .get(..13)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"MIME-Version:"));
    starts && body.windows(4).any(|four| four == b"\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_told_from_other_bytes() {
        assert!(has_headers(
            b"MIME-Version: 1.0\r\nContent-Type: x\r\n\r\n\x00\x01"
        ));
        assert!(!has_headers(b"MIME-Version: 1.0\r\nContent-Type: x\r\n"));
        assert!(!has_headers(b"\x00\x01\r\n\r\n"));
        assert!(!has_headers(b""));
    }
}
