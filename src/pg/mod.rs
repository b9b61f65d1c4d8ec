//! A private Postgres for a newcomer: found among what is installed, kept in the data directory, reached only through a
//! socket that nobody else can open, and stopped with this process.
//!
//! In comes the data directory, out goes an address for whoever speaks to the database. What is kept there is as precious as in
//! any other database; nothing here ever deletes a finished cluster unless it is told to ([`Cluster::remove`]), and nothing here
//! knows what the database holds.
//!
//! Where a process can die: a cluster is made under another name and renamed when it is complete; the lock in the data
//! directory goes with the process that holds it; the server gets SIGINT from the kernel when its parent dies, and what still
//! runs after that is stopped by the next start, which holds the lock and knows the server by its arguments. A stale
//! `postmaster.pid` is recognised by what the process of that number really is.

mod binaries;
mod cluster;
mod command;
mod error;
mod lock;
mod place;
mod server;
mod user;

pub use cluster::Cluster;
pub use error::ClusterError;
