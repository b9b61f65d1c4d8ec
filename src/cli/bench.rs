//! `assay bench`: what this machine takes with each shape, and what a ledger will take.

use std::time::Duration;

use assay_core::decimal::{format_units, parse_decimal};
use assay_programs::ledger::shape::{Family, Shape};
use serde::Serialize;

use super::exit::{Exit, Failure};
use super::options::{Global, HomeArgs, released_shapes, shape_named, start_threads};
use super::progress::pace::{duration, grouped};
use super::{output, stop};
use crate::attest::{
    Basis, Figure, Forecast, PROGRAM, PageThousandths, ShapeFigures, Source, Workload, measure, measured_rates,
};

/// Decimals of a number of pages per account.
const PAGE_DECIMALS: u8 = 3;
const MAX_PAGES_PER_ACCOUNT: u64 = 256_000;

const EXAMPLES: &str = "\
For each shape the command proves a small sample ledger and measures the time of reading or deriving the parameters, of a step of
the fold, of compression and of verification. It writes nothing but the parameters' cache and HOME/bench.json. The largest shape
needs 3 GiB of memory. Close other programs: they use the same cores.

`measured` means measured in this run. What does not fit in --seconds is `estimated` from the measured times and the numbers of
constraints.

The forecast is the time from the parameters to the verified proof. Checking and planning the ledger are not included. With several
machines, each proves an equal part of the accounts at the same time, and one verifies all proofs.

The measured times are stored in HOME/bench.json, for this number of threads and this version of the program. `assay prove` and the
service's workers then choose the fastest shape by them, and `assay prove` shows a first estimate of its time. A worker uses one
thread less than the machine has cores, and divides them among its units: measure for one unit with --threads.

JSON: {program, threads, stored, workload: {accounts, machines}, shapes: [{shape, pages_per_step, parameters, step,
pages_per_second, compression, verification, forecast}]}. Each time is {microseconds, basis}; `parameters` also has `source`, which
is `cache` or `derivation`. `forecast` is {pages_per_account, pages, steps, microseconds, basis}: `steps` are those of one machine,
and `microseconds` is null if the shape does not hold the pages.

Examples:
  assay bench
  assay bench --accounts 5000000 --machines 8
  assay bench --shape solvency-512 --pages-per-account 1.5 --json

Exit codes: 0 measured, 1 a sample does not verify, 2 an option is wrong, 3 interrupted, or a file cannot be read or written.";

/// Measure this machine, and forecast the time to prove a ledger
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Number of accounts of the ledger to forecast, 1 to 4294967294
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..4_294_967_295))]
    accounts: u64,

    /// Average number of pages of an account, 1 to 256 [default: 1.875 in solvency shapes, 2.495 in compliance shapes]
    ///
    /// The defaults are those of an exchange's published ledger with 8 holdings an account. An account with at most 6 holdings and
    /// debts has one page in a solvency shape.
    #[arg(long, value_name = "P", value_parser = pages_per_account)]
    pages_per_account: Option<PageThousandths>,

    /// Number of machines like this one that prove the ledger, 1 to 4096
    #[arg(long, value_name = "M", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=4096))]
    machines: u64,

    /// Measure this shape only; can be given several times
    #[arg(long, value_name = "NAME", value_parser = shape)]
    shape: Vec<&'static Shape>,

    /// Number of threads; 0 uses all cores
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,

    /// Seconds that the command may take, 1 to 86400; the smallest shape is measured in any case
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,

    /// Print one JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    home: HomeArgs,
}

fn shape(name: &str) -> Result<&'static Shape, String> {
    shape_named(name, &[])
}

fn pages_per_account(text: &str) -> Result<PageThousandths, String> {
    let given = parse_decimal(text).map_err(|e| format!("the number {e}"))?;
    let thousandths = PAGE_DECIMALS
        .checked_sub(given.scale)
        .and_then(|missing| given.units.checked_mul(10u128.pow(missing.into())))
        .and_then(|thousandths| u64::try_from(thousandths).ok());
    match thousandths {
        Some(thousandths) if (1_000..=MAX_PAGES_PER_ACCOUNT).contains(&thousandths) => Ok(PageThousandths(thousandths)),
        _ => Err("an account has 1 to 256 pages on average; write at most three decimals".to_owned()),
    }
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let mut shapes: Vec<&Shape> = Vec::new();
    for shape in &args.shape {
        let admitted = shape.purpose.admit_proving(shape.name, global.tests());
        admitted.map_err(|e| Failure::usage(e.to_string()))?;
        if !shapes.contains(shape) {
            shapes.push(shape);
        }
    }
    if shapes.is_empty() {
        shapes = released_shapes().collect();
    }
    let home = args.home.home()?;
    start_threads(args.threads)?;
    let threads = rayon::current_num_threads();
    let stop = stop::on_interrupt()?;
    let meter = global.meter();
    let figures = measure(&shapes, &home, Duration::from_secs(args.seconds), &stop, meter.listener());
    drop(meter);
    let figures = figures?;
    measured_rates(&figures).write(&home, threads)?;
    let report = BenchReport {
        program: PROGRAM,
        threads,
        stored: home.bench_file().display().to_string(),
        workload: WorkloadJson { accounts: args.accounts, machines: args.machines },
        shapes: figures.iter().map(|of| ShapeReport::new(of, args)).collect(),
    };
    if args.json {
        output::json(&report)?;
    } else {
        output::lines(report.lines())?;
    }
    Ok(Exit::Ok)
}

/// The result. The field names are those of the JSON object.
#[derive(Serialize)]
struct BenchReport {
    program: &'static str,
    threads: usize,
    stored: String,
    workload: WorkloadJson,
    shapes: Vec<ShapeReport>,
}

#[derive(Serialize)]
struct WorkloadJson {
    accounts: u64,
    machines: u64,
}

#[derive(Serialize)]
struct ShapeReport {
    shape: &'static str,
    #[serde(skip)]
    capacity: u64,
    pages_per_step: u64,
    parameters: ParametersJson,
    step: FigureJson,
    pages_per_second: u64,
    compression: FigureJson,
    verification: FigureJson,
    forecast: ForecastJson,
}

#[derive(Serialize)]
struct ParametersJson {
    #[serde(flatten)]
    figure: FigureJson,
    source: &'static str,
}

#[derive(Serialize)]
struct FigureJson {
    microseconds: u64,
    basis: &'static str,
}

#[derive(Serialize)]
struct ForecastJson {
    pages_per_account: String,
    pages: u64,
    steps: u64,
    microseconds: Option<u64>,
    basis: &'static str,
}

impl From<Figure> for FigureJson {
    fn from(figure: Figure) -> Self {
        Self { microseconds: microseconds(figure.time), basis: basis(figure.basis) }
    }
}

impl FigureJson {
    /// The figure as a line of the report.
    fn line(&self, what: &str, how: &str) -> String {
        let milliseconds = self.microseconds.div_ceil(1000);
        let seconds = format!("{}.{:03} s", milliseconds / 1000, milliseconds % 1000);
        format!("  {what:<15} {seconds:>10}  {}{how}", self.basis)
    }
}

impl ShapeReport {
    fn new(figures: &ShapeFigures, args: &Args) -> Self {
        let shape = figures.shape;
        let pages_per_account = args.pages_per_account.unwrap_or_else(|| PageThousandths::usual(shape.family));
        let workload = Workload { accounts: args.accounts, pages_per_account, machines: args.machines };
        let forecast = Forecast::new(shape, &figures.rates(), &workload);
        let pages_per_step = shape.batch() as u64;
        Self {
            shape: shape.name,
            capacity: shape.capacity() as u64,
            pages_per_step,
            parameters: ParametersJson {
                figure: figures.parameters.into(),
                source: match figures.source {
                    Source::Cache => "cache",
                    Source::Derivation => "derivation",
                },
            },
            step: figures.step.into(),
            pages_per_second: pages_per_step * 1_000_000 / microseconds(figures.step.time).max(1),
            compression: figures.compression.into(),
            verification: figures.verification.into(),
            forecast: ForecastJson {
                pages_per_account: format_units(pages_per_account.0.into(), PAGE_DECIMALS),
                pages: forecast.pages,
                steps: forecast.steps,
                microseconds: forecast.time.map(microseconds),
                basis: basis(figures.basis()),
            },
        }
    }

    fn lines(&self, workload: &WorkloadJson) -> Vec<String> {
        let how =
            if self.parameters.source == "cache" { ", read from the cache" } else { ", derived from the circuit" };
        vec![
            String::new(),
            self.shape.to_owned(),
            self.parameters.figure.line("parameters", how),
            self.step.line("a step", &format!(", {} pages", self.pages_per_step)),
            format!("  {:<15} {:>10}  {}", "pages a second", grouped(self.pages_per_second), self.step.basis),
            self.compression.line("compression", ""),
            self.verification.line("verification", ""),
            self.forecast_line(workload),
        ]
    }

    fn forecast_line(&self, workload: &WorkloadJson) -> String {
        let Forecasted { ledger, each } = Forecasted::of(workload);
        let ForecastJson { pages, steps, microseconds, basis, .. } = &self.forecast;
        let pages = grouped(*pages);
        match microseconds {
            Some(time) => format!(
                "  {ledger}: {}, from {basis} times; {pages} pages, {} step{}{each}",
                duration(Duration::from_micros(*time)),
                grouped(*steps),
                if *steps == 1 { "" } else { "s" },
            ),
            None => format!("  {ledger}: {pages} pages do not fit; it holds {}{each}", grouped(self.capacity)),
        }
    }
}

/// The words for a workload.
struct Forecasted {
    ledger: String,
    each: &'static str,
}

impl Forecasted {
    fn of(workload: &WorkloadJson) -> Self {
        let counted =
            |number: u64, noun: &str| format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" });
        let ledger = format!("{} on {}", counted(workload.accounts, "account"), counted(workload.machines, "machine"));
        Self { ledger, each: if workload.machines == 1 { "" } else { " on each machine" } }
    }
}

impl BenchReport {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "assay {} on {} thread{}",
            self.program,
            self.threads,
            if self.threads == 1 { "" } else { "s" }
        )];
        lines.extend(self.shapes.iter().flat_map(|shape| shape.lines(&self.workload)));
        lines.push(String::new());
        lines.extend(self.assumptions());
        lines.push(format!("The measured times are stored in {}.", self.stored));
        lines
    }

    fn assumptions(&self) -> Vec<String> {
        let pages = |family: Family| {
            let of_family = |report: &&ShapeReport| Shape::named(report.shape).is_ok_and(|s| s.family == family);
            self.shapes.iter().find(of_family).map(|report| report.forecast.pages_per_account.as_str())
        };
        let assumed = match (pages(Family::Solvency), pages(Family::Compliance)) {
            (Some(solvency), Some(compliance)) if solvency != compliance => {
                format!("{solvency} pages an account with solvency shapes and {compliance} with compliance shapes")
            }
            (pages, other) => format!("{} pages an account", pages.or(other).unwrap_or_default()),
        };
        let mut lines = vec![
            format!("The forecast assumes {assumed} (--pages-per-account)."),
            "It includes parameters, folding, compression and verification, not checking and planning the ledger."
                .to_owned(),
        ];
        if self.workload.machines > 1 {
            lines.push("Each machine proves an equal part of the accounts; one verifies all proofs.".to_owned());
        }
        lines
    }
}

fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Measured => "measured",
        Basis::Estimated => "estimated",
    }
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Alone {
        #[command(flatten)]
        args: Args,
    }

    fn args(given: &[&str]) -> Args {
        Alone::try_parse_from(["bench"].iter().chain(given)).unwrap().args
    }

    fn figures() -> ShapeFigures {
        ShapeFigures {
            shape: Shape::named("solvency-512").unwrap(),
            source: Source::Cache,
            parameters: Figure::measured(Duration::from_millis(1_900)),
            step: Figure::measured(Duration::from_millis(400)),
            compression: Figure::estimated(Duration::from_micros(4_500_001)),
            verification: Figure::estimated(Duration::from_millis(330)),
        }
    }

    fn report(given: &[&str]) -> BenchReport {
        let args = args(given);
        BenchReport {
            program: "0.1.0",
            threads: 2,
            stored: "home/bench.json".to_owned(),
            workload: WorkloadJson { accounts: args.accounts, machines: args.machines },
            shapes: vec![ShapeReport::new(&figures(), &args)],
        }
    }

    #[test]
    fn each_line_says_whether_it_was_measured() {
        assert_eq!(
            report(&[]).lines(),
            [
                "assay 0.1.0 on 2 threads",
                "",
                "solvency-512",
                "  parameters         1.900 s  measured, read from the cache",
                "  a step             0.400 s  measured, 512 pages",
                "  pages a second       1,280  measured",
                "  compression        4.501 s  estimated",
                "  verification       0.330 s  estimated",
                "  1,000,000 accounts on 1 machine: 24 min 31 s, from estimated times; 1,875,000 pages, 3,663 steps",
                "",
                "The forecast assumes 1.875 pages an account (--pages-per-account).",
                "It includes parameters, folding, compression and verification, not checking and planning the ledger.",
                "The measured times are stored in home/bench.json.",
            ]
        );
    }

    #[test]
    fn several_machines_and_a_ledger_that_does_not_fit_are_told() {
        let line = |given: &[&str]| report(given).lines()[8].clone();
        assert_eq!(
            line(&["--accounts", "1", "--machines", "2"]),
            "  1 account on 2 machines: 7.4 s, from estimated times; 2 pages, 1 step on each machine"
        );
        assert_eq!(
            line(&["--accounts", "9000000", "--pages-per-account", "2"]),
            "  9,000,000 accounts on 1 machine: 18,000,000 pages do not fit; it holds 16,777,216"
        );
        let shared = report(&["--machines", "2"]).lines();
        assert!(shared.iter().any(|line| line.starts_with("Each machine proves")), "{shared:?}");
    }

    #[test]
    fn the_report_has_these_fields() {
        let expected = r#"{"program":"0.1.0","threads":2,"stored":"home/bench.json","#.to_owned()
            + r#""workload":{"accounts":1000000,"machines":1},"shapes":[{"shape":"solvency-512","pages_per_step":512,"#
            + r#""parameters":{"microseconds":1900000,"basis":"measured","source":"cache"},"#
            + r#""step":{"microseconds":400000,"basis":"measured"},"pages_per_second":1280,"#
            + r#""compression":{"microseconds":4500001,"basis":"estimated"},"#
            + r#""verification":{"microseconds":330000,"basis":"estimated"},"#
            + r#""forecast":{"pages_per_account":"1.875","pages":1875000,"steps":3663,"microseconds":1471930001,"#
            + r#""basis":"estimated"}}]}"#;
        assert_eq!(serde_json::to_string(&report(&[])).unwrap(), expected);
    }

    #[test]
    fn pages_per_account_are_a_decimal_of_at_least_one() {
        for (given, thousandths) in [("1", 1_000), ("1.5", 1_500), ("1.875", 1_875), ("2.50", 2_500), ("256", 256_000)]
        {
            assert_eq!(pages_per_account(given), Ok(PageThousandths(thousandths)), "{given}");
        }
        for wrong in ["0", "0.9", "1.0001", "256.001", "-1", "many", "", "99999999999999999999999999999999999999"] {
            assert!(pages_per_account(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_shape_is_answered_with_the_released_ones() {
        assert_eq!(
            shape("auto").unwrap_err(),
            "unknown shape; use one of: solvency-64, solvency-512, compliance-64, compliance-512"
        );
    }
}
