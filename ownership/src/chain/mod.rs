//! The chains: one file for each family, and the registry of their names.

pub(crate) mod aptos;
pub(crate) mod bitcoin;
pub(crate) mod cardano;
pub(crate) mod conflux;
pub(crate) mod cosmos;
pub(crate) mod evm;
pub(crate) mod filecoin;
pub(crate) mod polkadot;
pub(crate) mod recoverable;
pub mod registry;
pub(crate) mod solana;
pub(crate) mod sui;
pub(crate) mod ton;
pub(crate) mod tron;
pub(crate) mod xrp;
