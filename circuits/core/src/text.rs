//! Names and free text: which are allowed, when two of them are too much alike, and how untrusted text is printed.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// Characters that take no room on a screen: two names that differ only in these look the same to everybody.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Why `name` cannot be an account, a symbol or another name of 1 to `max_bytes` bytes of UTF-8; `None` when it can.
pub fn name_defect(name: &str, max_bytes: usize) -> Option<String> {
    if name.is_empty() {
        Some("is empty".to_owned())
    } else if name.len() > max_bytes {
        Some(format!("has {} bytes, at most {max_bytes} are allowed", name.len()))
    } else if name.chars().any(|c| c.is_control() || is_invisible(c)) {
        Some("holds a control or invisible character".to_owned())
    } else if name.trim() != name {
        Some("begins or ends with white space".to_owned())
    } else {
        None
    }
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

/// Whether `text` can be a symbol or another short name: [`name_defect`] with 64 bytes.
pub fn is_name(text: &str) -> bool {
    name_defect(text, 64).is_none()
}

/// Text that may come from an adversary, as one visible line: control characters, invisible ones and those that change the
/// direction of writing are spelled out, so that no file can print a verdict of its own. At most 400 characters.
pub fn visible(text: &str) -> String {
    const LONGEST: usize = 400;
    let mut line = String::new();
    for (i, c) in text.chars().enumerate() {
        match c {
            _ if i == LONGEST => {
                line.push('…');
                break;
            }
            '"' | '\'' | '\\' => line.push(c),
            _ => line.extend(c.escape_debug()),
        }
    }
    line
}

/// `text` in quotes, cut where it would drown the sentence around it.
pub fn shown(text: &str) -> String {
    const SHOWN_CHARACTERS: usize = 80;
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("\"{}…\"", &text[..end]),
        None => format!("\"{text}\""),
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
    fn a_name_nobody_can_see_whole_is_refused() {
        for bad in ["", " a", "a\t", "a\u{a0}", "a\u{200b}b", "a\u{202e}b", "a\0"] {
            assert!(name_defect(bad, 128).is_some(), "{bad:?}");
        }
        assert!(name_defect(&"x".repeat(129), 128).is_some());
        assert!(name_defect(&"x".repeat(128), 128).is_none());
        assert!(name_defect("two words, one ref", 128).is_none());
    }
}
