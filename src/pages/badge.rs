//! A word about an attestation: whether it meets the exchange's own policy, and what the exchange said of it later.

use assay_core::notice::NoticeKind;

use super::text::Texts;

/// Whether the numbers of an attestation meet the exchange's own policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyBadge {
    /// All rules hold.
    Met,
    /// A rule does not hold.
    NotMet,
    /// The statement has no rule that could be met.
    NotStated,
    /// The statement cannot be read, so nobody can tell what rules it has.
    Unreadable,
}

impl PolicyBadge {
    /// The badge of an attestation. `has_policy` is nothing where the statement cannot be read. A failure is shown in any case.
    pub fn of(is_valid: bool, has_policy: Option<bool>) -> Self {
        match (is_valid, has_policy) {
            (false, _) => Self::NotMet,
            (true, Some(true)) => Self::Met,
            (true, Some(false)) => Self::NotStated,
            (true, None) => Self::Unreadable,
        }
    }

    /// Its class in the style.
    pub fn class(self) -> &'static str {
        match self {
            Self::Met => "good",
            Self::NotMet => "bad",
            Self::NotStated | Self::Unreadable => "plain",
        }
    }

    /// What it says.
    pub fn text(self, t: &Texts) -> &str {
        match self {
            Self::Met => &t.policy_met,
            Self::NotMet => &t.policy_not_met,
            Self::NotStated => &t.policy_not_stated,
            Self::Unreadable => &t.unreadable,
        }
    }
}

/// What the exchange said of an attestation later, as a class in the style and a word.
pub fn notice_badge(kind: NoticeKind, t: &'static Texts) -> (&'static str, &'static str) {
    match kind {
        NoticeKind::Withdrawn => ("bad", &t.notice_withdrawn),
        NoticeKind::Superseded => ("plain", &t.notice_superseded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rule_that_is_there_can_be_met() {
        assert_eq!(PolicyBadge::of(true, Some(true)), PolicyBadge::Met);
        assert_eq!(PolicyBadge::of(true, Some(false)), PolicyBadge::NotStated);
        assert_eq!(PolicyBadge::of(true, None), PolicyBadge::Unreadable);
        for has_policy in [Some(true), Some(false), None] {
            assert_eq!(PolicyBadge::of(false, has_policy), PolicyBadge::NotMet);
        }
    }
}
