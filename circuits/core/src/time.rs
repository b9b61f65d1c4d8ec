//! Instants: RFC 3339 in UTC, one spelling each. Ledger, statement, interface and disclosures read and write them here.

use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use crate::{error::Error, text::visible};

/// Reads an instant in its one spelling: `2026-01-01T00:00:00Z`, with a fraction of a second of 1 to 6 digits that does not
/// end in 0 where there is one. A finer one could not be stored as it was sent.
///
/// # Errors
/// [`Error::Malformed`] for another spelling, which names the right one, or for no instant at all.
pub fn parse_instant(text: &str) -> Result<OffsetDateTime, Error> {
    let refused = |reason: String| Err(Error::Malformed(format!("`{}` {reason}", visible(text))));
    let Ok(at) = OffsetDateTime::parse(text, &Rfc3339) else {
        return refused(no_instant(text));
    };
    if text.get(17..19) == Some("60") {
        let before = format_instant(at.replace_nanosecond(0).unwrap_or(at));
        return refused(format!("is a leap second, which most clocks do not count; write {before}"));
    }
    let canonical = format_instant(at);
    if canonical != text {
        return refused(format!("must be written as {canonical}"));
    }
    if at.nanosecond() % 1000 != 0 {
        return refused("is finer than a microsecond".to_owned());
    }
    Ok(at)
}

/// Why a text is no instant, with what may be meant.
fn no_instant(text: &str) -> String {
    let reads = |text: &str| OffsetDateTime::parse(text, &Rfc3339).map(format_instant).ok();
    let upper = text.trim().to_ascii_uppercase().replacen(' ', "T", 1);
    if let Some(canonical) = reads(&upper) {
        return format!("must be written as {canonical}");
    }
    if let Some(midnight) = reads(&format!("{upper}T00:00:00Z")) {
        return format!("has no time of day; write {midnight} for midnight in UTC");
    }
    if let Some(in_utc) = reads(&format!("{upper}Z")) {
        return format!("has no time zone; write {in_utc} if it is in UTC");
    }
    // zones as databases and `date` write them: +00, +0000, UTC
    let zones = ["+00", "+0000", "UTC", "GMT"];
    let of_zone = |zone| Some(format!("{}Z", upper.strip_suffix(zone)?.trim_end()));
    if let Some(canonical) = zones.into_iter().filter_map(of_zone).find_map(|text| reads(&text)) {
        return format!("must be written as {canonical}");
    }
    let form = "0000-00-00T00:00:00Z";
    let fits = |(b, f): (u8, u8)| if f == b'0' { b.is_ascii_digit() } else { b == f };
    if upper.len() == form.len() && upper.bytes().zip(form.bytes()).all(fits) {
        return format!("names a day or a time that does not exist; an example is {EXAMPLE}");
    }
    format!("is not an RFC 3339 time in UTC such as {EXAMPLE}")
}

const EXAMPLE: &str = "2026-11-23T00:00:00Z";

/// The one spelling of an instant between the years 0 and 9999.
pub fn format_instant(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::UTC).format(&Rfc3339).unwrap_or_else(|_| "a time beyond the year 9999".to_owned())
}

/// The instant `seconds` after the beginning of 1970; nothing outside the years 0 to 9999.
pub fn instant_of_seconds(seconds: i64) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    (0..=9999).contains(&at.year()).then(|| format_instant(at))
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
        for (text, reason) in [
            ("2026-01-01T00:00:00+00:00", "must be written as 2026-01-01T00:00:00Z"),
            ("2026-01-01 00:00:00Z", "must be written as 2026-01-01T00:00:00Z"),
            ("2026-01-01t00:00:00z", "must be written as 2026-01-01T00:00:00Z"),
            ("2026-01-01 00:00:00 UTC", "must be written as 2026-01-01T00:00:00Z"),
            ("2026-01-01T00:00:00.50Z", "must be written as 2026-01-01T00:00:00.5Z"),
            ("2026-01-01T00:00:00", "has no time zone; write 2026-01-01T00:00:00Z if it is in UTC"),
            ("2026-01-01", "has no time of day; write 2026-01-01T00:00:00Z for midnight in UTC"),
            ("2026-06-30T23:59:60Z", "is a leap second, which most clocks do not count; write 2026-06-30T23:59:59Z"),
            (
                "2026-07-01T01:59:60+02:00",
                "is a leap second, which most clocks do not count; write 2026-06-30T23:59:59Z",
            ),
            ("2026-01-01 00:00:00+00", "must be written as 2026-01-01T00:00:00Z"),
            ("2026-02-30T00:00:00Z", "names a day or a time that does not exist; an example is 2026-11-23T00:00:00Z"),
            ("31 Jan 2026", "is not an RFC 3339 time in UTC such as 2026-11-23T00:00:00Z"),
            ("é", "is not an RFC 3339 time in UTC such as 2026-11-23T00:00:00Z"),
        ] {
            assert_eq!(parse_instant(text).unwrap_err().to_string(), format!("`{text}` {reason}"));
        }
    }
}
