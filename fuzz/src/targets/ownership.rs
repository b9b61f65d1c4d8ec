//! Lines of reserves with their signatures.

use std::{collections::BTreeSet, sync::OnceLock};

use assay_ownership::{
    Kind, Line, Place, Verdict as Shown, judge,
    testing::{TestLine, context, lines},
};

use super::verdict::Verdict;

/// What the corpus' undated lines are signed over.
pub const OLD_TEXT: &str = "King will be back!";

/// A line of the corpus: chain, kind, address, key, signature, and the message to the end.
pub fn ownership_input(line: &TestLine) -> Vec<u8> {
    let kind = if line.kind == Kind::Contract { "contract" } else { "address" };
    [&line.chain, kind, &line.address, &line.key, &line.signature, &line.message].join("\n").into_bytes()
}

/// The lines that test keys signed, over the canonical message and over an old text.
pub fn ownership_lines() -> &'static [TestLine] {
    static LINES: OnceLock<Vec<TestLine>> = OnceLock::new();
    LINES.get_or_init(|| [lines(&context(), None), lines(&context(), Some(OLD_TEXT))].concat())
}

/// A line's verdict: nobody but the test keys proves anything, each for its own address and over what it signed.
pub fn ownership(data: &[u8]) -> Verdict {
    let Ok(text) = std::str::from_utf8(data) else { return Verdict::Refused };
    let mut parts = text.splitn(6, '\n');
    let mut part = || parts.next().unwrap_or_default();
    let (chain, kind, address, key, signature, message) = (part(), part(), part(), part(), part(), part());
    let Ok(kind) = kind.parse() else { return Verdict::Refused };
    let line = Line { chain, address, message, signature, kind, key, ..Line::default() };
    let place = line.place();
    let Place { chain, address, token } = &place;
    let again = Line { chain, address, token, kind, ..Line::default() };
    assert_eq!(again.place(), place, "a place has two spellings");
    match judge(&line, &context()) {
        Ok(shown) if shown.is_signed() => {
            let known = known_places();
            assert!(known.contains(&place.address), "nobody signed for {place:?}");
            let signed = |line: &&TestLine| line.line().place().address == place.address;
            let is_expected = |line: &TestLine| match (&line.expected, &shown) {
                (Shown::Undated { text }, Shown::Undated { text: named }) => text == named,
                (expected, shown) => expected == shown,
            };
            assert!(ownership_lines().iter().filter(signed).any(is_expected), "{shown}: {line:?}");
            Verdict::Accepted
        }
        Ok(shown) => {
            let _ = shown.to_string();
            Verdict::Refused
        }
        Err(defect) => {
            assert!(!defect.to_string().is_empty());
            Verdict::Refused
        }
    }
}

fn known_places() -> &'static BTreeSet<String> {
    static PLACES: OnceLock<BTreeSet<String>> = OnceLock::new();
    PLACES.get_or_init(|| {
        let place = |line: &TestLine| line.line().place().address;
        ownership_lines().iter().map(place).collect()
    })
}
