//! Making lists consistent before they are written.
//!
//! In a database of ours one's forward list and the other's reverse list always agree, nobody is
//! allowed and blocked at once, and whoever is pending follows the owner. Another server's lists,
//! or a file that somebody edited, need not be like that. The forward list says what people want,
//! so it decides; and who is on both the allow and the block list stays blocked, because a mistake
//! in that direction hurts nobody.

use std::collections::BTreeMap;

use super::KeptLists;
use crate::model::UserId;

/// Whose list, and who is on it.
pub(super) type Pair = (UserId, UserId);

/// What had to be put right, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repairs {
    /// Allowed and blocked at once; blocked now.
    pub allowed_and_blocked: u64,
    /// On a forward list without the other side's reverse list; put there.
    pub reverse_missing: u64,
    /// On a reverse list without the other side's forward list; taken off.
    pub reverse_without_forward: u64,
    /// Pending without being on the reverse list, or although it was decided; not pending now.
    pub pending_without_reason: u64,
    /// In a group without being on the forward list; in none now.
    pub grouped_without_forward: u64,
    /// In one's own list, or on no list at all; left out.
    pub meaningless: u64,
}

impl Repairs {
    /// How many in all.
    pub fn total(&self) -> u64 {
        self.allowed_and_blocked
            + self.reverse_missing
            + self.reverse_without_forward
            + self.pending_without_reason
            + self.grouped_without_forward
            + self.meaningless
    }
}

/// Puts right what everybody has on their lists. A row that is missing on the other side of a
/// forward list is made, where `is_new` says that the other side is written by this import too; a
/// row that is left without any list is removed.
pub(super) fn repair(
    rows: &mut BTreeMap<Pair, KeptLists>,
    is_new: impl Fn(UserId) -> bool,
) -> Repairs {
    let mut repairs = Repairs::default();
    for lists in rows.values_mut() {
        if lists.allow && lists.block {
            lists.allow = false;
            repairs.allowed_and_blocked += 1;
        }
    }
    let follows: Vec<Pair> = rows
        .iter()
        .filter(|(_, lists)| lists.forward)
        .map(|(&pair, _)| pair)
        .collect();
    for (owner, target) in &follows {
        if !is_new(*target) {
            continue;
        }
        let back = rows.entry((*target, *owner)).or_default();
        if !back.reverse {
            back.reverse = true;
            back.pending = !back.allow && !back.block;
            repairs.reverse_missing += 1;
        }
    }
    let pairs: Vec<Pair> = rows.keys().copied().collect();
    for pair in pairs {
        let follower = (pair.1, pair.0);
        let is_followed = rows.get(&follower).is_some_and(|lists| lists.forward);
        let Some(lists) = rows.get_mut(&pair) else {
            continue;
        };
        if lists.reverse && !is_followed {
            lists.reverse = false;
            lists.pending = false;
            repairs.reverse_without_forward += 1;
        }
        if lists.pending && !lists.reverse {
            lists.pending = false;
            repairs.pending_without_reason += 1;
        }
    }
    rows.retain(|_, lists| {
        let is_on_any = *lists != KeptLists::default();
        repairs.meaningless += u64::from(!is_on_any);
        is_on_any
    });
    repairs
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: UserId = UserId(1);
    const B: UserId = UserId(2);
    const OLD: UserId = UserId(3);

    fn lists(text: &str) -> KeptLists {
        KeptLists {
            forward: text.contains('F'),
            allow: text.contains('A'),
            block: text.contains('B'),
            reverse: text.contains('R'),
            pending: text.contains('P'),
        }
    }

    fn repaired(before: &[(Pair, &str)]) -> (Vec<(Pair, KeptLists)>, Repairs) {
        let rows = before.iter().map(|&(pair, text)| (pair, lists(text)));
        let mut rows: BTreeMap<_, _> = rows.collect();
        let repairs = repair(&mut rows, |user| user != OLD);
        (rows.into_iter().collect(), repairs)
    }

    #[track_caller]
    fn check(before: &[(Pair, &str)], after: &[(Pair, &str)], total: u64) {
        let (rows, repairs) = repaired(before);
        let expected: Vec<_> = after.iter().map(|&(pair, it)| (pair, lists(it))).collect();
        assert_eq!(rows, expected);
        assert_eq!(repairs.total(), total, "{repairs:?}");
        // What is right is left alone.
        let again = repaired(after).1;
        assert_eq!(again, Repairs::default());
    }

    #[test]
    fn consistent_lists_stay() {
        let good = [((A, B), "FAR"), ((B, A), "FAR")];
        check(&good, &good, 0);
        let undecided = [((A, B), "FA"), ((B, A), "RP")];
        check(&undecided, &undecided, 0);
    }

    #[test]
    fn every_inconsistency_is_put_right() {
        check(&[((A, B), "FAB")], &[((A, B), "FB"), ((B, A), "RP")], 2);
        check(
            &[((A, B), "FA"), ((B, A), "A")],
            &[((A, B), "FA"), ((B, A), "AR")],
            1,
        );
        check(&[((A, B), "AR")], &[((A, B), "A")], 1);
        check(&[((A, B), "RP")], &[], 2);
        check(&[((A, B), "AP")], &[((A, B), "A")], 1);
        check(&[((A, B), "")], &[], 1);
    }

    #[test]
    fn nobody_new_can_be_in_an_old_book_yet() {
        check(&[((A, OLD), "FAR")], &[((A, OLD), "FA")], 1);
    }
}
