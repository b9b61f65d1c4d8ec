//! HTX's names. No column says where an address is: its coin's name does, or the look of the address. The file begins with sums: after
//! each `BTC(ALL)` come the coins that it counts as BTC.

use super::layout::{Coins, Published, is_native};

/// The coins that the sums at the top of a file count together.
#[derive(Debug, Default)]
pub(super) struct Groups {
    names: Vec<String>,
    /// Each coin in small letters, with the number of its group.
    coins: Vec<(String, usize)>,
}

impl Groups {
    /// Takes a row of sums.
    pub(super) fn take(&mut self, coin: &str) {
        let end = coin.len().saturating_sub("(ALL)".len());
        match coin.split_at_checked(end) {
            Some((group, all)) if all.eq_ignore_ascii_case("(ALL)") => self.names.push(group.to_owned()),
            _ => self.coins.extend(self.names.len().checked_sub(1).map(|group| (coin.to_lowercase(), group))),
        }
    }

    /// The asset that a coin counts as: that of its own sum, or of a part of its name.
    fn asset(&self, coin: &str) -> Option<&str> {
        let listed = self.coins.iter().find(|(name, _)| *name == coin.to_lowercase()).map(|(_, group)| *group);
        let named =
            || coin.split('-').find_map(|part| self.names.iter().position(|name| name.eq_ignore_ascii_case(part)));
        listed.or_else(named).map(|group| self.names[group].as_str())
    }
}

/// Where the coins of a line are.
///
/// # Errors
/// If that is not known.
pub(super) fn coins(line: &Published<'_>, groups: &Groups) -> Result<Coins, String> {
    let chain = match line.coin {
        "BTC" => "bitcoin",
        "DOGE" => "dogecoin",
        "XRP" => "xrp",
        "SOL" | "USDC-SOL" | "SOL-USDC" => "solana",
        "BEP20-USDC" | "USDT-BEP20" => "bnb-smart-chain",
        "BASE-USDC" => "base",
        "USDT-Avalanche C-Chain" => "avalanche-c",
        _ if line.address.starts_with('T') => "tron",
        _ if line.address.starts_with("0x") => "ethereum",
        _ => return Err("neither coin nor address says which chain it is on".to_owned()),
    };
    let asset = groups.asset(line.coin).ok_or("the sums at the top of the file do not say which asset it is")?;
    let token = if is_native(chain, line.coin) { String::new() } else { line.coin.to_owned() };
    Ok(Coins { asset: asset.to_owned(), chain: chain.to_owned(), token })
}
