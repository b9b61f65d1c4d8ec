//! The hash functions of the chains.

use bitcoin::hashes::{Hash, hash160 as hash160_of};
use blake2::{
    Blake2b, Blake2bVar,
    digest::{Update, VariableOutput, consts::U32},
};
use sha2::{Digest, Sha256, Sha512};
use sha3::{Keccak256, Sha3_256};

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 of SHA-256.
pub fn sha256d(bytes: &[u8]) -> [u8; 32] {
    sha256(&sha256(bytes))
}

/// The first half of SHA-512.
pub fn sha512_half(bytes: &[u8]) -> [u8; 32] {
    let mut half = [0; 32];
    half.copy_from_slice(&Sha512::digest(bytes)[..32]);
    half
}

/// Keccak-256, which is SHA3-256 with the padding from before its standard.
pub fn keccak256(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// SHA3-256.
pub fn sha3_256(bytes: &[u8]) -> [u8; 32] {
    Sha3_256::digest(bytes).into()
}

/// BLAKE2b with a result of 32 bytes.
pub fn blake2b_256(bytes: &[u8]) -> [u8; 32] {
    Blake2b::<U32>::digest(bytes).into()
}

/// BLAKE2b with a result of `N` bytes, 1 to 64.
pub fn blake2b<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    if let Ok(mut state) = Blake2bVar::new(N) {
        state.update(bytes);
        let written = state.finalize_variable(&mut out);
        debug_assert!(written.is_ok(), "the buffer has the length asked for");
    }
    out
}

/// RIPEMD-160 of SHA-256.
pub fn hash160(bytes: &[u8]) -> [u8; 20] {
    hash160_of::Hash::hash(bytes).to_byte_array()
}

/// The last 20 bytes of Keccak-256 of a key's two coordinates: an Ethereum address.
pub fn keccak_address(uncompressed: &[u8; 65]) -> [u8; 20] {
    let mut address = [0; 20];
    address.copy_from_slice(&keccak256(&uncompressed[1..])[12..]);
    address
}
