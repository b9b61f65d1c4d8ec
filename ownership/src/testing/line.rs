//! A line that owns its texts, and the keys that sign it.

use std::sync::LazyLock;

use bitcoin::secp256k1::{All, Message, Secp256k1, SecretKey};
use ed25519_dalek::SigningKey;

use crate::{
    chain::registry::Chain,
    context::{Anchor, Context},
    line::{Kind, Line},
    verdict::Verdict,
};

/// Signs and verifies.
pub(crate) static CURVE: LazyLock<Secp256k1<All>> = LazyLock::new(Secp256k1::new);

/// A line, and what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestLine {
    /// What is tested.
    pub name: &'static str,
    /// As in [`Line`].
    pub chain: String,
    /// As in [`Line`].
    pub address: String,
    /// As in [`Line`].
    pub message: String,
    /// As in [`Line`].
    pub signature: String,
    /// As in [`Line`].
    pub kind: Kind,
    /// As in [`Line`].
    pub key: String,
    /// What the line shows in the snapshot that it was made for.
    pub expected: Verdict,
}

impl TestLine {
    /// The line.
    pub fn line(&self) -> Line<'_> {
        Line {
            chain: &self.chain,
            address: &self.address,
            asset: "",
            amount: "",
            message: &self.message,
            signature: &self.signature,
            token: "",
            kind: self.kind,
            key: &self.key,
        }
    }
}

/// A snapshot.
pub fn context() -> Context<'static> {
    Context {
        domain: "exchange.example",
        snapshot: "2026-11-30",
        taken_at: "2026-11-30T00:00:00Z",
        anchor: Some(Anchor {
            chain: "bitcoin",
            height: 925_001,
            hash: "00000000000000000001a3c5d7e9f1b3d5f7a9cbedf1234567890abcdef12345",
        }),
        challenge: Some("audit-7f3a"),
    }
}

/// What is common to a line in the making.
pub(crate) struct Draft<'a> {
    pub context: &'a Context<'a>,
    pub message: Option<&'a str>,
    pub chain: &'static str,
    pub address: String,
    pub kind: Kind,
}

impl<'a> Draft<'a> {
    pub fn new(context: &'a Context<'a>, message: Option<&'a str>, chain: &'static str, address: String) -> Self {
        Self { context, message, chain, address, kind: Kind::Address }
    }

    /// What is signed.
    pub fn text(&self) -> String {
        let family = match self.kind {
            Kind::Contract => self.chain.to_owned(),
            _ => Chain::parse(self.chain).expect("a chain with a rule").family(),
        };
        let canonical = || self.context.message(&family, &self.address).expect("a message that can be signed");
        self.message.map_or_else(canonical, str::to_owned)
    }

    /// The line; forms of exchanges and blind ones are never fresh.
    pub fn signed(self, name: &'static str, signature: String, key: String) -> TestLine {
        let blind = ["okx-", "eip191-keccak:", "keccak:", "tron-keccak:", "ton-proof:"];
        let is_imported = blind.iter().any(|form| signature.starts_with(form));
        let text = self.text();
        let expected = if self.message.is_none() && !is_imported { Verdict::Fresh } else { Verdict::Undated { text } };
        TestLine {
            name,
            chain: self.chain.to_owned(),
            address: self.address,
            message: self.message.unwrap_or_default().to_owned(),
            signature,
            kind: self.kind,
            key,
            expected,
        }
    }
}

/// A key on secp256k1.
pub(crate) fn secret(number: u8) -> SecretKey {
    SecretKey::from_slice(&[number; 32]).expect("a number in the field")
}

/// An Ed25519 key.
pub(crate) fn edwards(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32])
}

/// r ‖ s, and which key it gives.
pub(crate) fn recoverable(digest: [u8; 32], key: &SecretKey) -> (u8, [u8; 64]) {
    let (id, rs) = CURVE.sign_ecdsa_recoverable(&Message::from_digest(digest), key).serialize_compact();
    (u8::try_from(id.to_i32()).expect("0 to 3"), rs)
}
