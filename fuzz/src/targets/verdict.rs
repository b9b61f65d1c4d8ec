//! What a target says of its input.

/// Whether the input was accepted. The runner counts both: a target that accepts nothing tests only its first check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is a document of the format.
    Accepted,
    /// It is not.
    Refused,
}

impl Verdict {
    /// Accepted where `holds`.
    pub fn when(holds: bool) -> Self {
        if holds { Self::Accepted } else { Self::Refused }
    }

    /// Accepted where one of the two is.
    pub fn or(self, other: Self) -> Self {
        Self::when(self == Self::Accepted || other == Self::Accepted)
    }
}
