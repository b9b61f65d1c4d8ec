//! The REST API. Each endpoint has its own file; `routes` lists all of them.
//!
//! **In:** requests with tokens, which `tokens` checks. **Out:** JSON, published bytes, or a problem document. The API stores an
//! exchange's files in the database unchanged and builds all answers from the database.
//!
//! Read in this order: `routes` (access to each path) · `auth` and `limits` (authentication, rate limits) · `edge` (common to
//! all answers) · `problem` (errors) · `snapshots`, `jobs` (for exchanges) · `attestations` (public, and for customers) ·
//! `compliance`, `reserves` (for auditors) · `evidence` and `cache` (data in memory) · `idempotency`, `artefact`, `body`,
//! `digest`, `unpack`, `parse` (parts of requests and answers) · `openapi` and `docs` (the description).
//!
//! **Never:** an answer with data of another customer; a log line with a token, a balance, a salt or an account reference; a
//! whole body in memory, unless it is at most 1 MiB of JSON; work longer than milliseconds, such as proving, on the request
//! threads.

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
pub use state::{ApiState, Parts, trusted_proxies};

/// Timeout for the head of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);
/// How long an idle connection stays open.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

static DESCRIPTION: LazyLock<web::Data<docs::Description>> =
    LazyLock::new(|| web::Data::new(docs::Description(openapi::json().into())));

/// Configures an `App` with all routes.
pub fn configure(state: ApiState) -> impl FnOnce(&mut web::ServiceConfig) {
    move |config| {
        let around = state.clone();
        let edge =
            move |request: ServiceRequest, next: Next<EitherBody<BoxBody>>| edge::edge(around.clone(), request, next);
        config.app_data(web::Data::new(state.clone())).app_data(DESCRIPTION.clone());
        config.service(routes::scope(&state).wrap(from_fn(edge)));
    }
}

/// A server without signal handling. It runs when awaited; its handle stops it after the running requests. Call
/// [`ApiState::stop_streams`] before, or event streams use up the whole shutdown time.
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
