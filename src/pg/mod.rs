//! A private Postgres for someone who has no database yet.
//!
//! **In:** a data directory. **Out:** the address of a running server, which stops with this process. Only this user can connect: the
//! server listens on a socket in a directory that nobody else may enter.
//!
//! **Never:** a finished cluster is never deleted, except by [`Cluster::remove`]. Nothing here knows what the database holds.
//!
//! How each death is survived. During `initdb`: a cluster is made under another name and renamed once it is complete. Of this
//! process: the kernel releases the lock on the data directory and sends SIGINT to the server; a server that is still running is
//! stopped by the next start, which holds the lock and recognises the server by its arguments. Of the machine: a stale
//! `postmaster.pid` is recognised by looking at the process that has its number now.

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
