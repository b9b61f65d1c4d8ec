//! The chains by their names.

use super::{
    aptos,
    bitcoin::{address::Coin, prove},
    cardano, conflux, cosmos, evm, filecoin, polkadot, solana, sui, ton, tron, xrp,
};
use crate::{
    claim::{Claim, Proof},
    defect::Defect,
    verdict::Reason,
};

/// A chain with a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain(Family);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Family {
    Bitcoin(&'static Coin),
    Evm(u64),
    Cosmos(String),
    Tron,
    Solana,
    Xrp,
    Ton,
    Aptos,
    Sui,
    Filecoin,
    Conflux,
    Polkadot,
    Cardano,
}

/// The names of the families with one chain.
const SINGLE: [(&str, Family); 10] = [
    ("tron", Family::Tron),
    ("solana", Family::Solana),
    ("xrp", Family::Xrp),
    ("ton", Family::Ton),
    ("aptos", Family::Aptos),
    ("sui", Family::Sui),
    ("filecoin", Family::Filecoin),
    ("conflux", Family::Conflux),
    ("polkadot", Family::Polkadot),
    ("cardano", Family::Cardano),
];

impl Chain {
    /// The chain of this name. `None` where there is no rule.
    pub fn parse(name: &str) -> Option<Self> {
        let single = || SINGLE.into_iter().find(|(known, _)| *known == name).map(|(_, family)| family);
        Coin::of(name)
            .map(Family::Bitcoin)
            .or_else(|| evm::chain_number(name).map(Family::Evm))
            .or_else(|| cosmos::prefix(name).map(|prefix| Family::Cosmos(prefix.to_owned())))
            .or_else(single)
            .map(Self)
    }

    /// The chain's name, one where it has two.
    pub fn name(&self) -> String {
        match &self.0 {
            Family::Bitcoin(coin) => coin.name.to_owned(),
            Family::Evm(number) => evm::chain_name(*number),
            Family::Cosmos(prefix) => format!("cosmos:{prefix}"),
            single => SINGLE.iter().find(|(_, family)| family == single).map_or("", |(name, _)| name).to_owned(),
        }
    }

    /// The chain's number (EIP-155), if it is Ethereum or one of its like.
    pub fn evm_number(&self) -> Option<u64> {
        match self.0 {
            Family::Evm(number) => Some(number),
            _ => None,
        }
    }

    /// Whether the chain counts in this asset: whether it is what an address holds there without any token.
    pub fn counts_in(&self, asset: &str) -> bool {
        let coins: &[&str] = match &self.0 {
            Family::Bitcoin(coin) => match coin.name {
                "bitcoin" => &["BTC"],
                "bitcoin-cash" => &["BCH"],
                "bitcoin-sv" => &["BSV"],
                "litecoin" => &["LTC"],
                "dogecoin" => &["DOGE"],
                "dash" => &["DASH"],
                _ => &[],
            },
            Family::Evm(number) => match number {
                1 | 10 | 8_453 | 42_161 | 59_144 => &["ETH"],
                56 => &["BNB"],
                66 => &["OKT"],
                137 => &["POL", "MATIC"],
                196 => &["OKB"],
                43_114 => &["AVAX"],
                _ => &[],
            },
            Family::Cosmos(prefix) => match prefix.as_str() {
                "ex" => &["OKT"],
                "terra" => &["LUNC"],
                _ => &[],
            },
            Family::Tron => &["TRX"],
            Family::Solana => &["SOL"],
            Family::Xrp => &["XRP"],
            Family::Ton => &["TON"],
            Family::Aptos => &["APT"],
            Family::Sui => &["SUI"],
            Family::Filecoin => &["FIL"],
            Family::Conflux => &["CFX"],
            Family::Polkadot => &["DOT"],
            Family::Cardano => &["ADA"],
        };
        coins.iter().any(|coin| coin.eq_ignore_ascii_case(asset))
    }

    /// The script that coins at an address are under; `None` where the chain has no scripts or cannot read the address.
    pub fn script(&self, address: &str) -> Option<Vec<u8>> {
        match &self.0 {
            Family::Bitcoin(coin) => coin.parse(address).ok().map(|target| target.script_pubkey().into_bytes()),
            _ => None,
        }
    }

    /// What stands in the canonical message: one signature serves an address on all EVM chains.
    pub fn family(&self) -> String {
        match &self.0 {
            Family::Evm(_) => "evm".to_owned(),
            _ => self.name(),
        }
    }

    /// The schemes of its signatures, the default first.
    pub fn schemes(&self) -> &'static [&'static str] {
        match &self.0 {
            Family::Bitcoin(coin) => prove::schemes(coin),
            Family::Evm(_) => evm::SCHEMES,
            Family::Cosmos(_) => cosmos::SCHEMES,
            Family::Tron => tron::SCHEMES,
            Family::Solana => solana::SCHEMES,
            Family::Xrp => xrp::SCHEMES,
            Family::Ton => ton::SCHEMES,
            Family::Aptos => aptos::SCHEMES,
            Family::Sui => sui::SCHEMES,
            Family::Filecoin => filecoin::SCHEMES,
            Family::Conflux => conflux::SCHEMES,
            Family::Polkadot => polkadot::SCHEMES,
            Family::Cardano => cardano::SCHEMES,
        }
    }

    /// The scheme in which an address can sign so that its line is fresh. `None` where only published forms are read.
    pub fn fresh_scheme(&self, address: &str) -> Option<&'static str> {
        let default = self.schemes().first().copied().filter(|scheme| !scheme.starts_with("okx-"))?;
        match &self.0 {
            Family::Filecoin => address.starts_with("f4").then_some(default),
            _ => Some(default),
        }
    }

    /// The address in one spelling, for comparing alone.
    ///
    /// # Errors
    /// If it is none of this chain's main network.
    pub fn canonical_address(&self, address: &str) -> Result<String, Defect> {
        match &self.0 {
            Family::Bitcoin(coin) => coin.canonical(address),
            Family::Evm(_) => evm::canonical(address),
            Family::Cosmos(prefix) => cosmos::canonical(prefix, address),
            Family::Tron => tron::canonical(address),
            Family::Solana => solana::canonical(address),
            Family::Xrp => xrp::canonical(address),
            Family::Ton => ton::canonical(address),
            Family::Aptos => aptos::canonical(address),
            Family::Sui => sui::canonical(address),
            Family::Filecoin => filecoin::canonical(address),
            Family::Conflux => conflux::canonical(address),
            Family::Polkadot => polkadot::canonical(address),
            Family::Cardano => cardano::canonical(address),
        }
        .map_err(|why| Defect::Address { chain: self.name(), address: address.to_owned(), why })
    }

    /// Whether the address' key signed.
    pub(crate) fn prove(&self, claim: &Claim<'_>) -> Result<Proof, Defect> {
        match &self.0 {
            Family::Bitcoin(coin) => prove::prove(coin, claim),
            Family::Evm(_) => evm::prove(claim),
            Family::Cosmos(prefix) => cosmos::prove(prefix, claim),
            Family::Tron => tron::prove(claim),
            Family::Solana => solana::prove(claim),
            Family::Xrp => xrp::prove(claim),
            Family::Ton => ton::prove(claim),
            Family::Aptos => aptos::prove(claim),
            Family::Sui => sui::prove(claim),
            Family::Filecoin => filecoin::prove(claim),
            Family::Conflux => conflux::prove(claim),
            Family::Polkadot => polkadot::prove(claim),
            Family::Cardano => cardano::prove(claim),
        }
    }

    /// Whether a contract's named owners signed, which proves nothing without the chain's state.
    pub(crate) fn prove_owners(&self, claim: &Claim<'_>) -> Result<Proof, Defect> {
        match &self.0 {
            Family::Evm(_) => evm::prove_owners(claim, evm::parse, |claim, signature| {
                evm::signer(claim, signature, evm::SCHEMES).map(|(by, _)| by)
            }),
            Family::Tron => evm::prove_owners(claim, tron::parse, tron::signer),
            _ => Ok(Proof::Unproven(Reason::Contract)),
        }
    }

    /// What the line states beside the address must belong to it, also where nothing is signed.
    pub(crate) fn check_key(&self, claim: &Claim<'_>) -> Result<(), Defect> {
        match &self.0 {
            Family::Bitcoin(coin) => prove::check_key(coin, claim),
            Family::Xrp => xrp::check_key(claim).map(|_| ()),
            Family::Sui => sui::check_key(claim).map(|_| ()),
            Family::Cardano => cardano::check_key(claim).map(|_| ()),
            _ => Ok(()),
        }
    }
}
