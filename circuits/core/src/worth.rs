//! What the smallest unit of an asset or one contract is worth: an exact fraction of the unit that accounts are valued in, and its
//! rounding.

use std::ops::RangeInclusive;

use num_bigint::BigUint;

/// Decimals of the quote currency that accounts can be valued in; the first of them is the default.
pub const VALUE_DECIMALS: RangeInclusive<u8> = 12..=24;
/// What rounding may change of a worth: a ten-thousandth part.
const PRECISION: u32 = 10_000;
/// 100 %, in hundredths of a percent.
const ALL_BPS: u32 = 10_000;

/// A worth in units of 10^-`decimals` of the quote currency, exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worth {
    numerator: BigUint,
    denominator: BigUint,
}

impl Worth {
    /// Π `factors` · `bps` / 10^4 / 10^`scale`, in units of 10^-`decimals`. A factor is its digits and the number of them behind the
    /// point; `bps` is a share in hundredths of a percent.
    pub fn new(factors: &[(BigUint, u32)], bps: u32, scale: u32, decimals: u8) -> Self {
        let ten = |power: u32| BigUint::from(10u8).pow(power);
        let behind: u32 = factors.iter().map(|(_, behind)| behind).sum();
        let digits: BigUint = factors.iter().map(|(digits, _)| digits).product();
        let (numerator, denominator) = (digits * bps * ten(decimals.into()), ten(behind + scale) * ALL_BPS);
        Self { numerator, denominator }
    }

    /// Rounded down: what is held counts no more than it is worth.
    pub fn down(&self) -> BigUint {
        &self.numerator / &self.denominator
    }

    /// Rounded up: what is owed counts no less than it is worth.
    pub fn up(&self) -> BigUint {
        (&self.numerator + &self.denominator - BigUint::from(1u8)) / &self.denominator
    }

    /// Whether rounding, down or up, changes it by at most a ten-thousandth part.
    pub fn is_precise(&self) -> bool {
        let off = &self.numerator % &self.denominator;
        off == BigUint::ZERO || (&off).max(&(&self.denominator - &off)) * PRECISION <= self.numerator
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worth(digits: u64, behind: u32, bps: u32, scale: u32, decimals: u8) -> Worth {
        Worth::new(&[(digits.into(), behind)], bps, scale, decimals)
    }

    #[test]
    fn a_worth_is_rounded_both_ways_and_knows_when_that_matters() {
        // one wei at 2,650: 0.00265 units of 10^-12, 2,650 of 10^-18
        let coarse = worth(2_650, 0, 10_000, 18, 12);
        assert_eq!((coarse.down(), coarse.up(), coarse.is_precise()), (0u8.into(), 1u8.into(), false));
        let fine = worth(2_650, 0, 10_000, 18, 18);
        assert_eq!((fine.down(), fine.up(), fine.is_precise()), (2_650u32.into(), 2_650u32.into(), true));
        // 9,999.5 may be rounded by a half of it in either direction, 5,000.9 not, whatever is near
        assert!(worth(99_995, 1, 10_000, 12, 12).is_precise());
        assert!(!worth(50_009, 1, 10_000, 12, 12).is_precise());
        assert!(!worth(50_001, 1, 10_000, 12, 12).is_precise());
        // a share of nothing is nothing; a third of one unit is not one
        assert!(worth(7, 0, 0, 18, 12).is_precise() && worth(0, 0, 10_000, 18, 12).is_precise());
        assert_eq!(worth(1, 0, 3_333, 12, 12).down(), BigUint::ZERO);
        // size · price · share
        let margin = Worth::new(&[(1u8.into(), 3), (60_000u32.into(), 0)], 50, 0, 12);
        assert_eq!(margin.up(), 300_000_000_000u64.into());
    }
}
