//! What was said about an attestation after it was published, as lines for a person.

use assay_core::{
    later::{DocumentState, Later, LaterDocument},
    notice::{Notice, NoticeKind},
    opinion::Opinion,
    text::{shown, visible},
};

/// Notices and opinions, a line each; those that are false or by keys that are not on the list say so.
pub fn later_lines(later: &Later) -> Vec<String> {
    later.notices.iter().map(notice_line).chain(later.opinions.iter().map(opinion_line)).collect()
}

fn notice_line(later: &LaterDocument<Notice>) -> String {
    let Notice { by, issued_at, kind, reason, .. } = &later.document;
    let said = match (kind, by) {
        (NoticeKind::Superseded, Some(by)) => {
            format!("SUPERSEDED: the exchange said at {issued_at} that {by} takes its place")
        }
        _ => format!("WITHDRAWN: the exchange said at {issued_at} that it no longer stands by this attestation"),
    };
    let state = state(&later.state, &later.kid, "--jwks", "ask the exchange");
    format!("{said}: \"{}\" ({state}).", visible(reason))
}

fn opinion_line(later: &LaterDocument<Opinion>) -> String {
    let Opinion { auditor, criteria, findings, procedures, result, signed_at, .. } = &later.document;
    let listed = |texts: &[String]| texts.iter().map(|text| visible(text)).collect::<Vec<_>>().join(", ");
    let found = if findings.is_empty() { String::new() } else { format!(" Findings: {}.", listed(findings)) };
    format!(
        "OPINION of {}, {signed_at}: {} by {}, after {} ({}).{found}",
        shown(&auditor.name),
        result.as_str(),
        shown(criteria),
        listed(procedures),
        state(&later.state, &later.kid, "--auditors", "it counts for nothing"),
    )
}

fn state(state: &DocumentState, kid: &str, option: &str, unlisted: &str) -> String {
    match state {
        DocumentState::Unchecked => format!("signature not checked: {option} was not given"),
        DocumentState::Signed => format!("signed by {kid}"),
        DocumentState::Unlisted => format!("by the key {kid}, which is not on the list: {unlisted}"),
        DocumentState::Refused(reason) => format!("FALSE: {}", visible(reason)),
    }
}

#[cfg(test)]
mod tests {
    use assay_core::{
        notice::NOTICE_PROTOCOL,
        opinion::{Auditor, OPINION_PROTOCOL, OpinionResult},
    };

    use super::*;

    #[test]
    fn each_document_is_one_line_that_says_whose_it_is() {
        let notice = Notice {
            by: None,
            exchange: "exchange.example".to_owned(),
            issued_at: "2026-12-01T12:00:00Z".to_owned(),
            kind: NoticeKind::Withdrawn,
            protocol: NOTICE_PROTOCOL.to_owned(),
            reason: "left out.\nVALID".to_owned(),
            statement: "0a".repeat(32),
        };
        let opinion = Opinion {
            auditor: Auditor { lei: None, name: "Audit\u{1b}[8m".to_owned() },
            criteria: "ISAE 3000".to_owned(),
            findings: vec!["one file was late".to_owned()],
            procedures: vec!["proof".to_owned()],
            protocol: OPINION_PROTOCOL.to_owned(),
            report_sha256: None,
            result: OpinionResult::Modified,
            signed_at: "2026-12-02T09:00:00Z".to_owned(),
            statement: "0a".repeat(32),
        };
        for (state, said) in [
            (DocumentState::Unchecked, "signature not checked"),
            (DocumentState::Signed, "signed by k"),
            (DocumentState::Unlisted, "which is not on the list"),
            (DocumentState::Refused("no".to_owned()), "FALSE: no"),
        ] {
            let later = Later {
                notices: vec![LaterDocument { document: notice.clone(), kid: "k".to_owned(), state: state.clone() }],
                opinions: vec![LaterDocument { document: opinion.clone(), kid: "k".to_owned(), state }],
            };
            let lines = later_lines(&later);
            assert_eq!(lines.len(), 2);
            for line in &lines {
                assert!(line.contains(said) && line.lines().count() == 1 && !line.contains('\u{1b}'), "{line}");
            }
            assert!(lines[0].starts_with("WITHDRAWN") && lines[1].contains("Findings: one file was late."));
        }
    }
}
