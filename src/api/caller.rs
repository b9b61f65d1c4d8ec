//! How a caller appears in idempotency keys and in the audit trail.

use crate::tokens::Caller;

/// Owner of an idempotency key, so that keys of different exchanges are independent.
pub fn owner(caller: &Caller) -> String {
    let exchange = caller.exchange.as_deref().unwrap_or_default();
    // with lengths, because each of the three may contain any character
    format!("{} {} {}{exchange}{}", caller.issuer.len(), exchange.len(), caller.issuer, caller.subject)
}

/// The actor in the audit trail: a user or program of the exchange, never a customer.
pub fn actor(caller: &Caller) -> String {
    format!("{} {}", caller.issuer, caller.subject)
}
