//! The words of the pages: one file a language under `text/`, read once. A sentence with values has their names in braces.

use std::{collections::BTreeMap, sync::LazyLock};

use askama::{Template, filters::HtmlSafe};
use serde::Deserialize;

use super::language::Language;

/// Declares the texts, so that one that is missing, unknown or never used does not compile or does not load.
macro_rules! texts {
    ($($name:ident)*) => {
        /// All texts of one language.
        pub struct Texts {
            $(pub $name: String,)*
            /// The sentences of statements about what is not proven, each with its translation.
            pub not_proven: BTreeMap<String, String>,
        }

        impl Texts {
            /// The texts of a file.
            fn read(json: &str) -> Result<Self, String> {
                let mut file: File = serde_json::from_str(json).map_err(|e| e.to_string())?;
                // one call a text: a derived reader of this struct would be a hundredth of the program
                let texts = Self { $($name: file.text(stringify!($name))?,)* not_proven: file.not_proven };
                match file.texts.first_key_value() {
                    None => Ok(texts),
                    Some((name, _)) => Err(format!("{name} is not used")),
                }
            }

            #[cfg(test)]
            fn all(&self) -> Vec<(&'static str, &str)> {
                vec![$((stringify!($name), self.$name.as_str()),)*]
            }
        }
    };
}

#[derive(Deserialize)]
struct File {
    not_proven: BTreeMap<String, String>,
    #[serde(flatten)]
    texts: BTreeMap<String, String>,
}

impl File {
    fn text(&mut self, name: &str) -> Result<String, String> {
        self.texts.remove(name).ok_or_else(|| format!("{name} is missing"))
    }
}

texts! {
    nav_home nav_check nav_api footer footer_words footer_operators footer_regulators
    operator_title operator_lead regulator_title regulator_lead staff_noscript
    age_now age_minutes age_hours age_days
    home_title home_lead home_empty home_table home_more home_first late_note
    col_exchange col_instant col_lowest col_owned col_policy col_published col_attestation
    policy_met policy_not_met policy_not_stated notice_withdrawn notice_superseded late nothing_owed unreadable no_evidence lowest_of
    how_title how_customer how_customer_link how_anybody how_keys
    history_title history_lead history_charts history_chart_note history_charts_left_out history_table history_more history_first
    chart_title chart_none chart_desc
    attestation_title verdict_met verdict_not_met verdict_no_policy verdict_shows_not verdict_page
    about_title about_domain about_lei about_snapshot about_series about_published about_shape about_shards about_id about_history
    assets_title assets_table assets_range assets_more assets_back required_gross required_net
    col_asset col_customer col_debts col_reserves col_coverage col_status
    bar_coverage bar_status status_fresh status_third_party status_undated status_unproven status_note status_lines status_challenge status_anchor no_reserves
    rules_title rules_note col_rule col_result col_found result_passed result_failed
    measures_table col_measure col_positive col_negative col_below measure_equity measure_margin_excess
    notice_withdrawn_text notice_superseded_text notice_reason notice_by
    opinions_title opinions_note opinion_result opinion_criteria opinion_procedures opinion_findings opinion_report opinion_signed
    opinion_unmodified opinion_modified opinion_adverse
    signed_title signed_note signed_kid signed_name signed_by_service signed_unlisted signed_later signed_unreadable
    log_title log_note log_proof log_key log_checkpoint log_command
    not_proven_title not_proven_note
    downloads_title download_bundle download_evidence download_signatures download_statement download_proof download_jws download_coverage download_verify
    command_title command_note command_keys
    failure_bad_title failure_bad_text failure_missing_title failure_missing_text failure_method_title failure_method_text
    failure_often_title failure_often_text failure_unavailable_title failure_unavailable_text failure_fault_title failure_fault_text
    failure_home failure_reason failure_status
}

static TEXTS: LazyLock<[Texts; 2]> = LazyLock::new(|| Language::ALL.map(read));

fn read(language: Language) -> Texts {
    let text = match language {
        Language::English => include_str!("text/en.json"),
        Language::German => include_str!("text/de.json"),
    };
    Texts::read(text).expect("the texts are in this program, and a test reads them")
}

/// The texts of a language.
pub fn texts(language: Language) -> &'static Texts {
    match language {
        Language::English => &TEXTS[0],
        Language::German => &TEXTS[1],
    }
}

/// The values that this service writes itself, or that are dates. Every other one is an exchange's own words.
const OWN_VALUES: [&str; 18] = [
    "address",
    "all",
    "count",
    "fresh",
    "from",
    "gaps",
    "height",
    "highest",
    "instant",
    "lowest",
    "n",
    "newest",
    "percent",
    "status",
    "third_party",
    "to",
    "undated",
    "unproven",
];

/// A sentence with values. A value cannot change the direction in which the words around it are read, and an exchange's own words look
/// unlike the sentence around them: a name is free text, and could go on with a promise in the page's voice.
#[derive(Template, Clone)]
#[template(
    ext = "html",
    source = "{% for piece in pieces %}{% match piece.voice %}{% when Voice::Page %}{{ piece.text }}{% when Voice::Own %}<bdi>{{ piece.text }}</bdi>\
              {% when Voice::Exchange %}<bdi class=\"value\">{{ piece.text }}</bdi>{% endmatch %}{% endfor %}"
)]
pub struct Sentence {
    pieces: Vec<Piece>,
}

#[derive(Clone)]
struct Piece {
    text: String,
    voice: Voice,
}

/// Who speaks in a piece of a sentence.
#[derive(Debug, Clone, Copy)]
enum Voice {
    /// The text itself.
    Page,
    /// A value of this service.
    Own,
    /// A value of an exchange.
    Exchange,
}

/// Its template escapes every piece.
impl HtmlSafe for Sentence {}

impl Sentence {
    /// The words alone, for attributes and titles. An exchange's own words are in quotes there, and no quote in them ends these.
    pub fn plain(&self) -> String {
        let plain = |piece: &Piece| match piece.voice {
            Voice::Page | Voice::Own => piece.text.clone(),
            Voice::Exchange => format!("\"{}\"", piece.text.replace('"', "'")),
        };
        self.pieces.iter().map(plain).collect()
    }
}

/// Puts values into a text.
pub fn fill(text: &str, values: &[(&str, &str)]) -> Sentence {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, name, after)) = next_name(rest) {
        pieces.push(Piece { text: before.to_owned(), voice: Voice::Page });
        let value = values.iter().find(|(known, _)| *known == name).map_or(name, |(_, value)| value);
        let voice = if OWN_VALUES.contains(&name) { Voice::Own } else { Voice::Exchange };
        pieces.push(Piece { text: value.to_owned(), voice });
        rest = after;
    }
    pieces.push(Piece { text: rest.to_owned(), voice: Voice::Page });
    Sentence { pieces }
}

/// The next name in braces, with what is before and behind it.
fn next_name(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use assay_programs::ledger::statement::{COMPLIANCE_NOT_PROVEN, NOT_PROVEN};

    use super::*;

    fn names(text: &str) -> Vec<&str> {
        let (mut names, mut rest) = (Vec::new(), text);
        while let Some((_, name, after)) = next_name(rest) {
            names.push(name);
            rest = after;
        }
        names.sort_unstable();
        names
    }

    #[test]
    fn all_languages_say_the_same_things_with_the_same_values() {
        let [english, german] = Language::ALL.map(texts);
        for ((name, one), (_, other)) in english.all().into_iter().zip(german.all()) {
            assert!(!one.trim().is_empty() && !other.trim().is_empty(), "{name}");
            assert_eq!(names(one), names(other), "{name}");
            assert!(
                one != other || ["nav_api", "attestation_title", "signed_name"].contains(&name),
                "{name} is not translated"
            );
        }
    }

    #[test]
    fn a_file_with_a_missing_or_unused_text_does_not_load() {
        let english = include_str!("text/en.json");
        let without = english.replacen("\"nav_home\"", "\"nav_house\"", 1);
        assert_eq!(Texts::read(&without).err().unwrap(), "nav_home is missing");
        let more = english.replacen('{', "{\"zzz\": \"\",", 1);
        assert_eq!(Texts::read(&more).err().unwrap(), "zzz is not used");
        // one line a text, and no name twice, or a text would be lost
        for (file, language) in [(english, Language::English), (include_str!("text/de.json"), Language::German)] {
            assert_eq!(file.matches("\n  \"").count(), texts(language).all().len() + 1);
        }
    }

    #[test]
    fn every_sentence_about_what_is_not_proven_is_translated() {
        let german = &texts(Language::German).not_proven;
        let known: std::collections::BTreeSet<_> = NOT_PROVEN.iter().chain(&COMPLIANCE_NOT_PROVEN).copied().collect();
        assert!(german.keys().map(String::as_str).eq(known));
        assert!(texts(Language::English).not_proven.is_empty());
    }

    #[test]
    fn values_are_escaped_and_keep_their_direction_to_themselves() {
        let sentence = fill("For {instant}, {exchange} states it.", &[("exchange", "<b>&"), ("instant", "now")]);
        let html = "For <bdi>now</bdi>, <bdi class=\"value\">&#60;b&#62;&#38;</bdi> states it.";
        assert_eq!(sentence.render().unwrap(), html);
        assert_eq!(sentence.plain(), "For now, \"<b>&\" states it.");
        assert_eq!(fill("no {end", &[]).plain(), "no {end");
    }

    #[test]
    fn an_exchange_s_words_are_told_from_the_page_s() {
        let name = "Acme\" (reserves verified by this service)";
        for text in Language::ALL.map(|language| &texts(language).verdict_met) {
            let sentence = fill(text, &[("exchange", name), ("instant", "now")]);
            let marked = "<bdi class=\"value\">Acme&#34; (reserves verified by this service)</bdi>";
            assert!(sentence.render().unwrap().contains(marked), "{}", sentence.render().unwrap());
            assert!(sentence.plain().contains("\"Acme' (reserves verified by this service)\""), "{}", sentence.plain());
        }
        let all = texts(Language::English).all();
        let mut used: Vec<&str> = all.iter().flat_map(|(_, text)| names(text)).collect();
        used.sort_unstable();
        used.dedup();
        let of_exchanges: Vec<&str> = used.iter().copied().filter(|name| !OWN_VALUES.contains(name)).collect();
        assert_eq!(of_exchanges, ["asset", "chain", "challenge", "domain", "exchange", "hash", "quote"]);
        assert!(OWN_VALUES.iter().all(|name| used.contains(name)), "{used:?}");
    }
}
