//! OKX's names. A coin is `USDT` or `USDT-TON`, with its network after the hyphen; the column of networks says where the address is.

use super::layout::{Coins, Published, is_native};

/// OKX's networks as the chains of a ledger.
const NETWORKS: [(&str, &str); 34] = [
    ("ADA", "cardano"),
    ("APTOS", "aptos"),
    ("ARBITRUM", "arbitrum-one"),
    ("AVAXC", "avalanche-c"),
    ("BABYDOGE-BSC", "bnb-smart-chain"),
    ("BASE", "base"),
    ("BCH", "bitcoin-cash"),
    ("BCHN", "bitcoin-cash"),
    ("BSC", "bnb-smart-chain"),
    ("BSV", "bitcoin-sv"),
    ("BTC", "bitcoin"),
    ("CFX", "conflux"),
    ("DASH", "dash"),
    ("DOGE", "dogecoin"),
    ("DOT", "polkadot"),
    ("ETH", "ethereum"),
    ("ETH-LINEA", "evm:59144"),
    ("FIL", "filecoin"),
    ("FIL-EVM", "filecoin"),
    ("LINEA", "evm:59144"),
    ("LTC", "litecoin"),
    ("LUNC", "cosmos:terra"),
    ("OKB-X1", "evm:196"),
    ("OKC", "evm:66"),
    ("OKT", "evm:66"),
    ("OPTIMISM", "optimism"),
    ("POLY", "polygon"),
    ("SOL", "solana"),
    ("SUI", "sui"),
    ("TON", "ton"),
    ("TRON", "tron"),
    ("TRX", "tron"),
    ("X1", "evm:196"),
    ("XRP", "xrp"),
];

/// Where the coins of a line are. A network without a chain here is a chain by its own name, about which nothing can be shown.
///
/// # Errors
/// If coin or network is missing.
pub(super) fn coins(line: &Published<'_>) -> Result<Coins, String> {
    let (coin, network) = (line.coin, line.network.to_uppercase());
    if coin.is_empty() || network.is_empty() {
        return Err("the coin or its network is missing".to_owned());
    }
    let known = NETWORKS.iter().find(|(name, _)| *name == network).map(|(_, chain)| *chain);
    let chain = match known {
        Some("evm:66") if line.address.starts_with("ex1") => "cosmos:ex".to_owned(),
        Some(chain) => chain.to_owned(),
        None => network.to_lowercase().replace(' ', "-"),
    };
    // a validator's key is no address of its chain
    let is_staked = !line.kind.is_empty() && !line.kind.eq_ignore_ascii_case("non staking");
    let chain = if is_staked { format!("{chain}-validators") } else { chain };
    let asset = coin.split('-').next().unwrap_or(coin).to_owned();
    let is_native = is_native(&chain, &asset) || coin.eq_ignore_ascii_case(&network);
    let token = if is_native { String::new() } else { coin.to_owned() };
    Ok(Coins { asset, chain, token })
}
