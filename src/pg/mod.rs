//! A private Postgres for a user who has no database yet.
//!
//! **In:** a data directory. **Out:** the address of a running server, which stops with this process. Only this user can connect: the
//! server listens on a socket in a directory that nobody else may enter.
//!
//! **Never:** delete a finished cluster, except in [`Cluster::remove`]; depend on what the database contains.
//!
//! Crashes. During `initdb`: the cluster is made under a temporary name and renamed once it is complete. Of this process: the kernel
//! releases the lock on the data directory and sends SIGINT to the server. If the server still runs, the next start stops it: it
//! holds the lock and recognises the server by its arguments. Of the machine: the next start recognises a stale `postmaster.pid` by
//! checking which process has that number now.

mod binaries;
mod cluster;
mod command;
mod error;
mod lock;
mod place;
mod server;
mod user;

pub use cluster::{Cluster, ClusterFound};
pub use error::ClusterError;
