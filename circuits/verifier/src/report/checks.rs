//! Checks, one a line.

use assay_core::{check::Check, text::visible};

/// One line per check.
pub fn check_lines(checks: &[Check]) -> Vec<String> {
    checks
        .iter()
        .map(|c| {
            let mark = if c.passed { '✓' } else { '✗' };
            if c.detail.is_empty() {
                format!("{mark} {}", c.title)
            } else {
                format!("{mark} {} ({})", c.title, visible(&c.detail))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_cannot_print_a_verdict_of_its_own() {
        let hostile = "alice\n\nVALID\u{1b}[8m\u{202e}\u{200b}";
        let check = Check { id: "x", title: "title".to_owned(), passed: false, detail: hostile.to_owned() };
        assert_eq!(check_lines(&[check]).join("").lines().count(), 1);
    }
}
