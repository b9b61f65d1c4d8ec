//! The checked ledger. Only [`check`](super::check) makes one, so its users need no further checks.

use sha2::{Digest, Sha256};

use super::accounts::Accounts;
use super::assets::Asset;
use super::classes::ClassInfo;
use super::collateral::Collateral;
use super::finding::Finding;
use super::holding::{AssetTotals, Holding};
use super::instruments::Instrument;
use super::manifest::{Manifest, Policy};
use super::per_account::PerAccount;
use super::position_limits::{Limit, Side};
use super::positions::Position;
use super::reserve_lines::ReserveLine;
use super::tiers::{Tier, Tiers};

/// The checked ledger of an exchange at one instant.
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
    pub(super) classes: Vec<ClassInfo>,
    pub(super) instruments: Vec<Instrument>,
    /// `None` without limits.csv.
    pub(super) limits: Option<Vec<Limit>>,
    pub(super) tiers: Tiers,
    pub(super) has_rules: bool,
    pub(super) value_decimals: u8,
    pub(super) positions: PerAccount<Position>,
    /// `None` without collateral.csv.
    pub(super) collateral: Option<PerAccount<Collateral>>,
    pub(super) warnings: Vec<Finding>,
}

impl Snapshot {
    /// The manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The policy; without one in the manifest, it sets no requirement.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.manifest.policy.unwrap_or_default()
    }

    /// What makes an attestation of this valid ledger one that `verify` does not accept, and what was rounded.
    #[must_use]
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// SHA-256 of everything that determines the pages of accounts: references, classes, holdings, positions and the rows of
    /// collateral.csv. 64 hexadecimal digits.
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
        // after the accounts: no reference is as long as these words, so the encoding is unambiguous
        let positions = self.positions.rows();
        if !positions.is_empty() {
            hasher.update(b"positions");
            hasher.update((positions.len() as u64).to_le_bytes());
        }
        for position in positions {
            hasher.update(position.account.to_le_bytes());
            hasher.update(position.instrument.to_le_bytes());
            hasher.update([u8::from(position.side == Side::Short)]);
            hasher.update(position.contracts.to_le_bytes());
        }
        if let Some(collateral) = &self.collateral {
            hasher.update(b"collateral");
            hasher.update((collateral.rows().len() as u64).to_le_bytes());
            for row in collateral.rows() {
                hasher.update(row.account.to_le_bytes());
                hasher.update(row.asset.to_le_bytes());
                hasher.update([row.kind]);
                hasher.update(row.amount.to_le_bytes());
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

    /// The reference of account number `account`, counted from 0 in the order of accounts.csv (line `account + 2`).
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

    /// The classes, sorted by number; empty without classes.csv.
    #[must_use]
    pub fn classes(&self) -> &[ClassInfo] {
        &self.classes
    }

    /// All instruments, in the order of instruments.csv; at most [`MAX_INSTRUMENTS`](super::MAX_INSTRUMENTS).
    #[must_use]
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// All position limits, sorted by instrument, class and side. With limits.csv, every position is within one of them.
    #[must_use]
    pub fn limits(&self) -> &[Limit] {
        self.limits.as_deref().unwrap_or_default()
    }

    /// Whether there is a limits.csv. If so, a position without a limit is prohibited.
    #[must_use]
    pub fn has_limits(&self) -> bool {
        self.limits.is_some()
    }

    /// Whether the ledger has any of instruments.csv, limits.csv, classes.csv and tiers.csv.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        self.has_rules
    }

    /// Decimals of the quote currency that accounts are valued in, 12 to 24; 12 in a ledger without rules.
    #[must_use]
    pub fn value_decimals(&self) -> u8 {
        self.value_decimals
    }

    /// All collateral tiers, sorted by asset, kind and value; at most [`MAX_TIERS`](super::MAX_TIERS). An asset without
    /// tiers is not collateral.
    #[must_use]
    pub fn tiers(&self) -> &[Tier] {
        &self.tiers.list
    }

    /// The kinds of collateral, in the order of their first use in tiers.csv; only `collateral` if tiers.csv has no such column; none
    /// without tiers.csv.
    #[must_use]
    pub fn collateral_kinds(&self) -> &[String] {
        &self.tiers.kinds
    }

    /// The positions of account number `account`, sorted by instrument; empty for an unknown number.
    #[must_use]
    pub fn positions_of(&self, account: u32) -> &[Position] {
        self.positions.of(account)
    }

    /// The collateral of account number `account`, sorted by asset and kind: its rows in collateral.csv, or without that file all its
    /// equity in assets with tiers.
    ///
    /// # Panics
    /// If there are not that many accounts.
    #[must_use]
    pub fn collateral_of(&self, account: u32) -> Vec<Collateral> {
        if let Some(collateral) = &self.collateral {
            return collateral.of(account).to_vec();
        }
        let pledged = |held: &&Holding| held.equity > 0 && self.tiers.has(held.asset);
        let whole = |held: &Holding| Collateral { account, asset: held.asset, kind: 0, amount: held.equity };
        self.holdings_of(account).iter().filter(pledged).map(whole).collect()
    }

    /// Totals of each asset, in the order of [`assets`](Self::assets).
    #[must_use]
    pub fn totals(&self) -> &[AssetTotals] {
        &self.totals
    }

    /// All reserve lines, in the order of reserves.csv; empty without that file.
    #[must_use]
    pub fn reserves(&self) -> &[ReserveLine] {
        &self.reserves
    }

    /// Sum of the reserve lines of each asset in its smallest unit, rounded down once, in the order of [`assets`](Self::assets).
    #[must_use]
    pub fn reserve_sums(&self) -> &[u128] {
        &self.reserve_sums
    }

    /// Coverage that the policy requires, in hundredths of a percent, 0 to 100,000; `None` without reserves.csv. Whether the reserves
    /// are sufficient is not checked here.
    #[must_use]
    pub fn coverage_bps(&self) -> Option<u32> {
        self.coverage_bps
    }
}
