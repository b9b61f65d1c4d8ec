//! A real published ledger through every command.

use std::{collections::BTreeMap, fs, path::Path};

use crate::support::{assay, shared_data, text};

/// Adds two non-negative decimals as digit strings: another way of adding than the program's.
fn add(a: &str, b: &str) -> String {
    let split = |x: &str| {
        let (whole, fraction) = x.split_once('.').unwrap_or((x, ""));
        (whole.to_owned(), fraction.to_owned())
    };
    let ((aw, af), (bw, bf)) = (split(a), split(b));
    let places = af.len().max(bf.len());
    let width = aw.len().max(bw.len()) + 1;
    let digits = |whole: &str, fraction: &str| -> Vec<u8> {
        format!("{whole:0>width$}{fraction:0<places$}").bytes().map(|d| d - b'0').collect()
    };
    let mut carry = 0;
    let mut sum: Vec<u8> = digits(&aw, &af)
        .iter()
        .zip(&digits(&bw, &bf))
        .rev()
        .map(|(x, y)| {
            let s = x + y + carry;
            carry = s / 10;
            b'0' + s % 10
        })
        .collect();
    sum.reverse();
    let text = String::from_utf8(sum).unwrap();
    let (whole, fraction) = text.split_at(width);
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// `8.978e-05` as `0.00008978`, digit by digit.
fn plain(cell: &str) -> String {
    let Some((mantissa, exponent)) = cell.split_once(['e', 'E']) else {
        return cell.to_owned();
    };
    let exponent: i32 = exponent.parse().unwrap();
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let point = whole.len() as i32 + exponent;
    if point <= 0 {
        format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
    } else {
        let digits = format!("{digits:0<width$}", width = point as usize);
        let (whole, fraction) = digits.split_at(point as usize);
        format!("{whole}.{fraction}")
    }
}

/// Per asset the sums of equity and debt over both files.
fn independent_totals(files: &[&Path]) -> BTreeMap<String, (String, String)> {
    let mut totals: BTreeMap<String, (String, String)> = BTreeMap::new();
    for file in files {
        let content = fs::read_to_string(file).unwrap();
        let mut lines = content.lines();
        let header: Vec<&str> = lines.next().unwrap().split(',').collect();
        for line in lines {
            let cells: Vec<&str> = line.split(',').collect();
            for (i, name) in header.iter().enumerate() {
                let Some(asset) = name.strip_prefix("e_") else { continue };
                assert_eq!(header[i + 1], format!("d_{asset}"));
                let entry = totals.entry(asset.to_uppercase()).or_insert_with(|| ("0".to_owned(), "0".to_owned()));
                entry.0 = add(&entry.0, &plain(cells[i]));
                entry.1 = add(&entry.1, &plain(cells[i + 1]));
            }
        }
    }
    totals
}

#[test]
#[ignore = "needs published data: .ci/run published"]
fn the_published_binance_ledger_goes_through_every_command() {
    let data = shared_data();
    let files = [data.join("binance/sample_users0.csv"), data.join("binance/sample_users1.csv")];
    let place = tempfile::tempdir().unwrap();
    let (ledger, out) = (place.path().join("L"), place.path().join("OUT"));
    assay(&["import", "binance", text(&files[0]), text(&files[1]), "--out", text(&ledger)]).expect(0);
    assay(&["check", text(&ledger)]).expect(0);
    assay(&["prove", text(&ledger), "--out", text(&out)]).expect(0);
    let verified = assay(&["verify", text(&out), "--json"]).expect(0).json();
    assert_eq!(verified["valid"], true);

    let totals = independent_totals(&[&files[0], &files[1]]);
    assert_eq!(totals.len(), 316);
    let assets = verified["assets"].as_array().unwrap();
    assert_eq!(assets.len(), 316);
    for asset in assets {
        let (equity, debt) = &totals[asset["symbol"].as_str().unwrap()];
        assert_eq!(asset["customer_assets"], equity.as_str(), "{}", asset["symbol"]);
        assert_eq!(asset["debts"], debt.as_str(), "{}", asset["symbol"]);
    }

    let first = fs::read_to_string(&files[0]).unwrap();
    let row = first.lines().nth(1).unwrap();
    let customer = row.split(',').nth(1).unwrap();
    let file = place.path().join("inclusion.json");
    assay(&["inclusion", text(&out), "--account", customer, "--out", text(&file)]).expect(0);
    let run = assay(&["verify-inclusion", text(&file), "--attestation", text(&out)]).expect(0);
    assert!(run.stdout.contains("included with exactly these balances"), "{}", run.stdout);
    let explained = assay(&["explain", text(&out)]).expect(0);
    assert!(explained.stdout.contains("NOT proven"));
}

#[test]
fn digit_strings_add_and_unfold() {
    assert_eq!(add("0.9", "0.1"), "1");
    assert_eq!(add("99999999999999999999.00000001", "0.99999999"), "100000000000000000000");
    assert_eq!(plain("8.978e-05"), "0.00008978");
    assert_eq!(plain("1.5e+03"), "1500.");
    assert_eq!(plain("12"), "12");
}
