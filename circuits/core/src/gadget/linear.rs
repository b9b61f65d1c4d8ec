//! Linear expressions over circuit variables, with their value: what gadgets pass to each other. Adding, scaling and
//! packing cost nothing; only [`Linear::alloc`] makes a variable and only the `enforce_…` functions make constraints.

use bellpepper_core::{ConstraintSystem, LinearCombination, SynthesisError, Variable};
use ff::Field;

use crate::field::F;

/// A linear expression and, while proving, its value.
#[derive(Clone, Debug)]
pub struct Linear {
    value: Option<F>,
    terms: LinearCombination<F>,
}

impl Linear {
    /// The expression 0.
    pub fn zero() -> Self {
        Self { value: Some(F::ZERO), terms: LinearCombination::zero() }
    }

    /// The expression `value`·1.
    pub fn constant<CS: ConstraintSystem<F>>(value: F) -> Self {
        Self { value: Some(value), terms: LinearCombination::from_coeff(CS::one(), value) }
    }

    /// A variable that exists already.
    pub fn variable(variable: Variable, value: Option<F>) -> Self {
        Self { value, terms: LinearCombination::from_variable(variable) }
    }

    /// A value whose terms nobody will read: witness generators ignore constraints.
    pub fn witness_only(value: F) -> Self {
        Self { value: Some(value), terms: LinearCombination::zero() }
    }

    /// A new variable called `name`.
    ///
    /// # Errors
    /// [`SynthesisError::AssignmentMissing`] where the system wants a value and there is none.
    pub fn alloc<CS: ConstraintSystem<F>>(cs: &mut CS, name: &str, value: Option<F>) -> Result<Self, SynthesisError> {
        let variable = cs.alloc(|| name, || value.ok_or(SynthesisError::AssignmentMissing))?;
        Ok(Self::variable(variable, value))
    }

    /// The value, absent while only the constraints are being written down.
    pub fn value(&self) -> Option<F> {
        self.value
    }

    /// The terms.
    pub fn terms(&self) -> &LinearCombination<F> {
        &self.terms
    }

    /// The variable that this expression is, if it is one and nothing else.
    pub fn as_variable(&self) -> Option<Variable> {
        let mut terms = self.terms.iter();
        match (terms.next(), terms.next()) {
            (Some((variable, factor)), None) if *factor == F::ONE => Some(variable),
            _ => None,
        }
    }

    /// Adds `factor` times `other`.
    pub fn add_scaled(&mut self, factor: F, other: &Self) {
        self.value = self.value.zip(other.value).map(|(a, b)| a + factor * b);
        self.terms = std::mem::take(&mut self.terms) + (factor, &other.terms);
    }

    /// Adds `value`·1.
    pub fn add_constant<CS: ConstraintSystem<F>>(&mut self, value: F) {
        self.value = self.value.map(|v| v + value);
        self.terms = std::mem::take(&mut self.terms) + (value, CS::one());
    }

    /// Σ factor · expression.
    pub fn weighted_sum<'a>(parts: impl IntoIterator<Item = (F, &'a Self)>) -> Self {
        let mut sum = Self::zero();
        for (factor, part) in parts {
            sum.add_scaled(factor, part);
        }
        sum
    }

    /// `self` + `other`.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut sum = self.clone();
        sum.add_scaled(F::ONE, other);
        sum
    }

    /// `self` − `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut difference = self.clone();
        difference.add_scaled(-F::ONE, other);
        difference
    }

    /// 1 − `self`.
    #[must_use]
    pub fn complement<CS: ConstraintSystem<F>>(&self) -> Self {
        Self::constant::<CS>(F::ONE).minus(self)
    }
}

/// A new variable `name` with the constraint a · b = name.
///
/// # Errors
/// Only what the constraint system itself returns.
pub fn enforce_product<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    name: &str,
    a: &Linear,
    b: &Linear,
) -> Result<Linear, SynthesisError> {
    let product = Linear::alloc(cs, name, a.value.zip(b.value).map(|(a, b)| a * b))?;
    cs.enforce(|| format!("{name} is the product"), |lc| lc + &a.terms, |lc| lc + &b.terms, |lc| lc + &product.terms);
    Ok(product)
}

/// The constraint a · b = c.
pub fn enforce<CS: ConstraintSystem<F>>(cs: &mut CS, name: &str, a: &Linear, b: &Linear, c: &Linear) {
    cs.enforce(|| name, |lc| lc + &a.terms, |lc| lc + &b.terms, |lc| lc + &c.terms);
}

/// The constraint a = b.
pub fn enforce_equal<CS: ConstraintSystem<F>>(cs: &mut CS, name: &str, a: &Linear, b: &Linear) {
    cs.enforce(|| name, |lc| lc + &a.terms, |lc| lc + CS::one(), |lc| lc + &b.terms);
}

/// A new variable `name` equal to the expression `source`: one constraint.
///
/// # Errors
/// Only what the constraint system itself returns.
pub fn alloc_equal<CS: ConstraintSystem<F>>(
    cs: &mut CS,
    name: &str,
    source: &Linear,
) -> Result<Linear, SynthesisError> {
    let copy = Linear::alloc(cs, name, source.value)?;
    cs.enforce(
        || format!("{name} is the expression"),
        |lc| lc + &source.terms,
        |lc| lc + CS::one(),
        |lc| lc + &copy.terms,
    );
    Ok(copy)
}
