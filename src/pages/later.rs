//! What the page of an attestation shows of what was signed later: notices of the exchange, opinions of auditors, countersignatures.

use assay_core::{
    notice::{Notice, NoticeKind},
    opinion::{Opinion, OpinionResult},
    text::visible,
};

use super::{
    amount::instant,
    badge::notice_badge,
    frame::Frame,
    text::{Sentence, Texts, fill},
};

/// What the page shows of what was signed later. It was signed by keys that this service listed when it took it in.
#[derive(Default)]
pub struct SignedLater {
    /// What the exchange said.
    pub notices: Vec<Notice>,
    /// What auditors said, each with its key.
    pub opinions: Vec<(Opinion, String)>,
    /// Keys that countersigned.
    pub countersigners: Vec<String>,
}

/// A notice.
pub(super) struct NoticeCard {
    pub(super) class: &'static str,
    pub(super) word: &'static str,
    pub(super) sentence: Sentence,
    pub(super) reason: String,
    /// Address of the attestation that takes its place.
    pub(super) by: Option<String>,
}

/// An opinion.
pub(super) struct OpinionCard {
    pub(super) class: &'static str,
    pub(super) result: &'static str,
    pub(super) auditor: String,
    pub(super) lei: Option<String>,
    pub(super) criteria: String,
    pub(super) procedures: Vec<String>,
    pub(super) findings: Vec<String>,
    pub(super) report: Option<String>,
    pub(super) signed_at: String,
    pub(super) signed: String,
    pub(super) kid: String,
}

impl NoticeCard {
    pub(super) fn of(frame: &Frame, notice: &Notice) -> Self {
        let (class, word) = notice_badge(notice.kind, frame.t);
        let text = match notice.kind {
            NoticeKind::Withdrawn => &frame.t.notice_withdrawn_text,
            NoticeKind::Superseded => &frame.t.notice_superseded_text,
        };
        Self {
            class,
            word,
            sentence: fill(text, &[("instant", &instant(&notice.issued_at))]),
            reason: visible(&notice.reason),
            by: notice.by.as_ref().map(|id| frame.link(&format!("/a/{id}"))),
        }
    }
}

impl OpinionCard {
    pub(super) fn of(t: &'static Texts, opinion: &Opinion, kid: &str) -> Self {
        let (class, result) = match opinion.result {
            OpinionResult::Unmodified => ("good", &t.opinion_unmodified),
            OpinionResult::Modified => ("plain", &t.opinion_modified),
            OpinionResult::Adverse => ("bad", &t.opinion_adverse),
        };
        let shown = |texts: &[String]| texts.iter().map(|text| visible(text)).collect();
        Self {
            class,
            result,
            auditor: visible(&opinion.auditor.name),
            lei: opinion.auditor.lei.clone(),
            criteria: visible(&opinion.criteria),
            procedures: shown(&opinion.procedures),
            findings: shown(&opinion.findings),
            report: opinion.report_sha256.clone(),
            signed_at: opinion.signed_at.clone(),
            signed: instant(&opinion.signed_at),
            kid: visible(kid),
        }
    }
}
