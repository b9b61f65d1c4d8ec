//! Requests for a snapshot, and the manifests that they make.
#![allow(clippy::unwrap_used)]
use serde_json::json;

use super::*;

fn request(change: impl FnOnce(&mut serde_json::Value)) -> NewSnapshotRequest {
    let mut value = json!({
        "exchange": {"name": "Example", "domain": "exchange.example"},
        "snapshot": {"id": "2026-11-23", "taken_at": "2026-11-23T00:00:00Z", "block_heights": {"bitcoin": 900_000}},
        "policy": {"coverage_bps": 10_000, "coverage_basis": "net"},
        "rows": {"accounts": 3},
        "totals": {"BTC": {"equity": "1.5", "debt": "0"}, "a \"b\".c": {"equity": "0", "debt": "0"}},
    });
    change(&mut value);
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_list_of_custodians_keys_is_read_before_the_snapshot_is_created() {
    let with = |keys: &str| manifest(&request(|value| value["reserves"] = json!({ "custodian_keys": keys })));
    let keys = assay_ownership::testing::holding_keys(&[1]);
    let (found, text) = with(&keys).unwrap();
    assert_eq!(found.reserves.as_ref().unwrap().custodian_keys, Some(keys));
    assert_eq!(Manifest::parse(&text, 10).unwrap(), found);
    for wrong in ["", "{}", r#"{"keys":[]}"#] {
        let problem = with(wrong).unwrap_err();
        assert_eq!(problem.kind(), Kind::InvalidSnapshot);
        let reasons = format!("{problem:?}");
        assert!(reasons.contains("reserves.custodian_keys cannot be used"), "{reasons}");
    }
    // there is no file beside a manifest in a request
    let named = json!({ "custodians": "keys.json" });
    assert!(serde_json::from_value::<ReserveRules>(named).is_err());
}

#[test]
fn a_description_becomes_the_manifest_that_the_check_will_read() {
    let (manifest, text) = manifest(&request(|_| {})).unwrap();
    assert_eq!(Manifest::parse(&text, 10).unwrap(), manifest);
    assert_eq!(manifest.rows.unwrap().accounts, Some(3));
    assert_eq!(manifest.totals.len(), 2);
}

#[test]
fn what_the_ledger_s_reader_refuses_is_refused_here() {
    for change in [
        |v: &mut serde_json::Value| v["snapshot"]["id"] = json!(".."),
        |v: &mut serde_json::Value| v["snapshot"]["taken_at"] = json!("2026-11-23T01:00:00+01:00"),
        |v: &mut serde_json::Value| v["exchange"]["lei"] = json!("short"),
        |v: &mut serde_json::Value| v["exchange"]["name"] = json!(""),
        |v: &mut serde_json::Value| v["exchange"]["name"] = json!("a\u{0}b"),
        |v: &mut serde_json::Value| v["policy"]["coverage_bps"] = json!(100_001),
        |v: &mut serde_json::Value| v["rows"]["cats"] = json!(1),
        |v: &mut serde_json::Value| v["snapshot"]["block_heights"]["bitcoin"] = json!(u64::MAX),
    ] {
        let problem = manifest(&request(change)).unwrap_err();
        assert_eq!(problem.kind(), Kind::InvalidSnapshot);
        assert!(!problem.document().errors.is_empty());
    }
}

#[test]
fn a_member_is_left_out_and_never_null() {
    let whole = json!({
        "exchange": {"name": "Example", "domain": "exchange.example", "lei": null},
        "snapshot": {"id": "s", "taken_at": "2026-11-23T00:00:00Z"},
        "policy": null,
        "book": null,
    });
    for (place, name) in [("exchange", "lei"), ("", "policy"), ("", "book")] {
        let mut value = whole.clone();
        value["exchange"]["lei"] = json!("5493001KJTIIGC8Y1R12");
        for other in ["policy", "book"] {
            value.as_object_mut().unwrap().remove(other);
        }
        assert!(serde_json::from_value::<NewSnapshotRequest>(value.clone()).is_ok());
        match place {
            "" => value[name] = serde_json::Value::Null,
            place => value[place][name] = serde_json::Value::Null,
        }
        assert!(serde_json::from_value::<NewSnapshotRequest>(value).is_err(), "{name}");
    }
    for policy in ["coverage_bps", "coverage_basis", "below_margin_max", "equity_ratio_bps"] {
        let value = json!({
            "exchange": {"name": "Example", "domain": "exchange.example"},
            "snapshot": {"id": "s", "taken_at": "2026-11-23T00:00:00Z"},
            "policy": {policy: null},
        });
        assert!(serde_json::from_value::<NewSnapshotRequest>(value).is_err(), "{policy}");
    }
}

#[test]
fn a2_a_snapshot_of_the_future_is_refused() {
    let (manifest, _) = manifest(&request(|_| {})).unwrap();
    let taken_at = parse_instant("2026-11-23T00:00:00Z").unwrap();
    assert!(epoch(&manifest, taken_at).is_ok());
    assert!(epoch(&manifest, taken_at - Duration::minutes(5)).is_ok());
    let early = epoch(&manifest, taken_at - Duration::minutes(6)).unwrap_err();
    assert_eq!(early.kind(), Kind::SnapshotTime);
}

#[test]
fn tables_become_the_files_that_the_check_reads() {
    let request = request(|v| {
        v["book"] = json!({
            "assets": [{"symbol": "B,\"TC", "scale": "8", "quote": "USD"}],
            "classes": [{"class": "1"}],
            "tiers": [{"asset": "BTC", "kind": "spot", "from": "0", "to": "", "percent": "95"}],
            "limits": [],
        });
    });
    let files = files(request.book.unwrap(), OffsetDateTime::UNIX_EPOCH).unwrap();
    let text = |name: &str| {
        let file = files.iter().find(|file| file.name == name).unwrap();
        String::from_utf8(file.bytes.clone()).unwrap()
    };
    assert_eq!(text("assets.csv"), "symbol,scale,price,quote\n\"B,\"\"TC\",8,,USD\n");
    assert_eq!(text("classes.csv"), "class,name,kyc_level,jurisdiction\n1,,,\n");
    assert_eq!(text("tiers.csv"), "asset,kind,from,to,percent\nBTC,spot,0,,95\n");
    assert_eq!(text("limits.csv"), "instrument,class,side,limit\n");
    assert_eq!(files.len(), 4);
}

#[test]
fn a_line_break_in_a_table_cannot_make_a_second_row() {
    let rows = [["BTC\nETH".to_owned(), "8".to_owned(), String::new(), "USD".to_owned()]];
    let problem = csv("assets", ASSETS_HEADER, rows.into_iter()).unwrap_err();
    let error = &problem.document().errors[0];
    assert_eq!((error.place.as_str(), error.line), ("book.assets", Some(1)));
}
