//! What surrounds every page: language, links and the addresses of its files.

use super::{
    files,
    language::{Choice, Language, others},
    text::{Texts, texts},
};

/// The frame of a page.
pub struct Frame {
    choice: Choice,
    /// The texts of its language.
    pub t: &'static Texts,
    /// The same page in other languages: language and query.
    others: Vec<(Language, String)>,
}

impl Frame {
    /// The frame of a page whose address has these parameters beside the language.
    pub fn new(choice: Choice, parameters: &[(&str, &str)]) -> Self {
        Self { choice, t: texts(choice.language), others: others(choice.language, parameters) }
    }

    /// The language.
    pub fn language(&self) -> Language {
        self.choice.language
    }

    /// The query of a link that keeps the language.
    pub fn query(&self, parameters: &[(&str, &str)]) -> String {
        self.choice.query(parameters)
    }

    /// A link that keeps the language.
    pub fn link(&self, path: &str) -> String {
        format!("{path}{}", self.query(&[]))
    }

    /// The same page in other languages.
    pub fn others(&self) -> &[(Language, String)] {
        &self.others
    }

    /// The addresses of the styles.
    pub fn styles(&self) -> &'static [String] {
        files::style_addresses()
    }
}
