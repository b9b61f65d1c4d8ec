//! Names and free text: which are allowed, when two of them are too much alike, and how untrusted text is printed.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Characters that take no room on a screen: two names that differ only in these look the same to everybody.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Why `name` cannot be an account, a symbol or another name of 1 to `max_bytes` bytes of UTF-8; `None` when it can.
pub fn name_defect(name: &str, max_bytes: usize) -> Option<String> {
    let hidden = || name.chars().find(|c| c.is_control() || is_invisible(*c));
    if name.is_empty() {
        Some("is empty".to_owned())
    } else if name.len() > max_bytes {
        Some(format!("has {} bytes, at most {max_bytes} are allowed", name.len()))
    } else if let Some(c) = hidden() {
        let kind = if c.is_control() { "control" } else { "invisible" };
        Some(format!("contains the {kind} character {}", code_point(c)))
    } else if name.trim() != name {
        Some("begins or ends with white space".to_owned())
    } else {
        None
    }
}

/// Why `name` cannot be the name of a chain or of a kind of custodian; `None` when it can. Reserve lines and block heights name
/// chains by this rule.
pub fn chain_defect(name: &str) -> Option<String> {
    name_defect(name, 64)
}

/// Cyrillic and Greek letters that look like Latin ones, and these.
const LATIN_TWINS: (&str, &str) =
    ("АВСЕНІЈКМОРЅТХУасеіјорѕхуΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABCEHIJKMOPSTXYaceijopsxyABEZHIKMNOPTYXo");

/// The name with Latin letters in the place of Cyrillic and Greek ones that look the same; `None` if there are none.
pub fn latin_twin(name: &str) -> Option<String> {
    let twin = |c: char| LATIN_TWINS.0.chars().zip(LATIN_TWINS.1.chars()).find(|(other, _)| *other == c);
    let latin: String = name.chars().map(|c| twin(c).map_or(c, |(_, latin)| latin)).collect();
    (latin != name).then_some(latin)
}

/// In what two names differ that [`fold`] alike or have the same [`latin_twin`], to continue "differs only in …".
pub fn difference(a: &str, b: &str) -> &'static str {
    let composed = |text: &str| text.nfc().collect::<String>();
    if fold(a) != fold(b) {
        "letters of another script that look the same"
    } else if a.trim() == b.trim() {
        "white space at its ends"
    } else if composed(a) == composed(b) {
        "Unicode form: one has a composed letter, the other a letter and a combining mark"
    } else if a.to_lowercase() == b.to_lowercase() {
        "capital and small letters"
    } else {
        "case, Unicode form or padding"
    }
}

/// A character by its number.
fn code_point(c: char) -> String {
    format!("U+{:04X}", u32::from(c))
}

/// The form in which names are compared: compatibility-composed (NFKC), without case, without padding. Two names with the
/// same folded form count as the same name, because a person reading them could not tell which is meant. Letters of different
/// scripts that look alike (Latin a, Cyrillic а) stay different.
pub fn fold(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase()) {
        return Cow::Borrowed(name);
    }
    // Upper case first: it maps ß and both sigmas to what their capital reads as, which lower case alone does not.
    let composed: String = name.nfkc().collect();
    let without_case = composed.to_uppercase().to_lowercase();
    let again: String = without_case.nfkc().collect();
    Cow::Owned(again.trim().to_owned())
}

/// The form in which symbols and names of chains are compared: as [`fold`], and Cyrillic and Greek letters count as the Latin ones
/// that look the same. There are few of them and they are read beside amounts; two that look the same are one.
pub fn symbol_key(symbol: &str) -> String {
    // capitals have the most twins, and what folds alike has the same capitals
    let capitals = fold(symbol).to_uppercase();
    fold(latin_twin(&capitals).as_deref().unwrap_or(&capitals)).into_owned()
}

/// Whether `text` can be a symbol or another short name: [`name_defect`] with 64 bytes.
pub fn is_name(text: &str) -> bool {
    name_defect(text, 64).is_none()
}

/// The bytes of hexadecimal digits in small letters: one spelling for one value.
pub fn lower_hex(text: &str) -> Option<Vec<u8>> {
    let is_lower = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if is_lower { hex::decode(text).ok() } else { None }
}

/// The text with each character spelled out as U+XXXX that a terminal would act on, that changes the direction of writing, or that
/// nobody sees. Combining marks stay with their letter, at most two of them.
pub fn spelled_out(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut marks_left = 0;
    for c in text.chars() {
        let mark = is_combining_mark(c);
        let hidden = match c {
            '"' | '\'' | '\\' => false,
            _ if c.is_control() || is_invisible(c) => true,
            _ if mark => marks_left == 0,
            // not printable: unassigned, for private use, or a space other than the usual one
            _ => c.escape_debug().len() > 1,
        };
        if hidden {
            line.push_str(&code_point(c));
        } else {
            line.push(c);
        }
        marks_left = match mark {
            true => i32::max(marks_left - 1, 0),
            false if c.is_alphanumeric() => 2,
            false => 0,
        };
    }
    line
}

/// Text that may come from an adversary, as one line on which everything is visible ([`spelled_out`]), so that no file can print a
/// verdict of its own. At most 400 characters.
pub fn visible(text: &str) -> String {
    cut(text, 400)
}

/// `text` in quotes, visible, and cut where it would drown the sentence around it.
pub fn shown(text: &str) -> String {
    format!("\"{}\"", cut(text, 80))
}

fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", spelled_out(&text[..end])),
        None => spelled_out(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_fold_alike() {
        for (a, b) in [
            ("Alice", "aLICE"),
            ("alice ", "alice"),
            ("caf\u{e9}", "cafe\u{301}"),
            ("ＢＴＣ", "btc"),
            ("straße", "STRASSE"),
            ("ς", "σ"),
        ] {
            assert_eq!(fold(a), fold(b));
        }
        assert_ne!(fold("alice"), fold("a1ice"));
    }

    #[test]
    fn symbols_that_look_alike_have_one_key() {
        for symbol in ["BTC", "btc", "ＢＴＣ", "ВТС", "втс", "ΒΤC"] {
            assert_eq!(symbol_key(symbol), "btc", "{symbol}");
        }
        // what folds alike has one key
        for (a, b) in [("ВТС", "втс"), ("Α", "α"), ("straße", "STRASSE"), ("ς", "Σ"), ("Жц", "жЦ")] {
            assert_eq!((fold(a), symbol_key(a)), (fold(b), symbol_key(b)));
        }
        assert_ne!(symbol_key("ЖЦ"), symbol_key("ЦЖ"));
    }

    #[test]
    fn a_name_nobody_can_see_whole_is_refused() {
        for bad in
            ["", " a", "a\t", "a\u{a0}", "a\u{200b}b", "a\u{202e}b", "a\0", "a\u{3164}", "a\u{fe0f}", "a\u{e0100}"]
        {
            assert!(name_defect(bad, 128).is_some(), "{bad:?}");
        }
        assert_eq!(name_defect("a\u{202e}b", 128).unwrap(), "contains the invisible character U+202E");
        assert_eq!(name_defect("a\tb", 128).unwrap(), "contains the control character U+0009");
        assert!(name_defect(&"x".repeat(129), 128).is_some());
        assert!(name_defect(&"x".repeat(128), 128).is_none());
        assert!(name_defect("two words, one ref", 128).is_none());
    }

    #[test]
    fn what_is_printed_shows_every_character_and_turns_no_line_round() {
        for (text, line) in [
            ("a\u{202e}b\u{1b}[2J", "aU+202EbU+001B[2J"),
            ("a\u{200b}\u{feff}\u{ad}b", "aU+200BU+FEFFU+00ADb"),
            ("a\u{a0}b\nc", "aU+00A0bU+000Ac"),
            ("Jose\u{301} \u{301}x", "Jose\u{301} U+0301x"),
            ("z\u{301}\u{302}\u{303}", "z\u{301}\u{302}U+0303"),
            ("straße \"q\" \\ é नी", "straße \"q\" \\ é नी"),
        ] {
            assert_eq!(visible(text), line);
            assert_eq!(shown(text), format!("\"{line}\""));
        }
        assert_eq!(shown(&"x".repeat(81)), format!("\"{}…\"", "x".repeat(80)));
    }

    #[test]
    fn a_difference_that_nobody_sees_is_named() {
        assert_eq!(difference("btc", "BTC"), "capital and small letters");
        assert!(difference("Jos\u{e9}", "Jose\u{301}").starts_with("Unicode form"));
        assert_eq!(difference("alice ", "alice"), "white space at its ends");
        assert_eq!(latin_twin("ВТС").as_deref(), Some("BTC"));
        assert_eq!(latin_twin("BTC"), None);
        assert_eq!(difference("ВТС", "BTC"), "letters of another script that look the same");
        assert_eq!(difference("ＢＴＣ", "btc"), "case, Unicode form or padding");
    }
}
