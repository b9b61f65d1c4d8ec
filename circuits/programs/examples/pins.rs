//! `make pins`: writes what must not drift. For each shape it counts constraints by rule, derives the parameters, proves
//! a small ledger, and writes `pins/<shape>.json`; of all shapes, or of those named. With `--vectors` it also freezes what later versions must still
//! verify, but never overwrites a frozen attestation.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use assay_core::{
    field::{F, to_hex},
    hash::{Domain, hash},
    identity::{MasterSecret, Scope, identity, shard_of},
    sealed::Sealed,
    tree::{UpperTree, batch_levels, empty_roots},
};
use assay_fold::keys::Keys;
use assay_programs::{
    disclosure::{
        Disclosure, SHAPE,
        claim::{Attested, Claim, DISCLOSURE_PROTOCOL},
        file::disclose,
    },
    ledger::{Ledger, fold::Fold, inclusion::IncludedPage, page::Page, shape::Shape},
    testing::{
        Counting, batch_roots, sharded_statement, test_columns, test_inclusion, test_pages, test_shards, test_statement,
    },
};
use serde_json::{Value, json};

fn main() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let vectors = std::env::args().any(|a| a == "--vectors");
    let only: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    for shape in Shape::catalogue().iter().filter(|s| only.is_empty() || only.iter().any(|o| o == s.name)) {
        let counted = Counting::step::<Ledger>(shape);
        let parameters = Keys::<Ledger>::derive(shape).unwrap();
        let pages = test_pages(shape, shape.batch(), 1);
        let roots = batch_roots(shape, &pages);
        let statement = test_statement(shape, parameters.digest(), &pages);
        let columns = test_columns(&statement, &pages);
        let statement = Sealed::seal(statement).unwrap();
        let mut fold = Fold::begin(&parameters, &statement, 0, &roots, &columns).unwrap();
        for batch in pages.chunks(shape.batch()) {
            fold.step(batch.to_vec()).unwrap();
        }
        let proof = fold.compress().unwrap();
        let (primary, secondary) = parameters.constraints();
        let pin = json!({
            "shape": shape.name,
            "parameter_digest": parameters.digest(),
            "step_constraints": primary,
            "secondary_constraints": secondary,
            "constraints_per_page_floor": primary / shape.batch(),
            "proof_bytes": proof.len(),
            "rules": counted.by_rule,
        });
        write(&root.join(format!("pins/{}.json", shape.name)), &pin);
        println!("{}: {primary} constraints a step of {} pages", shape.name, shape.batch());
        let frozen = root.join(format!("vectors/attestations/{}-v1", shape.name));
        if vectors && !frozen.exists() {
            fs::create_dir_all(&frozen).unwrap();
            fs::write(frozen.join("statement.json"), statement.bytes()).unwrap();
            fs::write(frozen.join("proof.bin"), &proof).unwrap();
        }
    }
    for name in ["solvency-8", "compliance-8"] {
        let frozen = root.join(format!("vectors/attestations/{name}-3-shards-v1"));
        if vectors && !frozen.exists() {
            freeze_shards(Shape::named(name).unwrap(), &frozen);
        }
    }
    if only.is_empty() || only.iter().any(|o| o == SHAPE.name) {
        pin_disclosure(root, vectors);
    }
    if vectors {
        write(&root.join("vectors/vectors.json"), &algorithm_vectors());
    }
}

/// An attestation in three shards.
fn freeze_shards(shape: &'static Shape, folder: &Path) {
    let parameters = Keys::<Ledger>::derive(shape).unwrap();
    let shards = test_shards(shape, 40, 3, 1);
    let pages: Vec<&[Page]> = shards.iter().map(Vec::as_slice).collect();
    let statement = sharded_statement(shape, parameters.digest(), &pages);
    let columns: Vec<_> = pages.iter().map(|pages| test_columns(&statement, pages)).collect();
    let statement = Sealed::seal(statement).unwrap();
    let mut proof = Vec::new();
    for (shard, (pages, columns)) in (0..).zip(pages.iter().zip(&columns)) {
        let roots = batch_roots(shape, pages);
        let mut fold = Fold::begin(&parameters, &statement, shard, &roots, columns).unwrap();
        pages.chunks(shape.batch()).for_each(|batch| fold.step(batch.to_vec()).unwrap());
        proof.extend(fold.compress().unwrap());
    }
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("statement.json"), statement.bytes()).unwrap();
    fs::write(folder.join("proof.bin"), &proof).unwrap();
}

fn write(path: &Path, value: &Value) {
    fs::write(path, format!("{value:#}\n")).unwrap();
}

/// The circuit of disclosures, with the length of a proof about one account.
fn pin_disclosure(root: &Path, vectors: bool) {
    let circuit = SHAPE.name;
    let parameters = Keys::<Disclosure>::derive(&SHAPE).unwrap();
    let (primary, secondary) = parameters.constraints();
    let mut pin = json!({
        "shape": SHAPE.name,
        "parameter_digest": parameters.digest(),
        "step_constraints": primary,
        "secondary_constraints": secondary,
        "proof_bytes": 0,
        "rules": Counting::step::<Disclosure>(&SHAPE).by_rule,
    });
    let shape = Shape::named("compliance-8").unwrap();
    let (pages, secret) = (test_pages(shape, 4, 1), MasterSecret::new([1; 32]));
    let statement = test_statement(shape, parameters.digest(), &pages);
    let statement = Sealed::seal(statement).unwrap();
    let inclusion = test_inclusion(shape, &statement, &pages, &secret, "account 0");
    let claim = Claim {
        protocol: DISCLOSURE_PROTOCOL.to_owned(),
        measure: "equity".to_owned(),
        at_least: "0".to_owned(),
        quote: "USDT".to_owned(),
        context: String::new(),
        attestations: vec![Attested { statement_digest: inclusion.statement_digest.clone(), shard: 0, account: None }],
    };
    let inclusion = serde_json::to_vec(&inclusion).unwrap();
    let file = disclose(&parameters, &claim, &[(&statement, &inclusion)]).unwrap();
    let frozen = root.join(format!("vectors/disclosures/{circuit}-v1"));
    if vectors && !frozen.exists() {
        fs::create_dir_all(&frozen).unwrap();
        fs::write(frozen.join("statement.json"), statement.bytes()).unwrap();
        fs::write(frozen.join("disclosure.json"), &file).unwrap();
    }
    let file: Value = serde_json::from_slice(&file).unwrap();
    pin["proof_bytes"] = (file["proof"].as_str().unwrap().len() / 2).into();
    write(&root.join(format!("pins/{circuit}.json")), &pin);
    println!("{circuit}: {primary} constraints");
}

/// Hashes, identities, leaves and paths for other implementations.
fn algorithm_vectors() -> Value {
    let shape = Shape::named("solvency-8").unwrap();
    let hashes: Vec<Value> = [Domain::Leaf, Domain::Node, Domain::Book, Domain::Private]
        .into_iter()
        .flat_map(|domain| [3usize, 5, 8].map(|arity| (domain, arity)))
        .map(|(domain, arity)| {
            let inputs: Vec<F> = (1..=arity as u64).map(F::from).collect();
            json!({
                "domain": domain as u32,
                "inputs": inputs.iter().map(to_hex).collect::<Vec<_>>(),
                "hash": to_hex(&hash(domain, &inputs)),
            })
        })
        .collect();
    let secret = MasterSecret::new(std::array::from_fn(|i| i as u8));
    let identities: Vec<Value> = [("2026-01", "alice"), ("2026-02", "alice"), ("2026-01", "bob"), ("s", "用户-7")]
        .into_iter()
        .map(|(series, account)| {
            let scope = Scope { domain: "exchange.example", series };
            let salt = secret.salt(scope, account);
            json!({
                "master_secret": hex::encode(std::array::from_fn::<u8, 32, _>(|i| i as u8)),
                "domain": scope.domain,
                "series": series,
                "account": account,
                "salt": hex::encode(salt),
                "identity": to_hex(&identity(&salt, scope, account)),
                "shard_of_7": shard_of(&identity(&salt, scope, account), 7),
            })
        })
        .collect();
    let pages = test_pages(shape, 9, 7);
    let leaves: Vec<Value> = pages
        .iter()
        .take(3)
        .map(|p| {
            json!({
                "identity": to_hex(&p.identity),
                "first": p.first,
                "remaining": p.remaining,
                "class": p.class,
                "entries": p.entries.iter().map(|e| json!([e.column, e.quantity.to_string()])).collect::<Vec<_>>(),
                "words": p.words().iter().map(to_hex).collect::<Vec<_>>(),
                "leaf": to_hex(&p.leaf()),
            })
        })
        .collect();
    let upper = UpperTree::build(shape.depths, batch_roots(shape, &pages));
    let paths: Vec<Value> = [0usize, 5, 10]
        .into_iter()
        .map(|i| {
            let batch: Vec<F> = pages[i / 8 * 8..][..8].iter().map(|p| p.leaf()).collect();
            let mut path = vec![batch_levels(&batch)[0][..].try_into().unwrap()];
            path.extend(upper.path(i / 8));
            let included = IncludedPage::new(i as u64, &pages[i], &path);
            json!({ "index": i, "leaf": to_hex(&pages[i].leaf()), "path": included.path, "root": to_hex(&upper.root()) })
        })
        .collect();
    json!({
        "field": "BN254 scalar field; elements as 64 hexadecimal digits, most significant first",
        "hashes": hashes,
        "identities": identities,
        "leaves": leaves,
        "empty_roots": empty_roots(8).iter().map(to_hex).collect::<Vec<_>>(),
        "paths": paths,
    })
}
