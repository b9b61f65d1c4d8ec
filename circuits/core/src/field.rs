//! The field everything is proved over, and its two byte forms.

use ff::{FromUniformBytes, PrimeField};

use crate::error::Error;

/// The BN254 scalar field, of prime order p ≈ 2^253.6.
pub type F = halo2curves::bn256::Fr;

/// `value` as 64 lower-case hexadecimal digits, most significant first.
pub fn to_hex(value: &F) -> String {
    let mut bytes = value.to_repr().as_ref().to_vec();
    bytes.reverse();
    hex::encode(bytes)
}

/// The inverse of [`to_hex`].
///
/// # Errors
/// [`Error::Malformed`] unless `text` is exactly 64 lower-case digits of a number below p: every element has one spelling.
pub fn from_hex(text: &str) -> Result<F, Error> {
    let malformed = || Error::Malformed(format!("`{text}` is not a field element of 64 lower-case hexadecimal digits"));
    if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(malformed());
    }
    let mut bytes = [0u8; 32];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| malformed())?;
    bytes.reverse();
    Option::from(F::from_repr(bytes.into())).ok_or_else(malformed)
}

/// 31 big-endian bytes as a field element; injective, because 2^248 < p.
pub fn from_31_bytes(bytes: &[u8; 31]) -> F {
    let mut repr = [0u8; 32];
    for (i, b) in bytes.iter().rev().enumerate() {
        repr[i] = *b;
    }
    Option::from(F::from_repr(repr.into())).expect("31 bytes are below 2^248, which is below p")
}

/// 64 uniform bytes reduced to a field element whose distance from uniform is below 2^-250.
pub fn from_wide(bytes: &[u8; 64]) -> F {
    F::from_uniform_bytes(bytes)
}

/// 2^`exponent`.
pub fn power_of_two(exponent: u32) -> F {
    use ff::Field;
    F::from(2).pow_vartime([u64::from(exponent)])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ff::Field;

    #[test]
    fn hex_has_one_spelling() {
        let x = -F::from(5);
        assert_eq!(from_hex(&to_hex(&x)).unwrap(), x);
        assert!(from_hex(&to_hex(&x).to_uppercase()).is_err());
        assert!(from_hex("00").is_err());
        // p itself is zero's second spelling
        let p = "30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001";
        assert!(from_hex(p).is_err());
    }

    #[test]
    fn powers_of_two_agree_with_doubling() {
        let mut x = F::ONE;
        for e in 0..250 {
            assert_eq!(power_of_two(e), x);
            x = x.double();
        }
    }
}
