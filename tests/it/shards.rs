//! One ledger in several shards: the same totals, a file for every customer, and runs that end and go on.

use std::fs;

use serde_json::Value;

use crate::support::{Ledger, assay, assay_in, home, started, text};

fn statement(ledger: &Ledger) -> Value {
    serde_json::from_slice(&fs::read(ledger.out().join("statement.json")).unwrap()).unwrap()
}

/// Kind, asset and total of every column that is no cover.
fn totals(statement: &Value) -> Vec<Value> {
    let columns = statement["columns"].as_array().unwrap();
    columns.iter().filter(|c| c["kind"] != "cover").cloned().collect()
}

#[test]
fn one_two_and_seven_shards_state_the_same_totals_and_every_customer_is_included() {
    const ACCOUNTS: usize = 40;
    let ledgers = [1, 2, 7].map(|shards: usize| {
        let ledger = Ledger::named(ACCOUNTS, &format!("in-{shards}-shards"));
        let run = ledger.prove(&["--shards", &shards.to_string(), "--json"]).expect(0);
        let proved: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((&proved["shards"], &proved["accounts"]), (&shards.into(), &ACCOUNTS.into()));
        let verified = ledger.verify().expect(0);
        if shards > 1 {
            assert!(verified.stdout.contains(&format!("{shards} of {shards} shards")), "{}", verified.stdout);
        }
        let stated = statement(&ledger);
        assert_eq!(stated["shards"].as_array().unwrap().len(), shards);
        let kept: Vec<_> =
            fs::read_dir(ledger.out().join("private")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(kept.iter().all(|name| !name.to_str().unwrap().ends_with("-0.bin")), "{kept:?}");
        let mut seen = std::collections::BTreeSet::new();
        for a in 0..ACCOUNTS {
            let account = format!("customer-{a}");
            let file = ledger.root.path().join("me.json");
            let _ = fs::remove_file(&file);
            assay(&["inclusion", text(&ledger.out()), "--account", &account, "--out", text(&file)]).expect(0);
            let out = ledger.out();
            let check = ["verify-inclusion", text(&file), "--attestation", text(&out), "--account", &account];
            assay(&[&check[..], &["--skip-proof", "--test-shapes"]].concat()).expect(0);
            let own: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            seen.insert(own["shard"].as_u64().unwrap());
            // said to be of another shard
            if shards > 1 {
                let mut moved = own;
                moved["shard"] = ((moved["shard"].as_u64().unwrap() + 1) % shards as u64).into();
                fs::write(&file, moved.to_string()).unwrap();
                let refused = assay(&[&check[..], &["--skip-proof", "--test-shapes"]].concat()).expect(1);
                assert!(refused.stdout.contains("belongs in shard"), "{}", refused.stdout);
            }
        }
        assert_eq!(seen.len(), shards, "customers in every shard");
        let nobody = assay(&["inclusion", text(&ledger.out()), "--account", "customer-40"]).expect(2);
        assert!(nobody.stderr.contains("no account"), "{}", nobody.stderr);
        ledger
    });
    let [one, two, seven] = ledgers.each_ref().map(statement);
    assert_eq!((totals(&one), totals(&one)), (totals(&two), totals(&seven)));
    assert_eq!(one["columns"].as_array().unwrap().len() + 6, two["columns"].as_array().unwrap().len());
}

#[test]
fn a_proof_file_that_lacks_a_shard_or_has_them_in_another_order_is_refused() {
    let ledger = Ledger::new(20);
    ledger.prove(&["--shards", "2"]).expect(0);
    let proof = ledger.out().join("proof.bin");
    let honest = fs::read(&proof).unwrap();
    let half = honest.len() / 2;
    let refused = |bytes: &[u8], why: &str| {
        fs::write(&proof, bytes).unwrap();
        let run = ledger.verify().expect(1);
        assert!(run.stdout.contains("✗ the proof file") && run.stdout.contains(why), "{}", run.stdout);
    };
    // both proofs have one length
    refused(&honest[..half], "1 of 2 proofs");
    refused(&[&honest[half..], &honest[..half]].concat(), "part 1 stands where part 0");
    refused(&[&honest[..], &honest[half..]].concat(), "follow the end");
    fs::write(&proof, &honest).unwrap();
    ledger.verify().expect(0);
}

/// Killed while some shards are done and one is half folded; the run goes on with what each of them has.
#[test]
fn a_killed_run_of_several_shards_goes_on_with_each() {
    let ledger = Ledger::new(400);
    let own = ledger.prove_arguments();
    let more = ["--shards", "3", "--checkpoint-seconds", "0", "--threads", "2"];
    let arguments: Vec<&str> = own.iter().map(String::as_str).chain(more).collect();
    let mut child = started(assay_in(home(), &arguments), &ledger.partial().join("private/checkpoint-1.bin"));
    child.kill().unwrap();
    child.wait().unwrap();
    let done = ledger.partial().join("private/proof-0.bin");
    let first = fs::read(&done).unwrap();
    let statement = fs::read(ledger.partial().join("statement.json")).unwrap();
    // --shards is left out: the unfinished run says how many there are. A damaged proof is made again
    fs::write(&done, &first[..first.len() - 1]).unwrap();
    ledger.prove(&["--resume", "--shards", "auto"]).expect(0);
    assert_eq!(fs::read(ledger.out().join("statement.json")).unwrap(), statement);
    ledger.verify().expect(0);
    // another number is another statement
    let other = Ledger::new(20);
    assert_eq!(other.prove(&["--shards", "5000"]).code, 2);
    assert_eq!(other.prove(&["--shards", "0"]).code, 2);
}
