//! Every form, signed by test keys: what it shows, and that nothing else shows it.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::LazyLock;

use assay_ownership::{
    Anchor, Context, Defect, Kind, Line, Reason, Verdict, judge, recognise,
    testing::{TestLine, context, lines},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;

static CANONICAL: LazyLock<Vec<TestLine>> = LazyLock::new(|| lines(&context(), None));
static OTHER: LazyLock<Vec<TestLine>> = LazyLock::new(|| lines(&context(), Some("I am an address")));

#[test]
fn each_form_over_the_canonical_message_is_fresh() {
    let context = context();
    for line in lines(&context, None) {
        assert_eq!(judge(&line.line(), &context), Ok(line.expected.clone()), "{}: {}", line.chain, line.name);
        // the same text in the column `message` is the same message
        let family = line.line();
        if line.kind == Kind::Address && line.chain == "tron" {
            let text = context.message("tron", &line.address).unwrap();
            assert_eq!(judge(&Line { message: &text, ..family }, &context), Ok(line.expected));
        }
    }
}

#[test]
fn each_form_over_another_text_is_undated_and_says_which() {
    let context = context();
    let text = "King will be back!";
    for line in lines(&context, Some(text)) {
        let expected = match line.kind {
            Kind::Contract => Verdict::Unproven(Reason::Contract),
            _ => Verdict::Undated { text: text.to_owned() },
        };
        assert_eq!(judge(&line.line(), &context), Ok(expected), "{}: {}", line.chain, line.name);
    }
}

/// The lines that test keys signed over `Test Message` when each form was first read. Later versions must read them too, and
/// `tests/independent/check.py` decides them with other people's libraries.
#[test]
fn what_was_once_read_is_read_for_ever() {
    let context = context();
    let frozen = include_str!("frozen/lines.tsv");
    let expected = lines(&context, Some("Test Message"));
    let rows: Vec<Vec<_>> = frozen.lines().skip(1).map(|row| row.split('\t').collect()).collect();
    assert_eq!(rows.len(), expected.len(), "a new form is frozen with its first line");
    for (row, made) in rows.iter().zip(&expected) {
        let [chain, name, address, key, signature] = row[..] else { panic!("{row:?}") };
        let line = Line { chain, address, message: "Test Message", signature, key, kind: made.kind, ..Line::default() };
        assert_eq!(judge(&line, &context), Ok(made.expected.clone()), "{chain}: {name}");
    }
}

/// The snapshot, each time with one part changed.
fn others() -> Vec<Context<'static>> {
    let base = context();
    let anchor = base.anchor.unwrap();
    vec![
        Context { domain: "exchange.example.org", ..base },
        Context { snapshot: "2026-12-31", ..base },
        Context { taken_at: "2026-11-30T00:00:01Z", ..base },
        Context { anchor: None, ..base },
        Context { anchor: Some(Anchor { height: anchor.height + 1, ..anchor }), ..base },
        Context { challenge: None, ..base },
    ]
}

#[test]
fn a_signature_for_a_snapshot_is_false_in_every_other_and_never_fresh_there() {
    for line in lines(&context(), None) {
        let text = match &line.expected {
            Verdict::Undated { text } => text.clone(),
            _ => {
                let family =
                    if line.chain.starts_with("evm:") || ["ethereum", "base", "polygon"].contains(&&line.chain[..]) {
                        "evm"
                    } else {
                        &line.chain
                    };
                context()
                    .message(if line.kind == Kind::Contract { &line.chain } else { family }, &line.address)
                    .unwrap()
            }
        };
        for other in others() {
            let verdict = judge(&line.line(), &other);
            assert!(matches!(verdict, Err(Defect::False { .. })), "{}: {}: {verdict:?}", line.chain, line.name);
            // with its own text in the column, it is what it is: an old signature. A proof to a website names the website
            let verdict = judge(&Line { message: &text, ..line.line() }, &other);
            let is_other_website = line.name == "proof to a website" && other.domain != context().domain;
            match verdict {
                Ok(Verdict::Undated { text: named }) => assert_eq!(named, text),
                Ok(Verdict::Unproven(Reason::Contract)) => assert_eq!(line.kind, Kind::Contract),
                verdict => assert!(is_other_website, "{}: {}: {verdict:?}", line.chain, line.name),
            }
        }
    }
}

#[test]
fn a_published_form_is_recognised() {
    let context = context();
    for line in lines(&context, Some("htx")) {
        let bare: Vec<_> = line.signature.split(' ').map(|text| text.rsplit(':').next().unwrap()).collect();
        let bare = bare.join(" ");
        let scheme = recognise(&Line { signature: &bare, ..line.line() }, &context);
        let written = line.signature.split_once(':').map(|(scheme, _)| scheme.rsplit(' ').next().unwrap());
        match written {
            Some(written) if line.signature.starts_with(written) => assert_eq!(scheme, Some(written)),
            _ => assert!(scheme.is_some(), "{}: {}", line.chain, line.name),
        }
        let other = Line { signature: &bare, message: "something else", ..line.line() };
        assert_eq!(recognise(&other, &context), None, "{}: {}", line.chain, line.name);
    }
}

/// The columns that a test may change.
const COLUMNS: [&str; 4] = ["signature", "message", "address", "key"];

/// The line with one bit of one column turned; none where that is no text.
fn turned(line: &TestLine, column: &str, at: usize, bit: u8) -> Option<TestLine> {
    let mut line = line.clone();
    let text = column_of_mut(&mut line, column);
    let mut bytes = text.clone().into_bytes();
    bytes[at] ^= 1 << bit;
    *text = String::from_utf8(bytes).ok()?;
    Some(line)
}

fn column_of<'a>(line: &'a TestLine, column: &str) -> &'a str {
    match column {
        "signature" => &line.signature,
        "message" => &line.message,
        "address" => &line.address,
        _ => &line.key,
    }
}

fn column_of_mut<'a>(line: &'a mut TestLine, column: &str) -> &'a mut String {
    match column {
        "signature" => &mut line.signature,
        "message" => &mut line.message,
        "address" => &mut line.address,
        _ => &mut line.key,
    }
}

/// A line with something changed shows nothing. Two wallets write another first byte before the same signature by the same key.
fn assert_shows_nothing(
    line: &TestLine,
    changed: &TestLine,
    column: &str,
    context: &Context<'_>,
) -> Result<(), TestCaseError> {
    let verdict = judge(&changed.line(), context);
    let behind_first_byte =
        |text: &str| STANDARD.decode(text).ok().filter(|bytes| bytes.len() == 65)?.get(1..).map(<[u8]>::to_vec);
    let same = behind_first_byte(&changed.signature);
    if column == "signature" && same.is_some() && same == behind_first_byte(&line.signature) {
        return Ok(());
    }
    let is_unproven = matches!(verdict, Ok(Verdict::Unproven(_)));
    prop_assert!(verdict.is_err() || is_unproven, "{}: {}: {column}: {verdict:?}: {changed:?}", line.chain, line.name);
    Ok(())
}

#[test]
fn every_bit_of_every_column_matters() {
    let context = context();
    for line in OTHER.iter().filter(|line| line.kind == Kind::Address).chain(&*CANONICAL) {
        for column in COLUMNS {
            let turned = |at| (0..7).filter_map(move |bit| turned(line, column, at, bit));
            for changed in (0..column_of(line, column).len()).flat_map(turned) {
                assert_shows_nothing(line, &changed, column, &context).unwrap();
            }
        }
    }
}

/// Whatever stands behind a text is part of it: no reader stops early.
#[test]
fn nothing_may_follow_a_column() {
    let context = context();
    for line in OTHER.iter().filter(|line| line.kind == Kind::Address).chain(&*CANONICAL) {
        for column in COLUMNS.into_iter().filter(|column| !column_of(line, column).is_empty()) {
            for more in ["A", "AA", "AAA", "AAAA", "AA==", "0", "00", "9", "=", ";", ":", " 00"] {
                let mut changed = line.clone();
                column_of_mut(&mut changed, column).push_str(more);
                assert_shows_nothing(line, &changed, column, &context).unwrap();
                let unpadded = column_of(line, column).trim_end_matches('=');
                let length = unpadded.len();
                column_of_mut(&mut changed, column).replace_range(length.., more);
                if changed != *line {
                    assert_shows_nothing(line, &changed, column, &context).unwrap();
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn no_text_is_too_strange(which: prop::sample::Index, address: String, message: String, signature: String, key: String, kind in 0..4usize) {
        let context = context();
        let line = which.get(&CANONICAL[..]).line();
        let kind = [Kind::Address, Kind::Contract, Kind::Custodian, Kind::Bank][kind];
        let strange = Line { address: &address, message: &message, signature: &signature, token: "", kind, key: &key, ..line };
        prop_assert!(!judge(&strange, &context).is_ok_and(|verdict| verdict.is_signed()));
        let _ = strange.place();
        for line in [
            Line { address: &address, ..line },
            Line { signature: &signature, ..line },
            Line { key: &key, ..line },
            Line { kind, ..line },
        ] {
            let _ = judge(&line, &context);
            let _ = line.place();
        }
    }

    #[test]
    fn no_bytes_in_a_signature_are_too_strange(which: prop::sample::Index, bytes: Vec<u8>, prefix in 0..5usize) {
        let context = context();
        let line = which.get(&CANONICAL[..]).line();
        let base64 = format!("{}{}", ["", "smp", "ful", "pof", "bip322:"][prefix], STANDARD.encode(&bytes));
        let hex = bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
        for signature in [&base64, &hex] {
            let verdict = judge(&Line { signature, ..line }, &context);
            prop_assert!(!verdict.is_ok_and(|verdict| verdict.is_signed()));
        }
    }
}
