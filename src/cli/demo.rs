//! `assay demo`: runs the whole service with a sample exchange. It uses the REST API, as a real exchange and its customers
//! would.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use super::exit::{Exit, Failure};
use super::options::Global;
use super::output;
use super::service::{ServiceArgs, runtime};
use crate::client::{Address, Client, Options as ProofOptions, follow, push};
use crate::clock::{Clock, SystemClock};
use crate::home::Home;
use crate::ledger::sample::{Options, sample};
use crate::ledger::{Limits, check};
use crate::progress::{Progress, Silent};
use crate::service::{Opening, Service, stop_signal};
use crate::tokens::{Grant, Role};

const EXAMPLES: &str = "\
Starts a private PostgreSQL, creates a sample exchange with limits and margins, uploads its ledger, proves it and serves the
result. The command then prints the address of its page, tokens and commands to try, and runs until Ctrl-C. It writes to HOME/demo only. If you
run it again, it adds another attestation.

Examples:
  assay demo
  assay demo --accounts 5000 --listen 127.0.0.1:9000

Exit codes: 0 stopped, 2 an option is wrong, 3 PostgreSQL is missing, the address is in use, or a file cannot be written.";

/// Run the whole service with a sample exchange
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Number of accounts of the sample exchange
    #[arg(long, value_name = "N", default_value_t = 1000)]
    accounts: u64,

    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// Exit after printing the commands
    #[arg(long)]
    exit: bool,

    #[command(flatten)]
    service: ServiceArgs,
}

pub(super) fn run(args: &Args, global: &Global) -> Result<Exit, Failure> {
    let home = Home::new(args.service.home()?.dir().join("demo"));
    let mut config = args.service.config()?;
    config.database_url = None;
    config.listen = args.listen;
    config.public_url = format!("http://{}", args.listen);
    config.pages.enabled = true;
    // a person reads the output; warnings are enough
    config.log.format = crate::config::LogFormat::Pretty;
    config.log.filter = "warn".to_owned();
    // nothing else uses the machine
    config.worker.threads = std::thread::available_parallelism().map_or(1, usize::from);

    let runtime = runtime(&config)?;
    let meter = global.meter();
    let service = {
        let progress = meter.listener();
        progress.begin("starting a private PostgreSQL", 0, "");
        let service = runtime.block_on(Service::open(config.clone(), home.clone(), Opening::Migrate))?;
        progress.end();
        service
    };
    let now = SystemClock.now();
    let mint = |subject: &str, role: Role| {
        let grant = Grant {
            subject: subject.to_owned(),
            role,
            exchange: Some(SAMPLE_DOMAIN.to_owned()),
            audience: config.public_url.clone(),
            issuer: config.public_url.clone(),
            ttl: time::Duration::days(1),
        };
        service.keys().mint(&grant, now).map_err(|e| Failure::environment(e.to_string()))
    };
    let (publisher, regulator) = (mint("demo-publisher", Role::Publisher)?, mint("demo-regulator", Role::Regulator)?);
    let ledger = write_ledger(&home, args.accounts, now)?;
    let customer = first_account(&ledger)?;
    let customer_token = mint(&customer, Role::Customer)?;

    let (tell_ready, ready) = mpsc::channel();
    let (tell_stop, told_stop) = tokio::sync::oneshot::channel::<()>();
    let serving = runtime.spawn(async move {
        let signal = stop_signal()?;
        let stop = async {
            tokio::select! {
                () = signal => {}
                _ = told_stop => {}
            }
        };
        service
            .serve(
                true,
                move |address| {
                    let _ = tell_ready.send(address);
                },
                stop,
            )
            .await
    });
    let address = match ready.recv() {
        Ok(address) => address,
        // it ended before it listened: its error says why
        Err(_) => return finish(runtime.block_on(serving)),
    };
    let client = Client::new(Address::own(address), publisher, PATIENCE);
    let attested = attest(&client, &ledger, meter.listener());
    drop(meter);
    let shown = attested.and_then(|id| show(&client, &id, &customer, &customer_token, &regulator));
    if args.exit || shown.is_err() {
        let _ = tell_stop.send(());
        let ended = finish(runtime.block_on(serving));
        return shown.and(ended);
    }
    output::lines(["Press Ctrl-C to stop.".to_owned()])?;
    finish(runtime.block_on(serving))
}

/// The service is in this process.
const PATIENCE: Duration = Duration::from_secs(60);
const SAMPLE_DOMAIN: &str = crate::ledger::sample::DOMAIN;

fn finish(ended: Result<Result<(), crate::service::ServiceError>, tokio::task::JoinError>) -> Result<Exit, Failure> {
    ended.map_err(|e| Failure::environment(format!("the service ended: {e}")))??;
    Ok(Exit::Ok)
}

/// Writes a sample ledger of the current time to a directory of its own.
fn write_ledger(home: &Home, accounts: u64, now: time::OffsetDateTime) -> Result<PathBuf, Failure> {
    let seconds = now.unix_timestamp();
    let out = home.dir().join("ledgers").join(seconds.to_string());
    fs::create_dir_all(home.dir().join("ledgers"))
        .map_err(|e| Failure::environment(format!("{}: {e}", out.display())))?;
    let (date, time) = (now.date(), now.time());
    let (month, day) = (u8::from(date.month()), date.day());
    let (hour, minute, second) = time.as_hms();
    let taken_at = format!("{}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z", date.year());
    let options = Options { accounts, seed: seconds.unsigned_abs(), taken_at, rules: true };
    sample(&options, &out, &Silent)?;
    Ok(out)
}

fn first_account(ledger: &Path) -> Result<String, Failure> {
    let path = ledger.join("accounts.csv");
    let text = fs::read_to_string(&path).map_err(|e| Failure::environment(format!("{}: {e}", path.display())))?;
    let line = text.lines().nth(1).and_then(|line| line.split(',').next());
    line.map(str::to_owned).ok_or_else(|| Failure::environment("the sample ledger has no account"))
}

/// Uploads the ledger, asks for its attestation and waits for it. Returns its id.
fn attest(client: &Client, ledger: &Path, progress: &dyn Progress) -> Result<String, Failure> {
    let manifest = check(ledger, &Limits::default(), progress)?.manifest().clone();
    let pushed = push(client, ledger, &manifest, &ProofOptions::default(), progress)?;
    let job = follow(client, &pushed.job.id, progress)?.job;
    let said = job.detail.as_deref().unwrap_or("no reason given");
    job.attestation.clone().ok_or_else(|| Failure::environment(format!("the job ended in state {}: {said}", job.state)))
}

/// Prints the commands to try.
fn show(
    client: &Client,
    id: &str,
    customer: &str,
    customer_token: &str,
    regulator_token: &str,
) -> Result<Exit, Failure> {
    // every printed request was tried
    let (attestation, page) = (format!("/v1/attestations/{id}"), format!("/a/{id}"));
    client.shows("/")?;
    client.shows(&page)?;
    client.with_token(customer_token).get(&format!("{attestation}/inclusion"))?;
    client.with_token(regulator_token).get(&format!("/v1/compliance/{id}"))?;
    let base = client.address();
    output::lines([
        String::new(),
        format!("Open in a browser: {base}/"),
        format!("The page of the attestation: {base}{page}"),
        format!("The attestation: {base}{attestation}"),
        format!("API documentation: {base}/docs"),
        String::new(),
        "Anyone can download the attestation and verify it offline:".to_owned(),
        format!("  curl -s -o bundle.zip {base}{attestation}/bundle.zip && assay verify bundle.zip"),
        String::new(),
        format!("A customer ({customer}) fetches their inclusion file and verifies it:"),
        format!("  CUSTOMER={customer_token}"),
        format!("  curl -s -H \"Authorization: Bearer $CUSTOMER\" {base}{attestation}/inclusion > me.json"),
        format!("  assay verify-inclusion me.json --attestation bundle.zip --account {customer}"),
        String::new(),
        "A regulator reads the policy, limits and margins:".to_owned(),
        format!("  REGULATOR={regulator_token}"),
        format!("  curl -s -H \"Authorization: Bearer $REGULATOR\" {base}/v1/compliance/{id}"),
        String::new(),
    ])?;
    Ok(Exit::Ok)
}
