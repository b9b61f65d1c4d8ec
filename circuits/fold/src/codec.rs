//! How nova's values become bytes: fixed-width integers, one spelling for each value.

use serde::{Serialize, de::DeserializeOwned};

use crate::error::Error;

/// Fixed-width integers.
pub(crate) fn encoding() -> impl bincode::config::Config {
    bincode::config::standard().with_fixed_int_encoding()
}

/// The bytes of a value.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    bincode::serde::encode_to_vec(value, encoding())
        .map_err(|e| Error::Malformed(format!("the payload cannot be encoded: {e}")))
}

/// Decodes a payload that must be in its one spelling: encoded again it gives the same bytes. That excludes scalars and
/// coordinates above the modulus, points with a second encoding, and padding; decoding itself refuses points that are
/// not on the curve, and both curves have prime order.
pub(crate) fn decode_strict<T: Serialize + DeserializeOwned>(payload: &[u8]) -> Result<T, Error> {
    let refuse = |reason: String| Error::Malformed(format!("the payload is refused: {reason}"));
    let (value, read): (T, usize) =
        bincode::serde::decode_from_slice(payload, encoding()).map_err(|e| refuse(e.to_string()))?;
    if read != payload.len() {
        return Err(refuse(format!("{} bytes are left over", payload.len() - read)));
    }
    if encode(&value).map_err(|e| refuse(e.to_string()))? != payload {
        return Err(refuse("it is not in canonical form".to_owned()));
    }
    Ok(value)
}
