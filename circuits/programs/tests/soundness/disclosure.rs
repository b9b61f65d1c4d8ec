//! What an account shows a third party, lied about in every way that matters: to the circuit, to the twin, and in files.

use std::sync::OnceLock;

use assay_core::{
    canonical,
    decimal::format_signed,
    field::{F, from_hex, power_of_two},
    identity::{MasterSecret, Scope, identity},
    sealed::Sealed,
    tree::{empty_roots, node},
};
use assay_fold::{keys::Keys, pins::Pin};
use assay_programs::{
    disclosure::{
        Disclosure, SHAPE,
        claim::{Attested, Claim, DISCLOSURE_PROTOCOL, MAX_ATTESTATIONS, NamedAccount},
        file::{disclose, verify_disclosure},
        spec::DISCLOSURE_RULES,
        state::PublicInput,
        twin::check,
        witness::Opening,
    },
    ledger::{
        inclusion::{IncludedPage, verify_inclusion},
        page::Page,
        shape::{Shape, TREE_ARITY},
        statement::Statement,
    },
    testing::{
        Counting, StepSystem, TEST_SCOPE, free_variables, sharded_statement, tampered_together, test_inclusion,
        test_pages_in, test_shards, test_statement, unconstrained_variables,
    },
};
use bellpepper_core::test_cs::TestConstraintSystem;
use ff::Field;

fn shape() -> &'static Shape {
    Shape::named("compliance-8").unwrap()
}

/// One attested ledger, and the inclusion file of one of its accounts.
struct Venue {
    statement: Sealed<Statement>,
    inclusion: Vec<u8>,
    reference: String,
    salt: String,
    /// The account's pages, and where they lie.
    pages: Vec<Page>,
    included: Vec<IncludedPage>,
    /// A padding page, and where that lies: an inclusion file of its neighbour shows it.
    padding: (Page, IncludedPage),
}

impl Venue {
    fn new(seed: u64, account: usize) -> Self {
        let domain = format!("exchange-{seed}.example");
        let pages = test_pages_in(Scope { domain: &domain, ..TEST_SCOPE }, shape(), 9, seed);
        let mut statement = test_statement(shape(), &"01".repeat(32), &pages);
        statement.exchange.domain = domain;
        let reference = format!("account {account}");
        let secret = MasterSecret::new([seed as u8; 32]);
        let statement = Sealed::seal(statement).unwrap();
        let salt = secret.salt(statement.scope(), &reference);
        let own = identity(&salt, statement.scope(), &reference);
        let file = test_inclusion(shape(), &statement, &pages, &secret, &reference);
        let inclusion = serde_json::to_vec(&file).unwrap();
        let report = verify_inclusion(Ok(&statement), &inclusion, None);
        assert!(report.is_valid(), "{:?}", report.checks);
        let padding = padding(&statement, &pages);
        let pages = pages.into_iter().filter(|p| p.identity == own).collect();
        let included = file.pages;
        Self { statement, inclusion, reference, salt: hex::encode(salt), pages, included, padding }
    }

    fn page(&self) -> &Page {
        &self.pages[0]
    }

    fn opening(&self) -> Opening {
        Opening::new(shape(), &self.pages[0], &self.included[0]).unwrap()
    }
}

/// The first padding page of the tree with its path, found as its neighbours can: it has the identity 0.
fn padding(statement: &Statement, pages: &[Page]) -> (Page, IncludedPage) {
    let at = pages.iter().position(|p| p.identity == F::ZERO).unwrap();
    let mut nodes: Vec<F> = pages.iter().map(|p| p.leaf()).collect();
    let (mut position, mut path) = (at, Vec::new());
    for level in 0..shape().depth() {
        let empty = empty_roots(shape().depth())[level];
        nodes.resize(nodes.len().next_multiple_of(TREE_ARITY), empty);
        let group = position / TREE_ARITY;
        path.push(std::array::from_fn(|j| nodes[group * TREE_ARITY + j]));
        nodes = nodes.chunks(TREE_ARITY).map(node).collect();
        position = group;
    }
    assert_eq!(assay_core::field::to_hex(&nodes[0]), statement.shards[0].root);
    (pages[at].clone(), IncludedPage::new(at as u64, &pages[at], &path))
}

fn venues() -> &'static [Venue] {
    static VENUES: OnceLock<Vec<Venue>> = OnceLock::new();
    VENUES.get_or_init(|| (1..=4).map(|seed| Venue::new(seed, 2 + seed as usize)).collect())
}

fn claim(venues: &[&Venue], at_least: i128) -> Claim {
    Claim {
        protocol: DISCLOSURE_PROTOCOL.to_owned(),
        measure: "margin_excess".to_owned(),
        at_least: amount(at_least),
        quote: "USDT".to_owned(),
        context: "Example Prime, application 7".to_owned(),
        attestations: venues
            .iter()
            .map(|v| Attested { statement_digest: v.statement.digest().to_string(), shard: 0, account: None })
            .collect(),
    }
}

/// What the venues' accounts have in sum.
fn worth(venues: &[&Venue]) -> i128 {
    venues.iter().map(|v| v.page().measures[1]).sum()
}

fn public_of(claim: &Claim) -> PublicInput {
    let statements: Vec<_> = venues().iter().map(|v| &v.statement).collect();
    bind(claim, &statements).unwrap()
}

fn bind(claim: &Claim, statements: &[&Sealed<Statement>]) -> Result<PublicInput, assay_core::Error> {
    Ok(Claim::bind(Sealed::seal(claim.clone())?, statements)?.public)
}

/// A decimal in units of 10^-12.
fn amount(units: i128) -> String {
    format_signed(units, 12)
}

/// The circuit of a disclosure with all its names and values.
fn disclosure_system(public: &PublicInput, openings: &[Opening]) -> TestConstraintSystem<F> {
    StepSystem::<Disclosure>::new(&SHAPE, public.state(), &openings.to_vec()).cs
}

fn openings_of(venues: &[&Venue]) -> Vec<Opening> {
    let mut openings: Vec<Opening> = venues.iter().map(|v| v.opening()).collect();
    openings.resize_with(MAX_ATTESTATIONS, Opening::unused);
    openings
}

/// Both verdicts on openings: of the circuit, by the failing rule, and of the twin.
fn verdicts(public: &PublicInput, openings: &[Opening]) -> (Option<String>, Option<&'static str>) {
    let cs = disclosure_system(public, openings);
    (cs.which_is_unsatisfied().map(str::to_owned), check(public, openings).err().map(|v| v.rule))
}

fn honest() -> (PublicInput, TestConstraintSystem<F>) {
    let two = [&venues()[0], &venues()[1]];
    let public = public_of(&claim(&two, worth(&two)));
    let cs = disclosure_system(&public, &openings_of(&two));
    (public, cs)
}

#[test]
fn a_true_claim_satisfies_circuit_and_twin_to_the_last_unit() {
    let all: Vec<&Venue> = venues().iter().collect();
    for count in 1..=MAX_ATTESTATIONS {
        let some = &all[..count];
        for below in [0, 1, 1 << 90] {
            let public = public_of(&claim(some, worth(some) - below));
            assert_eq!(verdicts(&public, &openings_of(some)), (None, None), "{count} attestations");
        }
    }
}

#[test]
fn a_sum_one_unit_below_the_threshold_is_refused() {
    let all: Vec<&Venue> = venues().iter().collect();
    for count in [1, 2, 4] {
        let some = &all[..count];
        let public = public_of(&claim(some, worth(some) + 1));
        let (circuit, twin) = verdicts(&public, &openings_of(some));
        assert!(circuit.unwrap().contains("open-threshold"));
        assert_eq!(twin, Some("open-threshold"));
    }
    // nor does a third account help that no attestation counts
    let two = [&venues()[0], &venues()[1]];
    let public = public_of(&claim(&two, worth(&two) + 1));
    let openings: Vec<Opening> = all.iter().map(|v| v.opening()).collect();
    assert!(verdicts(&public, &openings).0.unwrap().contains("open-threshold"));
    assert_eq!(check(&public, &openings).unwrap_err().rule, "open-threshold");
}

#[test]
fn another_measure_account_root_or_sibling_is_refused() {
    let two = [&venues()[0], &venues()[1]];
    let public = public_of(&claim(&two, worth(&two)));
    type Change = fn(&mut Vec<Opening>);
    let lies: [(&str, Change); 6] = [
        ("open-root", |o| o[0].measures[1] += 1),
        ("open-root", |o| o[0].measures[0] = -o[0].measures[0]),
        ("open-root", |o| o[1].words[2] += F::ONE),
        ("open-root", |o| o[1].identity += F::ONE),
        ("open-root", |o| o.swap(0, 1)),
        ("open-root", |o| o[0].path.truncate(2)),
    ];
    for (rule, change) in lies {
        let mut openings = openings_of(&two);
        change(&mut openings);
        // the path must start from the leaf, whatever that is: the lie is carried up
        for opening in &mut openings {
            carry_up(opening);
        }
        let (circuit, twin) = verdicts(&public, &openings);
        assert!(circuit.as_ref().unwrap().contains(rule), "{circuit:?}");
        assert_eq!(twin, Some(rule));
    }
    let mut openings = openings_of(&two);
    openings[0].path[1].1[5] += F::ONE;
    let (circuit, twin) = verdicts(&public, &openings);
    assert!(circuit.unwrap().contains("open-path"));
    assert_eq!(twin, Some("open-path"));
}

/// Only a first page carries its account's measures: every other one would pass for an account that has, and owes, nothing.
#[test]
fn neither_a_later_page_nor_padding_stands_for_an_account() {
    let all = (5..9).flat_map(|seed| (0..9).map(move |account| Venue::new(seed, account)));
    let venue = &all.into_iter().find(|v| v.pages.len() > 1).unwrap();
    let public_of = |claim: Claim| bind(&claim, &[&venue.statement]).unwrap();
    let public = public_of(claim(&[venue], 0));
    let with = |opening: Opening| {
        let mut openings = vec![opening];
        openings.resize_with(MAX_ATTESTATIONS, Opening::unused);
        openings
    };
    let later = Opening::new(shape(), &venue.pages[1], &venue.included[1]).unwrap();
    assert_eq!(later.measures, [0, 0]);
    let (circuit, twin) = verdicts(&public, &with(later.clone()));
    assert!(circuit.unwrap().contains("open-first"));
    assert_eq!(twin, Some("open-first"));
    // nor under the account's name, which all its pages share
    let mut shown = claim(&[venue], 0);
    shown.attestations[0].account = Some(NamedAccount { reference: venue.reference.clone(), salt: venue.salt.clone() });
    let (circuit, _) = verdicts(&public_of(shown), &with(later.clone()));
    assert!(circuit.unwrap().contains("open-first"));
    // nor with the bit in another place: then it is another leaf
    let mut lie = later;
    lie.words[0] += power_of_two(231);
    carry_up(&mut lie);
    assert!(verdicts(&public, &with(lie)).0.unwrap().contains("open-root"));

    let (page, included) = &venue.padding;
    let padding = Opening::new(shape(), page, included).unwrap();
    let (circuit, twin) = verdicts(&public, &with(padding));
    assert!(circuit.unwrap().contains("open-account"));
    assert_eq!(twin, Some("open-account"));
}

/// Makes every node below a child of the next level, as a liar would.
fn carry_up(opening: &mut Opening) {
    let mut value = opening.leaf();
    for (own, children) in &mut opening.path {
        children[*own] = value;
        value = node(children);
    }
}

#[test]
fn a_measure_of_p_minus_x_cannot_be_packed() {
    let (_, mut cs) = honest();
    let bits: Vec<String> = (0..96).map(|b| format!("attestation 0/open-bits 1/magnitude bit {b}")).collect();
    let bits: Vec<&str> = bits.iter().map(String::as_str).collect();
    for lie in [-F::from(5), power_of_two(96)] {
        let failed = tampered_together(&mut cs, &bits, |_| {
            std::iter::once(lie).chain(std::iter::repeat_n(F::ZERO, 95)).collect()
        });
        assert!(failed.unwrap().contains("open-bits"));
    }
}

#[test]
fn every_rule_catches_the_lie_it_is_there_for() {
    let (_, mut cs) = honest();
    for (variable, rule) in [
        ("attestation 0/open-bits 0/sign bit 0", "open-leaf"),
        ("attestation 1/word 1", "open-leaf"),
        ("attestation 1/open-first/middle bit 5", "open-leaf"),
        ("attestation 0/open-first/first bit 0", "open-first"),
        ("attestation 0/open-account/inverse", "open-account"),
        ("attestation 2/open-account/inverse", "open-account"),
        ("attestation 1/open-path 2/child 3", "open-path"),
        ("attestation 0/open-path 7/there bit 0", "open-path"),
        ("attestation 0/open-value/value", "open-value"),
        ("attestation 3/open-value/value", "open-value"),
        ("attestation 0/open-value/chosen", "open-value"),
        ("open-threshold/excess bit 98", "open-threshold"),
    ] {
        let failed = tampered_together(&mut cs, &[variable], |v| vec![F::ONE - v[0]]).unwrap();
        assert!(failed.contains(rule), "{variable}: {failed}");
    }
    let source = include_str!("disclosure.rs");
    for rule in DISCLOSURE_RULES {
        assert!(source.contains(&format!("\"{rule}\"")), "no test attacks {rule}");
    }
}

#[test]
fn an_account_shown_must_be_the_one_opened() {
    let one = [&venues()[0]];
    let mut shown = claim(&one, worth(&one));
    let own = &venues()[0];
    shown.attestations[0].account = Some(NamedAccount { reference: own.reference.clone(), salt: own.salt.clone() });
    assert_eq!(verdicts(&public_of(&shown), &openings_of(&one)), (None, None));
    let other = NamedAccount { reference: "account 1".to_owned(), salt: venues()[0].salt.clone() };
    shown.attestations[0].account = Some(other);
    let (circuit, twin) = verdicts(&public_of(&shown), &openings_of(&one));
    assert!(circuit.unwrap().contains("open-identity"));
    assert_eq!(twin, Some("open-identity"));
}

#[test]
fn every_variable_is_constrained_and_none_can_be_changed_alone() {
    let (_, cs) = honest();
    // z is bound by nova, and the first element, the context, by nothing else
    let input = |name: &String| name.len() <= 3 && name.starts_with('z');
    assert_eq!(unconstrained_variables(&cs), ["z0"]);
    for change in [F::ONE, -F::ONE, power_of_two(64)] {
        let free: Vec<String> = free_variables(&cs, change).into_iter().filter(|name| !input(name)).collect();
        assert_eq!(free, Vec::<String>::new());
    }
}

#[test]
fn constraints_are_the_pinned_ones_and_the_parameters_too() {
    let counted = Counting::step::<Disclosure>(&SHAPE);
    assert!(!counted.by_rule.contains_key("other"), "{:?}", counted.by_rule);
    let text = include_str!("../../../pins/disclosure-4.json");
    let pinned: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_value(&counted.by_rule).unwrap(), pinned["rules"]);
    // nova's own part
    assert_eq!(Pin::of::<Disclosure>(&SHAPE).unwrap().step_constraints - counted.total(), 13_112);
}

#[test]
fn a_claim_that_could_count_an_account_twice_or_mixes_currencies_is_refused() {
    let statements: Vec<_> = venues().iter().map(|v| &v.statement).collect();
    let two = [&venues()[0], &venues()[1]];
    let refused = |change: &dyn Fn(&mut Claim)| {
        let mut lie = claim(&two, 0);
        change(&mut lie);
        bind(&lie, &statements).unwrap_err().to_string()
    };
    assert!(refused(&|c| c.attestations[1] = c.attestations[0].clone()).contains("count twice"));
    assert!(refused(&|c| c.quote = "EUR".to_owned()).contains("not valued in EUR"));
    assert!(refused(&|c| c.attestations.clear()).contains("no attestation"));
    assert!(refused(&|c| c.attestations[0].statement_digest = "00".repeat(32)).contains("no attestation with"));
    assert!(refused(&|c| c.measure = "wealth".to_owned()).contains("no measure"));
    assert!(refused(&|c| c.context = "a\nb".to_owned()).contains("context"));
    assert!(refused(&|c| c.at_least = "1e9".to_owned()).contains("1e9"));
    assert!(refused(&|c| c.protocol = "assay/disclosure/2".to_owned()).contains("protocol"));
    // the same exchange at another time, under another spelling or name, is another statement, and still one exchange
    let pair = |change: &dyn Fn(&mut Statement)| {
        let mut second = (*venues()[1].statement).clone();
        change(&mut second);
        let second = Sealed::seal(second).map_err(|e| e.to_string())?;
        let mut both = claim(&two, 0);
        both.attestations[1].statement_digest = second.digest().to_string();
        bind(&both, &[&venues()[0].statement, &second]).map_err(|e| e.to_string())
    };
    pair(&|_| ()).unwrap();
    let domain = |domain: &'static str| pair(&move |s| s.exchange.domain = domain.to_owned()).unwrap_err();
    assert!(domain("exchange-1.example").contains("count twice"));
    // a second spelling of a domain is no statement at all
    for spelling in ["EXCHANGE-1.example", "exchange-1.example.", " exchange-1.example", "exchange-1.example:443"] {
        assert!(domain(spelling).contains("is not a domain"), "{spelling}");
    }
    let first = &venues()[0].statement;
    assert!(pair(&|s| s.shards[0].root = first.shards[0].root.clone()).unwrap_err().contains("count twice"));
    // a sum of different units would be none
    let finer = |s: &mut Statement| s.rules.as_mut().unwrap().value_decimals = Some(15);
    assert!(pair(&finer).unwrap_err().contains("different units, 10^-12 and 10^-15"));
    // and what is moved between two instants would count twice
    let moved = pair(&|s| s.snapshot.taken_at = "2026-03-31T00:00:01Z".to_owned()).unwrap_err();
    assert!(moved.contains("different instants"), "{moved}");
}

/// The threshold is in whole coins whatever unit the accounts are valued in.
#[test]
fn a_threshold_is_counted_in_the_unit_of_the_statement() {
    let mut statement = (*venues()[0].statement).clone();
    statement.rules.as_mut().unwrap().value_decimals = Some(15);
    let statement = Sealed::seal(statement).unwrap();
    let threshold = |at_least: &str| {
        let mut of = claim(&[&venues()[0]], 0);
        of.at_least = at_least.to_owned();
        of.attestations[0].statement_digest = statement.digest().to_string();
        bind(&of, &[&statement]).map(|public| public.threshold).map_err(|e| e.to_string())
    };
    assert_eq!(threshold("-1.5"), Ok(-1_500_000_000_000_000));
    assert_eq!(threshold("316912650057057"), Ok(316_912_650_057_057 * 10i128.pow(15)));
    assert!(threshold("316912650057058").unwrap_err().contains("too large for accounts valued in 10^-15"));
}

/// With several shards a claim names the account's, and is bound to that shard's root.
#[test]
fn a_claim_names_the_shard_that_the_account_lies_in() {
    let (seed, name) = (3, "account 2");
    let shards = test_shards(shape(), 20, 3, seed);
    let pages: Vec<&[Page]> = shards.iter().map(Vec::as_slice).collect();
    let statement = Sealed::seal(sharded_statement(shape(), &"01".repeat(32), &pages)).unwrap();
    let secret = MasterSecret::new([seed as u8; 32]);
    let salt = secret.salt(TEST_SCOPE, name);
    let own = assay_core::identity::shard_of(&identity(&salt, TEST_SCOPE, name), 3) as u32;
    let account = Some(NamedAccount { reference: name.to_owned(), salt: hex::encode(salt) });
    let bound = |shard: u32, account: Option<NamedAccount>| {
        let mut claim = claim(&[&venues()[0]], 0);
        claim.attestations = vec![Attested { statement_digest: statement.digest().to_string(), shard, account }];
        bind(&claim, &[&statement]).map_err(|e| e.to_string())
    };
    for shard in 0..3 {
        let root = from_hex(&statement.shards[shard as usize].root).unwrap();
        assert_eq!(bound(shard, None).unwrap().slots[0].root, root);
        match bound(shard, account.clone()) {
            Ok(public) => assert!(shard == own && public.slots[0].root == root),
            Err(e) => assert!(shard != own && e.contains("does not lie in shard"), "{e}"),
        }
    }
    assert!(bound(3, None).unwrap_err().contains("no shard 3"));
    // a root that stands in both is one ledger, whichever shard it is
    let mut other = (*statement).clone();
    (other.exchange.domain, other.snapshot.id) = ("other.example".to_owned(), "other".to_owned());
    other.shards.rotate_left(1);
    other.shards[0].root = "00".repeat(32);
    let other = Sealed::seal(other).unwrap();
    let mut both = claim(&[&venues()[0], &venues()[1]], 0);
    for (attested, statement) in both.attestations.iter_mut().zip([&statement, &other]) {
        attested.statement_digest = statement.digest().to_string();
    }
    assert!(bind(&both, &[&statement, &other]).unwrap_err().to_string().contains("count twice"));
}

fn parameters() -> &'static Keys<Disclosure> {
    static KEYS: OnceLock<Keys<Disclosure>> = OnceLock::new();
    KEYS.get_or_init(|| crate::parameters::kept(&SHAPE).unwrap())
}

/// One real proof over two attestations, and everything that may be altered about it.
#[test]
fn a_real_disclosure_verifies_and_an_altered_one_does_not() {
    let two = [&venues()[0], &venues()[1]];
    let statements: Vec<_> = two.iter().map(|v| &v.statement).collect();
    let evidence: Vec<_> = two.iter().map(|v| (&v.statement, v.inclusion.as_slice())).collect();
    let claim = claim(&two, worth(&two) - 1_000);
    // what is not true is refused before anything is proved
    let mut too_much = claim.clone();
    too_much.at_least = amount(worth(&two) + 1);
    let error = disclose(parameters(), &too_much, &evidence).unwrap_err().to_string();
    assert!(error.contains("open-threshold"), "{error}");

    let file = disclose(parameters(), &claim, &evidence).unwrap();
    let check =
        |file: &[u8], statements: &[&Sealed<Statement>]| verify_disclosure(file, statements, || Ok(parameters()));
    let report = check(&file, &statements);
    assert!(report.is_valid(), "{:?}", report.checks);
    assert_eq!(report.claim, Some(claim));

    let text = String::from_utf8(file).unwrap();
    let failed = |text: &str, statements: &[&Sealed<Statement>]| {
        let report = check(text.as_bytes(), statements);
        assert!(!report.is_valid());
        report.checks.iter().find(|c| !c.passed).unwrap().id
    };
    // nothing of the account is in the file
    for venue in &two {
        assert!(!text.contains(&venue.salt) && !text.contains(&venue.reference));
        assert!(!text.contains(&assay_core::field::to_hex(&venue.page().identity)));
    }
    // another context, threshold or currency: the proof is of the claim's bytes
    assert_eq!(failed(&text.replace("application 7", "application 8"), &statements), "disclosure-file");
    assert_eq!(failed(&text.replace("margin_excess", "equity"), &statements), "disclosure-file");
    // and resealed under the lie it does not verify
    assert_eq!(failed(&resealed(&text, |c| c.context = "another".to_owned()), &statements), "disclosure-proof");
    let more = |c: &mut Claim| c.at_least = amount(worth(&two));
    assert_eq!(failed(&resealed(&text, more), &statements), "disclosure-proof");
    assert_eq!(failed(&resealed(&text, |c| c.measure = "equity".to_owned()), &statements), "disclosure-proof");
    assert_eq!(failed(&resealed(&text, |c| c.attestations.truncate(1)), &statements), "disclosure-proof");
    assert_eq!(failed(&resealed(&text, |c| c.attestations.reverse()), &statements), "disclosure-proof");
    let named = NamedAccount { reference: two[0].reference.clone(), salt: two[0].salt.clone() };
    let shown = |c: &mut Claim| c.attestations[0].account = Some(named.clone());
    assert_eq!(failed(&resealed(&text, shown), &statements), "disclosure-proof");
    // attestations that were not given, or others
    assert_eq!(failed(&text, &statements[..1]), "disclosure-attestations");
    // bytes of the proof
    let at = text.find("\"proof\": \"").unwrap() + 10;
    for offset in [0, 20, 200, 900, 5_001, 15_000] {
        let mut bytes = text.clone().into_bytes();
        bytes[at + offset] = if bytes[at + offset] == b'0' { b'1' } else { b'0' };
        assert_eq!(failed(std::str::from_utf8(&bytes).unwrap(), &statements), "disclosure-file", "{offset}");
    }
    let length = hex::decode(text[at..].split('"').next().unwrap()).unwrap().len();
    assert_eq!(length, Pin::of::<Disclosure>(&SHAPE).unwrap().proof_bytes);
}

/// The file with another claim, and an envelope that says it is of that claim.
fn resealed(text: &str, change: impl Fn(&mut Claim)) -> String {
    use sha2::Digest;
    let mut file: serde_json::Value = serde_json::from_str(text).unwrap();
    let mut claim: Claim = serde_json::from_value(file["claim"].clone()).unwrap();
    let digest = |claim: &Claim| -> [u8; 32] { sha2::Sha256::digest(canonical::to_bytes(claim).unwrap()).into() };
    let before = digest(&claim);
    change(&mut claim);
    let mut envelope = hex::decode(file["proof"].as_str().unwrap()).unwrap();
    let at = envelope.windows(32).position(|w| w == before).unwrap();
    envelope[at..at + 32].copy_from_slice(&digest(&claim));
    let end = envelope.len() - 32;
    let checksum: [u8; 32] = sha2::Sha256::digest(&envelope[..end]).into();
    envelope[end..].copy_from_slice(&checksum);
    file["claim"] = serde_json::to_value(&claim).unwrap();
    file["proof"] = hex::encode(envelope).into();
    file.to_string()
}
