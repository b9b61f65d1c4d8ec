//! Bitcoin and the coins with its addresses.

pub mod address;
#[cfg(test)]
mod attacks;
pub mod bip322;
pub mod message;
pub mod prove;
pub mod script;
