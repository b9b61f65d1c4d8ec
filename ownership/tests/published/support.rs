//! The files, and lines with their own texts.

use std::{fs, path::PathBuf};

use assay_ownership::{Defect, Kind, Line, Proof, Verdict, judge, recognise, testing::context, verify};
use serde_json::Value;

pub fn read(name: &str) -> String {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let data = std::env::var_os("TEST_DATA").map_or(PathBuf::from(default), PathBuf::from);
    let data = if data.is_relative() { PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(data) } else { data };
    let path = data.join("reserves").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}: set TEST_DATA", path.display()))
}

pub fn json(name: &str) -> Value {
    serde_json::from_str(&read(name)).unwrap()
}

/// A line with its own texts.
#[derive(Debug, Clone, Default)]
pub struct Own {
    pub chain: String,
    pub address: String,
    pub message: String,
    pub signature: String,
    pub kind: Kind,
    pub key: String,
}

impl Own {
    pub fn line(&self) -> Line<'_> {
        Line {
            chain: &self.chain,
            address: &self.address,
            message: &self.message,
            signature: &self.signature,
            kind: self.kind,
            key: &self.key,
            ..Line::default()
        }
    }

    pub fn judge(&self) -> Result<Verdict, Defect> {
        judge(&self.line(), &context())
    }

    /// With the scheme that makes its signatures valid, if there is one.
    pub fn recognised(mut self) -> Self {
        if let Some(scheme) = recognise(&self.line(), &context()) {
            let texts: Vec<_> = self.signature.split(' ').map(|text| format!("{scheme}:{text}")).collect();
            self.signature = texts.join(" ");
        }
        self
    }

    /// `fresh`, `undated`, the reason, or the kind of defect.
    pub fn outcome(&self) -> &'static str {
        match self.judge() {
            Ok(Verdict::Unproven(reason)) => reason.code(),
            Ok(verdict) => verdict.status(),
            Err(Defect::False { .. }) => "false",
            Err(Defect::Address { .. }) => "no address",
            Err(Defect::Unreadable { .. }) => "unreadable",
            Err(Defect::TooFew { .. } | Defect::TooMany { .. }) => "count",
            Err(Defect::Script { .. }) => "wrong script",
            Err(defect) => panic!("{self:?}: {defect}"),
        }
    }
}

pub fn undated(text: &str) -> Result<Verdict, Defect> {
    Ok(Verdict::Undated { text: text.to_owned() })
}

pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// A vector of ownership-vectors.json or canonical.json.
pub fn vector(value: &Value) -> Own {
    let scheme = match text(value, "scheme") {
        "bitcoin-message-multisig" => "bitcoin-message",
        "tron" => "tip191",
        "cosmos-adr36" => "adr36",
        scheme => scheme,
    };
    let chain = match text(value, "chain") {
        "cosmos" => format!("cosmos:{}", text(value, "hrp")),
        chain => chain.to_owned(),
    };
    let prefix = if scheme == "tron-any" { String::new() } else { format!("{scheme}:") };
    let signatures = value["signatures"].as_array().unwrap().iter();
    let signatures: Vec<_> = signatures.map(|text| format!("{prefix}{}", text.as_str().unwrap())).collect();
    let script = text(value, "script");
    let own = Own {
        chain,
        address: text(value, "address").to_owned(),
        message: text(value, "message").to_owned(),
        signature: signatures.join(" "),
        kind: Kind::Address,
        key: if script.is_empty() { text(value, "key").to_owned() } else { format!("script:{script}") },
    };
    if scheme == "tron-any" { own.recognised() } else { own }
}

/// A vector's verdict by its own message, which may be empty: in a line that is the canonical message.
pub fn decide(own: &Own) -> Result<Proof, Defect> {
    let proof = verify(&own.line(), context().domain, &own.message);
    if !own.message.is_empty() {
        let expected = proof.clone().map(|proof| match proof {
            Proof::Unproven(reason) => Verdict::Unproven(reason),
            Proof::Signed | Proof::Imported => Verdict::Undated { text: own.message.clone() },
        });
        assert_eq!(own.judge(), expected, "{own:?}");
    }
    proof
}
