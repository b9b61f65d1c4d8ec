//! Lines that test keys signed, in every form there is: for tests here and for the corpus of the fuzzer. The keys are public.

pub(crate) mod bitcoin;
mod holding;
pub(crate) mod line;
mod others;

pub use holding::{holding, holding_keys, holding_signature};
pub use line::{TestLine, context};

use crate::context::Context;

/// A line of every form, signed over the canonical message of the snapshot or over `message`.
pub fn lines(context: &Context<'_>, message: Option<&str>) -> Vec<TestLine> {
    [bitcoin::lines(context, message), others::lines(context, message)].concat()
}
