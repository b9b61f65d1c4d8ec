//! Known answers of specifications and of this project.

use std::collections::BTreeMap;

use assay_ownership::{Anchor, Chain, Context, Defect, Proof, Reason, Verdict, judge};
use serde_json::Value;

use crate::support::{Own, decide, json, text, undated, vector};

#[test]
#[ignore = "needs published data: .ci/run published"]
fn published_vectors_of_ownership_are_decided_as_stated() {
    let file = json("ownership-vectors.json");
    let vectors = file["vectors"].as_array().unwrap();
    let mut counts = BTreeMap::new();
    for value in vectors {
        let own = vector(value);
        let id = text(value, "id");
        let proof = decide(&own);
        let scheme = own.signature.split(':').next().unwrap();
        // what a wallet shows nothing of is never more than an old signature
        let blind = ["eip191-keccak", "keccak", "tron-keccak", "ton-proof"];
        let is_imported = scheme.starts_with("okx-") || blind.contains(&scheme);
        let kind = match (value["valid"].as_bool().unwrap(), text(value, "type").contains("time-lock")) {
            (true, false) => {
                assert_eq!(proof, Ok(if is_imported { Proof::Imported } else { Proof::Signed }), "{id}");
                "valid"
            }
            (true, true) => {
                assert_eq!(proof, Ok(Proof::Unproven(Reason::Script)), "{id}");
                "inconclusive"
            }
            (false, _) => {
                assert!(matches!(proof, Err(Defect::False { .. } | Defect::Unreadable { .. })), "{id}: {proof:?}");
                "false"
            }
        };
        *counts.entry(kind).or_insert(0) += 1;
    }
    assert_eq!(counts, BTreeMap::from([("false", 43), ("inconclusive", 2), ("valid", 57)]));
}

#[test]
#[ignore = "needs published data: .ci/run published"]
fn published_canonical_messages_are_ours_byte_for_byte_and_fresh_in_one_snapshot() {
    let file = json("canonical.json");
    let stated = &file["statement"];
    let anchor = &stated["anchor"];
    let anchor =
        Anchor { chain: text(anchor, "chain"), height: anchor["height"].as_u64().unwrap(), hash: text(anchor, "hash") };
    let context = Context {
        domain: text(&stated["exchange"], "domain"),
        snapshot: text(&stated["snapshot"], "id"),
        taken_at: text(&stated["snapshot"], "taken_at"),
        anchor: Some(anchor),
        challenge: Some(text(stated, "challenge")),
    };
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 7);
    for value in vectors {
        let own = vector(value);
        let family = Chain::parse(&own.chain).unwrap().family();
        assert_eq!(context.message(&family, &own.address).as_deref(), Ok(&own.message[..]));
        assert_eq!(judge(&own.line(), &context), Ok(Verdict::Fresh), "{own:?}");
        let silent = Own { message: String::new(), ..own.clone() };
        assert_eq!(judge(&silent.line(), &context), Ok(Verdict::Fresh), "{own:?}");
        for other in [
            Context { snapshot: "2026-12-31", ..context },
            Context { domain: "exchange.example.org", ..context },
            Context { taken_at: "2026-12-01T00:00:00Z", ..context },
            Context { anchor: None, ..context },
            Context { challenge: None, ..context },
        ] {
            assert!(matches!(judge(&silent.line(), &other), Err(Defect::False { .. })), "{own:?}");
            // the message of another snapshot is a text like any other
            assert_eq!(judge(&own.line(), &other), undated(&own.message), "{own:?}");
        }
    }
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(all) => all.iter().map(|one| one.as_str().unwrap().to_owned()).collect(),
        one => one.as_str().into_iter().map(str::to_owned).collect(),
    }
}

#[test]
#[ignore = "needs published data: .ci/run published"]
fn published_vectors_of_bip_322_are_decided_as_stated() {
    let mut counts = BTreeMap::new();
    for name in ["bip322-basic-vectors.json", "bip322-generated-vectors.json"] {
        let file = json(name);
        for (section, vectors) in file.as_object().unwrap() {
            for value in vectors.as_array().unwrap() {
                let mut signatures = strings(&value["bip322_signatures"]);
                signatures.extend(strings(&value["signature"]));
                for signature in signatures {
                    let own = Own {
                        chain: "bitcoin".to_owned(),
                        address: text(value, "address").to_owned(),
                        message: text(value, "message").to_owned(),
                        signature: format!("bip322:{signature}"),
                        ..Own::default()
                    };
                    let proof = decide(&own);
                    let is_right = match (&section[..], text(value, "type").contains("time-lock")) {
                        ("error", _) => matches!(proof, Err(Defect::False { .. } | Defect::Unreadable { .. })),
                        (_, true) => proof == Ok(Proof::Unproven(Reason::Script)),
                        _ => proof == Ok(Proof::Signed),
                    };
                    assert!(is_right, "{section}: {own:?}: {proof:?}");
                    *counts.entry(section.clone()).or_insert(0) += 1;
                }
            }
        }
    }
    println!("{counts:?}");
    let count = |name: &str| counts.get(name).copied().unwrap_or_default();
    assert_eq!(count("error"), 36);
    assert_eq!(count("full"), 10);
    assert_eq!(count("proof_of_funds"), 3);
    assert!(count("simple") >= 8);
}
