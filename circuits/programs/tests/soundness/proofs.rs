//! Real statements and real proofs of the smallest shape, attacked. Parameters and proofs are made once.

use std::sync::OnceLock;

use assay_core::{
    field::{F, to_hex},
    sealed::{Sealed, StatementDigest},
    transcript::draw,
    tree::{UpperTree, batch_levels},
};
use assay_fold::{
    Error, Program,
    envelope::{CHECKPOINT, Header, open},
    keys::Keys,
};
use assay_programs::{
    ledger::{
        Ledger,
        book::FedColumn,
        fold::Fold,
        page::{Entry, Page},
        report::Report,
        shape::{Family, Shape},
        state::State,
        statement::{ColumnKind, Statement, challenge, check_challenge, first_challenge},
        verify::verify,
        witness::StepWitness,
    },
    purpose::TestShapes,
    testing::{
        TEST_CAP, TestRandom, batch_roots, compress_unjudged, recommit, test_columns, test_pages, test_statement,
    },
};
use ff::{Field, PrimeField};
use sha2::{Digest, Sha256};

fn shape() -> &'static Shape {
    crate::shape_of(module_path!())
}

fn parameters() -> &'static Keys<Ledger> {
    static PARAMETERS: OnceLock<Keys<Ledger>> = OnceLock::new();
    PARAMETERS.get_or_init(|| crate::parameters::kept(shape()).unwrap())
}

fn parsed(bytes: &[u8]) -> Sealed<Statement> {
    Sealed::parse(bytes).unwrap()
}

/// A fold of any statement: what it borrows lives as long as the tests.
fn begin(bytes: &[u8], roots: &[F], columns: &[FedColumn]) -> Result<Fold<'static>, Error> {
    let statement = Box::leak(Box::new(parsed(bytes)));
    Fold::begin(parameters(), statement, 0, roots.to_vec().leak(), columns.to_vec().leak())
}

fn resume(bytes: &[u8], roots: &[F], columns: &[FedColumn], checkpoint: &[u8]) -> Result<Fold<'static>, Error> {
    let statement = Box::leak(Box::new(parsed(bytes)));
    Fold::resume(parameters(), statement, 0, roots.to_vec().leak(), columns.to_vec().leak(), checkpoint)
}

struct Attested {
    pages: Vec<Page>,
    statement: Statement,
    bytes: Vec<u8>,
    proof: Vec<u8>,
    /// After the second of three steps.
    checkpoint: Vec<u8>,
}

impl Attested {
    fn columns(&self) -> Vec<FedColumn> {
        test_columns(&self.statement, &self.pages)
    }
}

/// A statement's bytes and the fold of all `pages` under it, whatever they are.
fn folded(statement: &Statement, pages: &[Page]) -> (Vec<u8>, Fold<'static>) {
    let bytes = Sealed::seal(statement.clone()).unwrap().bytes().to_vec();
    let mut fold = begin(&bytes, &batch_roots(shape(), pages), &test_columns(statement, pages)).unwrap();
    for batch in pages.chunks(8) {
        fold.step(batch.to_vec()).unwrap();
    }
    (bytes, fold)
}

/// The honest ledger's columns under the challenge of any statement.
fn columns_of(bytes: &[u8]) -> &'static [FedColumn] {
    test_columns(&parsed(bytes), &honest().pages).leak()
}

fn attest(pages: Vec<Page>, name: &str) -> Attested {
    let mut statement = test_statement(shape(), parameters().digest(), &pages);
    statement.snapshot.id = name.to_owned();
    recommit(&mut statement, &pages);
    let bytes = Sealed::seal(statement.clone()).unwrap().bytes().to_vec();
    let roots = batch_roots(shape(), &pages);
    let columns = test_columns(&statement, &pages);
    let mut fold = begin(&bytes, &roots, &columns).unwrap();
    let mut checkpoint = Vec::new();
    for (i, batch) in pages.chunks(8).enumerate() {
        fold.step(batch.to_vec()).unwrap();
        if i == 1 {
            checkpoint = fold.checkpoint().unwrap();
        }
    }
    let proof = fold.compress().unwrap();
    Attested { pages, statement, bytes, proof, checkpoint }
}

fn honest() -> &'static Attested {
    static HONEST: OnceLock<Attested> = OnceLock::new();
    HONEST.get_or_init(|| {
        let mut pages = test_pages(shape(), 10, 5);
        assert!(pages.len() <= 24);
        pages.resize(24, Page::padding(shape()));
        attest(pages, "honest")
    })
}

fn check(statement: &[u8], proof: &[u8]) -> Report {
    verify(Sealed::parse(statement).as_ref(), proof, TestShapes::Accepted, |_| Ok(parameters()))
}

fn refused_at(statement: &[u8], proof: &[u8]) -> &'static str {
    let report = check(statement, proof);
    assert!(!report.is_valid() && report.statement.is_none());
    report.checks.iter().find(|c| !c.passed).expect("a failed check").id
}

/// The proof with another header, and a payload changed by `change`, under a checksum that matches again.
fn resealed(proof: &[u8], header: impl FnOnce(&mut Header), change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let (mut own, payload) = open(Ledger::PROOF, proof).unwrap();
    let mut payload = payload.to_vec();
    header(&mut own);
    change(&mut payload);
    let mut out = b"ASSAYPRF".to_vec();
    out.extend(1u16.to_le_bytes());
    out.push(own.circuit.len() as u8);
    out.extend(own.circuit.as_bytes());
    out.extend(hex::decode(&own.parameter_digest).unwrap());
    out.extend(own.statement_digest.0);
    out.extend(own.part.to_le_bytes());
    out.extend(own.steps.to_le_bytes());
    out.extend((payload.len() as u64).to_le_bytes());
    out.extend(payload);
    let checksum = Sha256::digest(&out);
    out.extend(checksum);
    out
}

/// The honest proof, its header made to fit the statement `bytes`.
fn moved_to(bytes: &[u8]) -> Vec<u8> {
    let statement = parsed(bytes);
    resealed(
        &honest().proof,
        |h| {
            h.statement_digest = statement.digest();
            h.steps = statement.shards[0].steps;
        },
        |_| {},
    )
}

fn edited(change: impl FnOnce(&mut Statement)) -> Vec<u8> {
    let mut statement = honest().statement.clone();
    change(&mut statement);
    recommit(&mut statement, &honest().pages);
    Sealed::seal(statement.clone()).unwrap().bytes().to_vec()
}

#[test]
fn an_honest_attestation_verifies() {
    let report = check(&honest().bytes, &honest().proof);
    assert!(report.is_valid(), "{:#?}", report.checks);
    assert_eq!(**report.statement.unwrap().get(), honest().statement);
    assert!(report.assets.iter().all(|a| a.coverage_bps() == Some(10_000)));
}

#[test]
fn a_release_verifier_refuses_shapes_made_for_tests() {
    let honest_statement = parsed(&honest().bytes);
    let report =
        verify(Ok(&honest_statement), &honest().proof, TestShapes::Refused, |_| -> Result<&Keys<Ledger>, Error> {
            panic!("no parameters are derived for a refused shape")
        });
    assert_eq!(report.checks.last().unwrap().id, "shape");
    assert!(!report.is_valid());
}

#[test]
fn p3_totals_prices_and_reserves_cannot_be_changed_afterwards() {
    for change in [
        (|s| s.columns[0].total = "1".to_owned()) as fn(&mut Statement),
        |s| s.assets[0].price = Some("2".to_owned()),
        |s| s.assets[0].price = Some("0".to_owned()),
        |s| s.assets[0].reserves.push('0'),
        |s| s.policy.coverage_bps = Some(1),
        |s| s.reserves.lines = 1,
    ] {
        let bytes = edited(change);
        assert_eq!(refused_at(&bytes, &honest().proof), "envelope");
        assert_eq!(refused_at(&bytes, &moved_to(&bytes)), "proof");
    }
}

#[test]
fn p6_a_page_that_was_not_folded_cannot_stand_under_the_root() {
    // the statement's root has one more batch than was folded
    let mut roots = batch_roots(shape(), &honest().pages);
    let hidden: Vec<F> = test_pages(shape(), 3, 77)[..8].iter().map(|p| p.leaf()).collect();
    roots.push(batch_levels(&hidden)[1][0]);
    let bytes = edited(|s| s.shards[0].root = to_hex(&UpperTree::build(shape().depths, roots).root()));
    assert_eq!(refused_at(&bytes, &moved_to(&bytes)), "proof");
    let own = batch_roots(shape(), &honest().pages);
    assert!(begin(&bytes, &own, &honest().columns()).is_err());
    // even with a proof that was really folded under this statement's challenge, the final root is another one
    let state = folded_under(&bytes, &honest().pages);
    assert_eq!(state.gamma, challenge(&parsed(&bytes)));
    assert_ne!(to_hex(&state.root), parsed(&bytes).shards[0].root);
}

/// A debt column of which something is held.
fn held_debt(statement: &Statement) -> usize {
    statement.columns.iter().position(|c| c.index % 2 == 1 && c.total != "0").unwrap()
}

/// The final state of an honest fold of `pages` under the challenges of any statement.
fn folded_under(bytes: &[u8], pages: &[Page]) -> State {
    let statement = parsed(bytes);
    let rho = first_challenge(&statement.draft_bytes().unwrap());
    let columns = test_columns(&statement, pages);
    let mut state = State::initial(shape(), challenge(&statement), rho);
    let mut upper = UpperTree::new(shape().depths);
    for batch in pages.chunks(8) {
        let room = shape().columns_per_step;
        let columns = columns.iter().skip(upper.len() * room).take(room).copied().collect();
        let witness = StepWitness { pages: batch.to_vec(), path: upper.path(upper.len()), columns };
        let system = assay_programs::testing::StepSystem::<Ledger>::new(shape(), state, &witness);
        assert_eq!(system.cs.which_is_unsatisfied(), None);
        state = system.after();
        upper.push(batch_roots(shape(), batch)[0]);
    }
    state
}

#[test]
fn p10_totals_off_by_one_swapped_or_of_an_unlisted_column_do_not_match_the_fold() {
    let total = |s: &Statement, i: usize| s.columns[i].total.parse::<u128>().unwrap();
    let off_by_one = edited(|s| s.columns[4].total = (total(s, 4) - 1).to_string());
    let swapped = edited(|s| {
        let first = s.columns[0].total.clone();
        s.columns[0].total = s.columns[2].total.clone();
        s.columns[2].total = first;
    });
    let compensated = edited(|s| {
        s.columns[0].total = (total(s, 0) + 1).to_string();
        s.columns[2].total = (total(s, 2) - 1).to_string();
    });
    let unlisted = edited(|s| drop(s.columns.remove(held_debt(s))));
    let hidden = edited(|s| {
        let held = held_debt(s);
        s.columns[held].total = "0".to_owned();
    });
    // folded under the very challenge of the lie, so that nothing but the totals is wrong
    for bytes in [&honest().bytes, &off_by_one, &swapped, &compensated, &unlisted, &hidden] {
        let statement = parsed(bytes);
        let state = folded_under(bytes, &honest().pages);
        let matches = statement.fractions(state.gamma).unwrap() == state.fractions;
        assert_eq!(matches, *bytes == honest().bytes);
    }
}

#[test]
fn p10_a_lie_folded_under_its_own_challenge_is_refused_at_the_totals() {
    // a real proof of a statement whose total is one too small: only the totals identity stands against it
    let mut statement = honest().statement.clone();
    let total: u128 = statement.columns[4].total.parse().unwrap();
    statement.columns[4].total = (total - 1).to_string();
    recommit(&mut statement, &honest().pages);
    let (bytes, fold) = folded(&statement, &honest().pages);
    assert!(fold.compress().unwrap_err().to_string().contains("total is the sum"));
    assert_eq!(refused_at(&bytes, &compress_unjudged(fold.run()).unwrap()), "totals");
}

/// Everything follows the lie, statement and commitment included: only the differences stand against it.
#[test]
fn p9_l16_a_position_over_its_limit_forced_through_the_prover_is_refused_at_the_limits() {
    let mut pages = honest().pages.clone();
    let Some(entry) = pages.iter_mut().flat_map(|p| &mut p.capped).find(|e| e.quantity > 0) else {
        assert!(shape().family == Family::Solvency);
        return;
    };
    (entry.quantity, entry.slack) = (TEST_CAP + 1, 0);
    let statement = test_statement(shape(), parameters().digest(), &pages);
    let (bytes, fold) = folded(&statement, &pages);
    assert!(fold.compress().unwrap_err().to_string().contains("limit of its class"));
    assert_eq!(refused_at(&bytes, &compress_unjudged(fold.run()).unwrap()), "limits");
}

#[test]
fn p12_an_account_left_open_at_the_end_is_not_compressed() {
    let mut pages = test_pages(shape(), 2, 3);
    let last = pages.len() - 1;
    pages[last] = Page { identity: F::from(5), first: true, remaining: 1, ..Page::padding(shape()) };
    let statement = test_statement(shape(), parameters().digest(), &pages);
    let (bytes, columns) =
        (Sealed::seal(statement.clone()).unwrap().bytes().to_vec(), test_columns(&statement, &pages));
    let roots = batch_roots(shape(), &pages);
    let mut fold = begin(&bytes, &roots, &columns).unwrap();
    for batch in pages.chunks(8) {
        fold.step(batch.to_vec()).unwrap();
    }
    assert!(fold.compress().is_err());
}

#[test]
fn p13_a_wrong_number_of_steps_is_refused() {
    for steps in [1, 2, 4, 64] {
        let bytes = edited(|s| s.shards[0].steps = steps);
        assert_eq!(refused_at(&bytes, &moved_to(&bytes)), "proof");
        // the header alone
        let proof = resealed(&honest().proof, |h| h.steps = steps, |_| {});
        assert_eq!(refused_at(&honest().bytes, &proof), "envelope");
    }
    for steps in [0, 65, u64::MAX] {
        let mut statement = honest().statement.clone();
        statement.shards[0].steps = steps;
        assert!(Sealed::seal(statement.clone()).is_err());
    }
}

#[test]
fn p13_a_checkpoint_of_another_statement_damaged_or_forged_is_refused() {
    let roots = batch_roots(shape(), &honest().pages);
    let resumed = |bytes: &[u8], roots: &[F], checkpoint: &[u8]| {
        resume(bytes, roots, columns_of(bytes), checkpoint).map(|f| f.steps_done()).map_err(|e| e.to_string())
    };
    let checkpoint = &honest().checkpoint;
    assert_eq!(resumed(&honest().bytes, &roots, checkpoint), Ok(2));

    let other = edited(|s| s.snapshot.id = "other".to_owned());
    assert!(resumed(&other, &roots, checkpoint).unwrap_err().contains("another statement"));
    // made to look as if it belonged: nova's own check of z0 stands against it
    let mut forged = checkpoint.clone();
    let at = 8 + 2 + 1 + shape().name.len() + 32;
    forged[at..at + 32].copy_from_slice(&StatementDigest::of(&other).0);
    reseal(&mut forged);
    assert!(resumed(&other, &roots, &forged).unwrap_err().contains("proves nothing"));

    // steps claimed beyond those folded
    let mut forged = checkpoint.clone();
    forged[at + 32..at + 40].copy_from_slice(&3u64.to_le_bytes());
    reseal(&mut forged);
    assert!(resumed(&honest().bytes, &roots, &forged).is_err());

    let mut random = TestRandom(1);
    for _ in 0..40 {
        let mut damaged = checkpoint.clone();
        let position = random.below(damaged.len() as u64) as usize;
        damaged[position] ^= 1 << random.below(8);
        assert!(resumed(&honest().bytes, &roots, &damaged).is_err());
    }
    for _ in 0..12 {
        // witness values changed under a matching checksum
        let mut forged = checkpoint.clone();
        let position = at + 60 + random.below(forged.len() as u64 - at as u64 - 100) as usize;
        forged[position] ^= 1 << random.below(8);
        reseal(&mut forged);
        assert!(resumed(&honest().bytes, &roots, &forged).is_err(), "byte {position}");
    }
    for length in [0, 7, 50, checkpoint.len() - 1] {
        assert!(resumed(&honest().bytes, &roots, &checkpoint[..length]).is_err());
    }
    assert!(resumed(&honest().bytes, &roots, &honest().proof).unwrap_err().contains("not a checkpoint"));
}

fn reseal(envelope: &mut Vec<u8>) {
    envelope.truncate(envelope.len() - 32);
    let checksum = Sha256::digest(&*envelope);
    envelope.extend(checksum);
}

#[test]
fn p13_an_older_checkpoint_only_repeats_work() {
    let columns = &honest().columns();
    let roots = batch_roots(shape(), &honest().pages);
    let mut fold = resume(&honest().bytes, &roots, columns, &honest().checkpoint).unwrap();
    fold.step(honest().pages[16..].to_vec()).unwrap();
    assert!(check(&honest().bytes, &fold.compress().unwrap()).is_valid());
    // a batch cannot be folded twice, nor other pages in its place
    let mut fold = resume(&honest().bytes, &roots, columns, &honest().checkpoint).unwrap();
    fold.step(honest().pages[8..16].to_vec()).unwrap();
    assert!(fold.compress().is_err());
    assert!(fold.step(honest().pages[16..].to_vec()).is_err());
}

#[test]
fn p14_the_challenge_follows_from_every_byte_of_the_statement_and_is_no_column() {
    let challenge = |bytes: &[u8]| draw(b"assay/challenge/gamma/v1\0", bytes);
    let gamma = challenge(&honest().bytes);
    assert_eq!(gamma, assay_programs::ledger::statement::challenge(&parsed(&honest().bytes)));
    let mut other = honest().bytes.clone();
    for i in 0..other.len() {
        other[i] ^= 1;
        assert_ne!(challenge(&other), gamma);
        other[i] ^= 1;
    }
    for column in [0, 1, 19, 8191, 8192, 16_383, (1 << 24) - 1] {
        assert!(check_challenge(F::from(column)).is_err());
        assert!(honest().statement.fractions(F::from(column)).is_err());
    }
    assert!(check_challenge(F::from(1 << 24)).is_ok());
    assert!(check_challenge(-F::ONE).is_ok());
    // a proof folded under a challenge of the prover's choice: z0 is recomputed, so it does not verify
    let bytes = edited(|s| s.exchange.name.push('!'));
    assert_eq!(refused_at(&bytes, &moved_to(&bytes)), "proof");
}

#[test]
fn p15_every_flipped_byte_of_a_real_statement_is_refused() {
    let mut bytes = honest().bytes.clone();
    for i in 0..bytes.len() {
        for bit in [0, 5] {
            bytes[i] ^= 1 << bit;
            let at = refused_at(&bytes, &honest().proof);
            assert!(["statement", "shape", "envelope"].contains(&at), "byte {i}: {at}");
            bytes[i] ^= 1 << bit;
        }
    }
    // and those that are still canonical statements, with a proof whose header was made to fit
    let mut tried = 0;
    for i in (0..bytes.len()).step_by(7) {
        bytes[i] ^= 1;
        if Sealed::<Statement>::parse(&bytes).is_ok_and(|s| s.parameter_digest == parameters().digest()) {
            assert_eq!(refused_at(&bytes, &moved_to(&bytes)), "proof", "byte {i}");
            tried += 1;
        }
        bytes[i] ^= 1;
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn p15_every_flipped_byte_of_a_real_proof_is_refused() {
    let mut proof = honest().proof.clone();
    for i in 0..proof.len() {
        proof[i] ^= 1 << (i % 8);
        assert_eq!(refused_at(&honest().bytes, &proof), "envelope", "byte {i}");
        proof[i] ^= 1 << (i % 8);
    }
    // under a matching checksum: no scalar, point or length can be another one
    let length = open(Ledger::PROOF, &proof).unwrap().1.len();
    for i in (0..length).step_by(61) {
        let forged = resealed(&proof, |_| {}, |p| p[i] ^= 1 << (i % 8));
        let at = refused_at(&honest().bytes, &forged);
        assert!(["envelope", "proof"].contains(&at), "byte {i}: {at}");
    }
}

#[test]
fn p15_truncated_extended_and_trailing_bytes_are_refused() {
    let proof = &honest().proof;
    for length in (0..proof.len()).step_by(397) {
        assert_eq!(refused_at(&honest().bytes, &proof[..length]), "envelope");
    }
    let mut extended = proof.clone();
    extended.push(0);
    assert_eq!(refused_at(&honest().bytes, &extended), "envelope");
    // inside the payload, under a matching checksum
    let longer = resealed(proof, |_| {}, |p| p.push(0));
    assert_eq!(refused_at(&honest().bytes, &longer), "envelope");
    let shorter = resealed(proof, |_| {}, |p| p.truncate(p.len() - 1));
    assert_eq!(refused_at(&honest().bytes, &shorter), "envelope");
    // a length that would take all memory
    // (the payload begins with two points of 32 bytes, then comes the length of a vector)
    let mut length = [0u8; 8];
    length.copy_from_slice(&open(Ledger::PROOF, proof).unwrap().1[64..72]);
    assert_eq!(u64::from_le_bytes(length), 2);
    for lie in [u64::MAX, 1 << 40, 3, 1, 0] {
        let huge = resealed(proof, |_| {}, |p| p[64..72].copy_from_slice(&lie.to_le_bytes()));
        assert_eq!(refused_at(&honest().bytes, &huge), "envelope");
    }
    // and the envelope's own
    let at = 8 + 2 + 1 + shape().name.len() + 32 + 32 + 8;
    for lie in [u64::MAX, 1 << 40, (1 << 20) + 1, 0] {
        let mut huge = proof.clone();
        huge[at..at + 8].copy_from_slice(&lie.to_le_bytes());
        reseal(&mut huge);
        assert_eq!(refused_at(&honest().bytes, &huge), "envelope");
    }
    for statement in [&b""[..], b"{}", b"[]", b"null", b"\xff\xfe"] {
        assert_eq!(refused_at(statement, proof), "statement");
    }
    let mut spaced = honest().bytes.clone();
    spaced.push(b'\n');
    assert_eq!(refused_at(&spaced, proof), "statement");
}

#[test]
fn p15_non_canonical_scalars_and_points_off_the_curve_are_refused() {
    let payload = open(Ledger::PROOF, &honest().proof).unwrap().1.to_vec();
    // p and 2^256 − 1 in place of each of the last scalars (zn, the final state, ends the payload)
    let p = {
        let mut p = (-F::ONE).to_repr().as_ref().to_vec();
        p[0] += 1;
        p
    };
    for words_from_end in 1..=Ledger::arity(shape()) {
        let at = payload.len() - 32 * words_from_end;
        for bad in [p.clone(), vec![0xff; 32]] {
            let forged = resealed(&honest().proof, |_| {}, |b| b[at..at + 32].copy_from_slice(&bad));
            assert_eq!(refused_at(&honest().bytes, &forged), "envelope");
        }
    }
    // the payload begins with a point; x = 2 … are tried until one is on no curve point
    let mut refused = 0;
    for x in 2u8..40 {
        let forged = resealed(
            &honest().proof,
            |_| {},
            |b| {
                b[..32].fill(0);
                b[0] = x;
            },
        );
        let at = refused_at(&honest().bytes, &forged);
        refused += usize::from(at == "envelope");
        assert!(["envelope", "proof"].contains(&at));
    }
    // about every second x is on the curve; the others are no points at all
    assert!(refused > 5, "{refused}");
}

#[test]
fn p15_a_proof_of_another_shape_parameters_or_snapshot_is_refused() {
    let proof = resealed(&honest().proof, |h| h.circuit = "solvency-64".to_owned(), |_| {});
    assert_eq!(refused_at(&honest().bytes, &proof), "envelope");
    let proof = resealed(&honest().proof, |h| h.parameter_digest = "11".repeat(32), |_| {});
    assert_eq!(refused_at(&honest().bytes, &proof), "envelope");
    let bytes = edited(|s| s.parameter_digest = to_hex(&F::ONE));
    assert_eq!(refused_at(&bytes, &moved_to(&bytes)), "shape");
    let bytes = edited(|s| s.shape = shape().name.replace("-8", "-64"));
    assert_eq!(refused_at(&bytes, &moved_to(&bytes)), "shape");
    let bytes = edited(|s| s.snapshot.id = "another".to_owned());
    assert_eq!(refused_at(&bytes, &moved_to(&bytes)), "proof");
}

#[test]
fn p15_a_recursive_proof_offered_as_compressed_is_refused() {
    assert_eq!(refused_at(&honest().bytes, &honest().checkpoint), "envelope");
    let (_, recursive) = open(CHECKPOINT, &honest().checkpoint).unwrap();
    let recursive = recursive[..recursive.len().min(1 << 20)].to_vec();
    let disguised = resealed(&honest().proof, |_| {}, |p| *p = recursive);
    assert_eq!(refused_at(&honest().bytes, &disguised), "envelope");
}

#[test]
fn p16_a_padding_page_with_a_debt_gives_no_proof() {
    // the prover folds the lie; what comes out verifies nowhere
    let mut pages = honest().pages.clone();
    let last = pages.len() - 1;
    assert_eq!(pages[last].identity, F::ZERO);
    pages[last].entries[0] = Entry { column: 1, quantity: 1_000_000 };
    let statement = test_statement(shape(), parameters().digest(), &pages);
    let (bytes, fold) = folded(&statement, &pages);
    let checkpoint = fold.checkpoint().unwrap();
    let (roots, columns) = (batch_roots(shape(), &pages), test_columns(&statement, &pages));
    assert!(resume(&bytes, &roots, &columns, &checkpoint).is_err());
    match compress_unjudged(fold.run()) {
        Ok(proof) => assert_eq!(refused_at(&bytes, &proof), "proof"),
        Err(e) => assert!(e.to_string().contains("refused"), "{e}"),
    }
}

#[test]
fn p17_columns_left_out_listed_twice_or_out_of_order_are_refused() {
    let refuse = |change: fn(&mut Statement)| {
        let mut statement = honest().statement.clone();
        change(&mut statement);
        assert!(Sealed::seal(statement.clone()).is_err());
        // and as bytes that only look canonical
        let value = serde_json::to_vec(&serde_json::to_value(&statement).unwrap()).unwrap();
        assert_eq!(refused_at(&value, &honest().proof), "statement");
    };
    refuse(|s| s.columns.swap(0, 1));
    refuse(|s| s.columns.push(s.columns[0].clone()));
    refuse(|s| s.columns[1].index = 0);
    refuse(|s| s.columns[19].index = 8192);
    refuse(|s| s.columns[1].kind = s.columns[0].kind.clone());
    refuse(|s| drop(s.columns.remove(2)));
    refuse(|s| s.columns[0].kind = ColumnKind::Asset { asset: "NONE".to_owned() });
    refuse(|s| s.assets[1].symbol = s.assets[0].symbol.clone());
    refuse(|s| s.not_proven.truncate(4));
    refuse(|s| s.assets.clear());
    // reserves: lines, root and policy, or none of them
    refuse(|s| s.reserves.lines = 0);
    refuse(|s| s.reserves.root = "00".repeat(32));
    refuse(|s| s.policy.coverage_bps = None);
    refuse(|s| {
        s.reserves.lines = 0;
        s.reserves.root = "00".repeat(32);
        s.policy.coverage_bps = None;
    });
    // text of another form than its field promises
    refuse(|s| s.snapshot.taken_at = "yesterday".to_owned());
    refuse(|s| s.snapshot.taken_at = "2026-01-01T00:00:00+01:00".to_owned());
    refuse(|s| s.snapshot.block_heights.extend([("bit\u{200b}coin".to_owned(), 1)]));
    refuse(|s| s.snapshot.block_heights.extend([("chain".to_owned(), 1), ("Chain".to_owned(), 1)]));
    refuse(|s| s.assets[0].price = Some("1.50".to_owned()));
    refuse(|s| s.assets[0].symbol = "x".repeat(65));
    refuse(|s| s.exchange.name = "a\nb".to_owned());
    // a debt column that is held but not listed: the fold has a pole that the statement has not
    let bytes = edited(|s| drop(s.columns.remove(held_debt(s))));
    let state = folded_under(&bytes, &honest().pages);
    assert_ne!(parsed(&bytes).fractions(state.gamma).unwrap(), state.fractions);
}

#[test]
fn a_failed_policy_is_a_true_statement_of_a_failure() {
    let pages = honest().pages.clone();
    let mut statement = test_statement(shape(), parameters().digest(), &pages);
    let reserves: u128 = statement.assets[3].reserves.parse().unwrap();
    statement.assets[3].reserves = (reserves - 1).to_string();
    recommit(&mut statement, &pages);
    let (bytes, fold) = folded(&statement, &pages);
    let report = check(&bytes, &fold.compress().unwrap());
    assert!(report.statement.is_some() && !report.is_valid());
    let failed: Vec<_> = report.checks.iter().filter(|c| !c.passed).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!((failed[0].id, failed[0].detail.as_str()), ("coverage", "too little of T03"));
}
