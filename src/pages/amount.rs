//! Numbers, times and durations as the pages write them. All are integers; nothing is rounded but where it says so.

use assay_core::decimal;

use super::{
    language::Language,
    text::{Texts, texts},
};

/// Between groups of three digits: a narrow space that no line breaks at, as ISO 80000-1 has it.
const GROUP: char = '\u{202f}';

/// A decimal in its shortest form, with groups of three digits before the point.
pub fn amount(language: Language, text: &str) -> String {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut out = String::with_capacity(text.len() + text.len() / 3);
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            out.push(GROUP);
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push(point(language));
        out.push_str(fraction);
    }
    out
}

/// Smallest units as a decimal of whole ones.
pub fn units(language: Language, units: u128, scale: u8) -> String {
    amount(language, &decimal::format_units(units, scale))
}

/// Hundredths of a percent. No line breaks before the sign.
pub fn percent(language: Language, bps: u128) -> String {
    decimal::percent(bps).replace('.', &point(language).to_string()).replace(' ', "\u{a0}")
}

fn point(language: Language) -> char {
    match language {
        Language::English => '.',
        Language::German => ',',
    }
}

/// An RFC 3339 instant in UTC, for people: `2026-11-23 00:00:00 UTC` in every language.
pub fn instant(text: &str) -> String {
    text.replacen('T', " ", 1).replacen('Z', " UTC", 1)
}

/// How long ago something was, in whole minutes, hours or days, rounded down.
pub fn age(language: Language, seconds: i64) -> String {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    let texts: &Texts = texts(language);
    // from two on, so that one form of the noun is enough
    let (text, unit) = match seconds {
        ..120 => return texts.age_now.clone(),
        120..7_200 => (&texts.age_minutes, MINUTE),
        7_200..172_800 => (&texts.age_hours, HOUR),
        _ => (&texts.age_days, DAY),
    };
    text.replace("{n}", &(seconds / unit).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_grouped_and_lose_no_digit() {
        for (text, english, german) in [
            ("0", "0", "0"),
            ("1024.5", "1_024.5", "1_024,5"),
            ("999", "999", "999"),
            ("1000000.00000001", "1_000_000.00000001", "1_000_000,00000001"),
            ("340282366920938463463374607431768211455", "340_282_366_920_938_463_463_374_607_431_768_211_455", ""),
        ] {
            assert_eq!(amount(Language::English, text).replace(GROUP, "_"), english);
            if !german.is_empty() {
                assert_eq!(amount(Language::German, text).replace(GROUP, "_"), german);
            }
        }
        assert_eq!(units(Language::English, 150_000_000, 8), "1.5");
        assert_eq!(percent(Language::German, 10_001), "100,01\u{a0}%");
    }

    #[test]
    fn ages_are_whole_and_never_one() {
        let of = |seconds| age(Language::English, seconds);
        assert_eq!(of(-5), of(0));
        assert_eq!(of(119), of(0));
        assert_eq!(of(120), "2 minutes ago");
        assert_eq!(of(7_199), "119 minutes ago");
        assert_eq!(of(7_200), "2 hours ago");
        assert_eq!(of(172_799), "47 hours ago");
        assert_eq!(of(172_800), "2 days ago");
        assert_eq!(age(Language::German, 172_800), "vor 2 Tagen");
    }

    #[test]
    fn an_instant_names_its_time_zone() {
        assert_eq!(instant("2026-11-23T00:00:00.5Z"), "2026-11-23 00:00:00.5 UTC");
    }
}
