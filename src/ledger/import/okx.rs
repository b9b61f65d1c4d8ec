//! The input of OKX's tool for proofs of liabilities: JSON files (shards), each an array of accounts
//! `{"id": "…", "assets": {"BTC": "9195990", "ETH": "-1"}}`. Amounts are whole numbers of smallest units, as text; negative ones are
//! debts. The files say neither how many units are one whole nor any price: a file of assets is required.
//!
//! A shard is read account by account, never as a whole. Lines are those on which an account ends.

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::adapter::ImportError;
use super::table::Seen;
use super::target::{Import, Target};
use crate::ledger::finding::{Environment, Findings};
use crate::ledger::source::{Guard, Source};
use crate::progress::Progress;
use assay_core::decimal::parse_units;
use assay_core::text::{shown, visible};

pub(super) fn read(paths: &[PathBuf], import: &mut Import<'_>) -> Result<(), ImportError> {
    let Import { target, findings, options, progress } = import;
    let mut seen = Seen::default();
    for path in paths {
        let source = Source::new(path);
        let stream = source.open(&options.limits)?;
        target.begin_file(&source);
        let line = Rc::new(Cell::new(1));
        let lines = CountedLines { bytes: stream.bytes, line: Rc::clone(&line) };
        let mut shard = Shard { file: &source.name, line, failed: None, seen: &mut seen, target, findings };
        progress.begin(&format!("read {}", source.name), 0, "accounts");
        let mut reader = serde_json::Deserializer::from_reader(lines);
        let read =
            reader.deserialize_any(Accounts { shard: &mut shard, progress: *progress }).and_then(|()| reader.end());
        progress.end();
        if let Some(error) = shard.failed.take() {
            return Err(error);
        }
        if let Err(error) = read {
            if stream.disk.failed.get() {
                return Err(Environment { path: source.path.clone(), source: error.into() }.into());
            }
            let line = (error.line() > 0).then_some(error.line() as u64);
            findings.add(
                &source.name,
                line,
                format_args!("cannot be read as an array of accounts: {}", visible(&error.to_string())),
            );
        }
    }
    target.require_scales(findings);
    Ok(())
}

/// Counts the lines read so far.
struct CountedLines {
    bytes: io::BufReader<Guard>,
    line: Rc<Cell<u64>>,
}

impl Read for CountedLines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        let feeds = memchr::memchr_iter(b'\n', &buffer[..read]).count();
        self.line.set(self.line.get() + feeds as u64);
        Ok(read)
    }
}

/// What an account is read into.
struct Shard<'s, 'o> {
    file: &'s str,
    line: Rc<Cell<u64>>,
    /// Why the ledger cannot be written.
    failed: Option<ImportError>,
    seen: &'s mut Seen,
    target: &'s mut Target<'o>,
    findings: &'s mut Findings,
}

impl Shard<'_, '_> {
    fn add(&mut self, reason: impl fmt::Display) {
        self.findings.add(self.file, Some(self.line.get()), reason);
    }

    /// Takes one account.
    fn take(&mut self, id: &str, assets: &[(String, String)]) -> Result<(), ImportError> {
        let line = self.line.get();
        self.target.at(line);
        match self.seen.note(id, line, self.target) {
            Ok(true) => {}
            Ok(false) => self.add(format_args!("account {} is listed twice", shown(id))),
            Err(reason) => self.add(reason),
        }
        self.target.account(id, self.findings)?;
        let mut numbers = Vec::with_capacity(assets.len());
        for (symbol, text) in assets {
            let read = self.target.asset(symbol).and_then(|asset| {
                let units = units(text).map_err(|error| format!("{} {} {error}", shown(symbol), shown(text)))?;
                Ok((asset, units))
            });
            match read {
                Err(reason) => self.add(format_args!("account {}: {reason}", shown(id))),
                Ok((asset, _)) if numbers.contains(&asset) => {
                    self.add(format_args!("account {} has {} twice", shown(id), shown(symbol)));
                }
                Ok((asset, units)) => {
                    numbers.push(asset);
                    let amounts = units.map(|units| self.target.smallest_units(asset, units));
                    self.target.balance(id, asset, amounts, self.findings)?;
                }
            }
        }
        Ok(())
    }
}

/// Equity and debt in smallest units.
fn units(text: &str) -> Result<[u128; 2], assay_core::decimal::DecimalError> {
    match text.strip_prefix('-') {
        Some(owed) if !owed.starts_with('-') => Ok([0, parse_units(owed, 0)?]),
        _ => Ok([parse_units(text, 0)?, 0]),
    }
}

struct Accounts<'a, 's, 'o> {
    shard: &'a mut Shard<'s, 'o>,
    progress: &'a dyn Progress,
}

impl<'de> Visitor<'de> for Accounts<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of accounts such as [{\"id\": \"…\", \"assets\": {\"BTC\": \"9195990\"}}]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut accounts: A) -> Result<(), A::Error> {
        while accounts.next_element_seed(Account(self.shard))?.is_some() {
            self.progress.advance(1);
        }
        Ok(())
    }
}

struct Account<'a, 's, 'o>(&'a mut Shard<'s, 'o>);

impl<'de> DeserializeSeed<'de> for Account<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Account<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an account such as {\"id\": \"…\", \"assets\": {\"BTC\": \"9195990\"}}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let Self(shard) = self;
        let (mut id, mut assets): (Option<String>, Option<Pairs>) = (None, None);
        while let Some(key) = fields.next_key::<String>()? {
            match key.as_str() {
                "id" if id.is_none() => id = Some(fields.next_value()?),
                "assets" if assets.is_none() => assets = Some(fields.next_value()?),
                "id" | "assets" => return Err(A::Error::custom(format!("an account has two fields {key}"))),
                other => {
                    fields.next_value::<IgnoredAny>()?;
                    shard.add(format_args!(
                        "an account has the field {}; the format has id and assets only",
                        shown(other)
                    ));
                }
            }
        }
        let missing = |field| A::Error::custom(format!("an account has no field {field}"));
        let (id, Pairs(assets)) = (id.ok_or_else(|| missing("id"))?, assets.ok_or_else(|| missing("assets"))?);
        shard.take(&id, &assets).map_err(|error| {
            let reason = A::Error::custom(&error);
            shard.failed = Some(error);
            reason
        })
    }
}

/// The members of an object whose values are numbers as text, in their order and with those that stand twice.
struct Pairs(Vec<(String, String)>);

impl<'de> serde::Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("amounts as text, such as {\"BTC\": \"9195990\"}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = members.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use crate::ledger::import::Format;
    use crate::ledger::import::testing::{ASSETS, Files};

    const SHARD: &str = "[\n {\n  \"id\": \"0ca5\",\n  \"assets\": { \"BTC\": \"9195990\", \"USDT\": \"-1\" }\n },\n {\n  \
        \"id\": \"77ff\", \"assets\": { \"USDT\": \"2500000\" }\n }\n]";

    #[test]
    fn an_array_of_accounts_is_read_and_a_negative_amount_is_a_debt() {
        let files = Files::new()
            .with("assets.csv", ASSETS)
            .with("batch0.json", SHARD)
            .with("batch1.json", "[{\"assets\":{},\"id\":\"88ff\"}]");
        let summary = files.import(Format::Okx, &["batch0.json", "batch1.json"]).unwrap();
        assert_eq!((summary.accounts, summary.balances, summary.assets), (3, 3, 2));
        let snapshot = files.checked();
        let held: Vec<_> = snapshot.holdings().iter().map(|h| (h.account, h.asset, h.equity, h.debt)).collect();
        assert_eq!(held, [(0, 0, 9_195_990, 0), (0, 1, 0, 1), (1, 1, 2_500_000, 0)]);
    }

    #[test]
    fn another_spelling_of_an_asset_or_an_account_is_named_with_the_file_of_the_first() {
        let files = Files::new()
            .with("assets.csv", ASSETS)
            .with("a.json", "[{\"id\":\"alice\",\"assets\":{\"BTC\":\"1\"}}]")
            .with("b.json", "[{\"id\":\"Alice\",\"assets\":{\"btc\":\"1\"}}]");
        assert_eq!(
            files.refused(Format::Okx, &["a.json", "b.json"]),
            "b.json line 1: account \"Alice\" differs from account \"alice\" in line 1 of \"a.json\" only in capital and small letters\n\
             b.json line 1: account \"Alice\": asset \"btc\" is written \"BTC\" above; one of them is a mistake"
        );
    }

    #[test]
    fn nothing_is_guessed_about_the_smallest_unit() {
        let files = Files { assets: None, ..Files::new() }.with("batch0.json", SHARD);
        let refused = files.refused(Format::Okx, &["batch0.json"]);
        assert!(refused.starts_with("batch0.json line 5: \"BTC\" is counted in smallest units"), "{refused}");
    }

    #[test]
    fn accounts_that_cannot_be_read_are_named_with_their_line() {
        let refused = |text: &str| {
            let files = Files::new().with("assets.csv", ASSETS).with("b.json", text);
            files.refused(Format::Okx, &["b.json"])
        };
        assert_eq!(
            refused(
                "[{\"id\":\"a\",\"assets\":{\"BTC\":\"1.5\"}},\n{\"id\":\"A\",\"assets\":{}},\n{\"id\":\"b\",\"assets\":{\"BTC\":\"1\",\
                 \"BTC\":\"2\"}},\n{\"id\":\"c\",\"assets\":{},\"vip\":true}]"
            ),
            "b.json line 1: account \"a\": \"BTC\" \"1.5\" has 1 decimal, at most 0 are allowed\n\
             b.json line 2: account \"A\" differs from account \"a\" in line 1 only in capital and small letters\n\
             b.json line 3: account \"b\" has \"BTC\" twice\n\
             b.json line 4: an account has the field \"vip\"; the format has id and assets only"
        );
        for (text, reason) in [
            ("{}", "an array of accounts"),
            ("[{\"id\":\"a\"}]", "has no field assets"),
            ("[{\"id\":\"a\",\"assets\":{\"BTC\":1.5}}]", "invalid type"),
            ("[{\"id\":\"a\",\"assets\":{}}", "EOF"),
            ("[] []", "trailing"),
        ] {
            assert!(refused(text).contains(reason), "{text}: {}", refused(text));
        }
    }
}
