//! Any CSV table with a row for each account and asset: the account reference, the symbol of the asset, and the amount, which is what
//! the account holds, or what it owes if it is negative. Other columns are not read.

use std::path::PathBuf;

use super::adapter::ImportError;
use super::table::{Seen, each_table};
use super::target::Import;
use assay_core::text::shown;

pub(super) fn read(paths: &[PathBuf], import: &mut Import<'_>) -> Result<(), ImportError> {
    let mut seen = Seen::default();
    each_table(paths, import, |open, import| {
        let (table, header, file) = (&mut open.table, &open.header, open.file);
        let Import { target, findings, options, .. } = import;
        let columns = &options.columns;
        let mut find = |name: &str, option: &str| {
            header.find(name, option).map_err(|reason| findings.add(file, Some(1), reason)).ok()
        };
        let account = find(&columns.account, "--account-column NAME");
        let asset = find(&columns.asset, "--asset-column NAME");
        let amount = find(&columns.amount, "--amount-column NAME");
        let (Some(account), Some(asset), Some(amount)) = (account, asset, amount) else { return Ok(()) };
        while let Some(line) = table.next(findings)? {
            let [account, symbol, text] = [account, asset, amount].map(|column| table.fields().get(column));
            target.at(line);
            let known = seen.note(account, line, target);
            match &known {
                Ok(true) => target.account(account, findings)?,
                Ok(false) => {}
                Err(reason) => findings.add(file, Some(line), reason),
            }
            let number = match target.asset(symbol) {
                Ok(number) => number,
                Err(reason) => {
                    findings.add(file, Some(line), reason);
                    continue;
                }
            };
            match target.net_amount(text) {
                Ok((equity, debt)) => target.balance(account, number, [equity, debt], findings)?,
                Err(reason) => {
                    findings.add(file, Some(line), format_args!("{} amount {} {reason}", shown(symbol), shown(text)))
                }
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use crate::ledger::import::Format;
    use crate::ledger::import::testing::{ASSETS, Files};

    #[test]
    fn the_columns_are_those_that_the_caller_names() {
        let mut files = Files::new()
            .with("assets.csv", ASSETS)
            .with("a.csv", "time,Coin,User ID,Balance\n1,BTC,7,0.5\n1,USDT,8,-3\n2,USDT,7,1.5\n");
        for (column, name) in [
            (&mut files.options.columns.account, "User ID"),
            (&mut files.options.columns.asset, "Coin"),
            (&mut files.options.columns.amount, "Balance"),
        ] {
            *column = name.to_owned();
        }
        let summary = files.import(Format::Long, &["a.csv"]).unwrap();
        assert_eq!((summary.accounts, summary.balances), (2, 3));
        let snapshot = files.checked();
        let held: Vec<_> = snapshot.holdings().iter().map(|h| (h.account, h.asset, h.equity, h.debt)).collect();
        assert_eq!(held, [(0, 0, 50_000_000, 0), (0, 1, 1_500_000, 0), (1, 1, 0, 3_000_000)]);
    }

    #[test]
    fn what_check_refuses_is_refused_with_the_line_of_the_published_file() {
        let files = Files::new()
            .with("assets.csv", ASSETS)
            .with("a.csv", "account,asset,amount\nbob,BTC,1\nbob,USDT,1\nbob,BTC,2\nbob,btc,3\nbob,ETH,1\n");
        assert_eq!(
            files.refused(Format::Long, &["a.csv"]),
            "a.csv line 5: asset \"btc\" is written \"BTC\" above; one of them is a mistake\n\
             a.csv line 6: ETH has a balance but no price: add it to assets.csv, with a price"
        );
        let files =
            files.with("a.csv", "account,asset,amount\nbob,BTC,1\nbob,USDT,1\nbob,BTC,2\nalice,BTC,184467440737.1\n");
        assert_eq!(
            files.refused(Format::Long, &["a.csv"]),
            "a.csv line 5: BTC quantity 184467440737.1 is too large: with 8 decimals at most 184467440737.09551615 fits\n\
             a.csv line 4: account \"bob\" has a second row for BTC"
        );
    }

    #[test]
    fn a_column_that_is_not_there_is_named_with_those_that_are() {
        let files = Files::new().with("a.csv", "Account,asset,qty\nbob,BTC,1\n");
        assert_eq!(
            files.refused(Format::Long, &["a.csv"]),
            "a.csv line 1: has no column \"account\"; \"Account\" differs from it only in capital and small letters. The columns \
             are \"Account,asset,qty\"; --account-column NAME names another one\n\
             a.csv line 1: has no column \"amount\". The columns are \"Account,asset,qty\"; --amount-column NAME names another one"
        );
    }

    #[test]
    fn a_price_that_is_missing_is_asked_for_before_anything_is_written() {
        let files =
            Files { assets: None, ..Files::new() }.with("a.csv", "account,asset,amount\nbob,BTC,1\ncarol,BTC,0\n");
        assert_eq!(
            files.refused(Format::Long, &["a.csv"]),
            "a.csv line 2: BTC has a balance but no price: give a file with the columns symbol,scale,price,quote as --assets FILE, \
             with a price"
        );
    }
}
