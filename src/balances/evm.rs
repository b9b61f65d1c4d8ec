//! Balances on Ethereum and its like.

use std::collections::BTreeMap;

use num_bigint::BigUint;
use serde_json::{Value, json};

use super::amount::word;
use super::answer::Block;
use super::node::{Node, NodeError};

/// Decimals of every such chain's own coin.
const OWN_DECIMALS: u8 = 18;
/// `decimals()`.
const DECIMALS: &str = "0x313ce567";
/// `balanceOf(address)`.
const BALANCE_OF: &str = "0x70a08231";

/// Where to look: the token, empty for the chain's own coin, and the block, the newest where the line names none.
pub(super) type Where = (String, Option<u64>);

/// What is the same for many addresses of a chain.
pub(super) struct Evm<'n> {
    node: &'n Node,
    blocks: BTreeMap<Option<u64>, Result<Block, NodeError>>,
    decimals: BTreeMap<Where, Result<u8, NodeError>>,
}

impl<'n> Evm<'n> {
    /// A node of the chain with this number, asked for all blocks and tokens that are looked at.
    pub(super) fn open(node: &'n Node, number: u64, places: impl Iterator<Item = Where>) -> Result<Self, NodeError> {
        let method = "eth_chainId";
        let own = text(&node.call(method, json!([]))?).and_then(word).ok_or_else(|| node.malformed(method))?;
        if own != BigUint::from(number) {
            return Err(node.other_chain(format!("is a node of chain {own}, not of chain {number}")));
        }
        let mut opened = Self { node, blocks: BTreeMap::new(), decimals: BTreeMap::new() };
        for (token, height) in places {
            let block = opened.blocks.entry(height).or_insert_with(|| block(node, height)).clone();
            if token.is_empty() {
                continue;
            }
            let own = opened.decimals.entry((token.clone(), height));
            own.or_insert_with(|| block.and_then(|block| decimals(node, &token, &block)));
        }
        Ok(opened)
    }

    /// Units and decimals of what an address has, and the block.
    pub(super) fn found(&self, address: &str, place: &Where) -> Result<(BigUint, u8, Block), NodeError> {
        let (token, height) = place;
        let block = self.blocks.get(height).cloned().unwrap_or_else(|| block(self.node, *height))?;
        let at = hexadecimal(block.height);
        if token.is_empty() {
            let method = "eth_getBalance";
            let answer = self.node.call(method, json!([address, at]))?;
            let units = text(&answer).and_then(word).ok_or_else(|| self.node.malformed(method))?;
            return Ok((units, OWN_DECIMALS, block));
        }
        let decimals = match self.decimals.get(place) {
            Some(known) => known.clone()?,
            None => decimals(self.node, token, &block)?,
        };
        let data = format!("{BALANCE_OF}{:0>64}", address.trim_start_matches("0x"));
        Ok((view(self.node, token, &data, &block)?, decimals, block))
    }
}

/// The block of this height, or the newest.
fn block(node: &Node, height: Option<u64>) -> Result<Block, NodeError> {
    let method = "eth_getBlockByNumber";
    let asked = height.map_or_else(|| "latest".to_owned(), hexadecimal);
    let answer = node.call(method, json!([asked, false]))?;
    if answer.is_null() {
        return Err(node.other_chain(format!("has no block {asked}")));
    }
    let number = text(&answer["number"]).and_then(word).and_then(|number| u64::try_from(number).ok());
    let hash = text(&answer["hash"]).filter(|hash| hash.len() == 66 && word(hash).is_some());
    match (number, hash) {
        (Some(number), Some(hash)) if height.is_none_or(|height| height == number) => {
            Ok(Block { height: number, hash: hash.to_owned() })
        }
        _ => Err(node.malformed(method)),
    }
}

fn decimals(node: &Node, token: &str, block: &Block) -> Result<u8, NodeError> {
    let decimals = view(node, token, DECIMALS, block)?;
    // 2^256 has 78 digits
    u8::try_from(decimals).ok().filter(|decimals| *decimals < 78).ok_or_else(|| node.malformed("eth_call"))
}

/// The one word that a function of the contract returns.
fn view(node: &Node, token: &str, data: &str, block: &Block) -> Result<BigUint, NodeError> {
    let method = "eth_call";
    let answer = node.call(method, json!([{ "to": token, "data": data }, hexadecimal(block.height)]))?;
    match text(&answer) {
        Some("0x") => Err(node.other_chain(format!("has no such token as {token} at block {}", block.height))),
        Some(answer) if answer.len() == 66 => word(answer).ok_or_else(|| node.malformed(method)),
        _ => Err(node.malformed(method)),
    }
}

fn hexadecimal(number: u64) -> String {
    format!("{number:#x}")
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}
