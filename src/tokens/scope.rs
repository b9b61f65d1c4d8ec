//! Roles and scopes. A token contains scopes; a role is a named set of scopes.

use std::{collections::BTreeSet, fmt, str::FromStr};

/// A permission of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Upload snapshots.
    SnapshotsWrite,
    /// Request attestations; follow and cancel their jobs.
    ProofsRun,
    /// Read the inclusion file of the account in the token.
    InclusionRead,
    /// Read the evidence behind attestations: policy, measures, reserve lines.
    AuditRead,
    /// Countersign attestations.
    AttestationsSign,
}

impl Scope {
    /// All values.
    pub const ALL: [Self; 5] =
        [Self::SnapshotsWrite, Self::ProofsRun, Self::InclusionRead, Self::AuditRead, Self::AttestationsSign];

    /// The name in a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SnapshotsWrite => "snapshots:write",
            Self::ProofsRun => "proofs:run",
            Self::InclusionRead => "inclusion:read",
            Self::AuditRead => "audit:read",
            Self::AttestationsSign => "attestations:sign",
        }
    }
}

/// A kind of user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A program of the exchange that uploads snapshots and requests attestations.
    Publisher,
    /// An employee of the exchange, who also reads the evidence.
    Operator,
    /// Reads the evidence and countersigns.
    Auditor,
    /// Reads the evidence.
    Regulator,
    /// Reads the inclusion file of one account.
    Customer,
}

impl Role {
    /// All values.
    pub const ALL: [Self; 5] = [Self::Publisher, Self::Operator, Self::Auditor, Self::Regulator, Self::Customer];

    /// The name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Regulator => "regulator",
            Self::Customer => "customer",
        }
    }

    /// The scopes of the role.
    pub const fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Publisher => &[Scope::SnapshotsWrite, Scope::ProofsRun],
            Self::Operator => &[Scope::SnapshotsWrite, Scope::ProofsRun, Scope::AuditRead],
            Self::Auditor => &[Scope::AuditRead, Scope::AttestationsSign],
            Self::Regulator => &[Scope::AuditRead],
            Self::Customer => &[Scope::InclusionRead],
        }
    }

    /// Whether tokens of this role must name an exchange. Auditors and regulators may have access to several.
    pub const fn needs_exchange(self) -> bool {
        matches!(self, Self::Publisher | Self::Operator | Self::Customer)
    }
}

/// An unknown name of a role or scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what}; use one of: {}", known.join(", "))]
pub struct UnknownName {
    what: &'static str,
    known: Vec<&'static str>,
}

impl FromStr for Scope {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let unknown = || UnknownName { what: "scope", known: Self::ALL.map(Self::as_str).to_vec() };
        Self::ALL.into_iter().find(|scope| scope.as_str() == name).ok_or_else(unknown)
    }
}

impl FromStr for Role {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let unknown = || UnknownName { what: "role", known: Self::ALL.map(Self::as_str).to_vec() };
        Self::ALL.into_iter().find(|role| role.as_str() == name).ok_or_else(unknown)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The `scope` claim of a token: sorted scopes separated by one space.
pub(super) fn join(scopes: &[Scope]) -> String {
    let sorted: BTreeSet<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    sorted.into_iter().collect::<Vec<_>>().join(" ")
}

/// The scopes in a `scope` claim. Unknown scopes belong to other services and are ignored.
pub(super) fn split(claim: &str) -> BTreeSet<Scope> {
    claim.split(' ').filter_map(|name| name.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_of_roles_and_scopes_read_back() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse::<Scope>().unwrap(), scope);
        }
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().unwrap(), role);
        }
        let unknown = "root".parse::<Role>().unwrap_err().to_string();
        assert!(unknown.contains("publisher, operator") && !unknown.contains("root"), "{unknown}");
        assert!("Audit:Read".parse::<Scope>().is_err());
    }

    #[test]
    fn only_a_customer_reads_inclusions_and_a_customer_does_nothing_else() {
        for role in Role::ALL {
            let reads = role.scopes().contains(&Scope::InclusionRead);
            assert_eq!(reads, role == Role::Customer);
            assert!(!reads || role.scopes().len() == 1);
        }
    }

    #[test]
    fn a_scope_claim_reads_back_and_unknown_scopes_are_nobodys() {
        for role in Role::ALL {
            assert_eq!(split(&join(role.scopes())), role.scopes().iter().copied().collect());
        }
        assert_eq!(split("openid  audit:read AUDIT:READ audit:read\tproofs:run"), [Scope::AuditRead].into());
        assert!(split("").is_empty());
    }
}
