//! Unspent outputs of Bitcoin and its like, by the node's scan of all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use assay_core::decimal::ExactSum;
use serde::Deserialize;
use serde_json::{json, value::RawValue};

use super::answer::Block;
use super::node::{Node, NodeError};

/// Decimals of these chains.
pub(super) const DECIMALS: u8 = 8;
/// A scan reads every unspent output of the chain: it is long, and another must not be begun while it runs.
const SCAN: (Duration, u64, u32) = (Duration::from_secs(3600), 256 << 20, 1);
/// Scripts of one scan.
pub(super) const CHUNK: usize = if cfg!(test) { 2 } else { 1_000 };
/// The chains whose nodes answer so, and the hash of a block after the last fork: forks share all blocks before.
const CHAINS: [(&str, u64, &str); 2] = [
    ("bitcoin", 840_000, "0000000000000000000320283a032748cef8227873ff4872689bf23f1cda83a5"),
    ("litecoin", 1_683_528, "b34a457c601ef8ce3294116e3296078797be7ded1b0d12515395db9ab5e93ab8"),
];

/// Whether nodes of this chain can be asked.
pub(super) fn is_known(chain: &str) -> bool {
    CHAINS.iter().any(|(name, ..)| *name == chain)
}

/// That the node is one of this chain.
pub(super) fn check_chain(node: &Node, chain: &str) -> Result<(), NodeError> {
    let known = CHAINS.iter().find(|(name, ..)| *name == chain);
    let own = known.map(|(_, height, hash)| Ok((node.call("getblockhash", json!([height]))?, *hash))).transpose()?;
    match own {
        Some((own, hash)) if own == hash => Ok(()),
        _ => {
            Err(node
                .other_chain(format!("is not a node of {chain}: it has another block at a height that is long past")))
        }
    }
}

/// What a scan found.
#[derive(Deserialize)]
struct Scan {
    success: bool,
    height: u64,
    bestblock: String,
    unspents: Vec<Output>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    script_pub_key: String,
    /// As it is written: a number of which no digit may be lost.
    amount: Box<RawValue>,
}

/// The sums of all unspent outputs under each of the scripts, in hexadecimal digits, and the block at which they were unspent: a scan knows
/// the newest alone.
pub(super) fn unspent(node: &Node, scripts: &[String]) -> Result<(Block, BTreeMap<String, ExactSum>), NodeError> {
    let method = "scantxoutset";
    let asked: Vec<String> = scripts.iter().map(|script| format!("raw({script})")).collect();
    let Scan { success, height, bestblock, unspents } = node.call_within(method, json!(["start", asked]), SCAN)?;
    let malformed = || node.malformed(method);
    if !success {
        return Err(malformed());
    }
    let mut found: BTreeMap<String, ExactSum> =
        scripts.iter().map(|script| (script.clone(), ExactSum::default())).collect();
    for Output { script_pub_key, amount } in unspents {
        let sum = found.get_mut(&script_pub_key).ok_or_else(malformed)?;
        let mut own = ExactSum::default();
        own.add(amount.get()).map_err(|_| malformed())?;
        if own.units(DECIMALS).is_none_or(|(_, is_rounded)| is_rounded) {
            return Err(malformed());
        }
        sum.add(amount.get()).map_err(|_| malformed())?;
    }
    Ok((Block { height, hash: bestblock }, found))
}
