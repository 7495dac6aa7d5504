//! Times and numbers as people read them.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use time::OffsetDateTime;
use time::macros::format_description;

/// The pages of the desk, in the order of the menu.
pub(super) const PAGES: &[(&str, &str)] = &[
    ("/admin", "Overview"),
    ("/admin/accounts", "Accounts"),
    ("/admin/invitations", "Invitations"),
    ("/admin/online", "Online"),
    ("/admin/rooms", "Conversations"),
    ("/admin/failures", "Failed sign-ins"),
    ("/admin/announcement", "Announcement"),
    ("/admin/maintenance", "Maintenance"),
    ("/admin/audit", "Audit"),
    ("/admin/settings", "Settings"),
];

/// A time in epoch milliseconds, to the minute.
pub(super) fn moment(epoch_ms: &i64) -> String {
    const FORM: &[time::format_description::BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    let time = OffsetDateTime::from_unix_timestamp(epoch_ms.div_euclid(1_000)).ok();
    let text = time.and_then(|time| time.format(FORM).ok());
    text.unwrap_or_else(|| epoch_ms.to_string())
}

/// The same where there may be none.
pub(super) fn moment_or(epoch_ms: &Option<i64>, otherwise: &str) -> String {
    epoch_ms.as_ref().map_or(otherwise.to_owned(), moment)
}

/// A length of time in its two largest units.
pub(super) fn span(length: &Duration) -> String {
    let secs = length.as_secs();
    let units = [
        (secs / 86_400, "day"),
        (secs / 3_600 % 24, "hour"),
        (secs / 60 % 60, "minute"),
        (secs % 60, "second"),
    ];
    let parts: Vec<String> = units
        .iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|&(count, unit)| counted(count, unit))
        .collect();
    if parts.is_empty() {
        return "a moment".to_owned();
    }
    parts.join(" ")
}

/// So many of something.
pub(super) fn counted(count: impl ToString + Copy, unit: &str) -> String {
    let count = count.to_string();
    let plural = if count == "1" { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// Text for a field of an address.
pub(super) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_for_people() {
        assert_eq!(moment(&1_100_000_000_999), "2004-11-09 11:33 UTC");
        assert_eq!(moment(&i64::MAX), i64::MAX.to_string());
        assert_eq!(moment_or(&None, "never"), "never");
        for (secs, text) in [
            (0, "a moment"),
            (59, "59 seconds"),
            (61, "1 minute 1 second"),
            (3_600, "1 hour"),
            (90_061, "1 day 1 hour"),
        ] {
            assert_eq!(span(&Duration::from_secs(secs)), text);
        }
    }
}
