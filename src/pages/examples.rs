//! An example of every page in every language, as files that `web/test` opens in a browser and checks as HTML. Only tests have this.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use assay_core::{
    notice::{NOTICE_PROTOCOL, Notice, NoticeKind},
    opinion::{Auditor, OPINION_PROTOCOL, Opinion, OpinionResult},
};
use assay_programs::{
    ledger::{
        policy::asset_lines,
        shape::Shape,
        statement::{AnchorBlock, ByStatus, Evidence, OWNERSHIP_RULES, OwnedAsset, Statement},
    },
    testing::{test_pages, test_statement},
};

use super::{
    attestation::{Attestation, Check, Signer},
    facts::Facts,
    failure::Failure,
    files::style_addresses,
    frame::Frame,
    history::History,
    home::{Entry, Home, Listed},
    language::Choice,
    later::SignedLater,
};

const ADDRESS: &str = "https://assay.example";
/// Symbols of the first assets of the test book.
const SYMBOLS: [&str; 5] = ["BTC", "ETH", "USDT", "SOL", "a symbol of an exchange with thirty"];

fn frame(tag: &str, parameters: &[(&str, &str)]) -> Frame {
    Frame::new(Choice::of(Some(tag), ""), parameters)
}

/// A statement whose first assets have [`SYMBOLS`].
fn statement(shape: &str) -> Statement {
    let shape = Shape::named(shape).unwrap();
    let mut statement = test_statement(shape, &"0".repeat(64), &test_pages(shape, 5, 1));
    for (index, symbol) in SYMBOLS.into_iter().enumerate() {
        rename(&mut statement, index, symbol);
    }
    statement
}

/// Gives an asset another symbol wherever the statement names it.
fn rename(statement: &mut Statement, index: usize, symbol: &str) {
    let old = std::mem::replace(&mut statement.assets[index].symbol, symbol.to_owned());
    let columns = serde_json::to_string(&statement.columns).unwrap();
    statement.columns =
        serde_json::from_str(&columns.replace(&format!("\"{old}\""), &format!("\"{symbol}\""))).unwrap();
}

/// A share of the reserves of each asset for each status, in percent; other assets have no reserves.
fn with_evidence(mut statement: Statement) -> Statement {
    let shares = [[100, 0, 0, 0], [50, 20, 20, 10], [0, 0, 0, 100], [34, 33, 33, 0]];
    let assets = statement.assets.iter_mut().zip(shares).map(|(asset, shares)| {
        let reserves: u128 = asset.reserves.parse().unwrap();
        let part = |percent: u128| (reserves * percent / 100).to_string();
        let [fresh, third_party, undated, _] = shares.map(part);
        let stated: u128 = [&fresh, &third_party, &undated].iter().map(|part| part.parse::<u128>().unwrap()).sum();
        let unproven = (reserves - stated).to_string();
        OwnedAsset { symbol: asset.symbol.clone(), fresh, undated, third_party, unproven }
    });
    let evidence = Evidence {
        rules: OWNERSHIP_RULES.to_owned(),
        challenge: Some("auditor-7".to_owned()),
        anchor: Some(AnchorBlock { chain: "bitcoin".to_owned(), height: 900_000, hash: "00ab".repeat(16) }),
        assets: assets.collect(),
        lines: ByStatus { fresh: 3, undated: 2, third_party: 7, unproven: 1 },
        undated_texts: 0,
        texts: Vec::new(),
    };
    statement.assets.iter_mut().skip(shares.len()).for_each(|asset| asset.reserves = "0".to_owned());
    statement.reserves.evidence = Some(evidence);
    statement.exchange.lei = Some("5493001KJTIIGC8Y1R12".to_owned());
    statement
}

fn entry(name: &str, domain: &str, is_valid: bool, facts: Option<Facts>) -> Entry {
    Entry {
        id: "ab".repeat(32),
        domain: domain.to_owned(),
        name: name.to_owned(),
        taken_at: "2026-01-01T00:00:00Z".to_owned(),
        published_at: "2026-01-01T00:24:40Z".to_owned(),
        is_valid,
        notice: (!is_valid).then_some(NoticeKind::Withdrawn),
        facts: facts.map(Arc::new),
    }
}

fn home(tag: &str) -> String {
    let free = Facts { has_policy: false, ..Facts::of(&statement("solvency-8")) };
    let nothing = Facts { ratios: vec![("BTC".to_owned(), None)], owned: None, has_policy: true };
    let rows = [
        ("Test Exchange", "exchange.example", true, Some(Facts::of(&statement("solvency-8"))), 60),
        ("Late & Partners", "late.example", false, Some(Facts::of(&statement("compliance-8"))), 3_000_000),
        ("Free", "free.example", true, Some(free), 7_000),
        ("Empty", "empty.example", true, Some(nothing), 90_000),
        ("An exchange with a name of forty letters", "a-rather-long-name.of-a-domain.example", true, None, 600),
    ];
    let listed = rows.map(|(name, domain, is_valid, facts, age_seconds)| {
        let entry = entry(name, domain, is_valid, facts);
        Listed { entry, age_seconds, is_late: age_seconds > 2_000_000 }
    });
    let after = Some("before.example");
    let home = Home { listed: &listed, after, has_more: true, address: ADDRESS };
    home.render(frame(tag, &[("after", "before.example")])).unwrap()
}

fn history(tag: &str) -> String {
    let mut entries = Vec::new();
    for day in (0..9u8).rev() {
        let bps = u128::from(day) * 137 + 9_700;
        let symbols =
            (0..14).map(|number| SYMBOLS.get(number).map_or_else(|| format!("T{number:02}"), |s| (*s).to_owned()));
        let ratio = |(number, symbol): (u128, String)| (symbol, (number != 3).then_some(bps + 300 * number));
        let owned = (day > 4).then(|| ("ETH".to_owned(), 5_000));
        let facts = Facts { ratios: (0..).zip(symbols).map(ratio).collect(), owned, has_policy: day != 2 };
        let mut entry = entry("Test Exchange", "exchange.example", day > 1, (day != 5).then_some(facts));
        entry.taken_at = format!("2026-01-0{}T00:00:00Z", day + 1);
        entries.push((1_767_225_600 + 86_400 * i64::from(day), entry));
    }
    let history = History {
        domain: "exchange.example",
        entries: &entries,
        cursor: Some("here"),
        next: Some("there"),
        promised_seconds: Some(90_000),
    };
    history.render(frame(tag, &[("cursor", "here")])).unwrap()
}

/// One that meets its policy, with evidence.
fn attestation(tag: &str) -> String {
    let mut statement = with_evidence(statement("solvency-8"));
    statement.policy.coverage_bps = Some(0);
    let signer = |kid: &str, is_listed| Signer { kid: kid.repeat(43), is_listed };
    render(tag, &statement, true, Some(&[signer("R", true), signer("s", false)]), 1)
}

/// One that does not meet it, with measures, an unreadable signature, and the second page of its assets.
fn attestation_refused(tag: &str) -> String {
    let mut statement = statement("compliance-8");
    let last = statement.assets.last().unwrap().clone();
    let more = (0..93).map(|number| {
        let mut asset = last.clone();
        asset.symbol = format!("A{number}");
        asset
    });
    statement.assets.extend(more.collect::<Vec<_>>());
    assert_eq!(asset_lines(&statement).len(), 103);
    render(tag, &statement, false, None, 2)
}

fn render(tag: &str, statement: &Statement, is_valid: bool, signers: Option<&[Signer]>, page: usize) -> String {
    let check =
        |title: &str, passed, detail: &str| Check { title: title.to_owned(), passed, detail: detail.to_owned() };
    let checks = [
        check("The proof is valid for this statement", true, "3 steps of solvency-8"),
        check("Reserves cover what customers own", is_valid, "the lowest is 100.00 % of BTC"),
    ];
    let (id, published_at) = (&"ab".repeat(32), "2026-01-01T00:24:40Z");
    let later = if is_valid { SignedLater::default() } else { signed_later() };
    let shown = Attestation {
        id,
        statement,
        published_at,
        is_valid,
        checks: &checks,
        signers,
        later: &later,
        address: ADDRESS,
        page,
    };
    let own = page.to_string();
    let parameters: &[(&str, &str)] = if page > 1 { &[("page", &own)] } else { &[] };
    shown.render(frame(tag, parameters)).unwrap()
}

/// A withdrawal, a successor and two opinions.
fn signed_later() -> SignedLater {
    let notice = |kind, by: Option<String>| Notice {
        by,
        exchange: "exchange.example".to_owned(),
        issued_at: "2026-01-03T12:00:00Z".to_owned(),
        kind,
        protocol: NOTICE_PROTOCOL.to_owned(),
        reason: "A file of balances was left out.".to_owned(),
        statement: "ab".repeat(32),
    };
    let opinion = |result, findings: &[&str]| Opinion {
        auditor: Auditor { lei: Some("5493001KJTIIGC8Y1R12".to_owned()), name: "Example Audit LLP".to_owned() },
        criteria: "ISAE 3000 (Revised)".to_owned(),
        findings: findings.iter().map(|text| (*text).to_owned()).collect(),
        procedures: vec!["proof".to_owned(), "ownership".to_owned(), "sampling:60".to_owned()],
        protocol: OPINION_PROTOCOL.to_owned(),
        report_sha256: Some("0c".repeat(32)),
        result,
        signed_at: "2026-01-02T09:00:00Z".to_owned(),
        statement: "ab".repeat(32),
    };
    SignedLater {
        notices: vec![notice(NoticeKind::Withdrawn, None), notice(NoticeKind::Superseded, Some("0b".repeat(32)))],
        opinions: vec![
            (opinion(OpinionResult::Unmodified, &[]), "a".repeat(43)),
            (opinion(OpinionResult::Adverse, &["One file was late.", "Another was missing."]), "b".repeat(43)),
        ],
        countersigners: vec!["c".repeat(43)],
    }
}

fn failure(tag: &str, status: u16, detail: Option<&str>) -> String {
    Failure { status, detail }.render(frame(tag, &[])).unwrap()
}

/// Every example by the name of its file. Styles are named without their digests, which change with every build of `web/`.
fn examples() -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for tag in ["en", "de"] {
        let empty = Home { listed: &[], after: None, has_more: false, address: ADDRESS };
        let pages = [
            ("home", home(tag)),
            ("home-empty", empty.render(frame(tag, &[])).unwrap()),
            ("history", history(tag)),
            ("attestation", attestation(tag)),
            ("attestation-refused", attestation_refused(tag)),
            ("failure", failure(tag, 404, Some("there is no attestation <abab>"))),
            ("failure-busy", failure(tag, 503, None)),
        ];
        for (name, mut html) in pages {
            for address in style_addresses() {
                assert!(html.contains(address));
                html = html.replace(address, address.split('?').next().unwrap());
            }
            all.insert(format!("{name}.{tag}.html"), html);
        }
    }
    all
}

/// Run with `UPDATE_PINS=1` to write the files anew; `node web/test/run.mjs html` checks them then.
#[test]
fn every_page_is_the_pinned_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/test/pages");
    let is_update = std::env::var_os("UPDATE_PINS").is_some();
    if is_update {
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(&folder).unwrap();
        for (name, html) in examples() {
            fs::write(folder.join(name), html).unwrap();
        }
    }
    let read = |file: fs::DirEntry| (file.file_name().into_string().unwrap(), fs::read_to_string(file.path()).unwrap());
    let pinned: BTreeMap<String, String> = fs::read_dir(&folder).unwrap().map(|file| read(file.unwrap())).collect();
    let examples = examples();
    assert!(pinned.keys().eq(examples.keys()), "{:?}", pinned.keys());
    for (name, html) in examples {
        assert!(pinned[&name] == html, "{name} changed; look at it, then run with UPDATE_PINS=1");
    }
}
