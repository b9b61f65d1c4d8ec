//! `assay reserves overlap`: places that more than one statement counts as reserves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use assay_core::lines::LineFields;
use assay_core::text::{shown, symbol_key, visible};
use assay_ownership::{Kind, Line, Place};
use serde::Serialize;

use super::lines::{Lines, read};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output;

const EXAMPLES: &str = "\
FILE is what GET /v1/reserves/ID answers, or a reserves.csv. Lines of different files overlap if chain, address and token are the same, each
in any spelling of its chain and whatever the asset is called, and the files belong to different statements; at a custodian or bank the
asset must be the same too. Every reserves.csv counts as a statement of its own. Files of one statement never overlap. A disclosure does not name its exchange: two statements of one exchange for different instants overlap
wherever it still has the address.

The lines are compared as they are. To learn whether a statement commits to them, run assay verify-reserves.

JSON: {overlaps: [{asset, chain, address, token, lines: [{file, statement, line, chain, address, amount, height, message, signature, token,
kind, key}]}], statements, lines}. `statement` is the attestation's id, or null for a reserves.csv; `line` is the index of a disclosed line,
or the line of a reserves.csv.

Examples:
  assay reserves overlap ours.json theirs.json
  assay reserves overlap a.json b.json reserves.csv --json

Exit codes: 0 no overlap, 1 at least one, 2 an option is wrong, 3 a file cannot be read or has another format.";

/// Find places that more than one statement counts as reserves
///
/// Prints both lines with their signatures.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Disclosed reserve lines, or a reserves.csv
    #[arg(value_name = "FILE", num_args = 2.., required = true)]
    files: Vec<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    overlaps: Vec<Overlap<'a>>,
    statements: usize,
    lines: usize,
}

/// One place, with all lines that name it.
#[derive(Serialize)]
struct Overlap<'a> {
    asset: &'a str,
    #[serde(flatten)]
    place: PlaceJson,
    lines: Vec<LineJson<'a>>,
}

#[derive(Serialize)]
struct PlaceJson {
    chain: String,
    address: String,
    token: String,
}

/// A line as it is written.
#[derive(Serialize)]
struct LineJson<'a> {
    file: &'a str,
    statement: Option<&'a str>,
    line: u64,
    chain: &'a str,
    address: &'a str,
    amount: &'a str,
    height: &'a str,
    message: &'a str,
    signature: &'a str,
    token: &'a str,
    kind: &'a str,
    key: &'a str,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let files = args.files.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let report = Report::of(&files)?;
    if args.json {
        output::json(&report)?;
    } else {
        output::lines(report.text())?;
    }
    Ok(Exit::verdict(report.overlaps.is_empty()))
}

/// The place of a line: coins are the same whatever they are called. An account with a third party may hold several assets.
fn place(file: &Lines, line: u64, fields: &LineFields) -> Result<(Place, Option<String>), Failure> {
    let [asset, chain, address, _, _, _, _, token, kind, _] = fields;
    let kind: Kind =
        kind.parse().map_err(|reason| Failure::environment(format!("{}: line {line}: kind {reason}", file.file)))?;
    let asset = matches!(kind, Kind::Custodian | Kind::Bank).then(|| symbol_key(asset));
    Ok((Line { chain, address, token, kind, ..Line::default() }.place(), asset))
}

impl<'a> Report<'a> {
    fn of(files: &'a [Lines]) -> Result<Self, Failure> {
        let mut places: BTreeMap<(Place, Option<String>), Vec<_>> = BTreeMap::new();
        for file in files {
            for line in &file.lines {
                let (number, fields) = line;
                places.entry(place(file, *number, fields)?).or_default().push((file, line));
            }
        }
        let several = |lines: &Vec<(&Lines, _)>| lines.iter().any(|(file, _)| file.origin != lines[0].0.origin);
        let overlaps = places.into_iter().filter(|(_, lines)| several(lines)).map(|((place, _), lines)| Overlap {
            asset: &lines[0].1.1[0],
            place: PlaceJson { chain: place.chain, address: place.address, token: place.token },
            lines: lines.into_iter().map(|(file, (line, fields))| LineJson::of(file, *line, fields)).collect(),
        });
        let statements: BTreeSet<_> = files.iter().map(|file| &file.origin).collect();
        Ok(Self {
            overlaps: overlaps.collect(),
            statements: statements.len(),
            lines: files.iter().map(|file| file.lines.len()).sum(),
        })
    }

    fn text(&self) -> Vec<String> {
        let mut text = Vec::new();
        for own in &self.overlaps {
            let PlaceJson { chain, address, token } = &own.place;
            let token = if token.is_empty() { String::new() } else { format!(", token {}", visible(token)) };
            text.push(format!("{} on {} at {}{token}", visible(own.asset), visible(chain), visible(address)));
            text.extend(own.lines.iter().flat_map(LineJson::text));
        }
        let Self { statements, lines, .. } = self;
        text.push(match self.overlaps.len() {
            _ if *statements == 1 => "All files are of one statement: nothing was compared.".to_owned(),
            0 => format!("No overlap: none of {lines} lines is in two of {statements} statements."),
            1 => format!("OVERLAP: one place of {lines} lines is in more than one of {statements} statements."),
            found => {
                format!("OVERLAP: {found} places of {lines} lines are in more than one of {statements} statements.")
            }
        });
        text.push(
            "NOT VERIFIED: whether a statement commits to these lines. Run assay verify-reserves for each file."
                .to_owned(),
        );
        text
    }
}

impl<'a> LineJson<'a> {
    fn of(file: &'a Lines, line: u64, fields: &'a LineFields) -> Self {
        let [_, chain, address, amount, height, message, signature, token, kind, key] = fields;
        let statement = file.statement.as_deref();
        Self { file: &file.file, statement, line, chain, address, amount, height, message, signature, token, kind, key }
    }

    fn text(&self) -> Vec<String> {
        let of = self.statement.map_or_else(String::new, |id| format!(" of statement {id}"));
        let height =
            if self.height.is_empty() { String::new() } else { format!(" at height {}", visible(self.height)) };
        let message =
            if self.message.is_empty() { "the message of its snapshot".to_owned() } else { shown(self.message) };
        let signed = match self.signature {
            "" => "not signed".to_owned(),
            signature => format!("signed over {message}: {}", visible(signature)),
        };
        vec![
            format!(
                "  {} line {}{of}: {}{height}, {}",
                visible(self.file),
                self.line,
                visible(self.amount),
                visible(self.address)
            ),
            format!("    {signed}"),
        ]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_core::lines::LINE_COLUMNS;
    use assay_programs::reserves::RESERVES_PROTOCOL;
    use serde_json::{Value, json};

    use super::*;

    const EVM: &str = "0x52908400098527886e0f7030069857d2e4169ee7";
    const SAME: &str = "0x52908400098527886E0F7030069857D2E4169EE7";

    fn disclosure(id: &str, lines: &[[&str; 4]]) -> Value {
        let line = |(index, [asset, chain, address, token]): (usize, &[&str; 4])| {
            let mut fields = json!({
                "asset": asset, "chain": chain, "address": address, "amount": "1.5", "height": "7", "message": "mine",
                "signature": "eip191:0x00",
            });
            if !token.is_empty() {
                fields["token"] = json!(token);
            }
            json!({ "index": 2 * index, "fields": fields, "blind": "00" })
        };
        json!({
            "protocol": RESERVES_PROTOCOL, "attestation_id": id.repeat(32), "line_count": 9, "root": "", "proof": "",
            "lines": lines.iter().enumerate().map(line).collect::<Vec<_>>(),
        })
    }

    fn file(name: &str, content: &str) -> Lines {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        Lines { file: name.to_owned(), ..read(&path).unwrap() }
    }

    fn compared(files: &[Lines]) -> Value {
        serde_json::to_value(Report::of(files).unwrap()).unwrap()
    }

    #[test]
    fn one_place_in_two_statements_is_shown_with_both_lines_and_signatures() {
        let ours = disclosure("0a", &[["ETH", "ethereum", EVM, ""], ["BTC", "bitcoin", "x", ""]]).to_string();
        let theirs = disclosure("0b", &[["BTC", "bitcoin", "y", ""], ["eth", "Ethereum", SAME, ""]]).to_string();
        let files = [file("ours.json", &ours), file("theirs.json", &theirs)];
        let report = compared(&files);
        assert_eq!((&report["statements"], &report["lines"]), (&json!(2), &json!(4)));
        let [overlap] = &report["overlaps"].as_array().unwrap()[..] else { panic!("{report}") };
        assert_eq!(overlap["chain"], "ethereum");
        assert_eq!(
            overlap["lines"],
            json!([
                {"file": "ours.json", "statement": "0a".repeat(32), "line": 0, "chain": "ethereum", "address": EVM, "amount": "1.5",
                 "height": "7", "message": "mine", "signature": "eip191:0x00", "token": "", "kind": "", "key": ""},
                {"file": "theirs.json", "statement": "0b".repeat(32), "line": 2, "chain": "Ethereum", "address": SAME,
                 "amount": "1.5", "height": "7", "message": "mine", "signature": "eip191:0x00", "token": "", "kind": "", "key": ""},
            ])
        );
        let text = Report::of(&files).unwrap().text().join("\n");
        for part in [
            "ours.json line 0 of statement 0a0a",
            "theirs.json line 2",
            "signed over \"mine\": eip191:0x00",
            "OVERLAP: one place",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn files_of_one_statement_and_other_places_do_not_overlap() {
        let one = disclosure("0a", &[["ETH", "ethereum", EVM, ""]]).to_string();
        let files = [file("a.json", &one), file("b.json", &one)];
        assert_eq!(compared(&files)["overlaps"], json!([]));
        assert!(Report::of(&files).unwrap().text()[0].contains("one statement"));
        // one place under two names is one place
        let renamed = disclosure("0b", &[["WETH", "ethereum", EVM, ""]]).to_string();
        let files = [file("a.json", &one), file("b.json", &renamed)];
        assert_eq!(compared(&files)["overlaps"].as_array().unwrap().len(), 1);
        for other in [["ETH", "tron", EVM, ""], ["ETH", "ethereum", EVM, "0x01"], ["ETH", "ethereum", "0x01", ""]] {
            let files = [file("a.json", &one), file("b.json", &disclosure("0b", &[other]).to_string())];
            assert_eq!(compared(&files)["overlaps"], json!([]), "{other:?}");
        }
        // twice in one file is the ledger's matter
        let twice = disclosure("0a", &[["ETH", "ethereum", EVM, ""], ["ETH", "ethereum", SAME, ""]]).to_string();
        let files =
            [file("a.json", &twice), file("b.json", &disclosure("0b", &[["BTC", "bitcoin", "y", ""]]).to_string())];
        assert_eq!(compared(&files)["overlaps"], json!([]));
    }

    #[test]
    fn a_file_of_reserves_is_compared_by_its_lines_and_with_itself_never() {
        let short = format!("asset,chain,address,amount,height,message,signature\nETH,ethereum,{SAME},2,,,\n");
        let long = format!("{}\nETH,ethereum,{EVM},3,,,,,contract,\n", LINE_COLUMNS.join(","));
        let one = disclosure("0a", &[["ETH", "ethereum", EVM, ""]]).to_string();
        let files =
            [file("a.json", &one), file("reserves.csv", &short), file("other.csv", &long), file("copy.csv", &short)];
        let report = compared(&files);
        assert_eq!(report["statements"], 3);
        assert_eq!(report["overlaps"][0]["lines"].as_array().unwrap().len(), 4);
        assert_eq!(
            (&report["overlaps"][0]["lines"][1]["line"], &report["overlaps"][0]["lines"][1]["statement"]),
            (&json!(2), &Value::Null)
        );
        assert_eq!(compared(&files[1..2])["overlaps"], json!([]));
        assert_eq!(compared(&[file("a.csv", &short), file("b.csv", &short)])["overlaps"], json!([]));
    }

    #[test]
    fn a_file_of_another_format_is_named_with_what_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let refused = |content: &[u8]| {
            let path = dir.path().join("file");
            std::fs::write(&path, content).unwrap();
            let failure = read(&path).map(|_| ()).unwrap_err();
            assert_eq!(failure.exit, Exit::Environment);
            assert!(failure.sentence.contains("file: "), "{}", failure.sentence);
            failure.sentence
        };
        assert!(refused(b"{}").contains("is no file of disclosed reserve lines"));
        assert!(refused(b"").contains("nor a reserves.csv"));
        assert!(refused(b"\xff\xfe").contains("nor a reserves.csv"));
        assert!(refused(b"asset,chain\n").contains("nor a reserves.csv"));
        let short = "asset,chain,address,amount,height,message,signature\n";
        assert!(refused(format!("{short}ETH,ethereum\n").as_bytes()).contains("nor a reserves.csv"));
        let mut other = disclosure("0a", &[["ETH", "ethereum", EVM, ""]]);
        other["protocol"] = json!("assay/reserves/1");
        assert!(refused(other.to_string().as_bytes()).contains("assay/reserves/1"));
        assert!(
            refused(disclosure("xy", &[["ETH", "ethereum", EVM, ""]]).to_string().as_bytes())
                .contains("no attestation's id")
        );
        assert!(refused(disclosure("0a", &[]).to_string().as_bytes()).contains("no lines"));
        assert!(read(&dir.path().join("nothing")).map(|_| ()).unwrap_err().sentence.contains("nothing"));
        let kind = format!("{}\nETH,ethereum,{EVM},3,,,,,wallet,\n", LINE_COLUMNS.join(","));
        let failure = Report::of(&[file("a.csv", &kind)]).map(|_| ()).unwrap_err();
        assert!(failure.sentence.contains("a.csv: line 2: kind"), "{}", failure.sentence);
    }
}
