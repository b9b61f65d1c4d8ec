//! The order of the accounts in the tree: by identity, so a position says nothing about the customer.

use assay_core::{
    field::{F, to_hex},
    identity::{MasterSecret, Scope, identity},
};
use ff::Field;
use rayon::prelude::*;

use super::error::AttestError;
use crate::{ledger::Snapshot, progress::Progress};

/// The accounts' identities in ascending order, and the ledger's account number of each.
///
/// # Errors
/// [`AttestError::NotValid`] if an identity is padding's, or two accounts have the same one.
pub fn ordered(
    snapshot: &Snapshot,
    secret: &MasterSecret,
    progress: &dyn Progress,
) -> Result<(Vec<F>, Vec<u32>), AttestError> {
    let count = u32::try_from(snapshot.account_count())
        .map_err(|_| AttestError::NotValid("a ledger has at most 2^32 − 1 accounts".to_owned()))?;
    let manifest = snapshot.manifest();
    let scope = Scope { domain: &manifest.exchange.domain, series: manifest.snapshot.series() };
    progress.begin("deriving identities", u64::from(count), "accounts");
    let mut order: Vec<(F, u32)> = (0..count)
        .into_par_iter()
        .map(|account| {
            let name = snapshot.account(account);
            progress.advance(1);
            (identity(&secret.salt(scope, name), scope, name), account)
        })
        .collect();
    order.par_sort_unstable();
    progress.end();
    if let Some((_, account)) = order.first().filter(|(identity, _)| *identity == F::ZERO) {
        return Err(AttestError::NotValid(format!(
            "account {} has the identity of padding",
            snapshot.account(*account)
        )));
    }
    if let Some(twins) = order.windows(2).find(|w| w[0].0 == w[1].0) {
        return Err(AttestError::NotValid(format!("two accounts have the identity {}", to_hex(&twins[0].0))));
    }
    Ok(order.into_iter().unzip())
}
