//! Attestations of several shards, attacked: what one shard alone cannot show, and what ties the shards together.

use std::sync::OnceLock;

use assay_core::{
    field::{F, to_hex},
    identity::{MasterSecret, identity, shard_of},
    sealed::Sealed,
};
use assay_fold::{Error, Program, envelope::open, keys::Keys};
use assay_programs::{
    ledger::{
        Ledger,
        fold::Fold,
        inclusion::{Inclusion, verify_inclusion},
        page::{Entry, Page},
        report::Report,
        shape::{Family, Shape},
        spec::INCLUSION_CHECKS,
        statement::{COVER_COLUMNS, ColumnKind, MAX_SHARDS, Statement},
        verify::{is_proof_of, verify},
    },
    purpose::TestShapes,
    testing::{
        TEST_SCOPE, batch_roots, compress_unjudged, recommit_shards, restate_shards, sharded_statement, test_columns,
        test_inclusion, test_shards,
    },
};
use sha2::{Digest, Sha256};

const ACCOUNTS: usize = 30;
const SHARDS: u32 = 3;
const SEED: u64 = 9;

fn shape() -> &'static Shape {
    crate::shape_of(module_path!())
}

fn keys() -> &'static Keys<Ledger> {
    static KEYS: OnceLock<Keys<Ledger>> = OnceLock::new();
    KEYS.get_or_init(|| crate::parameters::kept(shape()).unwrap())
}

fn slices(shards: &[Vec<Page>]) -> Vec<&[Page]> {
    shards.iter().map(Vec::as_slice).collect()
}

/// A statement with the pages of its shards, and the proof of each shard.
struct Attested {
    shards: Vec<Vec<Page>>,
    statement: Sealed<Statement>,
    proofs: Vec<Vec<u8>>,
}

impl Attested {
    fn proof(&self) -> Vec<u8> {
        self.proofs.concat()
    }
}

/// The fold of one shard's pages under a statement, whatever they are, compressed as a cheating prover does.
fn proved(statement: &Sealed<Statement>, shard: u32, pages: &[Page]) -> Result<Vec<u8>, Error> {
    let (roots, columns) = (batch_roots(shape(), pages), test_columns(statement, pages));
    let mut fold = Fold::begin(keys(), statement, shard, &roots, &columns)?;
    for batch in pages.chunks(shape().batch()) {
        fold.step(batch.to_vec())?;
    }
    compress_unjudged(fold.run())
}

fn attested(statement: Statement, shards: Vec<Vec<Page>>) -> Attested {
    let statement = Sealed::seal(statement).unwrap();
    let proofs = (0..).zip(&shards).map(|(shard, pages)| proved(&statement, shard, pages).unwrap()).collect();
    Attested { shards, statement, proofs }
}

fn honest() -> &'static Attested {
    static HONEST: OnceLock<Attested> = OnceLock::new();
    HONEST.get_or_init(|| {
        let mut shards = test_shards(shape(), ACCOUNTS, SHARDS, SEED);
        // of one length, so that nothing tells their proofs apart but what they prove
        let longest = shards.iter().map(Vec::len).max().unwrap();
        shards.iter_mut().for_each(|pages| pages.resize_with(longest, || Page::padding(shape())));
        let statement = sharded_statement(shape(), keys().digest(), &slices(&shards));
        attested(statement, shards)
    })
}

fn check(statement: &Sealed<Statement>, proof: &[u8]) -> Report {
    verify(Ok(statement), proof, TestShapes::Accepted, |_| Ok(keys()))
}

fn refused_at(statement: &Sealed<Statement>, proof: &[u8]) -> (&'static str, String) {
    let report = check(statement, proof);
    assert!(!report.is_valid() && report.statement.is_none());
    let failed = report.checks.iter().find(|c| !c.passed).expect("a failed check");
    (failed.id, failed.detail.clone())
}

/// A proof whose envelope says that it is another shard's, or another statement's, under a checksum that matches again.
fn resealed(proof: &[u8], statement: &Sealed<Statement>, part: u32) -> Vec<u8> {
    let (header, payload) = open(Ledger::PROOF, proof).unwrap();
    let mut out = proof[..8 + 2 + 1 + header.circuit.len() + 32].to_vec();
    out.extend(statement.digest().0);
    out.extend(part.to_le_bytes());
    out.extend(statement.shards[part as usize].steps.to_le_bytes());
    out.extend((payload.len() as u64).to_le_bytes());
    out.extend(payload);
    let checksum = Sha256::digest(&out);
    out.extend(checksum);
    out
}

/// The statement, changed, with everything else in it made to fit.
fn edited(change: impl FnOnce(&mut Statement)) -> Sealed<Statement> {
    let mut statement = (*honest().statement).clone();
    change(&mut statement);
    recommit_shards(&mut statement, &slices(&honest().shards));
    Sealed::seal(statement).unwrap()
}

#[test]
fn honest_shards_verify_and_each_check_says_how_many() {
    let Attested { statement, proofs, .. } = honest();
    let report = check(statement, &honest().proof());
    assert!(report.is_valid(), "{:#?}", report.checks);
    for check in report.checks.iter().filter(|c| ["proof", "root", "complete", "limits"].contains(&c.id)) {
        assert!(check.detail.contains("3 of 3 shards"), "{}: {}", check.id, check.detail);
    }
    for (shard, proof) in (0..).zip(proofs) {
        assert!(is_proof_of(statement, shard, proof));
        assert!(!is_proof_of(statement, shard + 1, proof) && !is_proof_of(statement, shard, &proof[1..]));
    }
}

#[test]
fn every_customer_of_every_shard_checks_their_own_file_and_covers_have_none() {
    let secret = MasterSecret::new([SEED as u8; 32]);
    let Attested { statement, shards, .. } = honest();
    let mut seen = [0; SHARDS as usize];
    for a in 0..ACCOUNTS {
        let name = format!("account {a}");
        let own = identity(&secret.salt(TEST_SCOPE, &name), TEST_SCOPE, &name);
        let shard = shard_of(&own, SHARDS) as usize;
        let file = test_inclusion(shape(), statement, &shards[shard], &secret, &name);
        let report = verify_inclusion(Ok(statement), &serde_json::to_vec(&file).unwrap(), Some(&name));
        assert!(report.is_valid(), "{:?}", report.checks);
        assert!(report.checks.iter().map(|c| c.id).eq(INCLUSION_CHECKS));
        seen[shard] += 1;
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

#[test]
fn p19_a_total_that_no_shard_alone_could_tell_is_refused_over_all_of_them() {
    // one unit less of an asset: every shard's own end is the end of an honest fold under this statement
    let mut statement = (*honest().statement).clone();
    let total: u128 = statement.columns[4].total.parse().unwrap();
    statement.columns[4].total = (total - 1).to_string();
    recommit_shards(&mut statement, &slices(&honest().shards));
    let lie = attested(statement, honest().shards.clone());
    assert_eq!(refused_at(&lie.statement, &lie.proof()).0, "totals");
    // what customers hold in one shard, named as held in another: the roots differ, so the ledger is another one
    let moved = edited(|s| s.shards.swap(0, 1));
    assert!(proved(&moved, 0, &honest().shards[0]).unwrap_err().to_string().contains("root of shard 0"));
}

#[test]
fn p20_a_shard_left_out_of_the_proof_or_of_the_statement_is_refused() {
    let Attested { statement, proofs, shards } = honest();
    assert_eq!(refused_at(statement, &proofs[..2].concat()), ("envelope", "it holds 2 of 3 proofs".to_owned()));
    assert_eq!(refused_at(statement, &[]).0, "envelope");
    assert_eq!(refused_at(statement, &proofs[1..].concat()).0, "envelope");
    // a statement about two of the three, with the totals of all
    let mut fewer = (**statement).clone();
    fewer.shards.pop();
    if let (Some(rules), true) = (&mut fewer.rules, shape().family == Family::Compliance) {
        let two: Vec<Page> = shards[..2].concat();
        let all = sharded_statement(shape(), keys().digest(), &[&two, &[]]);
        rules.results = all.rules.unwrap().results;
    }
    recommit_shards(&mut fewer, &slices(&shards[..2]));
    let fewer = attested(fewer, shards[..2].to_vec());
    assert_eq!(refused_at(&fewer.statement, &fewer.proof()).0, "totals");
}

#[test]
fn p21_a_shards_proof_given_twice_swapped_or_once_too_often_is_refused() {
    let Attested { statement, proofs, .. } = honest();
    let [a, b, c] = [&proofs[0], &proofs[1], &proofs[2]].map(Vec::as_slice);
    for wrong in [[a, a, c], [b, a, c], [a, c, b], [c, c, c]] {
        assert_eq!(refused_at(statement, &wrong.concat()).0, "envelope");
    }
    assert_eq!(refused_at(statement, &[a, b, c, c].concat()).0, "envelope");
    // under another name: the fold is honest, and its root is another shard's
    let twice = [a, &resealed(a, statement, 1), c].concat();
    assert_eq!(refused_at(statement, &twice), ("root", "shard 1 of 3: it has another root".to_owned()));
    let swapped = [&resealed(b, statement, 0), &resealed(a, statement, 1), c].concat();
    assert_eq!(refused_at(statement, &swapped).0, "root");
}

#[test]
fn p22_a_shard_of_another_statement_is_refused() {
    let other = edited(|s| s.snapshot.id = "another".to_owned());
    let foreign = proved(&other, 1, &honest().shards[1]).unwrap();
    let Attested { statement, proofs, .. } = honest();
    let mixed = |middle: &[u8]| [&proofs[0], middle, &proofs[2]].concat();
    assert_eq!(refused_at(statement, &mixed(&foreign)).0, "envelope");
    let (id, detail) = refused_at(statement, &mixed(&resealed(&foreign, statement, 1)));
    assert_eq!(id, "proof");
    assert!(detail.contains("shard 1 of 3"), "{detail}");
}

#[test]
fn p23_shards_covers_and_results_have_one_form_in_a_statement() {
    let refused = |change: &dyn Fn(&mut Statement)| {
        let mut statement = (*honest().statement).clone();
        change(&mut statement);
        Sealed::seal(statement).unwrap_err().to_string()
    };
    assert!(refused(&|s| s.shards.clear()).contains("0 shards"));
    assert!(refused(&|s| s.shards = vec![s.shards[0].clone(); MAX_SHARDS + 1]).contains("4097 shards"));
    assert!(refused(&|s| s.shards[2].root.push('0')).contains("64"));
    assert!(refused(&|s| s.shards[2].steps = 0).contains("shard 2 has 0 steps"));
    // a cover too few, one too many, a capped one, and covers where there is nothing to hide
    let cover = |s: &Statement| s.columns.iter().position(|c| c.kind == ColumnKind::Cover).unwrap();
    assert!(refused(&|s| drop(s.columns.remove(cover(s)))).contains("5 cover columns"));
    assert!(refused(&|s| s.columns[1].kind = ColumnKind::Cover).contains("cover columns"));
    let last = |s: &mut Statement| {
        let at = cover(s) + COVER_COLUMNS - 1;
        let column = s.columns.remove(at);
        s.columns.push(assay_programs::ledger::statement::Column { index: 8_192 + 99, ..column });
    };
    assert!(refused(&last).contains("index of another kind"));
    let single = |s: &mut Statement| s.shards.truncate(1);
    assert!(refused(&single).contains("6 cover columns; with 1 shards there are 0"));
    if shape().family == Family::Compliance {
        assert!(refused(&|s| s.shards[1].rules = None).contains("shard 1 has results exactly"));
        let more = |s: &mut Statement| s.shards[1].rules.as_mut().unwrap().results[0].below += 1;
        assert!(refused(&more).contains("not the sums over its shards"));
        let huge = |s: &mut Statement| {
            for shard in &mut s.shards {
                shard.rules.as_mut().unwrap().results[1].positive = u128::MAX.to_string();
            }
        };
        assert!(refused(&huge).contains("sum of the shards' results"));
        let order = |s: &mut Statement| s.shards[1].rules.as_mut().unwrap().results.swap(0, 1);
        assert!(refused(&order).contains("not those of this protocol's measures"));
    } else {
        let rules = |s: &mut Statement| {
            let results = Vec::new();
            s.shards[0].rules = Some(assay_programs::ledger::statement::ShardClaims { results, private: None });
        };
        assert!(refused(&rules).contains("exactly if the statement has rules"));
    }
}

/// Results that are moved from one shard to another leave their sums as they are.
#[test]
fn p23_results_moved_between_shards_are_refused_at_the_measures() {
    if shape().family == Family::Solvency {
        return;
    }
    let mut statement = (*honest().statement).clone();
    for (shard, more) in [(0, true), (1, false)] {
        let result = &mut statement.shards[shard].rules.as_mut().unwrap().results[0];
        let units: u128 = result.positive.parse().unwrap();
        result.positive = if more { units + 1 } else { units - 1 }.to_string();
    }
    recommit_shards(&mut statement, &slices(&honest().shards));
    let lie = attested(statement, honest().shards.clone());
    let (id, detail) = refused_at(&lie.statement, &lie.proof());
    assert_eq!((id, detail.starts_with("shard 0 of 3")), ("measures", true), "{detail}");
}

#[test]
fn p24_what_a_cover_holds_counts_and_no_customer_holds_a_cover() {
    // a cover that holds an asset is an invented account: the total is higher by it
    let mut shards = honest().shards.clone();
    let covers: Vec<u16> =
        honest().statement.columns.iter().filter(|c| c.kind == ColumnKind::Cover).map(|c| c.index).collect();
    let page = shards[0].iter_mut().find(|p| p.entries.iter().any(|e| covers.contains(&e.column))).unwrap();
    page.entries[0] = Entry { column: 0, quantity: 1_000 };
    if shape().family == Family::Compliance {
        page.measures =
            assay_programs::ledger::inclusion::measures(&honest().statement, std::slice::from_ref(page)).unwrap();
    }
    let mut statement = (*honest().statement).clone();
    let before: u128 = statement.columns[0].total.parse().unwrap();
    let mut root = statement.shards[0].clone();
    let upper = assay_core::tree::UpperTree::build(shape().depths, batch_roots(shape(), &shards[0]));
    root.root = to_hex(&upper.root());
    statement.shards[0] = root;
    restate_shards(&mut statement, &slices(&shards));
    assert_eq!(statement.columns[0].total, (before + 1_000).to_string());
    let higher = attested(statement, shards);
    assert!(check(&higher.statement, &higher.proof()).statement.is_some());

    // the same quantity left out of the total
    let lower = {
        let mut statement = (*higher.statement).clone();
        statement.columns[0].total = before.to_string();
        recommit_shards(&mut statement, &slices(&higher.shards));
        attested(statement, higher.shards.clone())
    };
    assert_eq!(refused_at(&lower.statement, &lower.proof()).0, "totals");

    // a customer's page that holds a cover column says so to the customer
    let mut shards = honest().shards.clone();
    let (name, secret) = ("account 3", MasterSecret::new([SEED as u8; 32]));
    let own = identity(&secret.salt(TEST_SCOPE, name), TEST_SCOPE, name);
    let shard = shard_of(&own, SHARDS) as usize;
    let page = shards[shard].iter_mut().find(|p| p.identity == own && p.first).unwrap();
    page.entries[1] = Entry { column: covers[0], quantity: 5 };
    let statement = Sealed::seal(sharded_statement(shape(), keys().digest(), &slices(&shards))).unwrap();
    let file = test_inclusion(shape(), &statement, &shards[shard], &secret, name);
    let report = verify_inclusion(Ok(&statement), &serde_json::to_vec(&file).unwrap(), Some(name));
    let failed: Vec<_> = report.checks.iter().filter(|c| !c.passed).map(|c| (c.id, c.detail.clone())).collect();
    let said = failed.iter().find(|(id, _)| *id == "inclusion-columns").map(|(_, detail)| detail.as_str());
    assert!(said.is_some_and(|said| said.contains("held of a cover column")), "{failed:?}");
}

#[test]
fn p25_an_account_that_stands_in_another_shard_than_its_own_is_refused_by_its_owner() {
    let secret = MasterSecret::new([SEED as u8; 32]);
    let name = "account 3";
    let own = identity(&secret.salt(TEST_SCOPE, name), TEST_SCOPE, name);
    let (home, away) = (shard_of(&own, SHARDS) as u32, (shard_of(&own, SHARDS) as u32 + 1) % SHARDS);
    // a second run of the account, with less in it, in another shard
    let mut shards = honest().shards.clone();
    let at = shards[away as usize].iter().position(|p| p.identity == F::from(0)).unwrap();
    let copy = Page { identity: own, class: 1, ..Page::padding(shape()) };
    let capped = copy.capped.iter().map(|e| assay_programs::ledger::page::CappedEntry { column: e.column + 1, ..*e });
    shards[away as usize][at] = Page { capped: capped.collect(), ..copy };
    let statement = Sealed::seal(sharded_statement(shape(), keys().digest(), &slices(&shards))).unwrap();
    let verdict = |file: &Inclusion| {
        let report = verify_inclusion(Ok(&statement), &serde_json::to_vec(file).unwrap(), Some(name));
        report.checks.iter().find(|c| !c.passed).map(|c| (c.id, c.detail.clone()))
    };
    let mut file = test_inclusion(shape(), &statement, &shards[home as usize], &secret, name);
    assert_eq!(verdict(&file), None);
    // what it is given of the other shard says that it is of the other shard, or has no path
    let mut foreign = test_inclusion(shape(), &statement, &shards[away as usize], &secret, name);
    foreign.shard = away;
    let (id, detail) = verdict(&foreign).unwrap();
    assert_eq!((id, detail.contains(&format!("belongs in shard {home} of 3"))), ("inclusion-shard", true), "{detail}");
    foreign.shard = home;
    assert_eq!(verdict(&foreign).unwrap().0, "inclusion-root");
    for shard in [SHARDS, u32::MAX] {
        file.shard = shard;
        assert_eq!(verdict(&file).unwrap().0, "inclusion-shard");
    }
}

#[test]
fn p26_an_account_cut_in_two_between_shards_is_refused_on_both_sides() {
    let mut shards = honest().shards.clone();
    let end = shards[0].len() - 1;
    // its first page ends one shard, its last one begins the next
    shards[0][end] = Page { identity: F::from(5), remaining: 1, ..Page::padding(shape()) };
    let statement = Sealed::seal(sharded_statement(shape(), keys().digest(), &slices(&shards))).unwrap();
    let first = proved(&statement, 0, &shards[0]).unwrap();
    let rest: Vec<Vec<u8>> = [1, 2].map(|s| proved(&statement, s, &shards[s as usize]).unwrap()).into();
    let (id, detail) = refused_at(&statement, &[first, rest.concat()].concat());
    assert_eq!((id, detail.starts_with("shard 0 of 3")), ("complete", true), "{detail}");
    let mut shards = honest().shards.clone();
    shards[1][0] = Page { identity: F::from(5), first: false, ..Page::padding(shape()) };
    let statement = Sealed::seal(sharded_statement(shape(), keys().digest(), &slices(&shards))).unwrap();
    match proved(&statement, 1, &shards[1]) {
        Ok(proof) => {
            let [first, last] = [0, 2].map(|s| proved(&statement, s, &shards[s as usize]).unwrap());
            assert_eq!(refused_at(&statement, &[first, proof, last].concat()).0, "proof");
        }
        Err(e) => assert!(e.to_string().contains("refused"), "{e}"),
    }
}

#[test]
fn p13_the_checkpoint_of_another_shard_is_refused() {
    let Attested { statement, shards, .. } = honest();
    let fold = |shard: u32, checkpoint: Option<&[u8]>| {
        let pages = &shards[shard as usize];
        let (roots, columns) = (batch_roots(shape(), pages).leak(), test_columns(statement, pages).leak());
        match checkpoint {
            Some(bytes) => Fold::resume(keys(), statement, shard, roots, columns, bytes),
            None => Fold::begin(keys(), statement, shard, roots, columns),
        }
    };
    let mut begun = fold(0, None).unwrap();
    begun.step(shards[0][..shape().batch()].to_vec()).unwrap();
    let checkpoint = begun.checkpoint().unwrap();
    assert_eq!(fold(0, Some(&checkpoint)).unwrap().steps_done(), 1);
    let refused = fold(1, Some(&checkpoint)).err().unwrap().to_string();
    assert!(refused.contains("of part 0 of the statement, not of part 1"), "{refused}");
    // made to look as if it were: it folded other pages
    let mut forged = checkpoint.clone();
    let at = 8 + 2 + 1 + shape().name.len() + 32 + 32;
    forged[at] = 1;
    let end = forged.len() - 32;
    let checksum = Sha256::digest(&forged[..end]);
    forged[end..].copy_from_slice(&checksum);
    let refused = fold(1, Some(&forged)).err().unwrap().to_string();
    assert!(refused.contains("other pages"), "{refused}");
    assert!(fold(SHARDS - 1, None).is_ok());
    assert!(Fold::begin(keys(), statement, SHARDS, &[], &[]).err().unwrap().to_string().contains("no shard 3"));
}
