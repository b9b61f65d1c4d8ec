//! `assay log witness`: cosigns logs.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use actix_web::{App, HttpResponse, HttpServer, http::StatusCode, web};
use assay_verifier::log::note::{KeyKind, MAX_NOTE_BYTES, VerifierKey};

use super::files::policy;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output;
use crate::clock::SystemClock;
use crate::service::stop_signal;
use crate::transparency::witness::{Answer, Witness, own_key};

/// A note, and a proof before it.
const MAX_BODY_BYTES: usize = MAX_NOTE_BYTES + (8 << 10);

const EXAMPLES: &str = "\
A witness cosigns a checkpoint only if the log continues what it cosigned before, so that another log shown to somebody lacks its cosignature. It keeps its
key (witness.key) and the last checkpoint of each log in DIR; back the key up, and never run two witnesses with one key. The logs are
those of FILE, which can end with `quorum none`. The log asks the witness: give the printed key and the address to its owner, and the key to
everybody who shall trust you. If a log signs two roots of one size, the second checkpoint is kept in DIR as SHA256-OF-ORIGIN.fork.
Put TLS in front of ADDR.

Protocol: C2SP tlog-witness; POST /add-checkpoint, GET /SHA256-OF-ORIGIN/checkpoint.

Examples:
  assay log witness --name witness.example/w1 --log-policy logs --state witness --listen 127.0.0.1:8090

Exit codes: 0 stopped, 2 an option is wrong, 3 the address is in use, or a file cannot be read or written.";

/// Cosign the checkpoints of transparency logs
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Name of the witness, such as witness.example/w1
    #[arg(long, value_name = "NAME")]
    name: String,

    /// The logs to cosign (C2SP tlog-policy)
    #[arg(long, value_name = "FILE")]
    log_policy: PathBuf,

    /// Directory for the key and the last checkpoints; it is created
    #[arg(long, value_name = "DIR")]
    state: PathBuf,

    /// Address to listen on
    #[arg(long, value_name = "ADDR")]
    listen: SocketAddr,
}

pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let policy = policy(&args.log_policy)?;
    if policy.logs().is_empty() {
        return Err(Failure::usage(format!("{} lists no log to cosign", args.log_policy.display())));
    }
    let at_state = |e: std::io::Error| Failure::environment(format!("{}: {e}", args.state.display()));
    let key = own_key(&args.state).map_err(at_state)?;
    let public = VerifierKey::new(&args.name, KeyKind::Witness, key.verifying_key());
    let public = public.map_err(|e| Failure::usage(e.to_string()))?;
    let witness =
        Witness::open(policy, args.name.clone(), key, &args.state, Arc::new(SystemClock)).map_err(at_state)?;
    let witness = web::Data::new(witness);
    let serving = |e: std::io::Error| Failure::environment(format!("{}: {e}", args.listen));
    actix_web::rt::System::new().block_on(async {
        let routes = move || {
            App::new()
                .app_data(witness.clone())
                .app_data(web::PayloadConfig::new(MAX_BODY_BYTES))
                .route("/add-checkpoint", web::post().to(add_checkpoint))
                .route("/{origin}/checkpoint", web::get().to(checkpoint))
        };
        let server = HttpServer::new(routes).workers(2).disable_signals().bind(args.listen).map_err(serving)?;
        let address = server.addrs().first().copied().unwrap_or(args.listen);
        let running = server.run();
        let handle = running.handle();
        output::lines([format!("{public}")])?;
        output::note(&format!("the witness is listening on http://{address}"));
        let stop = stop_signal().map_err(serving)?;
        actix_web::rt::spawn(async move {
            stop.await;
            handle.stop(true).await;
        });
        running.await.map_err(serving)
    })?;
    Ok(Exit::Ok)
}

async fn add_checkpoint(witness: web::Data<Witness>, body: web::Bytes) -> HttpResponse {
    let answer = web::block(move || witness.add_checkpoint(&body)).await;
    answer.map_or_else(|_| HttpResponse::InternalServerError().finish(), given)
}

async fn checkpoint(witness: web::Data<Witness>, origin: web::Path<String>) -> HttpResponse {
    let answer = web::block(move || witness.checkpoint(&origin)).await;
    answer.map_or_else(|_| HttpResponse::InternalServerError().finish(), given)
}

fn given(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    HttpResponse::build(status).content_type(answer.media_type).body(answer.body)
}
