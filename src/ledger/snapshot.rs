//! The checked ledger. There is no way to make one but [`check`](super::check), so whoever holds one need not ask again.

use sha2::{Digest, Sha256};

use super::accounts::Accounts;
use super::assets::Asset;
use super::manifest::Manifest;
use super::reserve_lines::ReserveLine;

/// What one account holds and owes of one asset, in the asset's smallest unit. At least one of the two is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// Number of the account in the snapshot's list.
    pub account: u32,
    /// Number of the asset in the snapshot's list.
    pub asset: u16,
    /// What the exchange owes the customer.
    pub equity: u64,
    /// What the customer owes the exchange.
    pub debt: u64,
}

impl Holding {
    pub(crate) fn key(&self) -> (u32, u16) {
        (self.account, self.asset)
    }

    /// Entries it takes on the account's pages: one each for equity and debt, where not zero.
    #[must_use]
    pub fn entries(&self) -> usize {
        usize::from(self.equity > 0) + usize::from(self.debt > 0)
    }
}

/// One asset's sums over all accounts, in its smallest unit. They may exceed 2^64; fewer than 2^32 accounts with less than
/// 2^64 each keep them below 2^96.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AssetTotals {
    /// What the exchange owes its customers.
    pub equity: u128,
    /// What its customers owe the exchange.
    pub debt: u128,
}

/// An exchange's ledger at one instant, checked.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) manifest: Manifest,
    pub(super) assets: Vec<Asset>,
    pub(super) accounts: Accounts,
    pub(super) holdings: Vec<Holding>,
    pub(super) holding_ends: Vec<usize>,
    pub(super) totals: Vec<AssetTotals>,
    pub(super) reserves: Vec<ReserveLine>,
    pub(super) reserve_sums: Vec<u128>,
    pub(super) coverage_bps: Option<u32>,
}

impl Snapshot {
    /// The manifest as written.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// SHA-256 over everything that reaches an account's pages: references, classes and holdings. 64 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for account in 0..self.account_count() as u32 {
            let name = self.account(account);
            hasher.update((name.len() as u64).to_le_bytes());
            hasher.update(name);
            hasher.update([self.class(account)]);
            let holdings = self.holdings_of(account);
            hasher.update((holdings.len() as u64).to_le_bytes());
            for holding in holdings {
                hasher.update(holding.asset.to_le_bytes());
                hasher.update(holding.equity.to_le_bytes());
                hasher.update(holding.debt.to_le_bytes());
            }
        }
        hex::encode(hasher.finalize())
    }

    /// All assets, in the order of assets.csv; 1 to [`MAX_ASSETS`](super::MAX_ASSETS).
    #[must_use]
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    /// Number of accounts, 1 to 2^32 − 1.
    #[must_use]
    pub fn account_count(&self) -> usize {
        self.accounts.len()
    }

    /// The reference of account number `account`, counted from 0 in the order of accounts.csv; it stands in line
    /// `account + 2` there.
    ///
    /// # Panics
    /// If there are not that many accounts.
    #[must_use]
    pub fn account(&self, account: u32) -> &str {
        self.accounts.get(account)
    }

    /// The class of account number `account`.
    ///
    /// # Panics
    /// If there are not that many accounts.
    #[must_use]
    pub fn class(&self, account: u32) -> u8 {
        self.accounts.class(account)
    }

    /// All holdings, sorted by account and asset, each pair at most once.
    #[must_use]
    pub fn holdings(&self) -> &[Holding] {
        &self.holdings
    }

    /// The holdings of account number `account`, sorted by asset; empty for an account without balances.
    ///
    /// # Panics
    /// If there are not that many accounts.
    #[must_use]
    pub fn holdings_of(&self, account: u32) -> &[Holding] {
        let account = account as usize;
        let start = if account == 0 { 0 } else { self.holding_ends[account - 1] };
        &self.holdings[start..self.holding_ends[account]]
    }

    /// Totals of each asset, in the order of [`assets`](Self::assets).
    #[must_use]
    pub fn totals(&self) -> &[AssetTotals] {
        &self.totals
    }

    /// All reserve lines, in the order of reserves.csv; empty where there is no such file.
    #[must_use]
    pub fn reserves(&self) -> &[ReserveLine] {
        &self.reserves
    }

    /// Sum of the reserve lines of each asset in its smallest unit, in the order of [`assets`](Self::assets).
    #[must_use]
    pub fn reserve_sums(&self) -> &[u128] {
        &self.reserve_sums
    }

    /// Coverage the exchange requires of its reserves, in hundredths of a percent, 0 to 100,000; `None` where the snapshot
    /// has no reserves.csv. Whether the reserves reach it is not looked at here.
    #[must_use]
    pub fn coverage_bps(&self) -> Option<u32> {
        self.coverage_bps
    }
}
