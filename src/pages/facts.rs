//! What lists and charts need of a statement: a ratio for each asset.

use assay_core::text::visible;
use assay_programs::ledger::{
    policy::{AssetLine, asset_lines},
    statement::Statement,
};

/// The ratios of one statement, in hundredths of a percent. A published statement never changes, so neither do they.
pub struct Facts {
    /// Symbol of each asset, fit to be shown, and reserves over customer assets; nothing where nothing is owed. In the book's order.
    pub ratios: Vec<(String, Option<u128>)>,
    /// The lowest share of stated reserves that the exchange calls proven owned; nothing without evidence or reserves.
    pub owned: Option<(String, u128)>,
}

impl Facts {
    /// The ratios of a statement.
    pub fn of(statement: &Statement) -> Self {
        let lines = asset_lines(statement);
        let ratios = lines.iter().map(|line| (visible(&line.symbol), line.coverage_bps())).collect();
        Self { ratios, owned: lowest_owned(&lines) }
    }

    /// The lowest ratio and its asset; nothing where nothing is owed at all.
    pub fn lowest(&self) -> Option<(&str, u128)> {
        let owed = self.ratios.iter().filter_map(|(symbol, ratio)| Some((symbol.as_str(), (*ratio)?)));
        owed.min_by_key(|(_, ratio)| *ratio)
    }

    /// The ratio of an asset; nothing if the statement does not have it.
    pub fn ratio(&self, symbol: &str) -> Option<u128> {
        self.ratios.iter().find(|(found, _)| found == symbol).and_then(|(_, ratio)| *ratio)
    }

    /// Approximate size in memory.
    pub fn weight(&self) -> usize {
        let texts: usize = self.ratios.iter().map(|(symbol, _)| symbol.len()).sum();
        size_of::<Self>() + texts + self.ratios.len() * size_of::<(String, Option<u128>)>()
    }
}

/// The lowest share proven owned and its asset.
pub fn lowest_owned(lines: &[AssetLine]) -> Option<(String, u128)> {
    let shares = lines.iter().filter_map(|line| Some((line, line.owned_bps()?)));
    shares.min_by_key(|(_, share)| *share).map(|(line, share)| (visible(&line.symbol), share))
}
