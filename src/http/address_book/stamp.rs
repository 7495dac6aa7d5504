//! The moments that clients keep and send back to ask for what changed since.
//!
//! They are opaque to a client, so they are written with everything that a stamp of the database
//! has: a stamp comes back exactly as it left (`docs/protocol/12 §2`).

use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// What stands where nothing ever happened.
pub(in crate::http) const NEVER: &str = "0001-01-01T00:00:00";

/// A moment to the millisecond: `2010-01-02T03:04:05.678Z`.
pub(in crate::http) fn stamp(epoch_ms: i64) -> String {
    const FORM: &[BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(epoch_ms) * 1_000_000)
        .ok()
        .and_then(|moment| moment.format(FORM).ok())
        .unwrap_or_else(|| NEVER.to_owned())
}

/// What a client last heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Since {
    /// Nothing yet: it sent no stamp, or the one that stands for "never".
    Nothing,
    /// Everything up to this moment, in epoch milliseconds.
    Moment(i64),
    /// It sent something that was never a stamp of ours.
    Unreadable,
}

/// Reads `lastChange`: with or without fraction, in Greenwich or with an offset.
pub(in crate::http) fn since(text: &str) -> Since {
    let text = text.trim();
    if text.is_empty() || text.starts_with("0001-01-01T") {
        return Since::Nothing;
    }
    epoch_ms(text).map_or(Since::Unreadable, Since::Moment)
}

fn epoch_ms(text: &str) -> Option<i64> {
    let (date, rest) = text.split_once('T')?;
    let zone = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at_checked(zone)?;
    let moment = PrimitiveDateTime::new(read_date(date)?, read_time(clock)?);
    let moment = moment.assume_offset(read_offset(zone)?);
    i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

fn read_date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let year = number(parts.next()?, 4)?;
    let month = Month::try_from(u8::try_from(number(parts.next()?, 2)?).ok()?).ok()?;
    let day = u8::try_from(number(parts.next()?, 2)?).ok()?;
    Date::from_calendar_date(i32::try_from(year).ok()?, month, day).ok()
}

/// The fraction may be as long as it likes; what is beyond milliseconds is cut.
fn read_time(text: &str) -> Option<Time> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.splitn(3, ':');
    let mut part = || u8::try_from(number(parts.next()?, 2)?).ok();
    let (hour, minute, second) = (part()?, part()?, part()?);
    if fraction.len() > 20 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    Time::from_hms_milli(hour, minute, second, digits.parse().ok()?).ok()
}

/// Nothing means Greenwich too.
fn read_offset(text: &str) -> Option<UtcOffset> {
    let (sign, rest) = match text.split_at_checked(1) {
        None | Some(("Z" | "z", "")) => return Some(UtcOffset::UTC),
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        Some(_) => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let hours = i8::try_from(number(hours, 2)?).ok()?;
    let minutes = i8::try_from(number(minutes, 2)?).ok()?;
    UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
}

fn number(text: &str, digits: usize) -> Option<u32> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_come_back_exactly() {
        for moment in [0, 1, 999, 1_262_401_445_678, 1_795_271_639_001] {
            assert_eq!(since(&stamp(moment)), Since::Moment(moment));
        }
        assert_eq!(stamp(1_262_401_445_678), "2010-01-02T03:04:05.678Z");
        assert_eq!(stamp(i64::MAX), NEVER);
    }

    #[test]
    fn the_forms_of_all_clients_are_read() {
        let at = Since::Moment(1_262_401_445_000);
        for text in [
            "2010-01-02T03:04:05Z",
            "2010-01-02T03:04:05",
            "2010-01-02T03:04:05.0000000Z",
            "2010-01-01T19:04:05.0000000-08:00",
            "2010-01-02T05:04:05+02:00",
            " 2010-01-02T03:04:05Z\n",
        ] {
            assert_eq!(since(text), at, "{text}");
        }
        let half = since("2010-01-02T03:04:05.5Z");
        assert_eq!(half, Since::Moment(1_262_401_445_500));
    }

    #[test]
    fn never_is_no_moment() {
        for text in [
            "",
            " ",
            NEVER,
            "0001-01-01T00:00:00.0000000-08:00",
            "0001-01-01T00:00:00Z",
        ] {
            assert_eq!(since(text), Since::Nothing, "{text:?}");
        }
    }

    #[test]
    fn anything_else_is_unreadable() {
        for text in [
            "yesterday",
            "2010-01-02",
            "2010-13-02T03:04:05Z",
            "2010-02-30T03:04:05Z",
            "2010-01-02T25:04:05Z",
            "2010-01-02T03:04Z",
            "2010-01-02T03:04:05+2",
            "2010-01-02T03:04:05.x",
            "2010-01-02T03:04:05ZZ",
            "2010-01-02T03:04:05\u{e4}",
            "+010-01-02T03:04:05Z",
        ] {
            assert_eq!(since(text), Since::Unreadable, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[0-9TZ:.+\\-\\PC]{0,40}") {
            let _ = since(&text);
        }
    }
}
