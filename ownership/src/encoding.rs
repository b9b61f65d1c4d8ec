//! Text to bytes, one spelling each: whatever is changed in a text changes the bytes or is refused.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use bs58::Alphabet;

use crate::hash::sha256d;

/// The longest base58 text that is read: decoding takes time in the square of its length.
const MAX_BASE58: usize = 128;

/// Hexadecimal digits with or without `0x`, all letters in one case.
pub fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let mixed = digits.bytes().any(|b| b.is_ascii_uppercase()) && digits.bytes().any(|b| b.is_ascii_lowercase());
    if mixed { None } else { hex::decode(digits).ok() }
}

/// `0x` and `N` bytes in hexadecimal digits, all letters in one case.
pub fn prefixed_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    text.starts_with("0x").then(|| hex_bytes(text))??.try_into().ok()
}

/// Base64 with its padding.
pub fn base64_bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Base64 in either alphabet, with its padding.
pub fn any_base64_bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

/// Bytes in base64.
pub fn base64_text(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Bitcoin's base58.
pub fn base58_bytes(text: &str) -> Option<Vec<u8>> {
    base58(text, Alphabet::BITCOIN)
}

fn base58(text: &str, alphabet: &Alphabet) -> Option<Vec<u8>> {
    if text.len() > MAX_BASE58 {
        return None;
    }
    bs58::decode(text).with_alphabet(alphabet).into_vec().ok()
}

/// A version byte and 20 bytes, with a checksum, in Bitcoin's base58.
pub fn base58_check(text: &str) -> Option<(u8, [u8; 20])> {
    checked(&base58(text, Alphabet::BITCOIN)?)
}

/// A version byte and 20 bytes, with a checksum, in XRP's base58.
pub fn ripple_base58_check(text: &str) -> Option<(u8, [u8; 20])> {
    checked(&base58(text, Alphabet::RIPPLE)?)
}

fn checked(bytes: &[u8]) -> Option<(u8, [u8; 20])> {
    let (body, sum) = bytes.split_last_chunk::<4>()?;
    let (version, hash) = body.split_first()?;
    (sha256d(body)[..4] == sum[..]).then_some((*version, hash.try_into().ok()?))
}

/// A version byte and 20 bytes, with their checksum, in Bitcoin's base58.
pub fn base58_check_text(version: u8, hash: &[u8; 20]) -> String {
    let mut bytes = vec![version];
    bytes.extend(hash);
    let sum = sha256d(&bytes);
    bytes.extend(&sum[..4]);
    bs58::encode(bytes).into_string()
}

/// The values of a text's digits in an alphabet of 32.
pub fn base32_digits(text: &str, alphabet: &[u8; 32]) -> Option<Vec<u8>> {
    let value = |b: u8| alphabet.iter().position(|a| *a == b).and_then(|at| u8::try_from(at).ok());
    text.bytes().map(value).collect()
}

/// Groups of five bits as bytes; what is left over must be fewer than five bits, all zero.
pub fn base32_bytes(digits: &[u8]) -> Option<Vec<u8>> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0u32, 0);
    for digit in digits {
        held = held << 5 | u32::from(*digit);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits).ok()?);
            held &= (1 << bits) - 1;
        }
    }
    (bits < 5 && held == 0).then_some(bytes)
}

/// Whether digits of five bits that end in eight of a checksum belong to the prefix: the code of CashAddr, which Conflux uses too.
pub fn cash_checksum_holds(prefix: &str, digits: &[u8]) -> bool {
    const GENERATOR: [u64; 5] = [0x98_f2bc_8e61, 0x79_b76d_99e2, 0xf3_3e5f_b3c4, 0xae_2eab_e2a8, 0x1e_4f43_e470];
    let head = prefix.bytes().map(|b| b & 0x1f).chain([0]);
    let step = |sum: u64, digit: u8| {
        let high = sum >> 35;
        let next = (sum & 0x07_ffff_ffff) << 5 ^ u64::from(digit);
        (0..5).filter(|bit| high >> bit & 1 == 1).fold(next, |next, bit| next ^ GENERATOR[bit])
    };
    digits.len() > 8 && head.chain(digits.iter().copied()).fold(1, step) == 1
}

/// The length of a Bitcoin string, then the string.
pub fn var_str(bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u64;
    let mut out = match length {
        0..=0xfc => vec![bytes.len() as u8],
        0xfd..=0xffff => [&[0xfd][..], &(bytes.len() as u16).to_le_bytes()].concat(),
        0x1_0000..=0xffff_ffff => [&[0xfe][..], &(bytes.len() as u32).to_le_bytes()].concat(),
        _ => [&[0xff][..], &length.to_le_bytes()].concat(),
    };
    out.extend(bytes);
    out
}

/// What OKX signs on chains without a form of their own for messages.
pub fn okx_text(message: &[u8]) -> Vec<u8> {
    [var_str(b"OKX Signed Message:\n"), var_str(message)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_mixed_case_is_no_hex() {
        assert_eq!(hex_bytes("0xab01"), Some(vec![0xab, 1]));
        assert_eq!(hex_bytes("AB01"), Some(vec![0xab, 1]));
        assert_eq!(hex_bytes("Ab01"), None);
        assert_eq!(hex_bytes("0Xab"), None);
        assert_eq!(prefixed_hex::<1>("ab"), None);
    }

    #[test]
    fn base32_has_no_bits_left_over() {
        assert_eq!(base32_bytes(&[0, 0b00100]), Some(vec![1]));
        assert_eq!(base32_bytes(&[0, 0b00101]), None);
        assert_eq!(base32_bytes(&[0, 4, 0]), None, "a digit too many");
    }

    #[test]
    fn a_long_string_has_a_longer_length() {
        assert_eq!(var_str(&[7; 252])[..2], [252, 7]);
        assert_eq!(var_str(&[7; 253])[..4], [0xfd, 253, 0, 7]);
        assert_eq!(var_str(&[7; 65536])[..6], [0xfe, 0, 0, 1, 0, 7]);
    }
}
