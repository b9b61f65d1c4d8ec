//! Lines of custodians and banks: what they state, and whose keys count.
#![allow(clippy::unwrap_used, missing_docs)]

use assay_core::holding::{Holding, HoldingError, HoldingKeys};
use assay_ownership::{
    Context, Defect, Kind, Line, Reason, Verdict, judge, judge_listed,
    testing::{context, holding, holding_keys, holding_signature},
};

const LINE: Line<'_> = Line {
    chain: "Example Bank AG",
    address: "…7731",
    asset: "USD",
    amount: "12000000.5",
    message: "",
    signature: "",
    token: "",
    kind: Kind::Bank,
    key: "",
};

fn listed(numbers: &[u8]) -> HoldingKeys {
    HoldingKeys::parse(holding_keys(numbers).as_bytes()).unwrap()
}

/// The verdict on a line whose third party, number 1 of those on the reader's list, states `holding`.
fn judged(line: Line<'_>, holding: &Holding) -> Result<Verdict, Defect> {
    let signature = holding_signature(holding, 1);
    judge_listed(&Line { signature: &signature, ..line }, &context(), Some(&listed(&[1, 2])))
}

fn stated() -> Holding {
    holding(&LINE, &context())
}

/// What the statement is said to differ in.
fn difference(verdict: Result<Verdict, Defect>) -> &'static str {
    match verdict {
        Err(Defect::Differs { member, .. }) => member,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_statement_by_a_listed_key_is_a_third_partys() {
    for kind in [Kind::Custodian, Kind::Bank] {
        let verdict = judged(Line { kind, ..LINE }, &stated()).unwrap();
        assert_eq!(verdict.status(), "third_party");
        assert!(!verdict.is_signed(), "no key of an address signed");
    }
    // one amount has several spellings
    for amount in ["12000000.50", "12000000.500", "1.20000005e7"] {
        let other = Holding { amount: amount.to_owned(), ..stated() };
        assert_eq!(judged(LINE, &other).unwrap().status(), "third_party", "{amount}");
    }
}

#[test]
fn a_key_on_no_list_of_the_readers_shows_nothing() {
    let signature = holding_signature(&stated(), 1);
    let line = Line { signature: &signature, ..LINE };
    let nothing = Ok(Verdict::Unproven(Reason::Signer));
    assert_eq!(judge(&line, &context()), nothing);
    assert_eq!(judge_listed(&line, &context(), Some(&listed(&[2, 3]))), nothing);
    assert_eq!(judge_listed(&line, &context(), Some(&listed(&[3, 1]))).unwrap().status(), "third_party");
}

#[test]
fn a_statement_about_anything_else_than_the_line_is_a_defect_whoever_signed_it() {
    type Change = fn(&mut Holding);
    let changes: [(&str, Change); 10] = [
        ("asset", |own| own.asset = "EUR".to_owned()),
        ("custodian", |own| own.custodian = "Example Bank".to_owned()),
        ("account", |own| own.account = "…7732".to_owned()),
        ("for", |own| own.exchange = "other.example".to_owned()),
        ("snapshot", |own| own.snapshot = "2026-10-31".to_owned()),
        ("as_of", |own| own.as_of = "2026-11-30T00:00:01Z".to_owned()),
        // larger and smaller by one unit of the last decimal, and no number at all
        ("amount", |own| own.amount = "12000000.6".to_owned()),
        ("amount", |own| own.amount = "12000000.500000000000000000000000000000000001".to_owned()),
        ("amount", |own| own.amount = "12000000.4".to_owned()),
        ("amount", |own| own.amount = "twelve million".to_owned()),
    ];
    for (member, change) in changes {
        let mut other = stated();
        change(&mut other);
        assert_eq!(difference(judged(LINE, &other)), member);
        let signature = holding_signature(&other, 9);
        assert_eq!(difference(judge(&Line { signature: &signature, ..LINE }, &context())), member);
    }
    // a true statement for another snapshot of the same exchange
    let before = Context { snapshot: "2026-10-31", taken_at: "2026-10-31T00:00:00Z", ..context() };
    assert_eq!(difference(judged(LINE, &holding(&LINE, &before))), "snapshot");
    let sentence = judged(LINE, &Holding { amount: "13".to_owned(), ..stated() }).unwrap_err().to_string();
    assert_eq!(sentence, "the third party's statement has the amount \"13\", where \"12000000.5\" is expected");
}

#[test]
fn what_others_have_a_claim_on_is_unproven_whoever_says_so() {
    let pledged = Holding { encumbered: true, ..stated() };
    let unproven = Ok(Verdict::Unproven(Reason::Encumbered));
    assert_eq!(judged(LINE, &pledged), unproven);
    let signature = holding_signature(&pledged, 9);
    assert_eq!(judge(&Line { signature: &signature, ..LINE }, &context()), unproven);
}

#[test]
fn a_document_that_the_line_names_is_the_statements() {
    let (own, other) = ("0a".repeat(32), "0b".repeat(32));
    let named = format!("sha256:{own}");
    let with = |digest: Option<&String>| Holding { document_sha256: digest.cloned(), ..stated() };
    let line = Line { key: &named, ..LINE };
    assert_eq!(judged(line, &with(Some(&own))).unwrap().status(), "third_party");
    assert_eq!(difference(judged(line, &with(Some(&other)))), "document_sha256");
    assert_eq!(difference(judged(line, &with(None))), "document_sha256");
    assert_eq!(judged(LINE, &with(Some(&own))).unwrap().status(), "third_party");
    assert!(matches!(judged(Line { key: "00", ..LINE }, &stated()), Err(Defect::Key { .. })));
}

#[test]
fn not_one_bit_of_a_statement_can_be_turned() {
    let (keys, signature) = (listed(&[1]), holding_signature(&stated(), 1));
    for at in 0..8 * signature.len() {
        let mut bytes = signature.clone().into_bytes();
        bytes[at / 8] ^= 1 << (at % 8);
        let Ok(signature) = String::from_utf8(bytes) else { continue };
        let verdict = judge_listed(&Line { signature: &signature, ..LINE }, &context(), Some(&keys));
        // another name of a key is one that nobody listed
        assert!(verdict.is_err() || verdict == Ok(Verdict::Unproven(Reason::Signer)), "bit {at}: {verdict:?}");
    }
}

#[test]
fn a_signature_by_another_key_under_a_listed_name_is_a_defect() {
    // the header and payload of one, the signature of another
    let (own, other) = (holding_signature(&stated(), 1), holding_signature(&stated(), 3));
    let signature = format!("{}.{}", own.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
    let line = Line { signature: &signature, ..LINE };
    let verdict = judge_listed(&line, &context(), Some(&listed(&[1])));
    assert!(matches!(verdict, Err(Defect::Holding(HoldingError::False(_)))), "{verdict:?}");
    // without the key there is nothing to say it by
    assert_eq!(judge(&line, &context()), Ok(Verdict::Unproven(Reason::Signer)));
}

#[test]
fn a_line_has_one_statement_in_one_scheme() {
    let own = holding_signature(&stated(), 1);
    let with = |signature: &str| judge(&Line { signature, ..LINE }, &context());
    assert!(matches!(with(&format!("{own} {own}")), Err(Defect::TooMany { given: 2, most: 1 })));
    assert!(matches!(with(own.trim_start_matches("jws:")), Err(Defect::Scheme { .. })));
    assert!(matches!(with(&own.replace("jws:", "eip191:")), Err(Defect::Scheme { .. })));
    // an address has no third party
    let line = Line { chain: "ethereum", kind: Kind::Address, signature: &own, ..LINE };
    assert!(judge(&line, &context()).is_err());
}
