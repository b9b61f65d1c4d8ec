//! From a small ledger to every customer's inclusion, and what a verifier says of altered files.

use std::{fs, io::Write};

use crate::support::{Ledger, Run, assay, assay_in, text};

#[test]
fn a_small_exchange_proves_and_every_customer_is_included() {
    let ledger = Ledger::new(20);
    let run = ledger.prove(&[]).expect(0);
    assert!(!ledger.partial().exists());
    assert!(run.stdout.contains("solvency-8"), "{}", run.stdout);
    let verified = ledger.verify().expect(0);
    assert!(verified.stdout.contains("✓") && !verified.stdout.contains("✗"), "{}", verified.stdout);
    for a in 0..20 {
        let account = format!("customer-{a}");
        let file = ledger.root.path().join(format!("{account}.json"));
        assay(&["inclusion", text(&ledger.out()), "--account", &account, "--out", text(&file)]).expect(0);
        let out = ledger.out();
        let mut arguments = vec!["verify-inclusion", text(&file), "--attestation", text(&out), "--test-shapes"];
        if a > 0 {
            arguments.push("--skip-proof");
        }
        arguments.extend(["--account", &account]);
        let run = assay(&arguments).expect(0);
        assert!(run.stdout.contains(&format!("0.{:08}", a + 1).trim_end_matches('0').to_owned()), "{}", run.stdout);
    }
    // another customer's file is not one's own, even where everything in it is true
    let file = ledger.root.path().join("customer-3.json");
    let out = ledger.out();
    let stranger = [
        "verify-inclusion",
        text(&file),
        "--attestation",
        text(&out),
        "--skip-proof",
        "--test-shapes",
        "--account",
        "customer-4",
    ];
    let run = assay(&stranger).expect(1);
    assert!(run.stdout.contains("file of account customer-3"), "{}", run.stdout);
    let nobody = assay(&["inclusion", text(&ledger.out()), "--account", "customer-20"]).expect(2);
    assert!(nobody.stderr.contains("no account `customer-20`"), "{}", nobody.stderr);
    // a release verifier, and the auditor's program, do not accept the shape for tests
    assay(&["verify", text(&ledger.out())]).expect(1);
}

#[test]
fn a_bundle_verifies_like_its_directory() {
    let ledger = Ledger::new(5);
    ledger.prove(&[]).expect(0);
    let bundle = ledger.root.path().join("bundle.zip");
    let pack = |statement: &[u8]| {
        let mut zip = zip::ZipWriter::new(fs::File::create(&bundle).unwrap());
        for name in ["statement.json", "proof.bin", "attestation.jws", "README.txt", "MANIFEST.sha256"] {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            let content = fs::read(ledger.out().join(name)).unwrap();
            zip.write_all(if name == "statement.json" { statement } else { &content }).unwrap();
        }
        zip.finish().unwrap();
    };
    let statement = fs::read(ledger.out().join("statement.json")).unwrap();
    pack(&statement);
    let run = assay(&["verify", text(&bundle), "--test-shapes"]).expect(0);
    assert_eq!(run.stdout, ledger.verify().expect(0).stdout);
    assay(&["explain", text(&bundle)]).expect(0);
    // it is signed with the home's key, which a reader may know or not
    let keys = ledger.root.path().join("keys.json");
    let signed = |shown: Run| {
        fs::write(&keys, shown.expect(0).stdout).unwrap();
        assay(&["verify", text(&bundle), "--test-shapes", "--jwks", text(&keys)])
    };
    signed(assay(&["keys", "show"])).expect(0);
    let stranger = tempfile::tempdir().unwrap();
    signed(assay_in(stranger.path(), &["keys", "show"]).output().unwrap().into()).expect(1);
    let mut altered = statement.clone();
    altered[200] ^= 1;
    pack(&altered);
    assay(&["verify", text(&bundle), "--test-shapes"]).expect(1);
    // a file that proves nothing may differ from the manifest, the signatures may not
    pack(&statement);
    fs::write(ledger.out().join("README.txt"), "another").unwrap();
    let run = ledger.verify().expect(0);
    assert!(run.stdout.contains("differs: README.txt does not match its digest"), "{}", run.stdout);
    let jws = ledger.out().join("attestation.jws");
    fs::write(&jws, [&fs::read(&jws).unwrap()[..], b"\n"].concat()).unwrap();
    let run = ledger.verify().expect(1);
    assert!(run.stdout.contains("attestation.jws does not match its digest"), "{}", run.stdout);
    fs::write(&bundle, b"PK\x03\x04 no archive").unwrap();
    let run = assay(&["verify", text(&bundle), "--test-shapes"]).expect(3);
    assert!(run.stderr.contains("not a .zip bundle"), "{}", run.stderr);
}

#[test]
fn an_altered_attestation_is_not_valid_and_says_where() {
    let ledger = Ledger::new(5);
    ledger.prove(&[]).expect(0);
    let statement = ledger.out().join("statement.json");
    let honest = fs::read_to_string(&statement).unwrap();
    fs::write(&statement, honest.replace("Small Exchange", "Great Exchange")).unwrap();
    let run = ledger.verify().expect(1);
    assert!(run.stdout.contains("✗") && run.stdout.contains("NOT VALID"), "{}", run.stdout);
    fs::write(&statement, &honest).unwrap();
    ledger.verify().expect(0);
    fs::remove_file(ledger.out().join("proof.bin")).unwrap();
    ledger.verify().expect(3);
}

#[test]
fn too_little_in_reserve_is_a_true_statement_of_a_failure() {
    let ledger = Ledger::new(5);
    ledger.write("reserves.csv", "asset,chain,address,amount,height,message,signature\nBTC,bitcoin,bc1qone,1000,,,\n");
    ledger.prove(&[]).expect(1);
    assert!(ledger.out().exists());
    let run = ledger.verify().expect(1);
    assert!(run.stdout.contains("too little of USDT"), "{}", run.stdout);
    assert!(run.stdout.contains("the totals are proved"), "{}", run.stdout);
}

#[test]
fn l14_one_account_a_full_tree_and_one_page_too_many() {
    let one = Ledger::new(1);
    one.prove(&[]).expect(0);
    one.verify().expect(0);
    let full = Ledger::new(512);
    full.prove(&[]).expect(0);
    full.verify().expect(0);
    let over = Ledger::new(513);
    let run = over.prove(&["--shards", "1"]).expect(1);
    assert!(run.stderr.contains("513 pages, solvency-8 holds 512 pages"), "{}", run.stderr);
    assert!(!over.out().exists());
    // by itself, prove takes a second tree
    let run = over.prove(&[]).expect(0);
    assert!(run.stdout.contains("in 2 shards"), "{}", run.stdout);
    over.verify().expect(0);
}

#[test]
fn an_account_of_many_pages_is_shown_all_of_them() {
    let ledger = Ledger::new(3);
    let (mut assets, mut balances) =
        ("symbol,scale,price,quote\n".to_owned(), "account,asset,equity,debt\n".to_owned());
    for i in 0..40 {
        assets.push_str(&format!("A{i},4,1,USD\n"));
        balances.push_str(&format!("customer-1,A{i},{}.0001,0.0001\n", i + 1));
    }
    ledger.write("assets.csv", &assets);
    ledger.write("balances.csv", &balances);
    fs::remove_file(ledger.dir().join("reserves.csv")).unwrap();
    ledger.prove(&[]).expect(0);
    let run = ledger.verify().expect(0);
    assert!(run.stdout.contains("The statement contains no reserves"), "{}", run.stdout);
    let file = assay(&["inclusion", text(&ledger.out()), "--account", "customer-1"]).expect(0).json();
    // 80 entries, six a page
    assert_eq!(file["pages"].as_array().unwrap().len(), 14);
}

#[test]
fn reserves_whose_keys_signed_for_the_snapshot_are_called_proven_owned() {
    use assay_ownership::{
        Context, Kind, Line,
        testing::{holding, holding_keys, holding_signature, lines},
    };
    let ledger = Ledger::named(5, "owned-1");
    let context = Context {
        domain: "small.example",
        snapshot: "owned-1",
        taken_at: "2026-03-31T00:00:00Z",
        anchor: None,
        challenge: None,
    };
    let signed = lines(&context, None);
    let of = |chain: &str| signed.iter().find(|line| line.chain == chain && line.key.is_empty()).unwrap();
    let (bitcoin, ethereum) = (of("bitcoin"), of("ethereum"));
    let row = |asset: &str, own: &assay_ownership::testing::TestLine, amount: &str, signature: &str| {
        format!("{asset},{},{},{amount},,,{signature}\n", own.chain, own.address)
    };
    let header = "asset,chain,address,amount,height,message,signature\n";
    let unsigned = row("BTC", bitcoin, "750", "") + &row("USDT", ethereum, "9000000", "") + "USDT,tron,,1,,,\n";
    ledger.write("reserves.csv", &(header.to_owned() + &unsigned.replace("USDT,tron,,", "USDT,tron,Tx,")));
    // what there is to sign
    let messages = assay(&["reserves", "messages", text(&ledger.dir()), "--json"]).expect(0);
    assert!(messages.stderr.contains("Warning: reserves.csv line 4: "), "{}", messages.stderr);
    assert_eq!(messages.json().as_array().unwrap().len(), 2);
    ledger.write("reserves.csv", &(header.to_owned() + &unsigned.replace("USDT,tron,,", "USDT,my bank,x,")));
    let messages = assay(&["reserves", "messages", text(&ledger.dir()), "--json"]).expect(0).json();
    assert_eq!(messages.as_array().unwrap().len(), 2);
    assert_eq!(messages[1]["chain"], "evm");
    assert_eq!(messages[1]["message"], context.message("evm", &ethereum.address).unwrap());

    let rows = row("BTC", bitcoin, "750", &bitcoin.signature) + &row("USDT", ethereum, "9000000", &ethereum.signature);
    ledger.write("reserves.csv", &format!("{header}{rows}BTC,my bank,account 1,250,,,\n"));
    let checked = assay(&["reserves", "check", text(&ledger.dir()), "--json"]).expect(0).json();
    assert_eq!(checked["assets"][0]["fresh"], "750");
    assert_eq!(checked["lines"][2]["reason"], "no rule");
    // the bank signs, and the exchange lists its key
    let (chain, address, asset, amount) = ("my bank", "account 1", "BTC", "250");
    let bank = Line { chain, address, asset, amount, kind: Kind::Bank, ..Line::default() };
    let stated = holding_signature(&holding(&bank, &context), 1);
    let long = format!("{}{}", header.replace('\n', ",token,kind,key\n"), rows.replace('\n', ",,,\n"));
    ledger.write("reserves.csv", &format!("{long}BTC,my bank,account 1,250,,,{stated},,bank,\n"));
    ledger.write("keys.json", &holding_keys(&[1]));
    let manifest = fs::read_to_string(ledger.dir().join("manifest.toml")).unwrap();
    ledger.write("manifest.toml", &format!("{manifest}\n[reserves]\ncustodians = \"keys.json\"\n"));
    let checked = assay(&["reserves", "check", text(&ledger.dir()), "--json"]).expect(0).json();
    assert_eq!(checked["lines"][2]["status"], "third_party");
    let others = ledger.dir().with_file_name("banks.json");
    fs::write(&others, holding_keys(&[2])).unwrap();
    let checked =
        assay(&["reserves", "check", text(&ledger.dir()), "--custodians", text(&others), "--json"]).expect(0).json();
    assert_eq!(checked["lines"][2]["reason"], "signer");
    ledger.prove(&[]).expect(0);
    let verified = ledger.verify().expect(0).stdout;
    assert!(verified.contains("for 2 lines the address' key signed for this snapshot (proven owned)"), "{verified}");
    assert!(verified.contains("By third parties: 250 BTC."), "{verified}");
    let report = assay(&["verify", text(&ledger.out()), "--test-shapes", "--json"]).expect(0).json();
    assert_eq!((&report["assets"][0]["owned"], &report["assets"][0]["third_party"]), (&"750".into(), &"250".into()));
    // another exchange counts one of the places
    let (own, other) = (ledger.dir().join("reserves.csv"), ledger.dir().with_file_name("other.csv"));
    fs::write(&other, format!("{header}{}", row("BTC", bitcoin, "1", ""))).unwrap();
    let overlap = assay(&["reserves", "overlap", text(&own), text(&other)]).expect(1).stdout;
    assert!(overlap.contains(&bitcoin.signature) && overlap.contains("OVERLAP: one place"), "{overlap}");
    fs::write(&other, format!("{header}BTC,bitcoin,x,1,,,\n")).unwrap();
    assay(&["reserves", "overlap", text(&own), text(&other)]).expect(0);
    assay(&["reserves", "overlap", text(&own), text(&others)]).expect(3);
    // a signature for another snapshot is false
    let manifest = fs::read_to_string(ledger.dir().join("manifest.toml")).unwrap();
    ledger.write("manifest.toml", &manifest.replace("owned-1", "owned-2"));
    let refused = assay(&["check", text(&ledger.dir())]).expect(1);
    assert!(refused.stdout.contains("reserves.csv line 2") && refused.stdout.contains("reserves.csv line 3"));
}
