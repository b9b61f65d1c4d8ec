//! Any CSV table with a row for each account and a column for each asset. One column has the account reference; all others are assets,
//! named by their symbols. An amount is what the account holds, or what it owes if it is negative; an empty cell is nothing.

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
        let account = match header.find(&options.columns.account, "--account-column NAME") {
            Ok(account) => account,
            Err(reason) => {
                findings.add(file, Some(1), reason);
                return Ok(());
            }
        };
        let mut columns = Vec::new();
        for (place, name) in header.names().iter().enumerate().filter(|(place, _)| *place != account) {
            match target.asset(name) {
                Ok(asset) if columns.iter().any(|(_, other)| *other == asset) => findings.add(
                    file,
                    Some(1),
                    format_args!("column {}, {}, is an asset that another column names too", place + 1, shown(name)),
                ),
                Ok(asset) => columns.push((place, asset)),
                Err(reason) => findings.add(file, Some(1), format_args!("column {}: {reason}", place + 1)),
            }
        }
        while let Some(line) = table.next(findings)? {
            let fields = table.fields();
            let name = fields.get(account);
            if let Err(reason) = seen.only_row(name, line, target) {
                findings.add(file, Some(line), reason);
            }
            target.at(line);
            target.account(name, findings)?;
            for (column, asset) in &columns {
                let text = fields.get(*column);
                // an empty cell is what spreadsheets have for nothing
                if matches!(text, "" | "0" | "0.0") {
                    continue;
                }
                match target.net_amount(text) {
                    Ok((equity, debt)) => target.balance(name, *asset, [equity, debt], findings)?,
                    Err(reason) => {
                        let symbol = &target.book[*asset].symbol;
                        findings.add(file, Some(line), format_args!("{symbol} amount {} {reason}", shown(text)));
                    }
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
    fn each_column_but_one_is_an_asset_and_a_negative_amount_is_a_debt() {
        let mut files = Files::new()
            .with("assets.csv", ASSETS)
            .with("a.csv", "user,BTC,USDT\nalice,0.5,-12.25\nbob,,1e3\n")
            .with("b.csv", "USDT,user,BTC\n0,carol,0.25");
        files.options.columns.account = "user".to_owned();
        let summary = files.import(Format::Wide, &["a.csv", "b.csv"]).unwrap();
        assert_eq!((summary.accounts, summary.balances, summary.assets), (3, 4, 2));
        assert_eq!(summary.notes, ["b.csv ends without a line end; if it is incomplete, its last amount is wrong"]);
        let snapshot = files.checked();
        let held: Vec<_> = snapshot.holdings().iter().map(|h| (h.account, h.asset, h.equity, h.debt)).collect();
        assert_eq!(
            held,
            [(0, 0, 50_000_000, 0), (0, 1, 0, 12_250_000), (1, 1, 1_000_000_000, 0), (2, 0, 25_000_000, 0)]
        );
        assert_eq!(snapshot.assets()[0].symbol, "BTC");
    }

    #[test]
    fn every_row_that_cannot_be_read_is_named() {
        let mut files = Files::new()
            .with("assets.csv", ASSETS)
            .with("a.csv", "user,BTC,USDT\nalice,0.5,x\nAlice,1,0\nbob,1\nalice,0,0\ncarol,1,0.1234567\n");
        assert_eq!(
            files.refused(Format::Wide, &["a.csv"]),
            "a.csv line 1: has no column \"account\". The columns are \"user,BTC,USDT\"; --account-column NAME names another one"
        );
        files.options.columns.account = "user".to_owned();
        assert_eq!(
            files.refused(Format::Wide, &["a.csv"]),
            "a.csv line 2: USDT amount \"x\" is not a plain decimal number\n\
             a.csv line 3: account \"Alice\" differs from account \"alice\" in line 2 only in capital and small letters\n\
             a.csv line 4: has 2 fields, the header has 3\n\
             a.csv line 5: account \"alice\" has a second row"
        );
        let files = files.with("a.csv", "user,BTC,USDT\nalice,0.5,1\ncarol,1,0.1234567\n");
        assert_eq!(
            files.refused(Format::Wide, &["a.csv"]),
            "a.csv line 3: USDT quantity 0.1234567 has 7 decimals, at most 6 are allowed"
        );
    }
}
