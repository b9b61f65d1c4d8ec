//! What a reader makes of notices and opinions: whose they are by the reader's keys, and what follows for the attestation.
//!
//! A withdrawal counts whoever signed it: whoever relies on an attestation must not miss one because no list of keys was at hand, or because the
//! exchange signed it with a newer key. An opinion counts only by a key of the reader's list.

use crate::{
    check::Check,
    notice::{Notice, NoticeKind},
    opinion::{AuditorKeys, Opinion, OpinionResult},
    signature::{Jwks, SignatureError},
    signatures::Signatures,
    signed::{Signable, SignedDocument},
};

/// Whose a document is, by the reader's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DocumentState {
    /// The reader gave no keys.
    Unchecked,
    /// A listed key signed it.
    Signed,
    /// Its key is not on the list: whose it is, is not known.
    Unlisted,
    /// The listed key did not sign it, or is for something else; a sentence.
    Refused(String),
}

impl DocumentState {
    /// One word for programs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Signed => "signed",
            Self::Unlisted => "unlisted",
            Self::Refused(_) => "refused",
        }
    }
}

/// A document, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaterDocument<D> {
    /// What it says.
    pub document: D,
    /// The key that is said to have signed it.
    pub kid: String,
    /// Whose it is.
    pub state: DocumentState,
}

/// What was said about an attestation after it was published.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Later {
    /// What the exchange says.
    pub notices: Vec<LaterDocument<Notice>>,
    /// What auditors say.
    pub opinions: Vec<LaterDocument<Opinion>>,
}

impl Later {
    /// What `signatures` come to for a reader who trusts the statement keys `jwks` and the keys of these `auditors`. The statement is of
    /// `exchange`; nothing if that is not known.
    pub fn of(
        signatures: &Signatures,
        exchange: Option<&str>,
        jwks: Option<&Jwks>,
        auditors: Option<&AuditorKeys>,
    ) -> Self {
        let notice = |signed: &SignedDocument<Notice>| {
            let later = read(signed, jwks.map(|keys| signed.statement_signer(keys)));
            match exchange.filter(|exchange| *exchange != later.document.exchange) {
                Some(exchange) => {
                    let reason = format!("it is of {}, and the statement of {exchange}", later.document.exchange);
                    LaterDocument { state: DocumentState::Refused(reason), ..later }
                }
                None => later,
            }
        };
        let opinion = |signed| read(signed, auditors.map(|keys| keys.signer(signed)));
        Self {
            notices: signatures.notices.iter().map(notice).collect(),
            opinions: signatures.opinions.iter().map(opinion).collect(),
        }
    }

    /// The notice by which the exchange withdraws the attestation, as far as the reader's keys tell.
    pub fn withdrawal(&self) -> Option<&LaterDocument<Notice>> {
        self.notices.iter().find(|later| later.document.kind == NoticeKind::Withdrawn)
    }

    /// The checks that follow: one where there are notices, one where the reader gave `auditors`.
    pub fn checks(&self, auditors: Option<&AuditorKeys>) -> Vec<Check> {
        let notices = (!self.notices.is_empty())
            .then(|| Check::new("notices", "the exchange has not withdrawn the attestation", self.judge_notices()));
        let opinions = auditors.map(|_| {
            Check::new("opinions", "an auditor in the given list examined it, and none objects", self.judge_opinions())
        });
        [notices, opinions].into_iter().flatten().collect()
    }

    fn judge_notices(&self) -> Result<String, String> {
        if let Some(reason) = refusal(&self.notices) {
            return Err(format!("a notice is false: {reason}"));
        }
        if let Some(LaterDocument { document, state, .. }) = self.withdrawal() {
            let Notice { issued_at, reason, .. } = document;
            let unchecked = match state {
                DocumentState::Unchecked => "; its signature was not checked",
                DocumentState::Unlisted => "; by a key that is not on the list: ask the exchange",
                DocumentState::Signed | DocumentState::Refused(_) => "",
            };
            return Err(format!("withdrawn at {issued_at}: {reason}{unchecked}"));
        }
        let superseded = self.notices.iter().find_map(|later| later.document.by.as_ref());
        Ok(superseded.map_or_else(String::new, |by| format!("superseded by {by}")))
    }

    fn judge_opinions(&self) -> Result<String, String> {
        if let Some(reason) = refusal(&self.opinions) {
            return Err(format!("an opinion is false: {reason}"));
        }
        let signed: Vec<&Opinion> = self
            .opinions
            .iter()
            .filter(|later| later.state == DocumentState::Signed)
            .map(|later| &later.document)
            .collect();
        if signed.is_empty() {
            return Err("there is no opinion by a listed key".to_owned());
        }
        let said: Vec<String> = signed.iter().map(|o| format!("{}: {}", o.auditor.name, o.result.as_str())).collect();
        let said = said.join(", ");
        if signed.iter().any(|opinion| opinion.result == OpinionResult::Adverse) { Err(said) } else { Ok(said) }
    }
}

fn read<D: Signable + Clone>(
    signed: &SignedDocument<D>,
    signer: Option<Result<Option<&str>, SignatureError>>,
) -> LaterDocument<D> {
    let state = match signer {
        None => DocumentState::Unchecked,
        Some(Ok(Some(_))) => DocumentState::Signed,
        Some(Ok(None)) => DocumentState::Unlisted,
        Some(Err(reason)) => DocumentState::Refused(reason.to_string()),
    };
    LaterDocument { document: signed.document().clone(), kid: signed.kid().to_owned(), state }
}

fn refusal<D>(documents: &[LaterDocument<D>]) -> Option<&str> {
    documents.iter().find_map(|later| match &later.state {
        DocumentState::Refused(reason) => Some(reason.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        notice::NOTICE_PROTOCOL,
        opinion::{Auditor, OPINION_PROTOCOL},
    };

    fn notice(kind: NoticeKind, state: DocumentState) -> LaterDocument<Notice> {
        let document = Notice {
            by: (kind == NoticeKind::Superseded).then(|| "0b".repeat(32)),
            exchange: "exchange.example".to_owned(),
            issued_at: "2026-12-01T12:00:00Z".to_owned(),
            kind,
            protocol: NOTICE_PROTOCOL.to_owned(),
            reason: "Balances were left out.".to_owned(),
            statement: "0a".repeat(32),
        };
        LaterDocument { document, kid: "k".to_owned(), state }
    }

    fn opinion(result: OpinionResult, state: DocumentState) -> LaterDocument<Opinion> {
        let document = Opinion {
            auditor: Auditor { lei: None, name: "Example Audit LLP".to_owned() },
            criteria: "ISAE 3000 (Revised)".to_owned(),
            findings: Vec::new(),
            procedures: vec!["proof".to_owned()],
            protocol: OPINION_PROTOCOL.to_owned(),
            report_sha256: None,
            result,
            signed_at: "2026-12-02T09:00:00Z".to_owned(),
            statement: "0a".repeat(32),
        };
        LaterDocument { document, kid: "k".to_owned(), state }
    }

    fn keys() -> AuditorKeys {
        let list = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w","assay_purpose":"opinion"}]}"#;
        AuditorKeys::parse(list).unwrap()
    }

    #[test]
    fn a_withdrawal_counts_whoever_signed_it() {
        use DocumentState::{Refused, Signed, Unchecked, Unlisted};
        use NoticeKind::{Superseded, Withdrawn};
        for (kind, state, passed, said) in [
            (Withdrawn, Unchecked, false, "was not checked"),
            (Withdrawn, Signed, false, "withdrawn at 2026-12-01T12:00:00Z: Balances were left out."),
            (Withdrawn, Unlisted, false, "not on the list: ask the exchange"),
            (Withdrawn, Refused("it does not verify".to_owned()), false, "false: it does not verify"),
            (Superseded, Signed, true, "superseded by 0b0b"),
            (Superseded, Unlisted, true, "superseded by 0b0b"),
        ] {
            let later = Later { notices: vec![notice(kind, state.clone())], ..Later::default() };
            let [check] = later.checks(None).try_into().unwrap();
            assert_eq!((check.id, check.passed), ("notices", passed), "{kind:?} {state:?}");
            assert!(check.detail.contains(said), "{}", check.detail);
            assert_eq!(later.withdrawal().is_some(), kind == Withdrawn);
        }
    }

    #[test]
    fn an_opinion_counts_by_a_listed_key_alone() {
        use DocumentState::{Refused, Signed, Unlisted};
        use OpinionResult::{Adverse, Modified, Unmodified};
        for (opinions, passed, said) in [
            (vec![], false, "no opinion by a listed key"),
            (vec![opinion(Unmodified, Unlisted)], false, "no opinion by a listed key"),
            (vec![opinion(Unmodified, Signed)], true, "Example Audit LLP: unmodified"),
            (vec![opinion(Modified, Signed), opinion(Adverse, Unlisted)], true, "modified"),
            (vec![opinion(Unmodified, Signed), opinion(Adverse, Signed)], false, "adverse"),
            (vec![opinion(Unmodified, Signed), opinion(Unmodified, Refused("no".to_owned()))], false, "false: no"),
        ] {
            let later = Later { opinions, ..Later::default() };
            let [check] = later.checks(Some(&keys())).try_into().unwrap();
            assert_eq!((check.id, check.passed), ("opinions", passed), "{}", check.detail);
            assert!(check.detail.contains(said), "{}", check.detail);
            // whoever names no auditors is not told that one is missing
            assert!(later.checks(None).is_empty());
        }
    }
}
