//! Stated reserves beside what nodes of the chains say.
//!
//! Lines of a reserves file come in, with an address of a node for each chain; what the node finds at each place comes out, at the block
//! of the line where the node can still see that. A node's word is what its owner makes of it: nothing here proves a balance. Never
//! follows a redirect, never sends to an unencrypted address but this machine's, and never shows the address of a node beyond its host.

mod amount;
mod answer;
mod ask;
mod bitcoin;
mod endpoint;
mod evm;
mod node;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use answer::{BALANCES_PROTOCOL, Balances, Block, LineAnswer, Outcome};
pub use ask::{Options, Question, ask, digest, endpoint_of};
pub use endpoint::{Endpoint, EndpointError};
