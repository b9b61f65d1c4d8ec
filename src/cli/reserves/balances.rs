//! `assay reserves balances`: stated reserves beside what nodes of the chains say.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use assay_core::decimal::ExactSum;
use assay_core::text::visible;
use assay_verifier::files::read_bounded;

use super::lines;
use crate::balances::{
    BALANCES_PROTOCOL, Balances, Endpoint, LineAnswer, Options, Outcome, Question, ask, digest, endpoint_of,
};
use crate::cli::exit::{Exit, Failure};
use crate::cli::options::{Global, LimitArgs};
use crate::cli::output;
use crate::durable::{Access, replace};

/// Largest file of answers that is taken up.
const MAX_ANSWERS_BYTES: usize = 1 << 30;

const EXAMPLES: &str = "\
RESERVES is the directory of a ledger, a reserves.csv, or disclosed lines (GET /v1/reserves/ID). Each line is asked of the node that --rpc
names for its chain, at the block height of the line: balances and tokens of Ethereum and its like, unspent outputs of bitcoin and
litecoin. Lines of one place are compared with what is there together. A scan of unspent outputs knows the newest block alone, and a
line without height is asked at the newest block: less at another block than the line's shows nothing about the snapshot. Give nodes of
your own: the answers are their word, and whoever runs them sees the addresses. That the coins are free of others' claims is not shown.

A node's address can also come from the environment: ASSAY_RPC_ETHEREUM for ethereum, ASSAY_RPC_EVM_100 for evm:100. It may have a user and a
password (http://user:password@127.0.0.1:8332, other signs percent-encoded) or a key in its path; only its host is ever printed.

With --out, answers are kept: the same command later asks only for what has no answer at its own block yet.

JSON, and the file of --out: {protocol: \"assay/balances/1\", statement, reserves, lines: [{line, asset, chain, address, token, stated, height,
outcome: {status, found, block: {height, hash}, reason}}]}. `status` is held, short, held_at_other_block, short_at_other_block, unanswered,
not_checkable or no_endpoint. `found` is what is there, in whole assets.

Examples:
  assay reserves balances ledger --rpc ethereum=http://127.0.0.1:8545
  assay reserves balances btc.json --rpc bitcoin=http://user:password@127.0.0.1:8332 --out answers.json

Exit codes: 0 no line has less than is stated at its block, 1 a line has less, 2 an option is wrong or FILE holds other answers, 3 a file
cannot be read or written, or a node did not answer.";

/// Ask nodes of the chains whether what is stated is there
///
/// Prints every line that has less than is stated or could not be asked, and for each asset the stated sums by what was found.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Directory of the ledger, a reserves.csv, or disclosed lines
    #[arg(value_name = "RESERVES")]
    reserves: PathBuf,

    /// A chain and the address of a node of it; once for each chain
    #[arg(long, value_name = "CHAIN=URL")]
    rpc: Vec<String>,

    /// File that keeps the answers, and from which an interrupted run goes on
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Questions to one node at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    concurrency: u8,

    /// Most questions a second to one node
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    per_second: u32,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    limits: LimitArgs,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let (statement, questions) = questions(args, global)?;
    let endpoints = endpoints(&args.rpc, &questions, |name| std::env::var(name).ok())?;
    let reserves = digest(&questions);
    let known = args.out.as_deref().map_or(Ok(Vec::new()), |out| known(out, &reserves))?;
    let document = |lines: &[LineAnswer]| Balances {
        protocol: BALANCES_PROTOCOL.to_owned(),
        statement: statement.clone(),
        reserves: reserves.clone(),
        lines: lines.to_vec(),
    };
    let save = |lines: &[LineAnswer]| match &args.out {
        Some(out) => {
            let mut bytes = serde_json::to_vec_pretty(&document(lines)).map_err(io::Error::other)?;
            bytes.push(b'\n');
            replace(out, Access::Private, &bytes)
        }
        None => Ok(()),
    };
    let options = Options { concurrency: args.concurrency.into(), per_second: args.per_second };
    let meter = global.meter();
    let answers = ask(&questions, &endpoints, options, &known, meter.listener(), &save);
    drop(meter);
    let answers = answers.map_err(|error| {
        let out = args.out.as_deref().unwrap_or(Path::new("")).display();
        Failure::environment(format!("{out}: cannot be written: {error}"))
    })?;
    if args.json {
        output::json(&document(&answers))?;
    } else {
        output::lines(text(&answers))?;
    }
    let has = |wanted: fn(&Outcome) -> bool| answers.iter().any(|own| wanted(&own.outcome));
    Ok(match () {
        () if has(|outcome| matches!(outcome, Outcome::Short { .. })) => Exit::NotValid,
        () if has(|outcome| matches!(outcome, Outcome::Unanswered { .. })) => Exit::Environment,
        () => Exit::Ok,
    })
}

/// The lines, and the statement that they are disclosed for.
fn questions(args: &Args, global: &Global) -> Result<(Option<String>, Vec<Question>), Failure> {
    if args.reserves.is_dir() {
        let stated = lines::stated(&args.reserves, None, &args.limits, global)?;
        let lines = stated.lines.into_iter().map(|own| Question { line: own.line, fields: own.fields });
        return Ok((None, lines.collect()));
    }
    let file = lines::read(&args.reserves)?;
    let lines = file.lines.into_iter().map(|(line, fields)| Question { line, fields });
    Ok((file.statement, lines.collect()))
}

/// The nodes by the names of their chains.
fn endpoints(
    given: &[String],
    questions: &[Question],
    variable: impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, Endpoint>, Failure> {
    let mut endpoints = BTreeMap::new();
    for option in given {
        // the address may be a secret, and stands behind the first equals sign
        let (chain, url) = option.split_once('=').ok_or_else(|| {
            Failure::usage("--rpc needs a chain and an address, such as ethereum=http://127.0.0.1:8545")
        })?;
        // what stands in the wrong place may be a secret too
        let name = endpoint_of(chain).ok_or_else(|| {
            Failure::usage(
                "--rpc names no chain whose nodes are asked before its first equals sign; these are ethereum and its like, evm:NUMBER, \
                 bitcoin and litecoin",
            )
        })?;
        let endpoint = Endpoint::parse(url).map_err(|e| Failure::usage(format!("the address of --rpc {name} {e}")))?;
        if endpoints.insert(name.clone(), endpoint).is_some() {
            return Err(Failure::usage(format!("--rpc {name} is given twice")));
        }
    }
    let chains: BTreeSet<String> = questions.iter().filter_map(|own| endpoint_of(&own.fields[1])).collect();
    for name in chains.into_iter().filter(|name| !endpoints.contains_key(name)).collect::<Vec<_>>() {
        let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let variable_name = format!("ASSAY_RPC_{}", name.chars().map(upper).collect::<String>());
        if let Some(url) = variable(&variable_name).filter(|url| !url.is_empty()) {
            let endpoint =
                Endpoint::parse(&url).map_err(|e| Failure::usage(format!("the address in {variable_name} {e}")))?;
            endpoints.insert(name, endpoint);
        }
    }
    Ok(endpoints)
}

/// The answers of an earlier run about the same lines.
fn known(out: &Path, reserves: &str) -> Result<Vec<LineAnswer>, Failure> {
    if out.symlink_metadata().is_err() {
        return Ok(Vec::new());
    }
    let refused = |reason: &str| Failure::usage(format!("{}: {reason}", out.display()));
    let bytes = read_bounded(out, MAX_ANSWERS_BYTES).map_err(|error| Failure::environment(error.to_string()))?;
    let document: Balances =
        serde_json::from_slice(&bytes).map_err(|_| refused("exists, and does not hold answers of nodes"))?;
    if document.protocol != BALANCES_PROTOCOL || document.reserves != reserves {
        return Err(refused("exists, and holds answers about other reserves, or about an earlier version of these"));
    }
    Ok(document.lines)
}

/// What is known of one asset. `None` where a sum has no place in 128 bits.
struct AssetSums {
    stated: Option<ExactSum>,
    /// What the lines state of which a node said something.
    asked: Option<ExactSum>,
    found: Option<ExactSum>,
}

/// What was found, for a person.
fn text(answers: &[LineAnswer]) -> Vec<String> {
    let mut text: Vec<String> = answers.iter().filter_map(line_text).collect();
    let mut sums: BTreeMap<&str, AssetSums> = BTreeMap::new();
    let mut places = BTreeSet::new();
    for own in answers {
        let empty = || Some(ExactSum::default());
        let sums =
            sums.entry(&own.asset).or_insert_with(|| AssetSums { stated: empty(), asked: empty(), found: empty() });
        add(&mut sums.stated, &own.stated);
        let Some((found, block)) = own.outcome.found() else { continue };
        add(&mut sums.asked, &own.stated);
        // what is there is there once, however many lines state it
        if places.insert((&own.chain, &own.address, &own.token, block.height)) {
            add(&mut sums.found, found);
        }
    }
    if !text.is_empty() {
        text.push(String::new());
    }
    let header = ["asset", "stated", "of it asked", "found there"].map(str::to_owned);
    let sum = |sum: &Option<ExactSum>| sum.as_ref().map_or_else(|| "too large".to_owned(), ToString::to_string);
    let rows = sums.iter().map(|(asset, own)| [visible(asset), sum(&own.stated), sum(&own.asked), sum(&own.found)]);
    let rows: Vec<[String; 4]> = std::iter::once(header).chain(rows).collect();
    let widths: [usize; 4] = std::array::from_fn(|i| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0));
    text.extend(rows.iter().map(|row| {
        let cells = row.iter().zip(widths).skip(1).map(|(cell, width)| format!("  {cell:>width$}"));
        format!("{:<width$}{}", row[0], cells.collect::<String>(), width = widths[0])
    }));
    let count = |wanted: fn(&Outcome) -> bool| answers.iter().filter(|own| wanted(&own.outcome)).count();
    text.push(String::new());
    text.push(format!(
        "By the nodes that you named: of {} lines {} have what is stated at their block and {} have less; {} have it at another block and {} \
         have less there, which shows nothing about the snapshot; {} have no answer.",
        answers.len(),
        count(|outcome| matches!(outcome, Outcome::Held { .. })),
        count(|outcome| matches!(outcome, Outcome::Short { .. })),
        count(|outcome| matches!(outcome, Outcome::HeldAtOtherBlock { .. })),
        count(|outcome| matches!(outcome, Outcome::ShortAtOtherBlock { .. })),
        count(|outcome| outcome.found().is_none()),
    ));
    text
}

fn add(sum: &mut Option<ExactSum>, amount: &str) {
    if sum.as_mut().is_some_and(|sum| sum.add(amount).is_err()) {
        *sum = None;
    }
}

/// A line that does not have what is stated, or of which that is not known.
fn line_text(own: &LineAnswer) -> Option<String> {
    let [asset, chain, address, stated] = [&own.asset, &own.chain, &own.address, &own.stated].map(|text| visible(text));
    let token = if own.token.is_empty() { String::new() } else { format!(", token {}", visible(&own.token)) };
    let at = format!("line {}: {stated} {asset} on {chain} at {address}{token}", own.line);
    let height =
        if own.height.is_empty() { "the snapshot".to_owned() } else { format!("block {}", visible(&own.height)) };
    Some(match &own.outcome {
        Outcome::Held { .. } | Outcome::HeldAtOtherBlock { .. } => return None,
        Outcome::Short { found, block } => {
            format!("{at}: LESS: {found} at block {} ({})", block.height, visible(&block.hash))
        }
        Outcome::ShortAtOtherBlock { found, block } => {
            format!("{at}: less now: {found} at block {}, which shows nothing about {height}", block.height)
        }
        Outcome::Unanswered { reason } => format!("{at}: no answer: {}", visible(reason)),
        Outcome::NotCheckable { reason } => format!("{at}: not checkable: {}", visible(reason)),
        Outcome::NoEndpoint => format!("{at}: no node of this chain was named (--rpc)"),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn question(chain: &str) -> Question {
        let mut fields: [String; 10] = Default::default();
        chain.clone_into(&mut fields[1]);
        Question { line: 2, fields }
    }

    #[test]
    fn nodes_are_named_by_options_and_else_by_variables() {
        let lines = [question("Ethereum"), question("evm:100"), question("tron")];
        let variables = |name: &str| match name {
            "ASSAY_RPC_ETHEREUM" => Some("https://other.example".to_owned()),
            "ASSAY_RPC_EVM_100" => Some("https://gnosis.example/SECRET".to_owned()),
            _ => None,
        };
        let given = ["ethereum=https://own.example/KEY=1".to_owned()];
        let found = endpoints(&given, &lines, variables).unwrap();
        assert_eq!(format!("{found:?}"), r#"{"ethereum": Endpoint(own.example), "evm:100": Endpoint(gnosis.example)}"#);
        for (wrong, reason) in [
            ("https://own.example/SECRET", "needs a chain"),
            ("https://own.example/SECRET?key=1", "names no chain"),
            ("node.example/SECRET?key=1", "names no chain"),
            ("user:SECRET=x@127.0.0.1", "names no chain"),
            ("ethereum", "needs a chain"),
            ("ethereum=SECRET", "is not an address"),
            ("ethereum=http://node.example/SECRET", "is not encrypted"),
            ("tron=https://node.example/SECRET", "names no chain"),
        ] {
            let failure = endpoints(&[wrong.to_owned()], &lines, |_| None).unwrap_err();
            assert!(failure.sentence.contains(reason) && !failure.sentence.contains("SECRET"), "{}", failure.sentence);
        }
        let twice = ["ethereum=https://a.example".to_owned(), "evm:1=https://b.example".to_owned()];
        assert!(endpoints(&twice, &lines, |_| None).unwrap_err().sentence.contains("twice"));
        let bad = endpoints(&[], &lines, |_| Some("SECRET".to_owned())).unwrap_err().sentence;
        assert!(bad.contains("ASSAY_RPC_") && !bad.contains("SECRET"), "{bad}");
    }
}
