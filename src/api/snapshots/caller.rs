//! As whom a caller is written down.

use crate::tokens::Caller;

/// Whose a named write is: names of one exchange's people say nothing to another's.
pub(super) fn owner(caller: &Caller) -> String {
    let exchange = caller.exchange.as_deref().unwrap_or_default();
    // lengths, since any of the three may hold anything
    format!("{} {} {}{exchange}{}", caller.issuer.len(), exchange.len(), caller.issuer, caller.subject)
}

/// Who is written down as having done something: an exchange's own people and programs, never a customer.
pub(super) fn actor(caller: &Caller) -> String {
    format!("{} {}", caller.issuer, caller.subject)
}
