//! Statements of third parties about lines, and lists of their keys.

use assay_core::{
    holding::{HOLDING_PROTOCOL, HOLDING_PURPOSE, Holding},
    signature::PURPOSE,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::line::edwards;
use crate::{context::Context, line::Line};

/// What a third party states that says what the line says.
pub fn holding(line: &Line<'_>, context: &Context<'_>) -> Holding {
    Holding {
        account: line.address.to_owned(),
        amount: line.amount.to_owned(),
        as_of: context.taken_at.to_owned(),
        asset: line.asset.to_owned(),
        custodian: line.chain.to_owned(),
        document_sha256: None,
        encumbered: false,
        exchange: context.domain.to_owned(),
        protocol: HOLDING_PROTOCOL.to_owned(),
        snapshot: context.snapshot.to_owned(),
    }
}

/// The column `signature` for a statement by the third party of this number.
pub fn holding_signature(holding: &Holding, number: u8) -> String {
    format!("jws:{}", holding.sign(&edwards(number)))
}

/// A list of keys (JWKS) with those of the third parties of these numbers.
pub fn holding_keys(numbers: &[u8]) -> String {
    let key = |number: &u8| {
        let x = URL_SAFE_NO_PAD.encode(edwards(*number).verifying_key().as_bytes());
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","{PURPOSE}":"{HOLDING_PURPOSE}"}}"#)
    };
    format!(r#"{{"keys":[{}]}}"#, numbers.iter().map(key).collect::<Vec<_>>().join(","))
}
