//! Decimal text to integers and back, exactly: the one place that reads and writes decimals. There is no floating point, and no
//! rounding except in [`parse_rounded`], which says so: a number is either read as written or refused.
//!
//! Two grammars. What an exchange writes in a ledger may have several spellings ([`parse_units`], [`parse_decimal`]); what
//! a statement or a claim holds has one ([`parse_count`], [`parse_shortest`]).
//!
//! Decimals of a ledger. Accepted: `0`, `12`, `007`, `12.50`, `8.978e-05`, `1E+16`, and `-0.0`, which floating-point programs write
//! for nothing. Refused: an empty text, a sign before any other number, `NaN`, `inf`, `.5`, `5.`, spaces, underscores, hexadecimal,
//! digits outside ASCII. A number with more decimals than the scale is refused, unless the additional decimals are zeros.

use num_bigint::BigUint;

use crate::error::Error;

/// Maximum number of decimals of a price or a quantity.
pub const MAX_SCALE: u8 = 18;

/// Maximum length of a number; a line of a snapshot has the same maximum.
const MAX_TEXT_BYTES: usize = 1 << 16;

/// Why a text is refused. Each sentence continues after the number: "BTC quantity 1.5 …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// Less than zero.
    #[error("is negative")]
    Negative,
    /// Not a decimal number in the form the module accepts.
    #[error("is not a plain decimal number")]
    Malformed,
    /// The value needs more decimals than the book gives it.
    #[error("has {}, at most {scale} are allowed", decimals_in_words(*decimals))]
    TooManyDecimals {
        /// Decimals the value needs.
        decimals: u64,
        /// Decimals allowed.
        scale: u8,
    },
    /// The value does not fit the integer type.
    #[error("is too large: with {scale} decimals at most {} fits", format_units(*max, *scale))]
    TooLarge {
        /// Decimals of the unit.
        scale: u8,
        /// Largest number of units that fits.
        max: u128,
    },
}

fn decimals_in_words(decimals: u64) -> String {
    match decimals {
        1 => "1 decimal".to_owned(),
        ..=1000 => format!("{decimals} decimals"),
        _ => "more than 1000 decimals".to_owned(),
    }
}

/// A decimal number in its shortest form: `units`·10^-`scale`, no trailing zero behind the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// The digits as an integer.
    pub units: u128,
    /// How many of them stand behind the point.
    pub scale: u8,
}

impl Decimal {
    /// Whether the value is less than that of `other`, whatever their scales.
    pub fn is_below(self, other: Self) -> bool {
        self.parts() < other.parts()
    }

    /// `units`·10^-`scale` without zeros at the end.
    fn shortest(mut units: u128, mut scale: u8) -> Self {
        while scale > 0 && units.is_multiple_of(10) {
            units /= 10;
            scale -= 1;
        }
        Self { units, scale }
    }

    /// The whole part, and the rest in units of 10^-18.
    fn parts(self) -> (u128, u128) {
        let one = 10u128.pow(u32::from(self.scale));
        (self.units / one, self.units % one * 10u128.pow(u32::from(MAX_SCALE - self.scale)))
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&format_units(self.units, self.scale))
    }
}

/// `text` as a count of units of 10^-`scale`.
///
/// # Errors
/// See [`DecimalError`]; `TooLarge` above 2^128 − 1 units.
pub fn parse_units(text: &str, scale: u8) -> Result<u128, DecimalError> {
    let number = Literal::parse(text)?;
    if number.is_zero() {
        return Ok(0);
    }
    let decimals = number.exponent.min(0).unsigned_abs();
    if decimals > u64::from(scale) {
        return Err(DecimalError::TooManyDecimals { decimals, scale });
    }
    number.units_at(scale).ok_or(DecimalError::TooLarge { scale, max: u128::MAX })
}

/// `text` as a quantity: a count of units of 10^-`scale` that fits 64 bits.
///
/// # Errors
/// See [`DecimalError`]; `TooLarge` above 2^64 − 1 units.
pub fn parse_quantity(text: &str, scale: u8) -> Result<u64, DecimalError> {
    let too_large = DecimalError::TooLarge { scale, max: u128::from(u64::MAX) };
    match parse_units(text, scale) {
        Ok(units) => u64::try_from(units).map_err(|_| too_large),
        Err(DecimalError::TooLarge { .. }) => Err(too_large),
        Err(other) => Err(other),
    }
}

/// `text` in its shortest form, with at most [`MAX_SCALE`] decimals.
///
/// # Errors
/// See [`DecimalError`]; `TooLarge` above 2^128 − 1 of the units it needs.
pub fn parse_decimal(text: &str) -> Result<Decimal, DecimalError> {
    let number = Literal::parse(text)?;
    if number.is_zero() {
        return Ok(Decimal { units: 0, scale: 0 });
    }
    let decimals = number.exponent.min(0).unsigned_abs();
    let scale = u8::try_from(decimals)
        .ok()
        .filter(|scale| *scale <= MAX_SCALE)
        .ok_or(DecimalError::TooManyDecimals { decimals, scale: MAX_SCALE })?;
    let units = number.units_at(scale).ok_or(DecimalError::TooLarge { scale, max: u128::MAX })?;
    Ok(Decimal { units, scale })
}

/// Where a number goes that lies between two multiples of the smallest unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Towards zero.
    Down,
    /// Away from zero.
    Up,
}

/// `text` as [`parse_decimal`] reads it, but with at most `scale` decimals (at most [`MAX_SCALE`]), and whether it had more and
/// was rounded.
///
/// # Errors
/// See [`DecimalError`]; `TooLarge` above 2^128 − 1 units of 10^-`scale`.
pub fn parse_rounded(text: &str, scale: u8, rounding: Rounding) -> Result<(Decimal, bool), DecimalError> {
    let scale = scale.min(MAX_SCALE);
    match parse_decimal(text) {
        Ok(exact) if exact.scale <= scale => return Ok((exact, false)),
        Ok(_) | Err(DecimalError::TooManyDecimals { .. } | DecimalError::TooLarge { .. }) => {}
        Err(error) => return Err(error),
    }
    let number = Literal::parse(text)?;
    let too_large = DecimalError::TooLarge { scale, max: u128::MAX };
    let (units, inexact) = number.rounded_units_at(scale, rounding).ok_or(too_large)?;
    Ok((Decimal::shortest(units, scale), inexact))
}

/// A sum of decimals of any size, exact to 10^-[`SUM_SCALE`].
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExactSum(BigUint);

/// Decimals of an [`ExactSum`]: twice those that any chain has.
pub const SUM_SCALE: u8 = 36;

impl ExactSum {
    /// Adds the number in `text`.
    ///
    /// # Errors
    /// See [`DecimalError`]; `TooManyDecimals` above [`SUM_SCALE`] decimals, `TooLarge` above 2^128 − 1 units of the decimals it has.
    pub fn add(&mut self, text: &str) -> Result<(), DecimalError> {
        let number = Literal::parse(text)?;
        if number.is_zero() {
            return Ok(());
        }
        let decimals = number.exponent.min(0).unsigned_abs();
        let scale = u8::try_from(decimals)
            .ok()
            .filter(|scale| *scale <= SUM_SCALE)
            .ok_or(DecimalError::TooManyDecimals { decimals, scale: SUM_SCALE })?;
        let units = number.units_at(scale).ok_or(DecimalError::TooLarge { scale, max: u128::MAX })?;
        self.0 += BigUint::from(units) * 10u128.pow(u32::from(SUM_SCALE - scale));
        Ok(())
    }

    /// The sum in units of 10^-`scale`, rounded down, and whether it was rounded; `None` above 2^128 − 1 units.
    ///
    /// # Panics
    /// If `scale` is more than [`SUM_SCALE`].
    #[must_use]
    pub fn units(&self, scale: u8) -> Option<(u128, bool)> {
        let unit = BigUint::from(10u128.pow(u32::from(SUM_SCALE - scale)));
        let whole = &self.0 / &unit;
        let rounded = &whole * &unit != self.0;
        Some((u128::try_from(whole).ok()?, rounded))
    }
}

impl std::fmt::Display for ExactSum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&format_digits(&self.0.to_string(), SUM_SCALE))
    }
}

/// `units`·10^-`scale` as text in its shortest form: no trailing zero behind the point, no point without decimals.
#[must_use]
pub fn format_units(units: u128, scale: u8) -> String {
    format_digits(&units.to_string(), scale)
}

/// As [`format_units`] for an integer of any length, given by its digits.
pub fn format_digits(digits: &str, scale: u8) -> String {
    let scale = usize::from(scale);
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, decimals) = padded.split_at(padded.len() - scale);
    let decimals = decimals.trim_end_matches('0');
    if decimals.is_empty() { whole.to_owned() } else { format!("{whole}.{decimals}") }
}

/// `units`·10^-`scale` with its sign, in its shortest form.
#[must_use]
pub fn format_signed(units: i128, scale: u8) -> String {
    let sign = if units < 0 { "-" } else { "" };
    format!("{sign}{}", format_units(units.unsigned_abs(), scale))
}

/// Hundredths of a percent as a percentage with two decimals, such as `100.00 %`.
#[must_use]
pub fn percent(bps: u128) -> String {
    format!("{}.{:02} %", bps / 100, bps % 100)
}

/// A whole number in its one spelling: no sign, no leading zero.
///
/// # Errors
/// [`Error::Malformed`] for anything else, or from 2^128 on.
pub fn parse_count(text: &str) -> Result<u128, Error> {
    let canonical =
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let value = if canonical { text.parse().ok() } else { None };
    value.ok_or_else(|| Error::Malformed(format!("`{text}` is not a whole number of smallest units")))
}

/// Whether `text` is a decimal in its shortest form: no exponent, sign or superfluous zero, at most 64 bytes.
#[must_use]
pub fn is_shortest(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    text.len() <= 64
        && digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(|f| digits(f) && !f.ends_with('0'))
}

/// A decimal in its shortest form as its digits and the number of them behind the point.
///
/// # Errors
/// [`Error::Malformed`] unless [`is_shortest`].
pub fn parse_shortest(text: &str) -> Result<(BigUint, u32), Error> {
    let malformed = || Error::Malformed(format!("`{text}` is not a decimal in its shortest form"));
    if !is_shortest(text) {
        return Err(malformed());
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = BigUint::parse_bytes(format!("{whole}{fraction}").as_bytes(), 10).ok_or_else(malformed)?;
    Ok((digits, fraction.len() as u32))
}

/// A decimal in its shortest form, perhaps with a minus sign, in units of 10^-`scale`.
///
/// # Errors
/// [`Error::Malformed`] for another spelling or more than `scale` decimals, [`Error::OutOfBounds`] from 2^127 on.
pub fn parse_signed_shortest(text: &str, scale: u8) -> Result<i128, Error> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let fits = digits.split_once('.').is_none_or(|(_, fraction)| fraction.len() <= usize::from(scale));
    if !is_shortest(digits) || !fits || text == "-0" {
        return Err(Error::Malformed(format!(
            "`{text}` is not a decimal of at most {scale} decimals in shortest form"
        )));
    }
    let units = parse_units(digits, scale).ok().and_then(|units| i128::try_from(units).ok());
    let units = units.ok_or_else(|| Error::OutOfBounds(format!("{text} is too large")))?;
    Ok(if negative { -units } else { units })
}

/// A number as written: `digits before` ‖ `digits after`, times 10^`exponent`, where zeros at both ends of the digits are
/// gone, so that the digits decide how many decimals the value really needs.
struct Literal<'a> {
    before: &'a str,
    after: &'a str,
    exponent: i64,
}

impl<'a> Literal<'a> {
    fn parse(text: &'a str) -> Result<Self, DecimalError> {
        if text.is_empty() {
            return Err(DecimalError::Empty);
        }
        // Below this length no number of digits can make up for an exponent beyond its cap.
        if text.len() > MAX_TEXT_BYTES {
            return Err(DecimalError::Malformed);
        }
        if let Some(positive) = text.strip_prefix('-') {
            return match Self::parse(positive) {
                Ok(zero) if !positive.starts_with('-') && zero.is_zero() => Ok(zero),
                Ok(_) if !positive.starts_with('-') => Err(DecimalError::Negative),
                _ => Err(DecimalError::Malformed),
            };
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let (before, after) = match mantissa.split_once('.') {
            Some((before, after)) => (digits(before)?, digits(after)?),
            None => (digits(mantissa)?, ""),
        };
        Ok(Self::shortest(before, after, exponent))
    }

    fn shortest(before: &'a str, after: &'a str, exponent: i64) -> Self {
        let after = after.trim_end_matches('0');
        let before = before.trim_start_matches('0');
        // The text has at most 2^16 bytes and the exponent is at most a million: these sums cannot overflow.
        let mut exponent = exponent - after.len() as i64;
        let mut kept = before;
        if after.is_empty() {
            kept = before.trim_end_matches('0');
            exponent += (before.len() - kept.len()) as i64;
        }
        let after = if kept.is_empty() { after.trim_start_matches('0') } else { after };
        Self { before: kept, after, exponent }
    }

    fn is_zero(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }

    /// The value in units of 10^-`scale`, or `None` above 2^128 − 1. Work is bounded by the 39 digits of the result,
    /// whatever the exponent says.
    fn units_at(&self, scale: u8) -> Option<u128> {
        let zeros = self.exponent.checked_add(i64::from(scale))?;
        let zeros = u32::try_from(zeros).ok()?;
        if self.before.len() + self.after.len() > 39 {
            return None;
        }
        let mut units: u128 = 0;
        for digit in self.before.bytes().chain(self.after.bytes()) {
            units = units.checked_mul(10)?.checked_add(u128::from(digit - b'0'))?;
        }
        units.checked_mul(10u128.checked_pow(zeros)?)
    }
}

impl Literal<'_> {
    /// As [`units_at`](Self::units_at) for a value with more decimals than `scale`, and whether it was rounded.
    fn rounded_units_at(&self, scale: u8, rounding: Rounding) -> Option<(u128, bool)> {
        let surplus = self.exponent.checked_add(i64::from(scale))?;
        if surplus >= 0 {
            return Some((self.units_at(scale)?, false));
        }
        let surplus = usize::try_from(surplus.unsigned_abs()).ok()?;
        let kept = (self.before.len() + self.after.len()).saturating_sub(surplus);
        let mut units: u128 = 0;
        for digit in self.before.bytes().chain(self.after.bytes()).take(kept) {
            units = units.checked_mul(10)?.checked_add(u128::from(digit - b'0'))?;
        }
        // the last digit is no zero, so that something is cut off
        let up = u128::from(rounding == Rounding::Up);
        Some((units.checked_add(up)?, true))
    }
}

fn digits(text: &str) -> Result<&str, DecimalError> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) { Ok(text) } else { Err(DecimalError::Malformed) }
}

/// The exponent, capped at a million either way: far outside every bound, and small enough to calculate with.
fn parse_exponent(text: &str) -> Result<i64, DecimalError> {
    const CAP: i64 = 1_000_000;
    let (negative, text) = match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => (false, text),
    };
    // Only a parse of too many digits can fail here, so failing means "beyond the cap".
    let size = digits(text)?.parse::<i64>().map_or(CAP, |size| size.min(CAP));
    Ok(if negative { -size } else { size })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn l6_exponent_notation_is_read_exactly() {
        assert_eq!(parse_units("8.978e-05", 8), Ok(8978));
        assert_eq!(parse_units("1e+3", 2), Ok(100_000));
        assert_eq!(parse_units("1.50E1", 0), Ok(15));
        assert_eq!(parse_units("1234500e-4", 2), Ok(12_345));
        assert_eq!(parse_units("0e999999999999999999999", 2), Ok(0));
        assert_eq!(parse_units("0.001e3", 0), Ok(1));
    }

    #[test]
    fn l6_what_is_not_a_plain_number_is_refused() {
        let bad = [
            "NaN", "nan", "inf", "Infinity", "+1", " 1", "1 ", "0x10", "1_000", "1,5", ".5", "5.", ".", "e5", "1e",
            "1e+", "1e1.5", "1e-", "--1", "١", "1f", "1e5e5", "1.2.3", "-", "-x",
        ];
        for text in bad {
            assert_eq!(parse_units(text, 8), Err(DecimalError::Malformed), "{text}");
        }
        assert_eq!(parse_units("", 8), Err(DecimalError::Empty));
    }

    #[test]
    fn l5_a_negative_quantity_is_refused_even_i64_min_and_zero_has_no_sign() {
        for text in ["-1", "-9223372036854775808", "-0.1", "-1e-9"] {
            assert_eq!(parse_quantity(text, 8), Err(DecimalError::Negative), "{text}");
        }
        for text in ["-0", "-0.0", "-0e-9"] {
            assert_eq!(parse_quantity(text, 8), Ok(0), "{text}");
        }
        for text in ["--0", "--1", "-", "- 0"] {
            assert_eq!(parse_quantity(text, 8), Err(DecimalError::Malformed), "{text}");
        }
    }

    #[test]
    fn a_number_is_rounded_where_it_is_asked_for_and_says_so() {
        let rounded = |text, scale, rounding| {
            parse_rounded(text, scale, rounding).map(|(number, rounded)| (number.to_string(), rounded))
        };
        for (text, down, up) in [
            ("297.74787028000003", "297.74787028", "297.74787029"),
            ("1.274500000000001e-10", "0", "0.00000001"),
            ("0.999999999", "0.99999999", "1"),
            ("1e-400", "0", "0.00000001"),
        ] {
            assert_eq!(rounded(text, 8, Rounding::Down), Ok((down.to_owned(), true)), "{text}");
            assert_eq!(rounded(text, 8, Rounding::Up), Ok((up.to_owned(), true)), "{text}");
        }
        for text in ["0.1", "12", "0.12345678", "0.123456780000000000000000000"] {
            let exact = parse_decimal(text).unwrap().to_string();
            assert_eq!(rounded(text, 8, Rounding::Up), Ok((exact, false)), "{text}");
        }
        assert!(rounded("1e31", 8, Rounding::Up).is_ok_and(|(_, rounded)| !rounded));
        assert!(rounded("1e39", 8, Rounding::Up).is_err());
        assert_eq!(rounded("-0.000000001", 8, Rounding::Up), Err(DecimalError::Negative));
    }

    #[test]
    fn a_sum_is_exact_and_rounded_once() {
        let mut sum = ExactSum::default();
        for text in ["0.000000004", "0.000000005", "0.000000000000000001", "100"] {
            sum.add(text).unwrap();
        }
        assert_eq!(sum.to_string(), "100.000000009000000001");
        assert_eq!(sum.units(8), Some((10_000_000_000, true)));
        assert_eq!(sum.units(18), Some((100_000_000_009_000_000_001, false)));
        sum.add("0.000000000999999999").unwrap();
        assert_eq!(sum.units(8), Some((10_000_000_001, false)));
        assert!(matches!(sum.add("1e-37"), Err(DecimalError::TooManyDecimals { .. })));
        assert!(matches!(sum.add("1e39"), Err(DecimalError::TooLarge { .. })));
        for _ in 0..4 {
            sum.add("1e38").unwrap();
        }
        assert_eq!(sum.units(0), None);
    }

    #[test]
    fn l6_a_quantity_over_64_bits_after_scaling_is_refused() {
        assert_eq!(parse_quantity("184467440737.09551615", 8), Ok(u64::MAX));
        assert_eq!(
            parse_quantity("184467440737.09551616", 8).unwrap_err().to_string(),
            "is too large: with 8 decimals at most 184467440737.09551615 fits"
        );
        for text in ["1e309", "1e999999999", "1e99999999999999999999999", &"9".repeat(60_000)] {
            assert!(matches!(parse_quantity(text, 8), Err(DecimalError::TooLarge { .. })));
        }
        assert_eq!(parse_units(&u128::MAX.to_string(), 0), Ok(u128::MAX));
        assert!(parse_units("340282366920938463463374607431768211456", 0).is_err());
    }

    #[test]
    fn l7_a_decimal_too_many_is_refused_and_a_zero_too_many_is_not() {
        assert_eq!(parse_quantity("0.123456789", 8).unwrap_err().to_string(), "has 9 decimals, at most 8 are allowed");
        assert_eq!(parse_quantity("0.1234567800000", 8), Ok(12_345_678));
        assert_eq!(
            parse_quantity("1e-999999999", 8).unwrap_err().to_string(),
            "has more than 1000 decimals, at most 8 are allowed"
        );
    }

    #[test]
    fn the_shortest_form_is_one_form() {
        for (text, shortest) in
            [("0.07239000", "0.07239"), ("100", "100"), ("1e2", "100"), ("0.0", "0"), ("00.50", "0.5")]
        {
            assert_eq!(parse_decimal(text).unwrap().to_string(), shortest);
        }
        assert!(parse_decimal("1e-19").is_err());
        let numbers = ["0", "1e-18", "0.3", "0.31", "1", "1.000000000000000001", "20", "3.4e38"]
            .map(|t| parse_decimal(t).unwrap());
        for (place, number) in numbers.iter().enumerate() {
            for (other_place, other) in numbers.iter().enumerate() {
                assert_eq!(number.is_below(*other), place < other_place, "{number} {other}");
            }
        }
        assert!(parse_decimal("1e39").is_err());
    }

    #[test]
    fn a_count_and_a_shortest_decimal_have_one_spelling() {
        assert_eq!(parse_count("340282366920938463463374607431768211455").unwrap(), u128::MAX);
        for text in ["", "00", "01", "+1", "-1", " 1", "1.0", "1e3", "340282366920938463463374607431768211456"] {
            assert!(parse_count(text).is_err(), "{text}");
        }
        assert_eq!(parse_shortest("12.05").unwrap(), (BigUint::from(1205u32), 2));
        assert_eq!(parse_signed_shortest("-12.05", 12).unwrap(), -12_050_000_000_000);
        for text in ["", "01", "1.", ".5", "1.50", "1e3", "-0", "--1", " 1", "1 ", "+1"] {
            assert!(parse_signed_shortest(text, 12).is_err(), "{text}");
        }
        assert_eq!(format_signed(-12_050_000_000_000, 12), "-12.05");
        assert_eq!(percent(10_050), "100.50 %");
    }

    proptest! {
        #[test]
        fn what_is_formatted_is_read_back(units: u128, scale in 0u8..=18) {
            let text = format_units(units, scale);
            prop_assert_eq!(parse_units(&text, scale), Ok(units));
            let decimal = parse_decimal(&text).unwrap();
            prop_assert_eq!(parse_units(&decimal.to_string(), scale), Ok(units));
            prop_assert!(decimal.scale == 0 || !decimal.units.is_multiple_of(10));
        }

        #[test]
        fn moving_the_point_and_the_exponent_together_changes_nothing(units: u64, shift in 0u8..=18) {
            let text = format!("{}e{shift}", format_units(units.into(), shift));
            prop_assert_eq!(parse_units(&text, 0), Ok(u128::from(units)));
            let text = format!("{units}e-{shift}");
            prop_assert_eq!(parse_units(&text, shift), Ok(u128::from(units)));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[-+0-9.eE_xN ]{0,40}", scale in 0u8..=18) {
            let _ = parse_units(&text, scale);
            let _ = parse_decimal(&text);
        }
    }
}
