//! In which language a page is written.

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
}

impl Language {
    /// All languages; the first is used where nothing else is asked for.
    pub const ALL: [Self; 2] = [Self::English, Self::German];

    /// The tag of BCP 47.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// Its own name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
        }
    }

    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default().trim();
        Self::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.tag()))
    }
}

/// The language of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The language.
    pub language: Language,
    /// Whether the address names it; then the links of the page name it too.
    pub is_explicit: bool,
}

impl Choice {
    /// What the address asks for (`?lang=de`), else what the browser prefers (`Accept-Language`).
    pub fn of(asked: Option<&str>, accepted: &str) -> Self {
        match asked.and_then(Language::of_tag) {
            Some(language) => Self { language, is_explicit: true },
            None => Self { language: preferred(accepted), is_explicit: false },
        }
    }

    /// The query of a link that keeps the language, with these parameters first.
    pub fn query(self, parameters: &[(&str, &str)]) -> String {
        let language = self.is_explicit.then_some(("lang", self.language.tag()));
        query(parameters.iter().copied().chain(language))
    }
}

/// The languages but the present one, each with the query of a link to the same page in it.
pub fn others(current: Language, parameters: &[(&str, &str)]) -> Vec<(Language, String)> {
    let others = Language::ALL.into_iter().filter(|language| *language != current);
    others.map(|language| (language, query(parameters.iter().copied().chain([("lang", language.tag())])))).collect()
}

/// Values here are numbers, ids and domains: they need no escapes.
fn query<'a>(parameters: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in parameters {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
    text
}

/// The language with the highest weight in an `Accept-Language` header, the earlier one of two with the same.
fn preferred(accepted: &str) -> Language {
    let mut best = (0, Language::ALL[0]);
    for range in accepted.split(',').take(MAX_RANGES) {
        let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(1000, thousandths);
        if let Some(language) = Language::of_tag(tag).filter(|_| weight > best.0) {
            best = (weight, language);
        }
    }
    best.1
}

/// Browsers send a handful.
const MAX_RANGES: usize = 32;

/// A weight such as `0.8`, in thousandths; 0 for anything else.
fn thousandths(weight: &str) -> u32 {
    let (whole, fraction) = weight.trim().split_once('.').unwrap_or((weight.trim(), ""));
    let digits = format!("{whole}{fraction:0<3}");
    let is_weight = whole.len() == 1 && fraction.len() <= 3 && digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|weight| is_weight && *weight <= 1000).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_decides_before_the_browser() {
        let of = |asked, accepted| Choice::of(asked, accepted).language;
        assert_eq!(of(Some("de"), "en"), Language::German);
        assert_eq!(of(Some("en"), "de"), Language::English);
        assert_eq!(of(Some("fr"), "de"), Language::German);
        assert_eq!(of(None, ""), Language::English);
    }

    #[test]
    fn the_browser_s_weights_are_read() {
        for (accepted, tag) in [
            ("de", "de"),
            ("de-AT,de;q=0.9,en;q=0.8", "de"),
            ("en-GB,en;q=0.9,de;q=0.8", "en"),
            ("fr, de;q=0.5, en;q=0.4", "de"),
            ("de;q=0, en;q=0.1", "en"),
            ("de;q=2, en;q=0.1", "en"),
            ("de;q=x", "en"),
            ("DE", "de"),
            ("*", "en"),
        ] {
            assert_eq!(preferred(accepted).tag(), tag, "{accepted}");
        }
    }

    #[test]
    fn links_keep_the_language_that_the_address_names() {
        let named = Choice { language: Language::German, is_explicit: true };
        assert_eq!(named.query(&[("cursor", "1-ab")]), "?cursor=1-ab&lang=de");
        assert_eq!(Choice { is_explicit: false, ..named }.query(&[]), "");
        assert_eq!(others(Language::German, &[("page", "2")]), [(Language::English, "?page=2&lang=en".to_owned())]);
    }
}
