//! Times as SOAP bodies carry them.

use ::time::OffsetDateTime;
use ::time::macros::format_description;

/// A moment in Greenwich, to the second: `2010-01-02T03:04:05Z`.
pub fn utc(epoch_ms: i64) -> String {
    const FORM: &[::time::format_description::BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    OffsetDateTime::from_unix_timestamp(epoch_ms.div_euclid(1000))
        .ok()
        .and_then(|moment| moment.format(FORM).ok())
        .unwrap_or_else(|| "1970-01-01T00:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_greenwich() {
        assert_eq!(utc(1_262_401_445_678), "2010-01-02T03:04:05Z");
        assert_eq!(utc(i64::MAX), "1970-01-01T00:00:00Z");
    }
}
