//! Instants: RFC 3339 in UTC, one spelling each. Ledger, statement, interface and disclosures read and write them here.

use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use crate::{error::Error, text::visible};

/// Reads an instant in its one spelling: `2026-01-01T00:00:00Z`, with a fraction of a second of 1 to 6 digits that does not
/// end in 0 where there is one. A finer one could not be stored as it was sent.
///
/// # Errors
/// [`Error::Malformed`] for another spelling, which names the right one, or for no instant at all.
pub fn parse_instant(text: &str) -> Result<OffsetDateTime, Error> {
    let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) else {
        return Err(Error::Malformed(format!(
            "`{}` is not an RFC 3339 time in UTC such as 2026-11-23T00:00:00Z",
            visible(text)
        )));
    };
    let canonical = format_instant(at);
    if canonical != text {
        return Err(Error::Malformed(format!("`{}` must be written as {canonical}", visible(text))));
    }
    if at.nanosecond() % 1000 != 0 {
        return Err(Error::Malformed(format!("`{}` is finer than a microsecond", visible(text))));
    }
    Ok(at)
}

/// The one spelling of an instant between the years 0 and 9999.
pub fn format_instant(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::UTC).format(&Rfc3339).unwrap_or_else(|_| "a time beyond the year 9999".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_has_one_spelling() {
        for text in ["2026-01-01T00:00:00Z", "2026-01-01T23:59:59.5Z", "2024-02-29T00:00:00.000001Z"] {
            assert_eq!(format_instant(parse_instant(text).unwrap()), text);
        }
        for text in [
            "2026-99-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00.0Z",
            "2026-01-01T00:00:00.50Z",
            "2026-01-01T00:00:00.0000001Z",
            "2026-01-01T00:00:00.000000001Z",
            "2026-01-01T00:00:00.0000000001Z",
            "2026-01-01T00:00:00.1234567Z",
            "2026-01-01T00:00:00+00:00",
            "2026-01-01T00:00:00-00:00",
            "2026-01-01T01:00:00+01:00",
            "2026-01-01t00:00:00z",
            "2026-01-01 00:00:00Z",
            "2026-06-30T23:59:60Z",
            "2026-01-01",
            "",
        ] {
            assert!(parse_instant(text).is_err(), "{text}");
        }
    }

    #[test]
    fn another_spelling_is_told_the_right_one() {
        let told = parse_instant("2026-01-01T02:00:00+02:00").unwrap_err().to_string();
        assert_eq!(told, "`2026-01-01T02:00:00+02:00` must be written as 2026-01-01T00:00:00Z");
    }
}
