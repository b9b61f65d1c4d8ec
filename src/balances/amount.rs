//! Amounts in the units of a chain.

use assay_core::decimal::ExactSum;
use num_bigint::BigUint;

/// A stated amount in units of 10^-`decimals`, rounded up: whoever has fewer units has less than is stated.
pub(super) fn units(stated: &ExactSum, decimals: u8) -> BigUint {
    let text = stated.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (within, beyond) = fraction.split_at(fraction.len().min(usize::from(decimals)));
    let digits = format!("{whole}{within:0<width$}", width = usize::from(decimals));
    let units = BigUint::parse_bytes(digits.as_bytes(), 10).unwrap_or_default();
    // the text has no zeros at its end
    if beyond.is_empty() { units } else { units + 1u8 }
}

/// The number of `0x` and 1 to 64 hexadecimal digits.
pub(super) fn word(text: &str) -> Option<BigUint> {
    let digits = text.strip_prefix("0x").filter(|digits| (1..=64).contains(&digits.len()))?;
    let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    BigUint::parse_bytes(digits.as_bytes(), 16).filter(|_| is_hexadecimal)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_stated_amount_is_never_rounded_to_less() {
        let of = |text: &str, decimals| {
            let mut sum = ExactSum::default();
            sum.add(text).unwrap();
            units(&sum, decimals).to_string()
        };
        assert_eq!(of("1.5", 8), "150000000");
        assert_eq!(of("0", 18), "0");
        assert_eq!(of("12", 0), "12");
        assert_eq!(of("12.000000000000000001", 0), "13");
        assert_eq!(of("0.123456789", 8), "12345679");
        assert_eq!(of("340282366920938463463.374607431768211455", 18), u128::MAX.to_string());
        assert_eq!(of("1", 77), format!("1{}", "0".repeat(77)));
    }

    #[test]
    fn a_word_is_hexadecimal_and_of_32_bytes_at_most() {
        assert_eq!(word("0x0").unwrap(), BigUint::ZERO);
        assert_eq!(word("0xDe0b6B3a7640000").unwrap(), BigUint::from(10u64.pow(18)));
        assert_eq!(word(&format!("0x{}", "f".repeat(64))).unwrap() + 1u8, BigUint::from(1u8) << 256);
        for wrong in ["", "0x", "12", "0x+1", "0x1g", "0x 1", "-0x1", &format!("0x{}", "0".repeat(65))] {
            assert_eq!(word(wrong), None, "{wrong}");
        }
    }
}
