//! A synthetic ledger for demonstrations and benchmarks, with a realistic distribution.
//!
//! Contents (all drawn from one seed, in integers, so that the same arguments give the same bytes on every machine):
//! * **assets** 120, all priced in USDT; which ones an account holds falls off steeply from the first of the list.
//! * **holdings** 80 % of the accounts hold 1–5 assets, 15 % 6–15, 4 % 16–40, 1 % 41–120.
//! * **balances** the value is log-uniform between 1.28 and about 670,000 USDT, and cut where 64 bits end.
//! * **debt** every tenth account borrows one asset, for 5–60 % of the value it holds, if the others together hold that
//!   much of it; so every account has positive equity, and no asset has a larger debt than equity in total.
//! * **classes** 0 for 90 %, 1 for 8 %, 2 for 2 %.
//! * **reserves** for each asset that is held, 2–4 addresses (every tenth asset has one of them with a custodian) that sum to
//!   101–105 % of all customers' equity, debts not deducted.
//!
//! With rules it also has:
//! * **classes** 1 (retail) for 98 %, 2 (institutional) for 2 %.
//! * **collateral** ten of the assets, with tables that count the less of a value the larger it is, or all values alike; who
//!   borrows more than these secure borrows nothing.
//! * **positions** about a third of the accounts, in six futures, within the limits of their class and for at most the value
//!   of what they own less what they owe.
//!
//! Accounts are written as they are drawn: memory does not grow with their number.

mod assets;
mod draw;
mod rules;

use assay_core::time::parse_instant;
use std::collections::BTreeMap;
use std::path::Path;

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use self::assets::SAMPLE_ASSETS;
use self::draw::Draw;
use self::rules::Rules;
use super::assets::Asset;
use super::holding::AssetTotals;
use super::manifest::{Exchange, Manifest, SnapshotInfo, TotalText};
use super::writer::{SnapshotWriter, WriteError};
use crate::progress::Progress;
use assay_core::decimal::{format_units, parse_decimal};

/// Domain of the sample's exchange.
pub const DOMAIN: &str = "exchange.example";
const CUSTODIAN: &str = "Sample Trust Company";

/// What a sample is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// Number of accounts, 1 to 2^32 − 2.
    pub accounts: u64,
    /// What everything is drawn from.
    pub seed: u64,
    /// The instant it claims to show, RFC 3339 in UTC.
    pub taken_at: String,
    /// Whether to add classes, futures with limits and positions, and collateral tables.
    pub rules: bool,
}

/// Writes a synthetic snapshot to `out`, which must not exist.
///
/// # Errors
/// If there are no or too many accounts, the time is none, `out` exists, or the disk refuses.
pub fn sample(options: &Options, out: &Path, progress: &dyn Progress) -> Result<(), WriteError> {
    let Options { accounts, seed, ref taken_at, .. } = *options;
    if accounts == 0 || accounts >= u64::from(u32::MAX) {
        return Err(WriteError::Argument(format!("a sample has 1 to {} accounts, not {accounts}", u32::MAX - 1)));
    }
    if let Err(defect) = parse_instant(taken_at) {
        return Err(WriteError::Argument(format!("taken_at {taken_at} {defect}")));
    }
    let mut writer = SnapshotWriter::create(out)?;
    let mut draw = Draw(ChaCha12Rng::seed_from_u64(seed));
    let book = book();
    let mut rules = match options.rules {
        true => {
            // a separate stream, so that holdings are the same with and without rules
            let mut other = ChaCha12Rng::seed_from_u64(seed);
            other.set_stream(1);
            Some(Rules::write(Draw(other), &book, &mut writer)?)
        }
        false => None,
    };
    let mut totals = vec![AssetTotals::default(); book.len()];

    progress.begin("draw accounts", accounts, "accounts");
    for number in 0..accounts {
        // The number alone makes the reference unique; the rest makes it look like one.
        let reference = format!("u{number:09}-{:08x}", draw.0.next_u32());
        let mut class = match draw.below(100) {
            0..90 => 0,
            90..98 => 1,
            _ => 2,
        };
        let mut portfolio = draw.portfolio(&book, &mut totals);
        if let Some(rules) = &mut rules {
            class = Rules::class(class);
            rules.cover_debts(&book, &mut portfolio, &mut totals);
            rules.write_positions(&mut writer, &reference, class, &book, &portfolio)?;
        }
        writer.account(&reference, class)?;
        for (asset, held) in portfolio {
            let scale = book[asset].scale;
            writer.balance(
                &reference,
                &book[asset].symbol,
                &format_units(held.equity, scale),
                &format_units(held.debt, scale),
            )?;
        }
        progress.advance(1);
    }
    progress.end();

    write_reserves(&mut writer, &mut draw, &book, &totals)?;
    let block_heights: BTreeMap<_, _> =
        SAMPLE_ASSETS.iter().map(|(_, _, _, chain)| (sample_chain(chain), height_of(chain))).collect();
    let totals = book.iter().zip(&totals).map(|(asset, total)| {
        let text = |units| format_units(units, asset.scale);
        (asset.symbol.clone(), TotalText { equity: text(total.equity), debt: text(total.debt) })
    });
    let manifest = Manifest {
        exchange: Exchange { name: "Sample Exchange (synthetic)".to_owned(), lei: None, domain: DOMAIN.to_owned() },
        snapshot: SnapshotInfo {
            id: format!("sample-{accounts}-{seed}{}", if options.rules { "-rules" } else { "" }),
            series: None,
            taken_at: taken_at.clone(),
            block_heights,
        },
        rows: None,
        policy: None,
        privacy: None,
        reserves: None,
        totals: totals.collect(),
    };
    writer.finish(&book, manifest)
}

fn book() -> Vec<Asset> {
    SAMPLE_ASSETS
        .iter()
        .map(|(symbol, scale, price, _)| Asset {
            symbol: (*symbol).to_owned(),
            scale: *scale,
            price: Some(parse_decimal(price).expect("the table's prices are read by a test")),
            quote: "USDT".to_owned(),
        })
        .collect()
}

/// The name of a chain that does not exist, so that nobody takes the addresses of a sample for real ones.
fn sample_chain(chain: &str) -> String {
    format!("sample-{chain}")
}

/// Some height, the same for a chain in every sample.
fn height_of(chain: &str) -> u64 {
    chain.bytes().fold(1_000_000, |height, byte| height + 9_973 * u64::from(byte))
}

fn write_reserves(
    writer: &mut SnapshotWriter,
    draw: &mut Draw,
    book: &[Asset],
    totals: &[AssetTotals],
) -> Result<(), WriteError> {
    for (number, (asset, total)) in book.iter().zip(totals).enumerate() {
        if total.equity == 0 {
            continue;
        }
        let chain = SAMPLE_ASSETS[number].3;
        let height = height_of(chain).to_string();
        // Rounded up: one unit of something is covered as well.
        let mut left = (total.equity * u128::from(101 + draw.below(5))).div_ceil(100);
        let addresses = 2 + draw.below(3);
        for position in 0..addresses {
            let last = position + 1 == addresses;
            let part = if last { left } else { left * u128::from(20 + draw.below(50)) / 100 };
            left -= part;
            let mut bytes = [0; 20];
            draw.0.fill_bytes(&mut bytes);
            let address = hex::encode(bytes);
            let amount = format_units(part, asset.scale);
            if last && number % 10 == 2 {
                writer.reserve(&[&asset.symbol, "custody", CUSTODIAN, &amount, "", "", ""])?;
            } else {
                writer.reserve(&[&asset.symbol, &sample_chain(chain), &address, &amount, &height, "", ""])?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{Limits, check};
    use super::draw::cents_of;
    use super::*;
    use crate::progress::Silent;
    use sha2::{Digest, Sha256};
    use std::fs;

    fn options(accounts: u64, seed: u64) -> Options {
        Options { accounts, seed, taken_at: "2026-11-01T00:00:00Z".to_owned(), rules: false }
    }

    #[test]
    fn a_sample_without_rules_stays_as_it_was_to_the_byte() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("s");
        sample(&options(300, 7), &out, &Silent).unwrap();
        assert_eq!(fs::read_dir(&out).unwrap().count(), 5);
        let mut hasher = Sha256::new();
        for name in ["accounts.csv", "assets.csv", "balances.csv", "manifest.toml", "reserves.csv"] {
            hasher.update(fs::read(out.join(name)).unwrap());
        }
        assert_eq!(hex::encode(hasher.finalize()), "73d86138b219b145dda3a9ee060649d8c7233ab75170aa3dfc50054ce0911d4e");
    }

    #[test]
    fn a_sample_with_rules_keeps_them() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("s");
        sample(&Options { rules: true, ..options(3000, 1) }, &out, &Silent).unwrap();
        let snapshot = check(&out, &Limits::default(), &Silent).unwrap();
        assert!(snapshot.has_limits() && snapshot.tiers().len() > 15 && snapshot.instruments().len() == 6);
        let names: Vec<_> = snapshot.classes().iter().map(|c| (c.class, c.name.as_str())).collect();
        assert_eq!(names, [(1, "retail"), (2, "institutional")]);
        let accounts = 0..3000;
        let with_positions = accounts.clone().filter(|account| !snapshot.positions_of(*account).is_empty()).count();
        assert!((650..1050).contains(&with_positions), "{with_positions} accounts have positions");

        let value = |units: u64, asset: u16| {
            let asset = &snapshot.assets()[usize::from(asset)];
            let price = asset.price.unwrap();
            // all assets' values in units of 10^-22
            u128::from(units) * price.units * 10u128.pow(22 - u32::from(asset.scale) - u32::from(price.scale))
        };
        let mut borrowers = 0;
        for account in accounts {
            let owed: u128 = snapshot.holdings_of(account).iter().map(|h| value(h.debt, h.asset)).sum();
            let mut secured = 0;
            for pledged in snapshot.collateral_of(account) {
                let value = value(pledged.amount, pledged.asset);
                for tier in snapshot.tiers().iter().filter(|tier| tier.asset == pledged.asset) {
                    let (from, to) = (tier.from.units * 10u128.pow(22), tier.to.map(|to| to.units * 10u128.pow(22)));
                    let counted = value.min(to.unwrap_or(value)).saturating_sub(from);
                    secured += counted / 10_000 * u128::from(tier.percent_bps);
                }
            }
            assert!(owed <= secured, "account {account} owes {owed}, {secured} is secured");
            borrowers += u32::from(owed > 0);
        }
        assert!(borrowers > 100, "{borrowers} accounts borrow");
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_one_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let files = |name: &str, seed: u64| {
            let out = dir.path().join(name);
            sample(&options(50, seed), &out, &Silent).unwrap();
            ["manifest.toml", "assets.csv", "accounts.csv", "balances.csv", "reserves.csv"]
                .map(|name| fs::read(out.join(name)).unwrap())
        };
        assert_eq!(files("a", 7), files("b", 7));
        assert_ne!(files("c", 8)[3], files("d", 9)[3]);
    }

    #[test]
    fn a_sample_is_a_valid_snapshot_of_the_documented_shape() {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("s");
        sample(&options(5000, 1), &out, &Silent).unwrap();
        let snapshot = check(&out, &Limits::default(), &Silent).unwrap();
        assert_eq!((snapshot.account_count(), snapshot.assets().len()), (5000, 120));

        let counts: Vec<usize> = (0..5000).map(|a| snapshot.holdings_of(a).len()).collect();
        let few = counts.iter().filter(|count| **count <= 5).count();
        assert!((3800..4100).contains(&few), "{few} accounts hold at most 5 assets");
        assert!(counts.iter().all(|count| *count >= 1) && counts.iter().any(|count| *count > 100));
        let borrowers = snapshot.holdings().iter().filter(|h| h.debt > 0).count();
        assert!((350..600).contains(&borrowers), "{borrowers} accounts borrow");

        for account in 0..5000 {
            let cents = |pick: fn(&super::super::Holding) -> u64| -> u128 {
                let of = |h| cents_of(pick(h).into(), &snapshot.assets()[usize::from(h.asset)]);
                snapshot.holdings_of(account).iter().map(of).sum()
            };
            assert!(cents(|h| h.debt) < cents(|h| h.equity), "account {account} is under water");
        }
        for ((total, sum), asset) in snapshot.totals().iter().zip(snapshot.reserve_sums()).zip(snapshot.assets()) {
            assert!(total.debt <= total.equity, "{}", asset.symbol);
            assert!(sum * 100 >= total.equity * 101 && *sum <= total.equity * 106 / 100 + 1, "{}", asset.symbol);
        }
        assert_eq!(snapshot.coverage_bps(), Some(10_000));
    }

    #[test]
    fn a_single_account_is_a_sample_too_and_none_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let one = options(1, 3);
        sample(&one, &dir.path().join("one"), &Silent).unwrap();
        check(&dir.path().join("one"), &Limits::default(), &Silent).unwrap();
        let none = dir.path().join("none");
        assert!(matches!(sample(&options(0, 3), &none, &Silent), Err(WriteError::Argument(_))));
        let today = Options { taken_at: "today".to_owned(), ..one.clone() };
        assert!(matches!(sample(&today, &none, &Silent), Err(WriteError::Argument(_))));
        assert!(matches!(sample(&one, &dir.path().join("one"), &Silent), Err(WriteError::Exists(_))));
    }
}
