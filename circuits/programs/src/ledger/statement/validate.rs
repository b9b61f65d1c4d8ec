//! The rules of the statement's format, each a sentence of its own.

use std::collections::BTreeSet;

use assay_core::{
    Error,
    decimal::{is_shortest, parse_count, parse_shortest},
    domain::{domain_defect, lei_defect},
    field::from_hex,
    sealed::{Document, MAX_STATEMENT_BYTES},
    text::{chain_defect, is_name, lower_hex, symbol_key, visible},
    time::parse_instant,
    worth::VALUE_DECIMALS,
};

use super::{
    claims::{ColumnKind, MEASURE_NAMES, MeasureResult, RuleClaims},
    types::{Asset, COVER_COLUMNS, CoverageBasis, MAX_SHARDS, Statement},
};
use crate::ledger::shape::{ALL_COLUMNS, Family, MAX_ASSETS, MAX_INSTRUMENTS, OPEN_COLUMNS, Shape};

/// Integers in JSON stay exact up to here.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

fn refuse<T>(reason: impl std::fmt::Display) -> Result<T, Error> {
    Err(Error::Malformed(format!("the statement is refused: {reason}")))
}

/// One result for each measure, in order, in numbers that JSON holds exactly.
fn validate_results(results: &[MeasureResult]) -> Result<(), Error> {
    if !results.iter().map(|r| r.measure.as_str()).eq(MEASURE_NAMES) {
        return refuse("its results are not those of this protocol's measures");
    }
    for result in results {
        parse_count(&result.positive)?;
        parse_count(&result.negative)?;
        if result.below > MAX_SAFE_INTEGER {
            return refuse("an integer above 2^53 − 1");
        }
    }
    Ok(())
}

impl Document for Statement {
    const NAME: &'static str = "the statement";
    const MAX_BYTES: usize = MAX_STATEMENT_BYTES;

    fn validate(&self) -> Result<(), Error> {
        self.validate_all()
    }
}

impl Statement {
    /// Every rule, in order.
    fn validate_all(&self) -> Result<(), Error> {
        let shape = self.shape()?;
        let (protocol, not_proven) = (shape.family.protocol(), shape.family.not_proven());
        if self.protocol != protocol {
            return refuse(format!("its protocol is `{}`, that of {} is `{protocol}`", self.protocol, shape.name));
        }
        if self.rules.is_some() != (shape.family == Family::Compliance) {
            return refuse(format!("a statement of {} has rules exactly if the shape is for compliance", shape.name));
        }
        from_hex(&self.parameter_digest)?;
        if lower_hex(&self.reserves.root).is_none_or(|root| root.len() != 32) {
            return refuse("the root of the reserves is not 64 lower-case hexadecimal digits".to_owned());
        }
        if self.reserves.lines > MAX_SAFE_INTEGER || self.snapshot.block_heights.values().any(|h| *h > MAX_SAFE_INTEGER)
        {
            return refuse("an integer above 2^53 − 1".to_owned());
        }
        if !self.not_proven.iter().map(String::as_str).eq(not_proven.iter().copied()) {
            return refuse("its list of what is not proven is not this protocol's".to_owned());
        }
        for (what, text) in [
            ("the exchange's name", &self.exchange.name),
            ("the snapshot's id", &self.snapshot.id),
            ("the snapshot's series", &self.snapshot.series),
        ] {
            if text.is_empty() || text.len() > 256 || text.chars().any(char::is_control) {
                return refuse(format!("{what} is empty, longer than 256 bytes, or holds control characters"));
            }
        }
        self.validate_texts()?;
        self.validate_reserves()?;
        self.validate_columns()?;
        self.validate_rules()?;
        self.validate_shards(shape)
    }

    /// Each shard by itself, the cover that several shards need, and the results, which are the sums over the shards.
    fn validate_shards(&self, shape: &Shape) -> Result<(), Error> {
        let count = self.shards.len();
        if !(1..=MAX_SHARDS).contains(&count) {
            return refuse(format!("it has {count} shards, not 1 to {MAX_SHARDS}"));
        }
        let covers = self.columns.iter().filter(|c| c.kind == ColumnKind::Cover).count();
        let needed = if count > 1 { COVER_COLUMNS } else { 0 };
        if covers != needed {
            return refuse(format!("{covers} cover columns; with {count} shards there are {needed}"));
        }
        for (s, shard) in self.shards.iter().enumerate() {
            from_hex(&shard.root)?;
            if shard.steps == 0 || shard.steps > shape.max_steps() as u64 {
                let (steps, most) = (shard.steps, shape.max_steps());
                return refuse(format!("shard {s} has {steps} steps; {} takes 1 to {most}", shape.name));
            }
            if shard.rules.is_some() != self.rules.is_some() {
                return refuse(format!("shard {s} has results exactly if the statement has rules"));
            }
            if let Some(rules) = &shard.rules {
                validate_results(&rules.results)?;
                rules.private.as_deref().map(from_hex).transpose()?;
            }
        }
        let Some(rules) = &self.rules else {
            return Ok(());
        };
        for (m, stated) in rules.results.iter().enumerate() {
            let own = self.shards.iter().filter_map(|shard| shard.rules.as_ref()?.results.get(m));
            let mut sums = (0u128, 0u128, 0u64);
            for result in own {
                let (positive, negative) = (parse_count(&result.positive)?, parse_count(&result.negative)?);
                let sum = |a: u128, b: u128| {
                    a.checked_add(b).ok_or_else(|| Error::OutOfBounds("the sum of the shards' results".to_owned()))
                };
                // no overflow: 2^12 numbers below 2^53
                sums = (sum(sums.0, positive)?, sum(sums.1, negative)?, sums.2 + result.below);
            }
            if sums != (parse_count(&stated.positive)?, parse_count(&stated.negative)?, stated.below) {
                return refuse(format!("the results of {} are not the sums over its shards", stated.measure));
            }
        }
        Ok(())
    }

    /// Free text is for people to read: bounded, visible, and of the form its field promises.
    fn validate_texts(&self) -> Result<(), Error> {
        if let Err(e) = parse_instant(&self.snapshot.taken_at) {
            return refuse(format!("the snapshot's time: {e}"));
        }
        if let Some(defect) = domain_defect(&self.exchange.domain) {
            return refuse(format!("the exchange's domain `{}` {defect}", visible(&self.exchange.domain)));
        }
        if let Some((lei, defect)) = self.exchange.lei.as_ref().and_then(|lei| Some((lei, lei_defect(lei)?))) {
            return refuse(format!("the legal entity identifier `{}` {defect}", visible(lei)));
        }
        let mut chains = BTreeSet::new();
        for chain in self.snapshot.block_heights.keys() {
            if let Some(defect) = chain_defect(chain) {
                return refuse(format!("the chain name `{}` {defect}", visible(chain)));
            }
            if !chains.insert(symbol_key(chain)) {
                return refuse(format!(
                    "the chain `{}` is listed twice, or under names that look the same",
                    visible(chain)
                ));
            }
        }
        for asset in &self.assets {
            if !is_name(&asset.symbol) || !is_name(&asset.quote) {
                return refuse(format!("`{}` in `{}`: no usable symbols", asset.symbol, asset.quote));
            }
            if asset.price.as_ref().is_some_and(|p| !is_shortest(p)) {
                return refuse(format!("the price of {} is not a decimal in its shortest form", asset.symbol));
            }
        }
        Ok(())
    }

    /// Either no reserves are stated at all, or there are lines, a root and a policy.
    fn validate_reserves(&self) -> Result<(), Error> {
        let stated = self.reserves.lines > 0;
        if self.reserves.root.bytes().all(|b| b == b'0') == stated {
            return refuse("reserves have a root exactly if they have lines");
        }
        if self.policy.coverage_bps.is_some() != stated {
            return refuse("there is a policy on coverage exactly if reserves are stated");
        }
        if !stated && self.assets.iter().any(|a| a.reserves != "0") {
            return refuse("reserves of an asset are stated without any line");
        }
        if self.policy.owned_bps.is_some() && self.reserves.evidence.is_none() {
            return refuse("it has a policy on proven ownership, and no evidence");
        }
        match &self.reserves.evidence {
            Some(_) if !stated => refuse("it has evidence of reserves, and no reserves"),
            Some(evidence) => {
                let stated: Vec<_> = self.assets.iter().map(|a| (a.symbol.as_str(), a.reserves.as_str())).collect();
                evidence.defect(self.reserves.lines, &stated).map_or(Ok(()), refuse)
            }
            None => Ok(()),
        }
    }

    fn validate_columns(&self) -> Result<(), Error> {
        if !(1..=MAX_ASSETS).contains(&self.assets.len()) {
            return refuse(format!("it has {} assets, not 1 to {MAX_ASSETS}", self.assets.len()));
        }
        let (mut symbols, mut folded) = (BTreeSet::new(), BTreeSet::new());
        for asset in &self.assets {
            parse_count(&asset.reserves)?;
            if asset.scale > 38 {
                return refuse(format!("asset {} has {} decimals", asset.symbol, asset.scale));
            }
            symbols.insert(asset.symbol.as_str());
            // a reader could not tell which of two is meant
            if !folded.insert(symbol_key(&asset.symbol)) {
                return refuse(format!("asset {} is listed twice, or under names that look the same", asset.symbol));
            }
        }
        if self.columns.windows(2).any(|w| w[0].index >= w[1].index) {
            return refuse("its columns are not listed by ascending index, each once".to_owned());
        }
        for column in &self.columns {
            parse_count(&column.total)?;
            if column.index >= ALL_COLUMNS || (column.index >= OPEN_COLUMNS) != column.kind.cap()?.is_some() {
                return refuse(format!("column {} has the index of another kind of column", column.index));
            }
            if column.kind.asset().is_some_and(|asset| !symbols.contains(asset)) {
                return refuse(format!("column {} is of an unlisted asset", column.index));
            }
            let common = matches!(column.kind, ColumnKind::Asset { .. } | ColumnKind::Debt { .. } | ColumnKind::Cover);
            if self.rules.is_none() && !common {
                return refuse(format!("column {} is not of this family", column.index));
            }
        }
        let mut seen = BTreeSet::new();
        for column in &self.columns {
            if let ColumnKind::Asset { asset } | ColumnKind::Debt { asset } = &column.kind
                && !seen.insert((asset, matches!(column.kind, ColumnKind::Asset { .. })))
            {
                return refuse(format!("two columns of one kind for {asset}"));
            }
        }
        let owed: BTreeSet<&str> =
            self.columns.iter().filter(|c| c.kind.is_owed()).filter_map(|c| c.kind.asset()).collect();
        if owed.len() < self.assets.len() {
            return refuse("an asset without a column".to_owned());
        }
        Ok(())
    }

    fn validate_rules(&self) -> Result<(), Error> {
        let policy = &self.policy;
        let complete = [policy.below_margin_max.is_some(), policy.equity_ratio_bps.is_some()];
        if complete != [self.rules.is_some(); 2] {
            return refuse("it has a policy on margin and equity exactly if it has rules".to_owned());
        }
        if policy.coverage_basis == Some(CoverageBasis::Net) && policy.below_margin_max != Some(0) {
            return refuse("coverage is net of debts only where no account may be below its margin".to_owned());
        }
        if policy.coverage_basis.is_some() && policy.coverage_bps.is_none() {
            return refuse("it says what coverage is compared with, and has no policy on coverage".to_owned());
        }
        let Some(rules) = &self.rules else {
            return Ok(());
        };
        if policy.below_margin_max.is_some_and(|n| n > MAX_SAFE_INTEGER) {
            return refuse("an integer above 2^53 − 1".to_owned());
        }
        if self.assets.iter().any(|a: &Asset| a.quote != self.assets[0].quote) {
            return refuse("its prices are in more than one currency".to_owned());
        }
        if rules.instruments.len() > MAX_INSTRUMENTS {
            return refuse(format!("it has {} instruments, more than {MAX_INSTRUMENTS}", rules.instruments.len()));
        }
        let mut symbols = BTreeSet::new();
        for instrument in &rules.instruments {
            if !is_name(&instrument.symbol) || !symbols.insert(symbol_key(&instrument.symbol)) {
                let symbol = &instrument.symbol;
                return refuse(format!(
                    "instrument {symbol} has no usable symbol, or is listed twice, or under names that look the same"
                ));
            }
            parse_shortest(&instrument.contract_size)?;
            parse_shortest(&instrument.mark_price)?;
            if instrument.maintenance_margin_bps > 10_000 {
                return refuse(format!("the maintenance margin of {} is above 100 %", instrument.symbol));
            }
        }
        if rules.classes.windows(2).any(|w| w[0].class >= w[1].class) {
            return refuse("its classes are not listed in ascending order, each once".to_owned());
        }
        let text = |t: &str| t.is_empty() || is_name(t);
        if rules.classes.iter().any(|c| !text(&c.name) || !text(&c.kyc_level) || !text(&c.jurisdiction)) {
            return refuse("a class with a text that is not 1 to 64 visible bytes".to_owned());
        }
        validate_results(&rules.results)?;
        self.validate_capped(rules)?;
        if let Some(decimals) = rules.value_decimals
            && (!VALUE_DECIMALS.contains(&decimals) || decimals == *VALUE_DECIMALS.start())
        {
            return refuse(format!("accounts are valued in {decimals} decimals"));
        }
        self.book()?;
        match self.imprecise_column()? {
            Some(column) => refuse(format!(
                "a smallest unit of column {} is worth too little in units of 10^-{}: rounding changes it by more than 0.01 %",
                column.index,
                self.value_decimals()
            )),
            None => Ok(()),
        }
    }

    /// Every class has one null column, that of class 0 is the first capped one, since padding points there; and no account
    /// has two columns to hold one position in.
    fn validate_capped(&self, rules: &RuleClaims) -> Result<(), Error> {
        let (mut nulls, mut positions, mut unlimited) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut tiers = BTreeSet::new();
        for column in &self.columns {
            let capped = column.kind.cap()?;
            if capped.is_some_and(|(class, _)| !rules.classes.iter().any(|c| c.class == class)) {
                return refuse(format!("column {} is of an unlisted class", column.index));
            }
            match &column.kind {
                ColumnKind::Null { class } => {
                    if (column.index == OPEN_COLUMNS) != (*class == 0) || !nulls.insert(*class) {
                        return refuse(format!("column {} is not the null column of its class", column.index));
                    }
                }
                ColumnKind::Collateral { asset, percent_bps, table, class, .. } => {
                    if *percent_bps > 10_000 || table.as_ref().is_some_and(|t| !is_name(t)) {
                        return refuse(format!("column {} counts for more than its value", column.index));
                    }
                    // an account could fill both, and so hold twice the width at one percentage
                    if !tiers.insert((asset, table, percent_bps, class)) {
                        return refuse(format!("column {} is a collateral tier listed twice", column.index));
                    }
                }
                ColumnKind::Long { instrument, .. } | ColumnKind::Short { instrument, .. } => {
                    let side = (instrument, matches!(column.kind, ColumnKind::Long { .. }));
                    let fresh = match capped {
                        Some((class, _)) => positions.insert((side, class)),
                        None => unlimited.insert(side),
                    };
                    if !fresh {
                        return refuse(format!(
                            "column {} is a second one for positions in {instrument}",
                            column.index
                        ));
                    }
                }
                ColumnKind::Asset { .. } | ColumnKind::Debt { .. } | ColumnKind::Cover => {}
            }
        }
        // where a book limits positions, it limits every one: an open column would be a limit that nobody has
        if !positions.is_empty() && !unlimited.is_empty() {
            return refuse("it limits positions, and has a column of positions without a limit".to_owned());
        }
        if nulls.len() != rules.classes.len() || !nulls.contains(&0) {
            return refuse("every class, and class 0 in any case, has a null column".to_owned());
        }
        Ok(())
    }
}
