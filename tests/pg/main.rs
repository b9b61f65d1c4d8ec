//! The store on a real Postgres: a private cluster of this binary's own, and a database for each test.

#![allow(clippy::unwrap_used)]

mod cluster;
#[allow(dead_code)]
mod support;
