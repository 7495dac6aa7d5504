//! Which commands a client of a version may send (`docs/protocol/00 §5`).

use std::fmt;

use super::Dialect;
use crate::wire::Verb;

/// A set of client commands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Verbs(u64);

/// Every command that a client may send to a notification server in some version, in the order
/// of the bits in [`Verbs`].
const KNOWN: [&[u8; 3]; 42] = [
    b"VER", b"CVQ", b"CVR", b"INF", b"USR", b"XFR", b"OUT", b"PNG", b"SYN", b"LST", b"LSG", b"GTC",
    b"BLP", b"PRP", b"CHG", b"ADD", b"ADC", b"REM", b"REA", b"SBP", b"ADG", b"RMG", b"REG", b"QRY",
    b"IMS", b"URL", b"FND", b"SND", b"SDC", b"PAG", b"PGD", b"UUX", b"GCF", b"LKP", b"ADL", b"RML",
    b"FQY", b"UUN", b"UUM", b"RFS", b"PUT", b"SDG",
];

impl Verbs {
    pub(super) const NONE: Self = Self(0);
    /// What every client knows.
    pub(super) const BASE: Self = Self::of(&[
        b"VER", b"CVQ", b"CVR", b"INF", b"USR", b"XFR", b"OUT", b"PNG", b"SYN", b"LST", b"GTC",
        b"BLP", b"CHG", b"ADD", b"REM", b"REA", b"URL", b"FND", b"SND",
    ]);
    pub(super) const INF: Self = Self::of(&[b"INF"]);
    pub(super) const IMS: Self = Self::of(&[b"IMS"]);
    pub(super) const PHONES: Self = Self::of(&[b"PRP"]);
    pub(super) const SDC: Self = Self::of(&[b"SDC"]);
    /// Still known when it is not expected any more: it is refused with a number.
    pub(super) const PAG: Self = Self::of(&[b"PAG"]);
    pub(super) const PGD: Self = Self::of(&[b"PGD"]);
    pub(super) const QRY: Self = Self::of(&[b"QRY"]);
    pub(super) const GROUPS: Self = Self::of(&[b"LSG", b"ADG", b"RMG", b"REG"]);
    /// Asking for one list or the groups alone.
    pub(super) const LISTS: Self = Self::of(&[b"LST", b"LSG"]);
    pub(super) const ADD: Self = Self::of(&[b"ADD", b"REA"]);
    pub(super) const ADC: Self = Self::of(&[b"ADC", b"SBP"]);
    pub(super) const UUX: Self = Self::of(&[b"UUX", b"GCF"]);
    pub(super) const LKP: Self = Self::of(&[b"LKP"]);
    /// The contact list as it was kept before the web had it (`docs/protocol/10 §2`). `SBP` is
    /// not among them: there are clients that never stopped sending it.
    pub(super) const BOOK: Self = Self::of(&[
        b"SYN", b"LST", b"LSG", b"GTC", b"ADD", b"ADC", b"REM", b"REA", b"ADG", b"RMG", b"REG",
    ]);
    pub(super) const MEMBERSHIP: Self = Self::of(&[b"ADL", b"RML", b"FQY", b"RFS"]);
    pub(super) const UUN: Self = Self::of(&[b"UUN"]);
    pub(super) const UUM: Self = Self::of(&[b"UUM"]);
    pub(super) const CIRCLES: Self = Self::of(&[b"PUT", b"SDG"]);

    const fn of(verbs: &[&[u8; 3]]) -> Self {
        let mut bits = 0;
        let mut next = 0;
        while next < verbs.len() {
            #[expect(
                clippy::indexing_slicing,
                reason = "bounded by the loop, at compile time"
            )]
            let verb = verbs[next];
            match position(verb) {
                Some(bit) => bits |= 1 << bit,
                None => panic!("a verb that is not in the list of known ones"),
            }
            next += 1;
        }
        Self(bits)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

const fn position(verb: &[u8; 3]) -> Option<usize> {
    let mut next = 0;
    while next < KNOWN.len() {
        #[expect(clippy::indexing_slicing, reason = "bounded by the loop")]
        let known = KNOWN[next];
        if known[0] == verb[0] && known[1] == verb[1] && known[2] == verb[2] {
            return Some(next);
        }
        next += 1;
    }
    None
}

/// What a command is to a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    Current,
    /// A command of earlier versions, refused with a number.
    Retired,
    /// Nothing that a client of this version sends. It ends the connection, as in the historic
    /// service (`docs/protocol/00 §6`).
    Foreign,
}

impl Dialect {
    /// What this command is to clients of this version.
    pub fn usage(self, verb: Verb) -> Usage {
        let has = |verbs: Verbs| position(&verb.0).is_some_and(|bit| verbs.0 & (1 << bit) != 0);
        if has(self.0.verbs) {
            Usage::Current
        } else if has(self.0.retired) {
            Usage::Retired
        } else {
            Usage::Foreign
        }
    }
}

/// Whether some version has this client command.
pub fn exists(verb: Verb) -> bool {
    position(&verb.0).is_some()
}

impl fmt::Debug for Verbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = KNOWN
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, verb)| verb.escape_ascii().to_string())
            .collect();
        f.write_str(&names.join(" "))
    }
}
