#![allow(clippy::unwrap_used)]
use assay_core::{
    notice::{Notice, NoticeKind},
    opinion::{Auditor, Opinion, OpinionResult},
};
use assay_programs::{
    ledger::{
        shape::Shape,
        statement::{Evidence, OWNERSHIP_RULES, OwnedAsset},
    },
    testing::{test_pages, test_statement},
};

use super::*;
use crate::pages::language::Choice;

fn statement(shape: &str) -> Statement {
    let shape = Shape::named(shape).unwrap();
    test_statement(shape, &"0".repeat(64), &test_pages(shape, 5, 1))
}

fn frame(tag: &str) -> Frame {
    Frame::new(Choice::of(Some(tag), ""), &[])
}

fn shown(tag: &str, statement: &Statement, change: impl FnOnce(&mut Attestation)) -> String {
    let id = "ab".repeat(32);
    let checks = [Check { title: "of every asset".to_owned(), passed: false, detail: "too little of T00".to_owned() }];
    let signers = [Signer { kid: "key-1".to_owned(), is_listed: true }];
    let later = SignedLater::default();
    let mut page = Attestation {
        id: &id,
        statement,
        published_at: "2026-11-23T00:24:40Z",
        is_valid: true,
        checks: &checks,
        signers: Some(&signers),
        later: &later,
        address: "https://assay.example",
        page: 1,
    };
    change(&mut page);
    page.render(frame(tag)).unwrap()
}

#[test]
fn the_page_says_what_is_stated_and_that_it_verifies_nothing() {
    for (tag, verdict, nothing) in [
        ("en", "publishes a proof that", "This page verifies nothing"),
        ("de", "einen Beweis, dass die Guthaben", "Diese Seite prüft nichts"),
    ] {
        let html = shown(tag, &statement("solvency-8"), |_| {});
        assert!(html.contains(verdict) && html.contains(nothing) && html.contains("Test Exchange"), "{html}");
        assert!(html.contains("assay-verify bundle.zip") && html.contains("key-1"), "{html}");
        assert!(html.contains("https://assay.example/v1/attestations/abab"), "{html}");
        assert!(html.contains("too little of T00"), "{html}");
        for sentence in statement("solvency-8").not_proven {
            let escaped = sentence.replace('\'', "&#39;");
            assert!(html.contains(&escaped), "{escaped}");
        }
    }
    let failed = shown("en", &statement("solvency-8"), |page| page.is_valid = false);
    assert!(failed.contains("do not meet its own policy") && failed.contains("badge bad"));
    let unread = shown("en", &statement("solvency-8"), |page| page.signers = None);
    assert!(unread.contains("cannot be read"));
    assert!(shown("en", &statement("compliance-8"), |_| {}).contains("Margin excess"));
}

#[test]
fn what_was_said_later_stands_at_the_top_and_beside_the_signers() {
    let notice = |kind, by: Option<&str>| Notice {
        by: by.map(str::to_owned),
        exchange: "exchange.example".to_owned(),
        issued_at: "2026-12-01T12:00:00Z".to_owned(),
        kind,
        protocol: String::new(),
        reason: "<b>left out".to_owned(),
        statement: String::new(),
    };
    let opinion = Opinion {
        auditor: Auditor { lei: None, name: "Audit <LLP>".to_owned() },
        criteria: "ISAE 3000".to_owned(),
        findings: vec!["one file was late".to_owned()],
        procedures: vec!["proof".to_owned()],
        protocol: String::new(),
        report_sha256: Some("0c".repeat(32)),
        result: OpinionResult::Adverse,
        signed_at: "2026-12-02T09:00:00Z".to_owned(),
        statement: String::new(),
    };
    let by = "0b".repeat(32);
    let later: &SignedLater = Box::leak(Box::new(SignedLater {
        notices: vec![notice(NoticeKind::Withdrawn, None), notice(NoticeKind::Superseded, Some(&by))],
        opinions: vec![(opinion, "key-9".to_owned())],
        countersigners: vec!["key-8".to_owned()],
    }));
    for (tag, withdrawn, adverse) in [("en", "withdrawn", "adverse"), ("de", "zurückgezogen", "versagt")] {
        let html = shown(tag, &statement("solvency-8"), |page| page.later = later);
        let at = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text}: {html}"));
        assert!(at(withdrawn) < at("id=\"assets\""), "a withdrawal comes first");
        for text in [adverse, "one file was late", "key-8", "key-9", "&#60;b&#62;left out", "Audit &#60;LLP&#62;"] {
            at(text);
        }
        at(&format!("/a/{by}"));
    }
}

#[test]
fn nothing_is_met_where_no_policy_is_stated() {
    let mut free = statement("solvency-8");
    free.policy.coverage_bps = None;
    for (tag, badge, verdict) in [
        ("en", "no policy stated", "states no policy that its numbers would have to meet"),
        ("de", "keine Vorgabe genannt", "nennt die Börse nicht"),
    ] {
        let html = shown(tag, &free, |_| {});
        assert!(html.contains("badge plain") && html.contains(badge) && html.contains(verdict), "{html}");
        assert!(!html.contains("badge good"), "{html}");
    }
    assert!(shown("en", &free, |page| page.is_valid = false).contains("badge bad\">Own policy: not met"));
    assert!(shown("en", &statement("solvency-8"), |_| {}).contains("badge good\">Own policy: met"));
}

#[test]
fn an_exchange_s_name_never_speaks_for_the_page() {
    let mut statement = statement("solvency-8");
    let name = "Acme (reserves verified by this service)";
    statement.exchange.name = name.to_owned();
    statement.assets[0].symbol = "T00 (proven)".to_owned();
    for tag in ["en", "de"] {
        let html = shown(tag, &statement, |_| {});
        for words in [name, "T00 (proven)"] {
            let marked = format!("<bdi class=\"value\">{words}</bdi>");
            let quoted = format!("&#34;{words}&#34;");
            let (all, apart) = (html.matches(words).count(), html.matches(&marked).count());
            assert!(apart > 0 && all == apart + html.matches(&quoted).count(), "{tag} {words}: {html}");
        }
    }
}

#[test]
fn no_name_gets_out_of_its_text() {
    let mut statement = statement("solvency-8");
    statement.exchange.name = "</title><script>alert(1)</script>&\u{202e}\"'".to_owned();
    statement.snapshot.id = "<img src=x onerror=alert(1)>".to_owned();
    statement.assets[0].symbol = "<b>\u{1b}".to_owned();
    let checks = vec![Check { title: "<i>".to_owned(), passed: true, detail: "\u{2066}<i>".to_owned() }].leak();
    let signers = vec![Signer { kid: "<u>\u{200b}".to_owned(), is_listed: false }].leak();
    let html = shown("en", &statement, |page| {
        page.checks = checks;
        page.signers = Some(signers);
    });
    for hostile in ["<script", "<img", "<b>", "<i>", "<u>", "\u{202e}", "\u{1b}", "\u{2066}", "\u{200b}"] {
        assert!(!html.contains(hostile), "{hostile:?}");
    }
    assert_eq!(html.matches("</title>").count(), 1);
    assert!(html.contains("U+202E"));
}

#[test]
fn a_book_of_ten_thousand_assets_is_paged() {
    let mut statement = statement("solvency-8");
    let asset = statement.assets[0].clone();
    let named = |i: usize| {
        let mut asset = asset.clone();
        asset.symbol = format!("A{i}");
        asset
    };
    statement.assets = (0..10_000).map(named).collect();
    assert_eq!(pages(&statement), 100);
    let html = shown("en", &statement, |page| page.page = 2);
    assert!(html.contains(">A100<") && html.contains(">A199<") && !html.contains(">A200<"));
    assert!(html.contains("page=1&#38;lang=en") && html.contains("page=3&#38;lang=en"), "{html}");
    assert!(html.len() < 160 << 10, "{}", html.len());
    let last = shown("en", &statement, |page| page.page = 100);
    assert!(last.contains(">A9999<") && !last.contains("page=101"));
}

#[test]
fn bars_stay_within_their_length_and_have_their_numbers_as_text() {
    let mut line = AssetLine {
        symbol: "T".to_owned(),
        scale: 0,
        assets: 1,
        debts: 0,
        reserves: u128::MAX,
        owned: None,
        third_party: None,
    };
    let wide = row(&frame("en"), &line, None).coverage.unwrap();
    assert_eq!(wide.full + wide.over, BAR);
    (line.assets, line.reserves) = (100, 100);
    let whole = row(&frame("de"), &line, None).coverage.unwrap();
    assert_eq!((whole.full, whole.over, whole.percent.as_str()), (200, 0, "100,00\u{a0}%"));
    assert!(whole.label.contains("100,00\u{a0}%"));
    for (fresh, undated, third_party, unproven) in
        [(100, 0, 0, 0), (33, 33, 0, 34), (0, 0, 0, 100), (99, 1, 0, 0), (33, 33, 33, 1), (0, 0, 100, 0)]
    {
        let status = ByStatus { fresh, undated, third_party, unproven };
        let bar = status_bar(&frame("en"), &line, &status);
        assert!(bar.fresh + bar.third_party + bar.undated + bar.unproven <= SHARES);
        assert_eq!(bar.parts.len(), status.parts().iter().filter(|part| **part > 0).count());
    }
    assert_eq!(share_bps(u128::MAX, u128::MAX), 10_000);
    assert_eq!(share_bps(0, 0), 0);
}

#[test]
fn reserves_are_shown_by_status_as_pattern_and_text() {
    let mut statement = statement("solvency-8");
    statement.assets[0].reserves = "100".to_owned();
    let owned = |fresh: &str, third_party: &str, undated: &str, unproven: &str| OwnedAsset {
        symbol: statement.assets[0].symbol.clone(),
        fresh: fresh.to_owned(),
        undated: undated.to_owned(),
        third_party: third_party.to_owned(),
        unproven: unproven.to_owned(),
    };
    statement.reserves.evidence = Some(Evidence {
        rules: OWNERSHIP_RULES.to_owned(),
        challenge: Some("auditor-7".to_owned()),
        anchor: None,
        assets: vec![owned("50", "15", "25", "10")],
        lines: ByStatus { fresh: 3, undated: 2, third_party: 7, unproven: 1 },
        undated_texts: 0,
        texts: Vec::new(),
    });
    let html = shown("en", &statement, |_| {});
    let html = html.replace('\u{a0}', " ");
    assert!(
        html.contains("50.00 % proven owned, 15.00 % by third parties, 25.00 % undated, 10.00 % unproven"),
        "{html}"
    );
    assert!(html.contains("url(#third)") && html.contains("by third parties: 15.00 %"), "{html}");
    assert!(html.contains("url(#undated)") && html.contains("url(#unproven)") && html.contains("auditor-7"));
}
