//! Disclosed reserve lines: some lines of the reserves file, each with its blind, and one proof that they stand where they
//! say in the list that the statement commits to. Made for an auditor who may see them; checked offline against the
//! statement. The byte format is in `api-spec/reserves.md`.
//!
//! What a valid disclosure does not say: that the exchange owns the addresses, or that the amounts are there. It says that
//! the exchange committed to exactly these lines when it made the statement.

use std::collections::BTreeMap;

use assay_core::{check::Check, decimal::parse_count, identity::MasterSecret};
use assay_programs::ledger::statement::{Asset, Statement};
use serde::{Deserialize, Serialize};

use super::AttestError;
use crate::ledger::{
    decimal,
    reserves::{HASH_BYTES, LineFields, ReserveTree, verify_multiproof},
};

/// Name and version of the format.
pub const RESERVES_PROTOCOL: &str = "assay/reserves/1";
/// Largest disclosure that is read, in bytes.
pub const MAX_DISCLOSURE_BYTES: usize = 64 << 20;

/// Lines of the reserves file with the proof that they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReserveDisclosure {
    /// [`RESERVES_PROTOCOL`].
    pub protocol: String,
    /// SHA-256 of the statement's canonical bytes, 64 hexadecimal digits.
    pub attestation_id: String,
    /// Lines of the whole reserves file.
    pub line_count: u64,
    /// Root of the tree over them, 64 hexadecimal digits.
    pub root: String,
    /// The disclosed lines, by ascending index; at least one.
    pub lines: Vec<DisclosedLine>,
    /// The hashes of the multiproof, 32 bytes each, in hexadecimal digits.
    pub proof: String,
    /// Whether these are all lines of every asset in them. Who claims so is held to it: their sums must be what is stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complete: Option<bool>,
}

/// One disclosed line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisclosedLine {
    /// Its place in the reserves file, from 0.
    pub index: u64,
    /// Its fields as the exchange wrote them.
    pub fields: DisclosedFields,
    /// The 32 bytes that kept it from being guessed, 64 hexadecimal digits.
    pub blind: String,
}

/// The fields of a line, in the order in which they are hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisclosedFields {
    /// Symbol of the asset.
    pub asset: String,
    /// Chain, or kind of custodian.
    pub chain: String,
    /// Address, or custodian.
    pub address: String,
    /// Whole assets, as a decimal.
    pub amount: String,
    /// Block height at which it was read; may be empty.
    pub height: String,
    /// Message signed by the address; may be empty.
    pub message: String,
    /// Signature over it; may be empty.
    pub signature: String,
}

impl DisclosedFields {
    fn of(fields: &LineFields) -> Self {
        let [asset, chain, address, amount, height, message, signature] = fields.clone();
        Self { asset, chain, address, amount, height, message, signature }
    }

    fn to_fields(&self) -> LineFields {
        let Self { asset, chain, address, amount, height, message, signature } = self.clone();
        [asset, chain, address, amount, height, message, signature]
    }
}

/// Discloses the lines at `chosen` (ascending, at least one) of `lines`, the whole reserves file of the attestation with this
/// `statement`.
///
/// # Errors
/// [`AttestError::Usage`] for places that no list of lines has; [`AttestError::NotValid`] if these are not the lines or
/// `secret` is not the master secret that the statement was made with; [`AttestError::Core`].
pub fn disclose(
    statement: &[u8],
    lines: &[LineFields],
    secret: &MasterSecret,
    chosen: &[usize],
) -> Result<ReserveDisclosure, AttestError> {
    let parsed = Statement::parse(statement)?;
    let blind = |line: usize| secret.reserve_blind(&parsed.snapshot.id, line as u64);
    let tree = ReserveTree::over(lines, blind);
    let root = hex::encode(tree.root());
    if root != parsed.reserves.root || lines.len() as u64 != parsed.reserves.lines {
        return Err(AttestError::NotValid(
            "these reserve lines, or this master secret, are not those of the attestation".to_owned(),
        ));
    }
    let proof = tree.multiproof(chosen).ok_or_else(|| {
        AttestError::Usage(format!("lines are chosen by ascending places, at least one, below {}", lines.len()))
    })?;
    let mut hidden: BTreeMap<&str, usize> = BTreeMap::new();
    for fields in lines {
        *hidden.entry(&fields[0]).or_default() += 1;
    }
    for place in chosen {
        hidden.entry(&lines[*place][0]).and_modify(|left| *left -= 1);
    }
    let complete = chosen.iter().all(|place| hidden.get(lines[*place][0].as_str()) == Some(&0));
    let disclosed = |place: &usize| DisclosedLine {
        index: *place as u64,
        fields: DisclosedFields::of(&lines[*place]),
        blind: hex::encode(blind(*place)),
    };
    Ok(ReserveDisclosure {
        protocol: RESERVES_PROTOCOL.to_owned(),
        attestation_id: hex::encode(Statement::digest(statement)),
        line_count: lines.len() as u64,
        root,
        lines: chosen.iter().map(disclosed).collect(),
        proof: hex::encode(proof),
        complete: Some(complete),
    })
}

/// What was found about a disclosure.
#[derive(Debug, Clone)]
pub struct ReservesReport {
    /// The checks, in order; after one that fails there are no more.
    pub checks: Vec<Check>,
    /// What the disclosed lines sum to; only where every line is proved.
    pub assets: Vec<DisclosedAsset>,
    /// Disclosed lines, and lines in all; zero where the file cannot be read.
    pub lines: (u64, u64),
}

/// The disclosed lines of one asset, in smallest units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisclosedAsset {
    /// Symbol.
    pub symbol: String,
    /// Decimals of the smallest unit.
    pub scale: u8,
    /// Disclosed lines of it.
    pub lines: u64,
    /// Their sum.
    pub disclosed: u128,
    /// The reserves of it that the statement states.
    pub stated: u128,
}

impl ReservesReport {
    /// Whether every check holds.
    pub fn is_valid(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|c| c.passed)
    }

    /// Notes a check; passes on what it found.
    fn note<T>(&mut self, id: &'static str, title: &str, found: Result<(T, String), String>) -> Option<T> {
        let (found, passed, detail) = match found {
            Ok((found, detail)) => (Some(found), true, detail),
            Err(reason) => (None, false, reason),
        };
        self.checks.push(Check { id, title: title.to_owned(), passed, detail });
        found
    }
}

/// Checks the disclosure in `file` against `statement`, the canonical bytes of an attestation's statement. Both may come from
/// an adversary. That the statement is proved is not checked here.
pub fn verify_disclosure(file: &[u8], statement: &[u8]) -> ReservesReport {
    let mut report = ReservesReport { checks: Vec::new(), assets: Vec::new(), lines: (0, 0) };
    let read = read(file, statement).map(|found| (found, String::new()));
    let title = "the file discloses reserve lines of this attestation";
    let Some((disclosure, statement)) = report.note("reserves-file", title, read) else {
        return report;
    };
    report.lines = (disclosure.lines.len() as u64, disclosure.line_count);
    let proved = prove_lines(&disclosure, &statement);
    let title = "the lines are among those that the statement commits to";
    let Some(()) = report.note("reserves-root", title, proved.map(|detail| ((), detail))) else {
        return report;
    };
    let summed = sums(&disclosure, &statement).map(|assets| (assets, String::new()));
    let title = "their amounts can be read, and are no more than the reserves stated";
    let Some(assets) = report.note("reserves-amounts", title, summed) else {
        return report;
    };
    report.assets = assets;
    if disclosure.complete == Some(true) {
        let short = report.assets.iter().find(|asset| asset.disclosed != asset.stated);
        let found = match short {
            None => Ok(((), String::new())),
            Some(asset) => Err(format!("the lines of {} do not sum to what is stated", asset.symbol)),
        };
        report.note("reserves-complete", "all lines of these assets are disclosed, and sum to what is stated", found);
    }
    report
}

fn read(file: &[u8], statement: &[u8]) -> Result<(ReserveDisclosure, Statement), String> {
    if file.len() > MAX_DISCLOSURE_BYTES {
        return Err(format!("the file has more than {MAX_DISCLOSURE_BYTES} bytes"));
    }
    let disclosure: ReserveDisclosure =
        serde_json::from_slice(file).map_err(|e| format!("the file cannot be read: {e}"))?;
    if disclosure.protocol != RESERVES_PROTOCOL {
        return Err(format!("the file's protocol is `{}`, not `{RESERVES_PROTOCOL}`", disclosure.protocol));
    }
    if disclosure.attestation_id != hex::encode(Statement::digest(statement)) {
        return Err("the file belongs to another attestation".to_owned());
    }
    Ok((disclosure, Statement::parse(statement).map_err(|e| e.to_string())?))
}

/// That the lines stand where they say in the list under the statement's root.
fn prove_lines(disclosure: &ReserveDisclosure, statement: &Statement) -> Result<String, String> {
    if disclosure.root != statement.reserves.root || disclosure.line_count != statement.reserves.lines {
        return Err("root or number of lines are not those of the statement".to_owned());
    }
    if disclosure.lines.is_empty() {
        return Err("no lines are disclosed".to_owned());
    }
    if disclosure.lines.windows(2).any(|pair| pair[0].index >= pair[1].index) {
        return Err("the lines are not in ascending order, each once".to_owned());
    }
    let damaged = |what: &str| format!("{what} is not lower-case hexadecimal of the right length");
    let root = hash(&disclosure.root).ok_or_else(|| damaged("the root"))?;
    let proof = bytes(&disclosure.proof).ok_or_else(|| damaged("the proof"))?;
    let place = |index: u64| usize::try_from(index).map_err(|_| "a place is too large".to_owned());
    let places: Vec<usize> = disclosure.lines.iter().map(|line| place(line.index)).collect::<Result<_, _>>()?;
    let shown = |line: &DisclosedLine| {
        let blind = hash(&line.blind).ok_or_else(|| damaged(&format!("the blind of line {}", line.index)))?;
        Ok((line.fields.to_fields(), blind))
    };
    let lines: Vec<_> = disclosure.lines.iter().map(shown).collect::<Result<_, String>>()?;
    if !verify_multiproof(&root, place(disclosure.line_count)?, &places, &lines, &proof) {
        return Err("the proof does not lead from these lines to the statement's root".to_owned());
    }
    Ok(format!("{} of {} lines", lines.len(), disclosure.line_count))
}

/// The sums of proved lines, in the order of the book.
fn sums(disclosure: &ReserveDisclosure, statement: &Statement) -> Result<Vec<DisclosedAsset>, String> {
    let book: BTreeMap<&str, (usize, &Asset)> =
        statement.assets.iter().enumerate().map(|(i, asset)| (asset.symbol.as_str(), (i, asset))).collect();
    let mut sums: BTreeMap<usize, DisclosedAsset> = BTreeMap::new();
    for line in &disclosure.lines {
        let DisclosedFields { asset: symbol, amount, .. } = &line.fields;
        let (place, asset) =
            book.get(symbol.as_str()).ok_or_else(|| format!("line {}: `{symbol}` is not in the book", line.index))?;
        let units = decimal::parse_units(amount, asset.scale)
            .map_err(|e| format!("line {}: {symbol} amount `{amount}` {e}", line.index))?;
        let stated = parse_units(&asset.reserves).map_err(|e| e.to_string())?;
        let sum = sums.entry(*place).or_insert_with(|| DisclosedAsset {
            symbol: symbol.clone(),
            scale: asset.scale,
            lines: 0,
            disclosed: 0,
            stated,
        });
        sum.lines += 1;
        sum.disclosed = sum
            .disclosed
            .checked_add(units)
            .filter(|disclosed| *disclosed <= stated)
            .ok_or_else(|| format!("the disclosed lines of {symbol} sum to more than the statement states"))?;
    }
    Ok(sums.into_values().collect())
}

/// Lower-case hexadecimal digits: one spelling for one value.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let lower = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if lower { hex::decode(text).ok() } else { None }
}

fn hash(text: &str) -> Option<[u8; HASH_BYTES]> {
    bytes(text)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_programs::ledger::statement::ColumnKind;
    use assay_programs::ledger::statement::{Column, Exchange, NOT_PROVEN, PROTOCOL, Policy, Reserves, SnapshotInfo};
    use serde_json::{Value, json};

    use super::*;

    fn secret() -> MasterSecret {
        MasterSecret::new([3; 32])
    }

    /// Three lines of BTC (1.5, 0.25, 2e-8) and two of ETH (10, 0).
    fn all_lines() -> Vec<LineFields> {
        let line = |asset: &str, address: &str, amount: &str| {
            [asset, "chain", address, amount, "800000", "I am Example", "c2ln"].map(str::to_owned)
        };
        vec![
            line("BTC", "a", "1.5"),
            line("ETH", "b", "10"),
            line("BTC", "c", "0.25"),
            line("BTC", "d", "2e-8"),
            line("ETH", "e", "0"),
        ]
    }

    fn statement_over(lines: &[LineFields], reserves: [&str; 2]) -> Vec<u8> {
        let root = ReserveTree::over(lines, |line| secret().reserve_blind("s1", line as u64)).root();
        let asset = |symbol: &str, scale, reserves: &str| Asset {
            symbol: symbol.to_owned(),
            scale,
            price: None,
            quote: "USD".to_owned(),
            reserves: reserves.to_owned(),
        };
        let column = |index, asset: &str| Column {
            index,
            kind: ColumnKind::Asset { asset: asset.to_owned() },
            total: "1".to_owned(),
        };
        let statement = Statement {
            protocol: PROTOCOL.to_owned(),
            shape: "solvency-64".to_owned(),
            parameter_digest: "00".repeat(32),
            exchange: Exchange { name: "Example".to_owned(), domain: "exchange.example".to_owned(), lei: None },
            snapshot: SnapshotInfo {
                id: "s1".to_owned(),
                taken_at: "2026-01-01T00:00:00Z".to_owned(),
                block_heights: BTreeMap::new(),
            },
            assets: vec![asset("BTC", 8, reserves[0]), asset("ETH", 2, reserves[1])],
            columns: vec![column(0, "BTC"), column(2, "ETH")],
            reserves: Reserves { root: hex::encode(root), lines: lines.len() as u64 },
            policy: Policy {
                coverage_bps: Some(10_000),
                coverage_basis: None,
                below_margin_max: None,
                equity_ratio_bps: None,
            },
            rules: None,
            root: "00".repeat(32),
            steps: 1,
            not_proven: NOT_PROVEN.map(str::to_owned).to_vec(),
        };
        statement.to_bytes().unwrap()
    }

    fn honest_statement() -> Vec<u8> {
        statement_over(&all_lines(), ["175000002", "1000"])
    }

    fn disclosed(chosen: &[usize]) -> Value {
        serde_json::to_value(disclose(&honest_statement(), &all_lines(), &secret(), chosen).unwrap()).unwrap()
    }

    fn check(file: &Value) -> ReservesReport {
        verify_disclosure(file.to_string().as_bytes(), &honest_statement())
    }

    /// The check that fails, and why.
    fn refusal(report: &ReservesReport) -> (&'static str, &str) {
        let failed = report.checks.iter().find(|c| !c.passed).unwrap();
        (failed.id, &failed.detail)
    }

    fn with(file: &Value, change: impl FnOnce(&mut Value)) -> Value {
        let mut changed = file.clone();
        change(&mut changed);
        changed
    }

    #[test]
    fn every_choice_of_lines_is_proved_and_summed() {
        for mask in 1u32..32 {
            let chosen: Vec<usize> = (0..5).filter(|i| mask >> i & 1 == 1).collect();
            let report = check(&disclosed(&chosen));
            assert!(report.is_valid(), "{chosen:?}: {:?}", report.checks);
            assert_eq!(report.lines, (chosen.len() as u64, 5));
            let sum = |units: [u128; 5]| chosen.iter().map(|i| units[*i]).sum::<u128>();
            let found = |symbol: &str| report.assets.iter().find(|a| a.symbol == symbol).map_or(0, |a| a.disclosed);
            assert_eq!(found("BTC"), sum([150_000_000, 0, 25_000_000, 2, 0]));
            assert_eq!(found("ETH"), sum([0, 1000, 0, 0, 0]));
        }
    }

    #[test]
    fn a_disclosure_of_whole_assets_says_so_and_is_held_to_it() {
        for (chosen, complete) in
            [(&[0, 2, 3][..], true), (&[1, 4], true), (&[0, 1, 2, 3, 4], true), (&[0, 2], false), (&[1, 2, 4], false)]
        {
            assert_eq!(disclosed(chosen)["complete"], complete, "{chosen:?}");
        }
        let report = check(&disclosed(&[0, 2, 3]));
        assert_eq!(report.checks.len(), 4);
        assert_eq!(report.assets[0].disclosed, report.assets[0].stated);
        let overclaimed = with(&disclosed(&[0, 2]), |file| file["complete"] = json!(true));
        assert_eq!(
            refusal(&check(&overclaimed)),
            ("reserves-complete", "the lines of BTC do not sum to what is stated")
        );
        let modest = with(&disclosed(&[0, 2, 3]), |file| {
            file.as_object_mut().unwrap().remove("complete");
        });
        assert!(check(&modest).is_valid());
    }

    #[test]
    fn an_empty_list_of_lines_never_passes() {
        let empty = with(&disclosed(&[0]), |file| {
            file["lines"] = json!([]);
            file["proof"] = json!("");
        });
        assert_eq!(refusal(&check(&empty)), ("reserves-root", "no lines are disclosed"));
        assert!(matches!(disclose(&honest_statement(), &all_lines(), &secret(), &[]), Err(AttestError::Usage(_))));
    }

    #[test]
    fn lines_out_of_order_twice_or_beyond_the_end_never_pass() {
        let honest = disclosed(&[0, 2]);
        for indices in [[2, 0], [0, 0], [2, 2]] {
            let changed = with(&honest, |file| {
                file["lines"][0]["index"] = json!(indices[0]);
                file["lines"][1]["index"] = json!(indices[1]);
            });
            assert_eq!(refusal(&check(&changed)).1, "the lines are not in ascending order, each once");
        }
        let swapped = with(&honest, |file| file["lines"].as_array_mut().unwrap().swap(0, 1));
        assert!(!check(&swapped).is_valid());
        for index in [1u64, 3, 5, 1 << 40, u64::MAX] {
            let changed = with(&honest, |file| file["lines"][1]["index"] = json!(index));
            assert_eq!(refusal(&check(&changed)).0, "reserves-root");
        }
        for chosen in [&[2, 0][..], &[1, 1], &[5]] {
            assert!(matches!(
                disclose(&honest_statement(), &all_lines(), &secret(), chosen),
                Err(AttestError::Usage(_))
            ));
        }
    }

    #[test]
    fn root_and_number_of_lines_are_the_statements_and_not_the_files() {
        let honest = disclosed(&[0, 2]);
        // a tree of its own: everything in the file agrees, but not with the statement
        let mut richer = all_lines();
        richer[0][3] = "1000".to_owned();
        let other = statement_over(&richer, ["100025000002", "1000"]);
        let forged = disclose(&other, &richer, &secret(), &[0, 2]).unwrap();
        let forged = with(&serde_json::to_value(forged).unwrap(), |file| {
            file["attestation_id"] = honest["attestation_id"].clone();
        });
        assert_eq!(refusal(&check(&forged)).1, "root or number of lines are not those of the statement");
        let borrowed = with(&forged, |file| file["root"] = honest["root"].clone());
        assert_eq!(refusal(&check(&borrowed)).1, "the proof does not lead from these lines to the statement's root");
        let fewer = with(&honest, |file| file["line_count"] = json!(4));
        assert_eq!(refusal(&check(&fewer)).0, "reserves-root");
    }

    #[test]
    fn not_one_field_of_a_line_can_be_changed() {
        let honest = disclosed(&[0, 2]);
        for name in ["asset", "chain", "address", "amount", "height", "message", "signature"] {
            for (place, value) in [(0, "ETH"), (1, ""), (1, "9")] {
                let changed = with(&honest, |file| file["lines"][place]["fields"][name] = json!(value));
                assert_eq!(refusal(&check(&changed)).0, "reserves-root", "{name}");
            }
        }
        for blind in [json!("00".repeat(32)), json!(""), json!("00"), json!("zz".repeat(32))] {
            let changed = with(&honest, |file| file["lines"][0]["blind"] = blind);
            assert_eq!(refusal(&check(&changed)).0, "reserves-root");
        }
        let proof = honest["proof"].as_str().unwrap().to_owned();
        for proof in [String::new(), format!("{proof}{}", "00".repeat(32)), proof.to_uppercase(), format!("{proof}0")] {
            let changed = with(&honest, |file| file["proof"] = json!(proof));
            assert_eq!(refusal(&check(&changed)).0, "reserves-root");
        }
    }

    #[test]
    fn a_file_of_another_attestation_or_form_is_refused() {
        let honest = disclosed(&[0]);
        let another = with(&honest, |file| file["attestation_id"] = json!("00".repeat(32)));
        assert_eq!(refusal(&check(&another)), ("reserves-file", "the file belongs to another attestation"));
        for (name, value) in [("protocol", json!("assay/reserves/2")), ("comment", json!("hello")), ("lines", json!(1))]
        {
            let odd = with(&honest, |file| file[name] = value);
            assert_eq!(refusal(&check(&odd)).0, "reserves-file", "{name}");
        }
        let statement = honest_statement();
        for odd in ["", "{}", "[]", "null", &format!("{honest}{honest}")] {
            assert_eq!(refusal(&verify_disclosure(odd.as_bytes(), &statement)).0, "reserves-file");
        }
        let twice = honest.to_string().replacen('{', r#"{"line_count":5,"#, 1);
        assert_eq!(refusal(&verify_disclosure(twice.as_bytes(), &statement)).0, "reserves-file");
        // bytes that are no statement, even if the file names their digest
        let named = with(&honest, |file| file["attestation_id"] = json!(hex::encode(Statement::digest(b"{}"))));
        assert_eq!(refusal(&verify_disclosure(named.to_string().as_bytes(), b"{}")).0, "reserves-file");
        let long = vec![b' '; MAX_DISCLOSURE_BYTES + 1];
        assert_eq!(refusal(&verify_disclosure(&long, &statement)).0, "reserves-file");
    }

    #[test]
    fn lines_that_sum_to_more_than_is_stated_or_cannot_be_read_show_that_the_statement_is_false() {
        for (amount, asset, reason) in [
            ("1.50000001", "BTC", "sum to more"),
            ("0.123456789", "BTC", "9 decimals"),
            ("-1", "BTC", "is negative"),
            ("much", "BTC", "is not a plain decimal number"),
            ("1", "DOGE", "not in the book"),
            ("340282366920938463463374607431768211456", "BTC", "too large"),
        ] {
            let mut lines = all_lines();
            lines[0][0] = asset.to_owned();
            lines[0][3] = amount.to_owned();
            let statement = statement_over(&lines, ["175000002", "1000"]);
            let file = disclose(&statement, &lines, &secret(), &[0, 2, 3]).unwrap();
            let report = verify_disclosure(&serde_json::to_vec(&file).unwrap(), &statement);
            let (id, detail) = refusal(&report);
            assert!(id == "reserves-amounts" && detail.contains(reason), "{detail}");
            assert!(report.assets.is_empty());
        }
    }

    #[test]
    fn lines_or_a_secret_of_another_attestation_are_not_disclosed() {
        let mut other = all_lines();
        other[4][2] = "f".to_owned();
        for (lines, secret) in
            [(other, secret()), (all_lines()[..4].to_vec(), secret()), (all_lines(), MasterSecret::new([4; 32]))]
        {
            assert!(matches!(disclose(&honest_statement(), &lines, &secret, &[0]), Err(AttestError::NotValid(_))));
        }
    }

    #[test]
    fn the_example_of_the_specification_is_what_we_write_and_verifies() {
        let spec = include_str!("../../api-spec/reserves.md");
        let example = spec.split("```json\n").nth(1).unwrap().split("\n```").next().unwrap();
        let written =
            serde_json::to_string_pretty(&disclose(&honest_statement(), &all_lines(), &secret(), &[0, 2, 3]).unwrap());
        let written = written.unwrap();
        assert!(example == written, "the example should be:\n{written}");
        assert!(verify_disclosure(example.as_bytes(), &honest_statement()).is_valid());
    }
}
