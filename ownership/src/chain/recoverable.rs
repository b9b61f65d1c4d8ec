//! Signatures on secp256k1 as r ‖ s ‖ v, from which the key is recovered.

use bitcoin::secp256k1::PublicKey;

use crate::{claim::SignatureText, defect::Defect, encoding::hex_bytes, secp::recover_low_s};

/// The key that signed the digest. v is 0 or 1, or 27 or 28, and s is in the lower half.
pub fn signer(signature: &SignatureText<'_>, digest: [u8; 32]) -> Result<PublicKey, Defect> {
    let unreadable = || signature.unreadable("r, s and v have 65 bytes, in hexadecimal digits of one case");
    let bytes = hex_bytes(signature.text).ok_or_else(unreadable)?;
    let (rs, v) = bytes.split_first_chunk::<64>().ok_or_else(unreadable)?;
    let id = match v {
        [0 | 27] => 0,
        [1 | 28] => 1,
        [_] => return Err(signature.unreadable("its last byte is none of 0, 1, 27 and 28")),
        _ => return Err(unreadable()),
    };
    recover_low_s(digest, rs, id).ok_or_else(|| signature.false_by("it gives no key, or its s is in the upper half"))
}
