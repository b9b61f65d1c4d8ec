//! The input of Summa's tool (`entry_16.csv`): a header `username,balance_ETH_ETH,balance_USDT_ETH`, where a column is
//! `balance_CURRENCY_CHAIN`, and a row for each customer. Balances of one currency on several chains are added. They count smallest
//! units, and the file does not say how many of them are one whole: a file of assets with scales and prices is required.

use std::path::PathBuf;

use num_bigint::BigUint;

use super::adapter::ImportError;
use super::table::{Seen, each_table};
use super::target::{Import, Target, ZERO};
use assay_core::decimal::parse_units;
use assay_core::text::shown;

pub(super) fn read(paths: &[PathBuf], import: &mut Import<'_>) -> Result<(), ImportError> {
    let mut seen = Seen::default();
    each_table(paths, import, |open, import| {
        let (table, header, file) = (&mut open.table, &open.header, open.file);
        let Import { target, findings, .. } = import;
        let before = findings.total;
        let columns: Vec<Option<usize>> = header
            .names()
            .iter()
            .enumerate()
            .map(|(place, name)| {
                column(place, name, target).unwrap_or_else(|reason| {
                    findings.add(file, Some(1), reason);
                    None
                })
            })
            .collect();
        if findings.total > before {
            return Ok(());
        }
        while let Some(line) = table.next(findings)? {
            let fields = table.fields();
            let name = fields.get(0);
            target.at(line);
            if let Err(reason) = seen.only_row(name, line, target) {
                findings.add(file, Some(line), reason);
            }
            target.account(name, findings)?;
            let mut sums = vec![BigUint::ZERO; target.book.len()];
            for (place, asset) in columns.iter().enumerate() {
                let Some(asset) = asset else { continue };
                let text = fields.get(place);
                match parse_units(text, 0) {
                    Ok(units) => sums[*asset] += units,
                    Err(error) => findings.add(
                        file,
                        Some(line),
                        format_args!("{} {} {error}", header.names()[place], shown(text)),
                    ),
                }
            }
            for (asset, sum) in sums.into_iter().enumerate() {
                match u128::try_from(sum) {
                    Ok(units) => {
                        let equity = target.smallest_units(asset, units);
                        target.balance(name, asset, [equity, ZERO], findings)?;
                    }
                    Err(_) => findings.add(file, Some(line), "a sum of balances is too large"),
                }
            }
        }
        Ok(())
    })?;
    import.target.require_scales(&mut import.findings);
    Ok(())
}

/// The asset of a column; `None` for the customer's name.
fn column(place: usize, name: &str, target: &mut Target<'_>) -> Result<Option<usize>, String> {
    match (place, name.split('_').collect::<Vec<_>>().as_slice()) {
        (0, ["username"]) => Ok(None),
        (0, _) => Err(format!("column 1 is {}, not username", shown(name))),
        (_, ["balance", currency, chain]) if !currency.is_empty() && !chain.is_empty() => {
            target.asset(currency).map(Some)
        }
        _ => Err(format!("column {} is {}, not of the form balance_CURRENCY_CHAIN", place + 1, shown(name))),
    }
}

#[cfg(test)]
mod tests {
    use crate::ledger::import::Format;
    use crate::ledger::import::testing::{ASSETS, Files};

    const ENTRIES: &str =
        "username,balance_BTC_BTC,balance_USDT_ETH,balance_USDT_TRON\ndxGaEAii,11888,41163,7\nMBlfbBGI,0,0,1\n";

    #[test]
    fn balances_of_one_currency_on_several_chains_are_added() {
        let files = Files::new().with("assets.csv", ASSETS).with("entry.csv", ENTRIES);
        files.import(Format::Summa, &["entry.csv"]).unwrap();
        let snapshot = files.checked();
        let held: Vec<_> = snapshot.holdings().iter().map(|h| (h.account, h.asset, h.equity)).collect();
        assert_eq!(held, [(0, 0, 11_888), (0, 1, 41_170), (1, 1, 1)]);
    }

    #[test]
    fn nothing_is_guessed_about_the_smallest_unit() {
        let files = Files { assets: None, ..Files::new() }.with("entry.csv", ENTRIES);
        let refused = files.refused(Format::Summa, &["entry.csv"]);
        assert!(
            refused.starts_with(
                "entry.csv line 2: \"BTC\" is counted in smallest units, and nothing says how many of them are one BTC: give a file"
            ),
            "{refused}"
        );
    }

    #[test]
    fn a_header_or_a_balance_that_is_none_is_named() {
        let refused = |text: &str| Files::new().with("entry.csv", text).refused(Format::Summa, &["entry.csv"]);
        assert_eq!(
            refused("user,balance_BTC,balance_BTC_BTC\nx,1,2\n"),
            "entry.csv line 1: column 1 is \"user\", not username\n\
             entry.csv line 1: column 2 is \"balance_BTC\", not of the form balance_CURRENCY_CHAIN"
        );
        assert!(refused("username,balance_BTC_BTC,balance_BTC_BTC\nx,1,2\n").contains("is there twice"));
        let rows = refused("username,balance_BTC_BTC\nx,1.5\ny,-1\n");
        assert!(rows.contains("line 2: balance_BTC_BTC \"1.5\" has 1 decimal,"), "{rows}");
        assert!(rows.contains("line 3: balance_BTC_BTC \"-1\" is negative"), "{rows}");
    }
}
