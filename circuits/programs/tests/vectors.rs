//! What later versions must still verify, and what other implementations can check themselves against.
#![allow(clippy::unwrap_used, missing_docs)]

mod parameters;

use std::{fs, path::PathBuf};

use assay_core::{
    field::{F, from_hex, to_hex},
    hash::{Domain, hash},
    identity::{MasterSecret, Scope, identity, shard_of},
    sealed::Sealed,
    tree::empty_roots,
};
use assay_fold::pins::Pin;
use assay_programs::{
    disclosure::{Disclosure, SHAPE, file::verify_disclosure},
    ledger::{
        Ledger,
        inclusion::path_root,
        page::{Entry, Page},
        shape::Shape,
        statement::Statement,
        verify::verify,
    },
    purpose::TestShapes,
};
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../vectors")
}

#[test]
fn frozen_attestations_of_every_shape_still_verify() {
    for shape in Shape::catalogue() {
        let dir = folder().join(format!("attestations/{}-v1", shape.name));
        let statement = fs::read(dir.join("statement.json")).unwrap();
        let proof = fs::read(dir.join("proof.bin")).unwrap();
        assert_eq!(proof.len(), Pin::of::<Ledger>(shape).unwrap().proof_bytes, "{}", shape.name);
        let statement = Sealed::parse(&statement);
        let report = verify(statement.as_ref(), &proof, TestShapes::Accepted, parameters::kept::<Ledger>);
        assert!(report.is_valid(), "{}: {:#?}", shape.name, report.checks);
    }
}

#[test]
fn frozen_attestations_in_several_shards_still_verify() {
    for name in ["solvency-8", "compliance-8"] {
        let dir = folder().join(format!("attestations/{name}-3-shards-v1"));
        let (statement, proof) = (fs::read(dir.join("statement.json")), fs::read(dir.join("proof.bin")));
        let statement = Sealed::<Statement>::parse(&statement.unwrap());
        assert_eq!(statement.as_ref().map(|s| s.shards.len()), Ok(3));
        let report = verify(statement.as_ref(), &proof.unwrap(), TestShapes::Accepted, parameters::kept::<Ledger>);
        assert!(report.is_valid(), "{name}: {:#?}", report.checks);
    }
}

#[test]
fn the_frozen_disclosure_still_verifies() {
    let dir = folder().join("disclosures/disclosure-4-v1");
    let statement = fs::read(dir.join("statement.json")).unwrap();
    let file = fs::read(dir.join("disclosure.json")).unwrap();
    let report =
        verify_disclosure(&file, &[&Sealed::parse(&statement).unwrap()], || parameters::kept::<Disclosure>(&SHAPE));
    assert!(report.is_valid(), "{:#?}", report.checks);
}

fn vectors() -> Value {
    serde_json::from_str(&fs::read_to_string(folder().join("vectors.json")).unwrap()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn elements(value: &Value) -> Vec<F> {
    value.as_array().unwrap().iter().map(|x| from_hex(text(x)).unwrap()).collect()
}

#[test]
fn hashes_match_their_vectors() {
    let all = vectors();
    let hashes = all["hashes"].as_array().unwrap();
    assert_eq!(hashes.len(), 12);
    for vector in hashes {
        let domain = match vector["domain"].as_u64().unwrap() {
            1 => Domain::Leaf,
            2 => Domain::Node,
            3 => Domain::Book,
            _ => Domain::Private,
        };
        assert_eq!(to_hex(&hash(domain, &elements(&vector["inputs"]))), text(&vector["hash"]));
    }
    let empty: Vec<F> = empty_roots(8);
    assert_eq!(empty, elements(&all["empty_roots"]));
}

#[test]
fn identities_match_their_vectors() {
    for vector in vectors()["identities"].as_array().unwrap() {
        let secret = hex::decode(text(&vector["master_secret"])).unwrap();
        let scope = Scope { domain: text(&vector["domain"]), series: text(&vector["series"]) };
        let account = text(&vector["account"]);
        let salt = MasterSecret::new(secret.try_into().unwrap()).salt(scope, account);
        assert_eq!(hex::encode(salt), text(&vector["salt"]));
        let own = identity(&salt, scope, account);
        assert_eq!(to_hex(&own), text(&vector["identity"]));
        assert_eq!(shard_of(&own, 7), vector["shard_of_7"].as_u64().unwrap());
    }
}

#[test]
fn leaves_and_paths_match_their_vectors() {
    let shape = Shape::named("solvency-8").unwrap();
    let all = vectors();
    for vector in all["leaves"].as_array().unwrap() {
        let entries = vector["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| Entry { column: e[0].as_u64().unwrap() as u16, quantity: text(&e[1]).parse().unwrap() });
        let page = Page {
            identity: from_hex(text(&vector["identity"])).unwrap(),
            first: vector["first"].as_bool().unwrap(),
            remaining: vector["remaining"].as_u64().unwrap() as u8,
            class: vector["class"].as_u64().unwrap() as u8,
            entries: entries.collect(),
            ..Page::padding(shape)
        };
        assert_eq!(page.words(), elements(&vector["words"]));
        assert_eq!(to_hex(&page.leaf()), text(&vector["leaf"]));
    }
    for vector in all["paths"].as_array().unwrap() {
        let path: Vec<Vec<String>> = serde_json::from_value(vector["path"].clone()).unwrap();
        let leaf = from_hex(text(&vector["leaf"])).unwrap();
        let root = path_root(leaf, vector["index"].as_u64().unwrap(), &path, shape.depth()).unwrap();
        assert_eq!(to_hex(&root), text(&vector["root"]));
    }
}
