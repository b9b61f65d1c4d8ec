//! Who an exchange is: its internet domain and its legal entity identifier, one spelling each.

/// Why `text` is not an internet domain in its one spelling: labels of lower-case letters, digits and hyphens (an
/// international name as its A-labels), joined by dots, without scheme, port, path or final dot. `None` when it is.
pub fn domain_defect(text: &str) -> Option<String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let label =
        |l: &str| (1..=63).contains(&l.len()) && l.bytes().all(allowed) && !l.starts_with('-') && !l.ends_with('-');
    if text.is_empty() {
        return Some("is empty".to_owned());
    }
    if text.len() > 253 {
        return Some(format!("has {} characters, a domain has at most 253", text.len()));
    }
    if !text.split('.').all(label) {
        let bare = text.trim().trim_start_matches("https://").trim_start_matches("http://").to_ascii_lowercase();
        let meant = bare.split(['/', ':']).next().unwrap_or_default().trim_end_matches('.');
        let meant = if !meant.is_empty() && meant.split('.').all(label) { meant } else { "exchange.example" };
        return Some(format!(
            "is not a domain in lower-case letters, digits and hyphens such as {meant}, without https://, port or final dot"
        ));
    }
    None
}

/// Why `text` is not a legal entity identifier: 18 capital letters and digits, then two check digits (ISO 17442). `None`
/// when it is.
pub fn lei_defect(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let alphanumeric = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    let plain: String =
        text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>().to_ascii_uppercase();
    if plain != text && lei_defect(&plain).is_none() {
        return Some(format!("must be written as {plain}"));
    }
    if bytes.len() != 20 || !bytes.iter().all(alphanumeric) || !bytes[18..].iter().all(u8::is_ascii_digit) {
        return Some("is not 18 capital letters and digits and two check digits".to_owned());
    }
    // ISO 7064, MOD 97-10: letters count from A = 10
    let remainder = bytes.iter().fold(0u32, |remainder, b| match b {
        b'0'..=b'9' => (remainder * 10 + u32::from(b - b'0')) % 97,
        _ => (remainder * 100 + u32::from(b - b'A') + 10) % 97,
    });
    (remainder != 1).then(|| "has wrong check digits: a character is mistyped".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_has_one_spelling() {
        for good in ["exchange.example", "a.b-c.example", "xn--brse-5qa.example", "localhost", "1.example"] {
            assert_eq!(domain_defect(good), None, "{good}");
        }
        for bad in [
            "",
            "Exchange.example",
            "exchange.example.",
            "https://exchange.example",
            "exchange.example:443",
            "exchange.example/",
            "exchange。example",
            "exchange\u{200b}.example",
            "börse.example",
            " exchange.example",
            "-a.example",
            "a-.example",
            "a..example",
            "under_score.example",
            &"a".repeat(64),
            &"a.".repeat(127),
        ] {
            assert!(domain_defect(bad).is_some(), "{bad}");
        }
        let told = domain_defect("https://Exchange.test:443/por").unwrap();
        assert!(told.contains("such as exchange.test, without https://"), "{told}");
    }

    #[test]
    fn an_identifier_has_check_digits_and_capitals() {
        // the identifiers of a bank and of a foundation, as published
        for good in ["5493001KJTIIGC8Y1R12", "506700GE1G29325QX363"] {
            assert_eq!(lei_defect(good), None, "{good}");
        }
        for bad in
            ["5493001KJTIIGC8Y1R13", "5493001KJTIIGC8Y1R21", "5493001kjtiigc8y1r12", "5493001KJTIIGC8Y1R1", "", "short"]
        {
            assert!(lei_defect(bad).is_some(), "{bad}");
        }
        assert_eq!(lei_defect("5493 001k jtii gc8y 1r12").unwrap(), "must be written as 5493001KJTIIGC8Y1R12");
    }
}
