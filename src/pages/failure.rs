//! What a browser is shown when a request fails. Programs get the problem document instead.

use askama::Template;
use assay_core::text::visible;

use super::{
    frame::Frame,
    text::{Sentence, Texts, fill},
};

/// A failed request.
pub struct Failure<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The sentence of the problem document, in English.
    pub detail: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "failure.html")]
struct View<'a> {
    frame: Frame,
    title: &'a str,
    text: &'a str,
    detail: Option<String>,
    status: Sentence,
}

impl Failure<'_> {
    /// The page.
    ///
    /// # Errors
    /// None that an input could cause.
    pub fn render(&self, frame: Frame) -> askama::Result<String> {
        let (title, text) = words(frame.t, self.status);
        let status = fill(&frame.t.failure_status, &[("status", &self.status.to_string())]);
        View { title, text, detail: self.detail.map(visible), status, frame }.render()
    }
}

/// What happened, and what to do.
fn words(t: &Texts, status: u16) -> (&str, &str) {
    match status {
        404 => (&t.failure_missing_title, &t.failure_missing_text),
        405 => (&t.failure_method_title, &t.failure_method_text),
        429 => (&t.failure_often_title, &t.failure_often_text),
        503 => (&t.failure_unavailable_title, &t.failure_unavailable_text),
        500.. => (&t.failure_fault_title, &t.failure_fault_text),
        _ => (&t.failure_bad_title, &t.failure_bad_text),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::pages::language::Choice;

    #[test]
    fn a_failure_says_what_to_do_in_the_reader_s_language() {
        for (tag, status, expected) in [
            ("en", 404, "There is nothing here"),
            ("de", 404, "Hier ist nichts"),
            ("en", 429, "Wait a little"),
            ("en", 503, "in a few seconds"),
            ("en", 500, "its operator finds the reason"),
            ("de", 400, "hinter dem Fragezeichen"),
        ] {
            let frame = Frame::new(Choice::of(Some(tag), ""), &[]);
            let html = Failure { status, detail: Some("<b>why\u{202e}") }.render(frame).unwrap();
            assert!(html.to_lowercase().contains(&expected.to_lowercase()), "{html}");
            assert!(html.contains("&#60;b&#62;why") && !html.contains('\u{202e}'), "{html}");
        }
    }
}
