//! Unspent outputs of Bitcoin and its like, by the node's scan of all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use assay_core::decimal::ExactSum;
use serde_json::{Value, json};

use super::answer::Block;
use super::node::{Node, NodeError};

/// Decimals of these chains.
pub(super) const DECIMALS: u8 = 8;
/// A scan reads every unspent output of the chain.
const SCAN: (Duration, u64) = (Duration::from_secs(3600), 256 << 20);
/// Addresses of one scan.
const CHUNK: usize = 1_000;
/// The chains whose nodes answer so, and the hash of their first block.
const CHAINS: [(&str, &str); 2] = [
    ("bitcoin", "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"),
    ("litecoin", "12a765e31ffd4059bada1e25190f6e98c99d9714d334efa41a195a7e7e04bfe2"),
];

/// The hash of the first block, if nodes of this chain can be asked.
pub(super) fn first_block(chain: &str) -> Option<&'static str> {
    CHAINS.iter().find(|(name, _)| *name == chain).map(|(_, hash)| *hash)
}

/// The sums of all unspent outputs of each address, and the block at which they were unspent: a scan knows no other than the newest.
pub(super) type Unspent = BTreeMap<String, (ExactSum, Block)>;

/// Scans for all `addresses` on a node of the chain with this first block.
pub(super) fn unspent(node: &Node, first_block: &str, addresses: &[String]) -> Result<Unspent, NodeError> {
    let own = node.call("getblockhash", json!([0]))?;
    if own.as_str() != Some(first_block) {
        return Err(node.other_chain("is a node of another chain".to_owned()));
    }
    let mut found = Unspent::new();
    for chunk in addresses.chunks(CHUNK) {
        // a scan names outputs by their scripts
        let mut scripts = BTreeMap::new();
        for address in chunk {
            let method = "validateaddress";
            let answer = node.call(method, json!([address]))?;
            let script = answer["scriptPubKey"].as_str().ok_or_else(|| node.malformed(method))?;
            scripts.insert(script.to_owned(), address.clone());
        }
        found.extend(scan(node, chunk, &scripts)?);
    }
    Ok(found)
}

fn scan(node: &Node, addresses: &[String], scripts: &BTreeMap<String, String>) -> Result<Unspent, NodeError> {
    let method = "scantxoutset";
    let asked: Vec<String> = addresses.iter().map(|address| format!("addr({address})")).collect();
    let answer = node.call_within(method, json!(["start", asked]), SCAN)?;
    let malformed = || node.malformed(method);
    let (height, hash) = (answer["height"].as_u64(), answer["bestblock"].as_str());
    let (true, Some(height), Some(hash)) = (answer["success"] == true, height, hash) else { return Err(malformed()) };
    let block = Block { height, hash: hash.to_owned() };
    let mut found: Unspent =
        addresses.iter().map(|address| (address.clone(), (ExactSum::default(), block.clone()))).collect();
    for output in answer["unspents"].as_array().ok_or_else(malformed)? {
        let address = output["scriptPubKey"].as_str().and_then(|script| scripts.get(script)).ok_or_else(malformed)?;
        let amount = amount(&output["amount"]).ok_or_else(malformed)?;
        let (sum, _) = found.get_mut(address).ok_or_else(malformed)?;
        sum.add(&amount).map_err(|_| malformed())?;
    }
    Ok(found)
}

/// An amount as a decimal. The node writes 8 decimals; a number below 2^53 units reads back as written.
fn amount(value: &Value) -> Option<String> {
    let text = format!("{:.8}", value.as_f64().filter(|amount| (0.0..90_000_000.0).contains(amount))?);
    Some(text)
}
