//! Who may use a shape, and for what.

use assay_core::Error;

/// What a release does with a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Proves and verifies it.
    Release,
    /// Verifies it, and proves nothing new with it.
    VerifyOnly,
    /// Neither: a fault was found. The reason is printed wherever the shape is met.
    Revoked(&'static str),
    /// Both, but only where the caller asks for it: its capacity is a few hundred pages.
    TestsOnly,
}

/// Whether shapes made for tests are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestShapes {
    /// As every release does by default.
    Refused,
    /// Only for tests.
    Accepted,
}

impl Purpose {
    /// Whether something made with the shape called `name` may be believed.
    ///
    /// # Errors
    /// [`Error::Malformed`] if not, with the reason.
    pub fn admit_verifying(self, name: &str, tests: TestShapes) -> Result<(), Error> {
        match self {
            Self::Release | Self::VerifyOnly => Ok(()),
            Self::TestsOnly if tests == TestShapes::Accepted => Ok(()),
            Self::TestsOnly => {
                Err(Error::Malformed(format!("{name} is a shape for tests; a release does not accept it")))
            }
            Self::Revoked(reason) => Err(Error::Malformed(format!("{name} was revoked: {reason}"))),
        }
    }

    /// Whether something new may be proved with the shape called `name`.
    ///
    /// # Errors
    /// [`Error::Malformed`] if not, with the reason.
    pub fn admit_proving(self, name: &str, tests: TestShapes) -> Result<(), Error> {
        match self {
            Self::VerifyOnly => {
                Err(Error::Malformed(format!("{name} is only verified by this release: choose another shape")))
            }
            other => other.admit_verifying(name, tests),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_admits_what_it_says() {
        use TestShapes::{Accepted, Refused};
        for (purpose, tests, verifying, proving) in [
            (Purpose::Release, Refused, true, true),
            (Purpose::VerifyOnly, Refused, true, false),
            (Purpose::VerifyOnly, Accepted, true, false),
            (Purpose::Revoked("its range check was wrong"), Accepted, false, false),
            (Purpose::TestsOnly, Refused, false, false),
            (Purpose::TestsOnly, Accepted, true, true),
        ] {
            assert_eq!(purpose.admit_verifying("shape-1", tests).is_ok(), verifying, "{purpose:?}");
            assert_eq!(purpose.admit_proving("shape-1", tests).is_ok(), proving, "{purpose:?}");
        }
        let told = Purpose::Revoked("its range check was wrong").admit_verifying("shape-1", Accepted).unwrap_err();
        assert_eq!(told.to_string(), "shape-1 was revoked: its range check was wrong");
    }
}
