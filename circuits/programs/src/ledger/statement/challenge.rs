//! The challenges drawn from a statement, and what the fold must sum to under them.

use assay_core::{Error, decimal::parse_count, field::F, sealed::Sealed, transcript::draw};
use ff::PrimeField;

use super::types::Statement;

/// Column indices have 14 bits, and those a prover can spell 24; a challenge below this bound is refused.
const COLUMN_SPACE: u64 = 1 << 24;
/// The challenge γ of a statement: SHA-512 over a label and its canonical bytes, reduced from 64 bytes.
pub fn challenge(statement: &Sealed<Statement>) -> F {
    draw(b"assay/challenge/gamma/v1\0", statement.bytes())
}

/// The challenge ρ, drawn before the private sums are committed to, from [`Statement::draft_bytes`].
pub fn first_challenge(draft_bytes: &[u8]) -> F {
    draw(b"assay/challenge/rho/v1\0", draft_bytes)
}

/// Refuses a challenge that could be a column's index: there a fraction's denominator would vanish.
///
/// # Errors
/// [`Error::OutOfBounds`] for such a γ.
pub fn check_challenge(gamma: F) -> Result<(), Error> {
    let repr = gamma.to_repr();
    let bytes = repr.as_ref();
    let small = bytes[8..].iter().all(|b| *b == 0)
        && u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) < COLUMN_SPACE;
    if small {
        return Err(Error::OutOfBounds("the challenge is a possible column index".to_owned()));
    }
    Ok(())
}

impl Statement {
    /// Σ total / (γ − index) over the columns: what the fold's fractions must sum to.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] for a γ that could be a column's index.
    pub fn fractions(&self, gamma: F) -> Result<F, Error> {
        check_challenge(gamma)?;
        self.columns.iter().try_fold(F::from(0), |sum, column| {
            let total = F::from_u128(parse_count(&column.total)?);
            let difference = gamma - F::from(u64::from(column.index));
            let inverse = Option::<F>::from(ff::Field::invert(&difference)).expect("γ is no column's index");
            Ok(sum + total * inverse)
        })
    }
}
