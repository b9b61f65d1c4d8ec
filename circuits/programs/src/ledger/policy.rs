//! What the exchange says its numbers satisfy. A statement that breaks its policy is a true statement of a failure.

use std::collections::HashMap;

use assay_core::{
    check::Checks,
    decimal::{format_units, parse_count, percent},
};
use serde::Serialize;

use super::statement::{Asset, CoverageBasis, Statement};

/// The numbers of one asset, in smallest units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssetLine {
    /// Symbol.
    pub symbol: String,
    /// Decimals of the smallest unit.
    pub scale: u8,
    /// What the exchange owes its customers.
    pub assets: u128,
    /// What its customers owe the exchange.
    pub debts: u128,
    /// What the exchange says it holds.
    pub reserves: u128,
    /// Of these, what it says is proven owned; nothing where the statement has no evidence.
    pub owned: Option<u128>,
    /// Of these, what it says that custodians and banks of its list state; nothing where the statement has no evidence.
    pub third_party: Option<u128>,
}

impl AssetLine {
    /// Reserves over customer assets in hundredths of a percent, rounded down; nothing where nothing is owed.
    pub fn coverage_bps(&self) -> Option<u128> {
        if self.assets == 0 {
            return None;
        }
        // parse_count bounds both below 2^128; the quotient is taken first where the product would not fit
        Some(match self.reserves.checked_mul(10_000) {
            Some(product) => product / self.assets,
            None => (self.reserves / self.assets).saturating_mul(10_000),
        })
    }

    /// What is proven owned over reserves in hundredths of a percent, rounded down; nothing without evidence or reserves.
    pub fn owned_bps(&self) -> Option<u128> {
        let owned = self.owned.filter(|_| self.reserves > 0)?;
        Some(match owned.checked_mul(10_000) {
            Some(product) => product / self.reserves,
            None => owned / (self.reserves / 10_000).max(1),
        })
    }

    fn covered(&self, basis: CoverageBasis, bps: u32) -> bool {
        let owed = match basis {
            CoverageBasis::Gross => self.assets,
            CoverageBasis::Net => self.assets.saturating_sub(self.debts),
        };
        match (self.reserves.checked_mul(10_000), owed.checked_mul(u128::from(bps))) {
            (Some(have), Some(need)) => have >= need,
            _ => false,
        }
    }
}

/// The numbers of each asset, in the order of the book.
pub fn asset_lines(statement: &Statement) -> Vec<AssetLine> {
    // in one pass: there may be thousands of assets
    let mut sums: HashMap<&str, (u128, u128)> = HashMap::new();
    for column in &statement.columns {
        let units = parse_count(&column.total).unwrap_or(0);
        let Some(asset) = column.kind.asset() else { continue };
        let (assets, debts) = sums.entry(asset).or_default();
        let sum = if column.kind.is_owed() { assets } else { debts };
        *sum = sum.saturating_add(units);
    }
    let evidence = statement.reserves.evidence.as_ref();
    let shown: HashMap<&str, (u128, u128)> = evidence
        .iter()
        .flat_map(|evidence| &evidence.assets)
        .filter_map(|asset| {
            let units = asset.units().ok()?;
            Some((asset.symbol.as_str(), (units.fresh, units.third_party)))
        })
        .collect();
    let line = |asset: &Asset| {
        let (assets, debts) = sums.get(asset.symbol.as_str()).copied().unwrap_or_default();
        let reserves = parse_count(&asset.reserves).unwrap_or(0);
        let shown = evidence.map(|_| shown.get(asset.symbol.as_str()).copied().unwrap_or_default());
        let (owned, third_party) = shown.unzip();
        AssetLine { symbol: asset.symbol.clone(), scale: asset.scale, assets, debts, reserves, owned, third_party }
    };
    statement.assets.iter().map(line).collect()
}

/// What the exchange says the numbers satisfy. A statement that breaks its policy is a true statement of a failure.
pub fn policy_checks(checks: &mut Checks, assets: &[AssetLine], statement: &Statement) {
    let negative: Vec<&str> = assets.iter().filter(|a| a.debts > a.assets).map(|a| a.symbol.as_str()).collect();
    let net = if negative.is_empty() {
        Ok(format!("{} assets", assets.len()))
    } else {
        Err(format!("customers owe more than they hold of {}", negative.join(", ")))
    };
    checks.add("net", "of every asset customers hold at least what they owe", net);

    if let Some(bps) = statement.policy.coverage_bps {
        let basis = statement.policy.coverage_basis.unwrap_or(CoverageBasis::Gross);
        let short = assets.iter().filter(|a| !a.covered(basis, bps));
        let short: Vec<&str> = short.map(|a| a.symbol.as_str()).collect();
        let of = match basis {
            CoverageBasis::Gross => "customer assets",
            CoverageBasis::Net => "customer assets less what customers owe",
        };
        let title = format!("of every asset the stated reserves are at least {} of {of}", percent(u128::from(bps)));
        let outcome = if short.is_empty() {
            Ok(format!("{} assets", assets.len()))
        } else {
            Err(format!("too little of {}", short.join(", ")))
        };
        checks.add("coverage", title, outcome);
    }
    ownership_check(checks, statement);
    measure_policy_checks(checks, statement);
}

/// Policy on what must be proven owned or stated by third parties, by the exchange's own word.
fn ownership_check(checks: &mut Checks, statement: &Statement) {
    let (Some(bps), Some(evidence)) = (statement.policy.owned_bps, &statement.reserves.evidence) else {
        return;
    };
    let short = evidence.assets.iter().filter(|asset| {
        let Ok(units) = asset.units() else { return true };
        let (Some(stated), Some(shown)) = (units.sum(), units.fresh.checked_add(units.third_party)) else {
            return true;
        };
        match (shown.checked_mul(10_000), stated.checked_mul(u128::from(bps))) {
            (Some(have), Some(need)) => have < need,
            _ => true,
        }
    });
    let short: Vec<&str> = short.map(|asset| asset.symbol.as_str()).collect();
    let title = format!(
        "of every asset at least {} of the stated reserves are proven owned, or stated by third parties of the exchange's list",
        percent(u128::from(bps))
    );
    let outcome = match short.is_empty() {
        true => Ok(format!("{} assets, by the exchange's word", evidence.assets.len())),
        false => Err(format!("too little of {}", short.join(", "))),
    };
    checks.add("ownership", title, outcome);
}

/// Policy on what the measures add up to.
fn measure_policy_checks(checks: &mut Checks, statement: &Statement) {
    let Some([equity, margin]) = statement.rules.as_ref().and_then(|r| r.results.first_chunk()) else {
        return;
    };
    let units = |text: &str| parse_count(text).unwrap_or(0);
    let amount = |units| format_units(units, statement.value_decimals());
    let quote = statement.assets.first().map_or("", |a| a.quote.as_str());
    if let Some(most) = statement.policy.below_margin_max {
        let title = format!("at most {most} accounts are below their maintenance margin");
        let found = format!("{} are, by {} {quote} in all", margin.below, amount(units(&margin.negative)));
        checks.add("margin", title, if margin.below <= most { Ok(found) } else { Err(found) });
    }
    if let Some(bps) = statement.policy.equity_ratio_bps {
        let (positive, negative) = (units(&equity.positive), units(&equity.negative));
        let holds = match (positive.checked_mul(10_000), negative.checked_mul(u128::from(bps))) {
            (Some(have), Some(need)) => have >= need,
            _ => false,
        };
        let title = format!("all positive equity together is at least {} of all negative", percent(u128::from(bps)));
        let found = format!("{} against {} {quote}", amount(positive), amount(negative));
        checks.add("equity", title, if holds { Ok(found) } else { Err(found) });
    }
}

#[cfg(all(test, feature = "proof"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_core::sealed::Sealed;

    use super::*;
    use crate::{
        ledger::{
            shape::Shape,
            statement::{AnchorBlock, ByStatus, ColumnKind, Evidence, OWNERSHIP_RULES, OwnedAsset},
        },
        testing::{test_pages, test_statement},
    };

    fn statement(shape: &str) -> Statement {
        let shape = Shape::named(shape).unwrap();
        test_statement(shape, &"01".repeat(32), &test_pages(shape, 9, 4))
    }

    /// The checks of a statement, changed.
    fn judged(shape: &str, change: impl FnOnce(&mut Statement)) -> Checks {
        let mut statement = statement(shape);
        change(&mut statement);
        let mut checks = Checks::default();
        policy_checks(&mut checks, &asset_lines(&statement), &statement);
        checks
    }

    fn failures(shape: &str, change: impl FnOnce(&mut Statement)) -> Vec<(&'static str, String)> {
        judged(shape, change).into_vec().into_iter().filter(|c| !c.passed).map(|c| (c.id, c.detail)).collect()
    }

    /// Failures of one made-up asset under a coverage policy.
    fn covered(assets: u128, debts: u128, reserves: u128, basis: CoverageBasis, bps: u32) -> bool {
        AssetLine { symbol: "T00".to_owned(), scale: 8, assets, debts, reserves, owned: None, third_party: None }
            .covered(basis, bps)
    }

    /// The results of a measure: its positive sum, its negative sum, accounts below.
    fn results(statement: &mut Statement, m: usize, positive: u128, negative: u128, below: u64) {
        let result = &mut statement.rules.as_mut().unwrap().results[m];
        (result.positive, result.negative, result.below) = (positive.to_string(), negative.to_string(), below);
    }

    #[test]
    fn the_checks_of_each_family_are_these() {
        let passed = |shape| judged(shape, |_| {}).iter().filter(|c| c.passed).map(|c| c.id).collect::<Vec<_>>();
        assert_eq!(passed("solvency-8"), ["net", "coverage"]);
        assert_eq!(passed("compliance-8"), ["net", "coverage", "margin", "equity"]);
        let without = |s: &mut Statement| {
            (s.policy.coverage_bps, s.policy.below_margin_max, s.policy.equity_ratio_bps) = (None, None, None);
        };
        for shape in ["solvency-8", "compliance-8"] {
            let checks = judged(shape, without);
            assert_eq!(checks.iter().map(|c| (c.id, c.detail.as_str())).collect::<Vec<_>>(), [("net", "10 assets")]);
        }
    }

    #[test]
    fn the_lines_are_the_sums_over_an_assets_columns_collateral_included() {
        for shape in ["solvency-8", "compliance-8"] {
            let statement = statement(shape);
            let lines = asset_lines(&statement);
            assert_eq!(lines.len(), statement.assets.len());
            for (line, asset) in lines.iter().zip(&statement.assets) {
                let symbol = asset.symbol.as_str();
                assert_eq!((line.symbol.as_str(), line.scale), (symbol, asset.scale));
                assert_eq!(line.assets, statement.customer_assets(symbol), "{symbol}");
                assert_eq!(line.debts, statement.debts(symbol), "{symbol}");
                assert_eq!(line.reserves.to_string(), asset.reserves, "{symbol}");
            }
            assert!(lines.iter().any(|l| l.debts > 0) && lines.iter().all(|l| l.assets > l.debts));
        }
        let statement = statement("compliance-8");
        let collateral = statement.columns.iter().filter(|c| matches!(c.kind, ColumnKind::Collateral { .. }));
        let collateral: u128 = collateral.map(|c| c.total.parse::<u128>().unwrap()).sum();
        let plain: u128 = statement.columns[0].total.parse().unwrap();
        assert!(collateral > 0);
        assert_eq!(asset_lines(&statement)[0].assets, plain + collateral);
    }

    #[test]
    fn p18_an_asset_of_which_customers_owe_more_than_they_hold_is_named_whatever_the_others_are_worth() {
        for shape in ["solvency-8", "compliance-8"] {
            let owing = |asset: usize, more: u128| {
                let found = failures(shape, |s| {
                    s.policy.equity_ratio_bps = None;
                    let owed = s.customer_assets(&s.assets[asset].symbol) + more;
                    s.columns[2 * asset + 1].total = owed.to_string();
                });
                found.into_iter().map(|(id, detail)| format!("{id}: {detail}")).collect::<Vec<_>>()
            };
            // in compliance the first asset has collateral columns beside its own
            for asset in [0, 2] {
                assert_eq!(owing(asset, 0), Vec::<String>::new(), "exactly as much is allowed");
                assert_eq!(owing(asset, 1), [format!("net: customers owe more than they hold of T0{asset}")]);
            }
        }
        let two = failures("solvency-8", |s| {
            s.columns[3].total = u128::MAX.to_string();
            s.columns[7].total = u128::MAX.to_string();
        });
        assert_eq!(two, [("net", "customers owe more than they hold of T01, T03".to_owned())]);
    }

    #[test]
    fn coverage_is_asked_for_to_the_last_unit_and_never_overflows() {
        let reserves = |s: &Statement, i: usize| s.assets[i].reserves.parse::<u128>().unwrap();
        let short = failures("solvency-8", |s| s.assets[1].reserves = (reserves(s, 1) - 1).to_string());
        assert_eq!(short, [("coverage", "too little of T01".to_owned())]);
        let half = |s: &mut Statement| {
            s.policy.coverage_bps = Some(5_000);
            s.assets[1].reserves = reserves(s, 1).div_ceil(2).to_string();
        };
        assert_eq!(failures("solvency-8", half), []);
        // numbers that do not fit are refused, not wrapped
        assert_eq!(failures("solvency-8", |s| s.assets[1].reserves = u128::MAX.to_string())[0].0, "coverage");
        // nor is a sum of totals that does not fit
        let wrapped = failures("compliance-8", |s| {
            s.policy.equity_ratio_bps = None;
            s.columns[0].total = u128::MAX.to_string();
        });
        assert_eq!(wrapped, [("coverage", "too little of T00".to_owned())]);
    }

    #[test]
    fn gross_coverage_ignores_debts_and_net_coverage_subtracts_them() {
        use CoverageBasis::{Gross, Net};
        for (reserves, basis, holds) in [(100, Gross, true), (99, Gross, false), (60, Net, true), (59, Net, false)] {
            assert_eq!(covered(100, 40, reserves, basis, 10_000), holds, "{reserves} {basis:?}");
        }
        // with more than all of it: 60 · 1.0001 is 60.006
        assert!(!covered(100, 40, 60, Net, 10_001));
        assert!(covered(100, 40, 61, Net, 10_001));
        // nothing is owed on balance; the check of the net positions objects to more debts than assets
        assert!(covered(40, 40, 0, Net, 10_000) && covered(40, 41, 0, Net, 10_000));
        assert!(!covered(40, 41, 0, Gross, 10_000));
        assert!(covered(0, 0, 0, Gross, 10_000));
        // the largest numbers whose products fit 128 bits, and the next
        let largest = u128::MAX / 10_000;
        assert!(covered(largest, 0, largest, Gross, 10_000));
        assert!(!covered(largest + 1, 0, largest + 1, Gross, 10_000));
        assert!(!covered(1, 0, largest + 1, Gross, 10_000));
        assert!(!covered(largest, 0, largest, Gross, 10_001));
        assert!(covered(largest + 1, 1, largest, Net, 10_000));
    }

    #[test]
    fn the_policy_names_the_basis_and_absent_means_gross() {
        let coverage = |basis: Option<CoverageBasis>, short: u128| {
            let checks = judged("compliance-8", |s| {
                s.policy.coverage_basis = basis;
                s.columns[5].total = "7".to_owned();
                s.assets[2].reserves = (s.customer_assets("T02") - 7 - short).to_string();
            });
            let check = checks.into_vec().into_iter().find(|c| c.id == "coverage").unwrap();
            (check.passed, check.title, check.detail)
        };
        let gross = "of every asset the stated reserves are at least 100.00 % of customer assets";
        let net = format!("{gross} less what customers owe");
        let little = "too little of T02";
        assert_eq!(coverage(Some(CoverageBasis::Net), 0), (true, net.clone(), "10 assets".to_owned()));
        assert_eq!(coverage(Some(CoverageBasis::Net), 1), (false, net, little.to_owned()));
        for basis in [None, Some(CoverageBasis::Gross)] {
            assert_eq!(coverage(basis, 0), (false, gross.to_owned(), little.to_owned()));
        }
    }

    #[test]
    fn accounts_below_their_margin_are_counted_against_the_policy() {
        let margin = |below: u64| {
            let checks = judged("compliance-8", |s| {
                s.policy.below_margin_max = Some(3);
                // the equity's count is another one
                results(s, 0, 1, 0, 9);
                results(s, 1, 7, 1_500_000_000_000, below);
            });
            let check = checks.into_vec().into_iter().find(|c| c.id == "margin").unwrap();
            (check.passed, check.title, check.detail)
        };
        let title = "at most 3 accounts are below their maintenance margin".to_owned();
        for (below, passed) in [(0, true), (3, true), (4, false)] {
            assert_eq!(margin(below), (passed, title.clone(), format!("{below} are, by 1.5 USDT in all")));
        }
    }

    #[test]
    fn the_equity_ratio_is_asked_for_to_the_last_unit_and_never_overflows() {
        let equity = |positive: u128, negative: u128, bps: u32| {
            let checks = judged("compliance-8", |s| {
                s.policy.equity_ratio_bps = Some(bps);
                results(s, 0, positive, negative, 1);
                // the margin's sums are other ones
                results(s, 1, 0, u128::MAX, 0);
            });
            checks.into_vec().into_iter().find(|c| c.id == "equity").unwrap()
        };
        let largest = u128::MAX / 10_000;
        for (positive, negative, bps, holds) in [
            (100, 100, 10_000, true),
            (99, 100, 10_000, false),
            (300, 100, 30_000, true),
            (299, 100, 30_000, false),
            (1, 3, 3_333, true),
            (1, 3, 3_334, false),
            (0, 0, 10_000, true),
            (0, 1, 10_000, false),
            (0, 1, 0, true),
            // the largest numbers whose products fit 128 bits, and the next
            (largest, largest, 10_000, true),
            (largest + 1, 1, 10_000, false),
            (largest, largest + 1, 10_000, false),
            (largest, largest, 10_001, false),
        ] {
            assert_eq!(equity(positive, negative, bps).passed, holds, "{positive} {negative} {bps}");
        }
        let check = equity(2_500_000_000_000, 1_000_000_000_000, 20_000);
        assert_eq!(check.title, "all positive equity together is at least 200.00 % of all negative");
        assert_eq!(check.detail, "2.5 against 1 USDT");
    }

    #[test]
    fn a_coverage_is_rounded_down_and_never_overflows() {
        let bps = |assets, reserves| {
            AssetLine { symbol: "T00".to_owned(), scale: 8, assets, debts: 5, reserves, owned: None, third_party: None }
                .coverage_bps()
        };
        assert_eq!((bps(0, 0), bps(0, 7)), (None, None));
        assert_eq!((bps(1, 0), bps(1, 1), bps(3, 2), bps(3, 4)), (Some(0), Some(10_000), Some(6_666), Some(13_333)));
        let largest = u128::MAX / 10_000;
        assert_eq!((bps(largest, largest), bps(7, largest)), (Some(10_000), Some(largest * 10_000 / 7)));
        // from there on the quotient is taken first: whole multiples only
        assert_eq!(bps(u128::MAX / 2, u128::MAX), Some(20_000));
        assert_eq!(bps(1, u128::MAX), Some(u128::MAX));
    }

    /// A statement whose reserves of every asset are 7, 2, 3 and the rest.
    fn evident() -> Statement {
        let shape = Shape::named("solvency-8").unwrap();
        let mut statement = test_statement(shape, &"01".repeat(32), &test_pages(shape, 5, 4));
        let own = |asset: &Asset| OwnedAsset {
            symbol: asset.symbol.clone(),
            fresh: "7".to_owned(),
            undated: "2".to_owned(),
            third_party: "3".to_owned(),
            unproven: (parse_count(&asset.reserves).unwrap() - 12).to_string(),
        };
        let assets = statement.assets.iter().map(own).collect();
        statement.reserves.evidence = Some(Evidence {
            rules: OWNERSHIP_RULES.to_owned(),
            challenge: Some("audit-1".to_owned()),
            anchor: Some(AnchorBlock { chain: "bitcoin".to_owned(), height: 925_001, hash: "00ab".to_owned() }),
            assets,
            lines: ByStatus { fresh: 4, undated: 3, third_party: 1, unproven: statement.reserves.lines - 8 },
            undated_texts: 2,
            texts: vec!["a".to_owned(), "b".to_owned()],
        });
        statement.policy.owned_bps = Some(0);
        statement
    }

    /// A reason, and the change that is refused for it.
    type Change = (&'static str, fn(&mut Evidence));

    #[test]
    fn evidence_adds_up_to_what_is_stated_and_to_all_lines() {
        Sealed::seal(evident()).unwrap();
        let changes: [Change; 26] = [
            ("other rules", |e| e.rules = "assay/ownership/2".to_owned()),
            ("challenge", |e| e.challenge = Some("two words".to_owned())),
            ("challenge", |e| e.challenge = Some(String::new())),
            ("challenge", |e| e.challenge = Some("a:b".to_owned())),
            ("anchor", |e| e.anchor.as_mut().unwrap().chain = "Bitcoin".to_owned()),
            ("anchor", |e| e.anchor.as_mut().unwrap().hash = "a-b".to_owned()),
            ("anchor", |e| e.anchor.as_mut().unwrap().hash = "0x,".to_owned()),
            ("anchor", |e| e.anchor.as_mut().unwrap().height = 1 << 53),
            ("not all lines", |e| e.lines.fresh += 1),
            ("not all lines", |e| e.lines.unproven = u64::MAX),
            ("not all lines", |e| e.lines.third_party += 1),
            ("not all lines", |e| e.lines.third_party = u64::MAX),
            ("do not add up", |e| e.assets[0].fresh = "8".to_owned()),
            ("do not add up", |e| e.assets[0].third_party = "4".to_owned()),
            ("do not add up", |e| e.assets[0].third_party = u128::MAX.to_string()),
            ("do not add up", |e| e.assets[0].unproven = u128::MAX.to_string()),
            ("whole number", |e| e.assets[0].fresh = "07".to_owned()),
            ("whole number", |e| e.assets[0].third_party = "03".to_owned()),
            ("exactly the assets", |e| e.assets.truncate(1)),
            ("exactly the assets", |e| e.assets.reverse()),
            ("in order", |e| e.texts.reverse()),
            ("in order", |e| e.texts[1] = "a\u{202e}".to_owned()),
            ("in order", |e| e.undated_texts = 3),
            ("in order", |e| e.texts.push("c".to_owned())),
            ("do not fit", |e| (e.lines.undated, e.lines.fresh) = (0, 7)),
            ("do not fit", |e| (e.lines.undated, e.lines.fresh) = (1, 6)),
        ];
        for (reason, change) in changes {
            let mut statement = evident();
            change(statement.reserves.evidence.as_mut().unwrap());
            let refused = Sealed::seal(statement).unwrap_err().to_string();
            assert!(refused.contains(reason), "{reason}: {refused}");
        }
    }

    #[test]
    fn the_longest_message_is_listed_when_its_bytes_are_spelled_out() {
        let mut statement = evident();
        let evidence = statement.reserves.evidence.as_mut().unwrap();
        evidence.texts = vec!["U+000A".repeat(1024), "b".to_owned()];
        Sealed::seal(statement.clone()).unwrap();
        statement.reserves.evidence.as_mut().unwrap().texts[0].push('x');
        assert!(Sealed::seal(statement).is_err());
    }

    #[test]
    fn evidence_without_reserves_and_a_policy_without_evidence_are_refused() {
        let mut without = evident();
        without.reserves.evidence = None;
        assert!(Sealed::seal(without.clone()).unwrap_err().to_string().contains("and no evidence"));
        without.policy.owned_bps = None;
        Sealed::seal(without).unwrap();
        let mut nothing = evident();
        (nothing.reserves.lines, nothing.reserves.root) = (0, "0".repeat(64));
        nothing.policy.coverage_bps = None;
        nothing.assets.iter_mut().for_each(|asset| asset.reserves = "0".to_owned());
        assert!(Sealed::seal(nothing).unwrap_err().to_string().contains("and no reserves"));
    }

    #[test]
    fn what_third_parties_state_is_not_called_proven_owned() {
        let line = asset_lines(&evident()).swap_remove(0);
        assert_eq!((line.owned, line.third_party), (Some(7), Some(3)));
    }

    #[test]
    fn a_policy_on_ownership_counts_what_is_proven_owned_or_stated_by_third_parties() {
        let judged = |bps: u32, fresh: u128, third_party: u128, undated: u128| {
            let mut statement = evident();
            let evidence = statement.reserves.evidence.as_mut().unwrap();
            evidence.assets.truncate(1);
            let own = &mut evidence.assets[0];
            (own.fresh, own.undated, own.unproven) = (fresh.to_string(), undated.to_string(), "0".to_owned());
            own.third_party = third_party.to_string();
            statement.policy.owned_bps = Some(bps);
            let mut checks = Checks::default();
            policy_checks(&mut checks, &asset_lines(&statement), &statement);
            let check = checks.into_vec().into_iter().find(|check| check.id == "ownership").unwrap();
            // whose list it is stands in the row: nobody else has judged the third parties
            assert!(check.title.ends_with("stated by third parties of the exchange's list"), "{}", check.title);
            check.passed
        };
        assert!(judged(10_000, 5, 0, 0) && judged(5_000, 5, 0, 5));
        assert!(judged(10_000, 0, 5, 0) && judged(10_000, 2, 3, 0) && judged(5_000, 2, 3, 5));
        assert!(!judged(5_001, 5, 0, 5) && !judged(10_000, 4, 0, 1) && !judged(1, 0, 0, 9) && !judged(5_001, 2, 3, 5));
        // a product or a sum that does not fit is no pass
        assert!(!judged(10_000, u128::MAX, 0, 0) && !judged(10_000, 0, u128::MAX, 0));
        assert!(!judged(0, u128::MAX, 1, 0));
    }
}
