//! The part of a statement about rules: instruments and classes as the ledger has them, and the sums of the measures.

use std::collections::BTreeMap;

use assay_core::worth::VALUE_DECIMALS;
use assay_programs::ledger::{
    shape::MEASURES,
    statement::{Class, Instrument, MEASURE_NAMES, MeasureResult, RuleClaims},
};

use crate::ledger::{self, Snapshot};

/// Sums of the measures over all accounts.
#[derive(Debug, Clone, Copy, Default)]
pub struct Results([(u128, u128, u64); MEASURES]);

impl Results {
    /// Adds one account.
    #[must_use]
    pub fn with(mut self, measures: &[i128; MEASURES]) -> Self {
        for ((positive, negative, below), measure) in self.0.iter_mut().zip(measures) {
            // cannot overflow: fewer than 2^32 accounts, each below 2^96
            *if *measure < 0 { negative } else { positive } += measure.unsigned_abs();
            *below += u64::from(*measure < 0);
        }
        self
    }

    /// Adds the results of another part of the ledger.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own = (own.0 + other.0, own.1 + other.1, own.2 + other.2);
        }
        self
    }

    /// The results as the statement lists them.
    pub fn claims(&self) -> Vec<MeasureResult> {
        let claim = |(name, (positive, negative, below)): (&str, &(u128, u128, u64))| MeasureResult {
            measure: name.to_owned(),
            positive: positive.to_string(),
            negative: negative.to_string(),
            below: *below,
        };
        MEASURE_NAMES.into_iter().zip(&self.0).map(claim).collect()
    }
}

/// Instruments and classes as the statement lists them, with all results 0. The classes are those of the ledger's files,
/// those of its accounts, and class 0, which padding has.
pub fn claims(snapshot: &Snapshot) -> RuleClaims {
    let class = |class| Class { class, name: String::new(), kyc_level: String::new(), jurisdiction: String::new() };
    let mut classes: BTreeMap<u8, Class> = [(0, class(0))].into();
    for account in 0..snapshot.account_count() as u32 {
        let own = snapshot.class(account);
        classes.entry(own).or_insert_with(|| class(own));
    }
    // a limit's class is listed even if no account is in it
    for limit in snapshot.limits() {
        classes.entry(limit.class).or_insert_with(|| class(limit.class));
    }
    for info in snapshot.classes() {
        let (name, kyc_level, jurisdiction) = (info.name.clone(), info.kyc_level.clone(), info.jurisdiction.clone());
        classes.insert(info.class, Class { class: info.class, name, kyc_level, jurisdiction });
    }
    let instrument = |i: &ledger::Instrument| Instrument {
        symbol: i.symbol.clone(),
        contract_size: i.contract_size.to_string(),
        mark_price: i.mark_price.to_string(),
        maintenance_margin_bps: u32::from(i.maintenance_margin_bps),
    };
    RuleClaims {
        instruments: snapshot.instruments().iter().map(instrument).collect(),
        classes: classes.into_values().collect(),
        value_decimals: Some(snapshot.value_decimals()).filter(|decimals| decimals != VALUE_DECIMALS.start()),
        results: Results::default().claims(),
    }
}
