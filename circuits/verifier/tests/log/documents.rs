//! The example of api-spec/log.md, whose keys are those of seeds: its bytes are pinned in circuits/vectors/log, and it holds.

use std::{fs, path::Path};

use assay_core::sealed::Sealed;
use assay_verifier::log::{
    checkpoint::SignedCheckpoint,
    entry::{ATTESTATION_KIND, ENTRY_PROTOCOL, Entry},
    policy::Policy,
    proof::LogProof,
    tree::{Tree, leaf_hash, prove_inclusion},
};

use super::{log_vkey, signed, witness_vkey};

fn entry(month: u8) -> Sealed<Entry> {
    let day = format!("2026-{month}-30");
    let entry = Entry {
        exchange: "exchange.example".to_owned(),
        kind: ATTESTATION_KIND.to_owned(),
        protocol: ENTRY_PROTOCOL.to_owned(),
        statement: hex::encode([month; 32]),
        taken_at: format!("{day}T00:00:00Z"),
        snapshot: day,
    };
    Sealed::seal(entry).unwrap()
}

/// An entry, its proof, and a policy: the names of their files, and their bytes.
fn example() -> [(&'static str, String); 3] {
    let mut tree = Tree::default();
    (10..13).for_each(|month| tree.push(leaf_hash(entry(month).bytes())));
    let path = prove_inclusion(1, 3, &mut |node| tree.node(node)).unwrap();
    let checkpoint = SignedCheckpoint::parse(signed(&tree, &[2]).to_string().as_bytes()).unwrap();
    let proof = LogProof { extra: None, index: 1, path, checkpoint };
    let policy = format!(
        "log {} https://assay.example/log\nwitness regulator {}\nwitness auditor {}\ngroup one any regulator auditor\nquorum one\n",
        log_vkey(),
        witness_vkey(2),
        witness_vkey(3)
    );
    let entry = String::from_utf8(entry(11).bytes().to_vec()).unwrap();
    [("entry.json", entry), ("attestation.tlog-proof", proof.to_string()), ("policy", policy)]
}

#[test]
fn the_documented_example_is_the_pinned_one_and_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = fs::read_to_string(root.join("../../api-spec/log.md")).unwrap();
    let dir = root.join("../vectors/log");
    if std::env::var_os("UPDATE_PINS").is_some() {
        fs::create_dir_all(&dir).unwrap();
        example().iter().for_each(|(name, text)| fs::write(dir.join(name), text).unwrap());
    }
    for (name, text) in example() {
        assert_eq!(fs::read_to_string(dir.join(name)).unwrap(), text, "{name}");
        assert!(document.contains(text.trim_end()), "api-spec/log.md shows another {name}:\n{text}");
    }
    let read = |name: &str| fs::read(dir.join(name)).unwrap();
    let proof = LogProof::parse(&read("attestation.tlog-proof")).unwrap();
    proof.verify(&leaf_hash(&read("entry.json"))).unwrap();
    let cosigned = Policy::parse(&read("policy")).unwrap().check(&proof.checkpoint).unwrap();
    assert_eq!(cosigned[0].to_string(), "regulator (2023-11-14T22:13:20Z)");
}

#[test]
fn an_entry_of_another_kind_or_in_another_spelling_is_none() {
    let text = String::from_utf8(entry(11).bytes().to_vec()).unwrap();
    assert!(Sealed::<Entry>::parse(text.as_bytes()).is_ok());
    for (from, to) in [
        ("\"attestation\"", "\"notice\""),
        ("assay/log/1", "assay/log/2"),
        ("exchange.example", "Exchange.example"),
        ("2026-11-30T00:00:00Z", "2026-11-30T00:00:00.0Z"),
        ("0b0b", "0B0b"),
        ("\"snapshot\":\"2026-11-30\"", "\"snapshot\":\"\""),
        ("{\"exchange\"", "{ \"exchange\""),
        ("\"kind\"", "\"more\":1,\"kind\""),
    ] {
        let altered = text.replacen(from, to, 1);
        assert!(altered != text && Sealed::<Entry>::parse(altered.as_bytes()).is_err(), "{altered}");
    }
}
