//! Holdings of accounts, and their totals.

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
