//! What lists and charts need of a statement: a ratio for each asset, and whether it has a policy.

use assay_programs::ledger::{
    policy::{AssetLine, asset_lines},
    statement::{Policy, Statement},
};

/// The ratios of one statement, in hundredths of a percent. A published statement never changes, so neither do they.
pub struct Facts {
    /// Symbol of each asset, as the statement has it, and reserves over customer assets; nothing where nothing is owed. In the book's
    /// order. Two symbols may be shown alike, so only a page makes them fit to be shown.
    pub ratios: Vec<(String, Option<u128>)>,
    /// The lowest share of stated reserves that the exchange calls proven owned; nothing without evidence or reserves.
    pub owned: Option<(String, u128)>,
    /// Whether the statement has a rule that its numbers must meet.
    pub has_policy: bool,
}

impl Facts {
    /// The ratios of a statement.
    pub fn of(statement: &Statement) -> Self {
        let lines = asset_lines(statement);
        let ratios = lines.iter().map(|line| (line.symbol.clone(), line.coverage_bps())).collect();
        Self { ratios, owned: lowest_owned(&lines), has_policy: has_policy(&statement.policy) }
    }

    /// The lowest ratio and its asset; nothing where nothing is owed at all.
    pub fn lowest(&self) -> Option<(&str, u128)> {
        let owed = self.ratios.iter().filter_map(|(symbol, ratio)| Some((symbol.as_str(), (*ratio)?)));
        owed.min_by_key(|(_, ratio)| *ratio)
    }

    /// The ratio of the asset with exactly this symbol; nothing if the statement does not have it.
    pub fn ratio(&self, symbol: &str) -> Option<u128> {
        self.ratios.iter().find(|(found, _)| found == symbol).and_then(|(_, ratio)| *ratio)
    }

    /// Approximate size in memory.
    pub fn weight(&self) -> usize {
        let texts: usize = self.ratios.iter().map(|(symbol, _)| symbol.len()).sum();
        size_of::<Self>() + texts + self.ratios.len() * size_of::<(String, Option<u128>)>()
    }
}

/// Whether a policy has a rule at all.
pub fn has_policy(policy: &Policy) -> bool {
    // the basis alone requires nothing
    let Policy { coverage_bps, coverage_basis: _, below_margin_max, equity_ratio_bps, owned_bps } = policy;
    coverage_bps.is_some() || below_margin_max.is_some() || equity_ratio_bps.is_some() || owned_bps.is_some()
}

/// The lowest share proven owned and its asset.
pub fn lowest_owned(lines: &[AssetLine]) -> Option<(String, u128)> {
    let shares = lines.iter().filter_map(|line| Some((line, line.owned_bps()?)));
    shares.min_by_key(|(_, share)| *share).map(|(line, share)| (line.symbol.clone(), share))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_core::text::visible;
    use assay_programs::{
        ledger::{shape::Shape, statement::CoverageBasis},
        testing::{test_pages, test_statement},
    };

    use super::*;

    fn statement() -> Statement {
        let shape = Shape::named("solvency-8").unwrap();
        test_statement(shape, &"0".repeat(64), &test_pages(shape, 5, 1))
    }

    #[test]
    fn symbols_that_are_shown_alike_keep_their_own_ratios() {
        let (common, one, other) = ("A".repeat(400), "A".repeat(401), "A".repeat(402));
        assert_eq!(visible(&one), visible(&other));
        let ratios = vec![(one.clone(), Some(1)), (other.clone(), Some(2))];
        let facts = Facts { ratios, owned: None, has_policy: true };
        assert_eq!((facts.ratio(&one), facts.ratio(&other), facts.ratio(&common)), (Some(1), Some(2), None));
        let mut hidden = statement();
        hidden.assets[0].symbol = "T\u{200b}".to_owned();
        assert_eq!(Facts::of(&hidden).ratios[0].0, "T\u{200b}");
    }

    #[test]
    fn each_rule_alone_is_a_policy_and_the_basis_is_none() {
        type Change = fn(&mut Policy);
        let rules: [(Change, bool); 5] = [
            (|policy| policy.coverage_bps = Some(10_000), true),
            (|policy| policy.below_margin_max = Some(0), true),
            (|policy| policy.equity_ratio_bps = Some(1), true),
            (|policy| policy.owned_bps = Some(1), true),
            (|policy| policy.coverage_basis = Some(CoverageBasis::Gross), false),
        ];
        for (number, (change, expected)) in rules.into_iter().enumerate() {
            let mut statement = statement();
            statement.policy.coverage_bps = None;
            assert!(!Facts::of(&statement).has_policy);
            change(&mut statement.policy);
            assert_eq!(Facts::of(&statement).has_policy, expected, "{number}");
        }
    }
}
