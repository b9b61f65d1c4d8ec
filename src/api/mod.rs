//! The REST API. Each endpoint has its own file; `routes` lists all of them.
//!
//! **In:** requests with tokens, which `tokens` checks. **Out:** JSON, published bytes, or a problem document. The API stores an
//! exchange's files in the database unchanged and builds all answers from the database.
//!
//! Read in this order: `connection` (bounded connections) · `routes` (access to each path) · `auth` and `limits` (authentication,
//! rate limits) · `edge` and `answers` (common to all answers) · `quota` (what callers share) · `disk` (space that uploads leave) · `problem` (errors) · `snapshots`, `jobs` (for exchanges) · `attestations` (public, and for customers) ·
//! `compliance`, `reserves` (for auditors) · `log` (the transparency log) · `pages` (for people) · `evidence` and `cache` (data in memory) ·
//! `idempotency`, `artefact`, `static_file`, `packing`, `accept`, `body`,
//! `digest`, `unpack`, `parse` (parts of requests and answers) · `openapi` and `docs` (the description).
//!
//! **Never:** an answer with data of another customer; a log line with a token, a balance, a salt or an account reference; a
//! whole body in memory, unless it is at most 1 MiB of JSON; work longer than milliseconds, such as proving, on the request
//! threads.

mod accept;
mod answers;
mod artefact;
pub mod attestations;
mod auth;
mod body;
mod cache;
mod caller;
pub mod compliance;
mod connection;
mod digest;
mod disk;
mod docs;
mod edge;
mod evidence;
pub mod healthz;
mod idempotency;
pub mod jobs;
mod jwks;
mod limits;
pub mod log;
mod metrics;
pub mod openapi;
mod packing;
mod pages;
mod parse;
pub mod problem;
mod quota;
mod readiness;
mod readyz;
pub mod reserves;
pub mod routes;
pub mod snapshots;
mod state;
mod static_file;
mod token_cache;
mod unpack;

#[cfg(test)]
mod tests;

use std::{
    io,
    net::TcpListener,
    sync::{Arc, LazyLock},
    time::Duration,
};

use actix_http::{HttpService, Protocol, error::DispatchError};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{
    App,
    body::{BoxBody, EitherBody},
    dev::{AppConfig, Server, ServiceRequest},
    middleware::{Next, from_fn},
    web,
};
use connection::Connection;
use static_file::StaticFile;
use tokio::net::TcpStream;

pub use metrics::{configure_metrics, metrics_server};
pub use state::{ApiState, Parts, trusted_proxies};

/// Timeout for the head of a connection's first request.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);
/// How long an idle connection stays open, unless connections are scarce.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a closed connection is waited for.
const CLOSING_PATIENCE: Duration = Duration::from_secs(1);

static DESCRIPTION: LazyLock<web::Data<StaticFile>> =
    LazyLock::new(|| web::Data::new(StaticFile::new("application/json", openapi::json())));

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
    let local = listener.local_addr()?;
    let builder = Server::build().shutdown_timeout(state.config.shutdown_seconds).disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    // as `actix_web::HttpServer` does it, but on connections that are bounded
    let service = move || {
        let (state, stopping) = (state.clone(), stopping.clone());
        let connections = Arc::clone(&state.connections);
        let app =
            App::new().configure(configure(state)).into_factory().map_err(|e: actix_web::Error| e.error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .client_request_timeout(HEAD_PATIENCE)
            .client_disconnect_timeout(CLOSING_PATIENCE)
            .keep_alive(KEEP_ALIVE)
            .local_addr(local)
            .on_connect_ext(|connection: &Connection, data| {
                data.insert(connection.requests());
            })
            .finish(map_config(app, |()| AppConfig::default()));
        fn_service(move |io: TcpStream| {
            let peer = io.peer_addr().ok();
            let admitted = connections.admit(io).ok_or_else(|| io::Error::other("too many connections"));
            std::future::ready(admitted.map(|io| (io, Protocol::Http1, peer)).map_err(DispatchError::Io))
        })
        .and_then(http)
    };
    Ok(builder.listen("api", listener, service)?.run())
}
