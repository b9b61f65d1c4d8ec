//! `/operator` and `/regulator`: the pages of those who have a token. What they show comes by their script from the API; the service writes
//! what is around it, which is the same for everybody.

use askama::Template;

use super::{
    files::{STAFF_SCRIPT, Script},
    frame::Frame,
};

/// A page for readers with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staff {
    /// A job, for whoever asked for its proof.
    Operator,
    /// What an attestation has for auditors alone.
    Regulator,
}

#[derive(Template)]
#[template(path = "staff.html")]
struct View<'a> {
    frame: Frame,
    page: Staff,
    title: &'a str,
    lead: &'a str,
    command: String,
    address: &'a str,
    script: &'a Script,
}

impl Staff {
    /// Its path without the slash.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Regulator => "regulator",
        }
    }

    /// The page of the service at `address`.
    ///
    /// # Errors
    /// None that an input could cause.
    pub fn render(self, frame: Frame, address: &str) -> askama::Result<String> {
        let t = frame.t;
        let (title, lead) = match self {
            Self::Operator => (&t.operator_title, &t.operator_lead),
            Self::Regulator => (&t.regulator_title, &t.regulator_lead),
        };
        let command = self.command(address);
        View { page: self, title, lead, command, address, script: &STAFF_SCRIPT, frame }.render()
    }

    /// What does the same without a browser.
    fn command(self, address: &str) -> String {
        match self {
            Self::Operator => format!("assay jobs watch ID --to {address} --token-file token"),
            Self::Regulator => {
                format!("curl -sSf -H \"Authorization: Bearer $(cat token)\" {address}/v1/compliance/ID")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{env, fs, path::Path};

    use super::*;
    use crate::pages::language::{Choice, Language};

    const ADDRESS: &str = "https://assay.example";
    const PAGES: [Staff; 2] = [Staff::Operator, Staff::Regulator];

    fn html(page: Staff, language: Language) -> String {
        let choice = Choice { language, is_explicit: false };
        page.render(Frame::new(choice, &[]), ADDRESS).unwrap()
    }

    /// The browser tests of `web/` serve these files. `UPDATE_PINS=1` writes them anew.
    #[test]
    fn the_browser_tests_have_the_pages_as_they_are() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/test/fixtures/staff");
        for (page, language) in PAGES.into_iter().flat_map(|page| Language::ALL.map(|language| (page, language))) {
            let path = folder.join(format!("{}.{}.html", page.name(), language.tag()));
            let html = html(page, language);
            if env::var_os("UPDATE_PINS").is_some() {
                fs::write(&path, &html).unwrap();
            }
            let pinned = fs::read_to_string(&path).unwrap();
            assert!(pinned == html, "{} is another page than the service's; run make pins", path.display());
        }
    }

    #[test]
    fn a_page_has_one_script_and_it_is_named_by_its_digest() {
        for page in PAGES {
            let html = html(page, Language::German);
            assert_eq!(html.matches("<script").count(), 1, "{html}");
            let script = html.split_once("<script ").unwrap().1.split_once("</script>").unwrap().0;
            assert!(script.starts_with("src=\"/assets/staff.js?v=") && script.ends_with("defer>"), "{script}");
            assert!(script.contains("integrity=\"sha256-"), "{script}");
            assert!(html.contains(&format!("data-page=\"{}\"", page.name())) && html.contains("lang=\"de\""), "{html}");
            assert!(!html.contains("<style") && !html.contains(" style="), "{html}");
        }
    }
}
