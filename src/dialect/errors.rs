//! From a refusal to the number a client hears (`docs/protocol/04`).

use super::{Dialect, UnknownAccountStyle};
use crate::model::Refusal;
use crate::wire::Outbox;

impl Dialect {
    /// The number for a refusal. Every refusal has one; a new one does not compile until someone
    /// has chosen it.
    pub fn code(self, refusal: Refusal) -> u16 {
        match refusal {
            Refusal::UnknownAccount => match self.unknown_account_style() {
                UnknownAccountStyle::NoSuchPrincipal => 205,
                UnknownAccountStyle::InvalidPrincipal => 208,
            },
            Refusal::DefaultGroupStays => match self.unknown_account_style() {
                UnknownAccountStyle::NoSuchPrincipal => 230,
                UnknownAccountStyle::InvalidPrincipal => 224,
            },
            Refusal::InvalidParameter
            | Refusal::MalformedAddress
            | Refusal::CardTooLarge
            | Refusal::FullSyncRequired => 201,
            Refusal::UnknownNetwork => 204,
            Refusal::DomainMissing => 206,
            Refusal::AlreadySignedIn => 207,
            Refusal::UnknownContact | Refusal::MalformedCallee => 208,
            Refusal::IllegalName => 209,
            Refusal::ListFull | Refusal::BookTooLarge => 210,
            Refusal::AlreadyThere | Refusal::CardExists(_) => 215,
            Refusal::NotOnList => 216,
            Refusal::Unreachable => 217,
            Refusal::OppositeList => 219,
            Refusal::TooManyGroups => 223,
            Refusal::UnknownGroup => 224,
            Refusal::NotInGroup => 225,
            Refusal::GroupNameTaken => 228,
            Refusal::GroupNameTooLong => 229,
            Refusal::EmptyList => 240,
            Refusal::MalformedList => 241,
            Refusal::BadMessage => 282,
            Refusal::NotSignedIn => 302,
            Refusal::Disabled => 502,
            Refusal::BadMailInvitation => 503,
            Refusal::ChallengeFailed => 540,
            Refusal::Unavailable => 603,
            Refusal::GoingDown => 604,
            Refusal::BadClientReport => 710,
            Refusal::CallingTooFast => 713,
            Refusal::TooManyRooms => 714,
            Refusal::NotExpected => 715,
            Refusal::ChangingTooFast | Refusal::SendingTooFast | Refusal::PageFailed => 800,
            Refusal::TooManyAttempts => 910,
            Refusal::AuthenticationFailed => 911,
            Refusal::NotVisible => 913,
            Refusal::RoomFull => 920,
            Refusal::NotInCircle | Refusal::RoleTooLow => 933,
        }
    }

    /// Answers the command `trid` with a refusal.
    pub fn refuse(self, trid: u32, refusal: Refusal, out: &mut Outbox) {
        error_line(self.code(refusal), trid, out);
    }
}

/// Answers before a dialect is agreed on, when no number depends on it.
pub fn refuse_early(trid: u32, refusal: Refusal, out: &mut Outbox) {
    if let Some(oldest) = Dialect::all().next() {
        oldest.refuse(trid, refusal, out);
    }
}

fn error_line(code: u16, trid: u32, out: &mut Outbox) {
    out.line(&code.to_string()).arg(trid).end();
}

#[cfg(test)]
mod tests {
    use super::super::testing::dialect;
    use super::*;

    #[test]
    fn an_unknown_account_has_another_number_since_msnp10() {
        assert_eq!(dialect(9).code(Refusal::UnknownAccount), 205);
        assert_eq!(dialect(10).code(Refusal::UnknownAccount), 208);
        assert_eq!(dialect(9).code(Refusal::DefaultGroupStays), 230);
        assert_eq!(dialect(10).code(Refusal::DefaultGroupStays), 224);
    }

    #[test]
    fn a_refusal_is_three_digits_and_the_transaction() {
        let mut out = Outbox::default();
        dialect(2).refuse(0, Refusal::AlreadyThere, &mut out);
        assert_eq!(out.bytes(), b"215 0\r\n");
    }
}
