//! The service's interface: HTTP in, what the database holds out. One endpoint is one file; `routes` lists all of them.
//!
//! **In:** requests with tokens, which `tokens` judges. **Out:** JSON, published bytes, or a problem document. What an
//! exchange hands over goes into the database as it came; what customers and auditors fetch is made from what is there.
//!
//! Read in this order: `routes` (who may do what) · `auth` and `limits` (who comes in) · `edge` (what happens to every
//! answer) · `problem` (what is said when something is not done) · `snapshots`, `jobs` (an exchange's part) ·
//! `attestations` (everybody's, and each customer's own) · `compliance`, `reserves` (auditors') · `evidence` and `cache`
//! (what is kept in memory) · `idempotency`, `artefact`, `body`, `digest`, `unpack`, `parse` (parts of requests and answers) ·
//! `openapi` and `docs` (the description of it all).
//!
//! **Never:** an answer with something of another customer's; a log line with a token, a balance, a salt or an account
//! reference; a body that is held in memory whole, unless it is at most 1 MiB of JSON; proving, or anything else that takes
//! longer than milliseconds, on the threads that answer.

mod artefact;
pub mod attestations;
mod auth;
mod body;
mod cache;
pub mod compliance;
mod digest;
mod docs;
mod edge;
mod evidence;
pub mod healthz;
mod idempotency;
pub mod jobs;
mod jwks;
mod limits;
mod metrics;
pub mod openapi;
mod parse;
pub mod problem;
mod readiness;
mod readyz;
pub mod reserves;
pub mod routes;
pub mod snapshots;
mod state;
mod token_cache;
mod unpack;

#[cfg(test)]
mod tests;

use std::{net::TcpListener, sync::LazyLock, time::Duration};

use actix_web::{
    App, HttpServer,
    body::{BoxBody, EitherBody},
    dev::{Server, ServiceRequest},
    middleware::{Next, from_fn},
    web,
};

pub use metrics::{configure_metrics, metrics_server};
pub use state::{ApiState, Parts};

/// How long the head of a request may take to come.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);
/// How long a connection is kept for the next request.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

static DESCRIPTION: LazyLock<web::Data<docs::Description>> =
    LazyLock::new(|| web::Data::new(docs::Description(openapi::json().into())));

/// The whole service, for an `App`.
pub fn configure(state: ApiState) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        let around = state.clone();
        let edge =
            move |request: ServiceRequest, next: Next<EitherBody<BoxBody>>| edge::edge(around.clone(), request, next);
        config.app_data(web::Data::new(state.clone())).app_data(DESCRIPTION.clone());
        config.service(routes::scope(&state).wrap(from_fn(edge)));
    }
}

/// A server for it, without signal handling: it runs once it is awaited, and stops, finishing what is under way, when its
/// handle is told to. Call [`ApiState::stop_streams`] then, or streams of progress take up the whole time for stopping.
///
/// # Errors
/// If the listener cannot be used.
pub fn server(state: ApiState, listener: TcpListener) -> std::io::Result<Server> {
    let shutdown_seconds = state.config.shutdown_seconds;
    let server = HttpServer::new(move || App::new().configure(configure(state.clone())))
        .client_request_timeout(HEAD_PATIENCE)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(shutdown_seconds)
        .disable_signals();
    Ok(server.listen(listener)?.run())
}
