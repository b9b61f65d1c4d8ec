//! The store on a real Postgres: a private cluster of this binary's own, and a database for each test.

#![allow(clippy::unwrap_used)]

mod api;
mod attestations;
mod callers;
mod cluster;
mod files;
mod idempotency;
mod jobs;
mod later;
mod log;
mod log_end;
mod monitors;
mod pages;
mod people;
mod restored;
mod roles;
mod schema;
mod support;
mod transactions;
mod witnesses;
