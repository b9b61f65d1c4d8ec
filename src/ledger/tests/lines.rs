//! The text of the files: L8.

use super::{ACCOUNTS, BALANCES, Book};

#[test]
fn l8_a_wrong_number_of_columns_is_refused() {
    Book::new().and("balances.csv", "bob,BTC,1\nbob,BTC,1,0,\n\n").refused_because(
        "balances.csv line 6: has 3 fields, the header has 4\n\
         balances.csv line 7: has 5 fields, the header has 4\n\
         balances.csv line 8: is empty",
    );
}

#[test]
fn l8_a_byte_order_mark_is_refused() {
    let findings = Book::new().with("accounts.csv", format!("\u{feff}{ACCOUNTS}")).refused();
    assert_eq!(findings, "accounts.csv line 1: the file begins with a byte order mark; save it as UTF-8 without one");
}

#[test]
fn l8_lines_may_end_in_crlf_but_not_in_cr() {
    let snapshot = Book::new().with("balances.csv", BALANCES.replace('\n', "\r\n")).valid();
    assert_eq!(snapshot.holdings().len(), 3);
    let findings = Book::new().with("accounts.csv", ACCOUNTS.replace('\n', "\r")).refused();
    assert!(findings.starts_with("accounts.csv line 1: the last line has no line end"), "{findings}");
    Book::new()
        .and("accounts.csv", "da\rve,0\n")
        .refused_because("accounts.csv line 5: contains the control character U+000D");
}

#[test]
fn l8_a_last_line_without_its_end_is_refused() {
    Book::new().and("balances.csv", "bob,BTC,1,0.5").refused_because(
        "balances.csv line 6: the last line has no line end, so the file may be incomplete; if it is complete, add one",
    );
}

#[test]
fn l8_invalid_utf8_and_nul_bytes_are_refused() {
    let mut accounts = ACCOUNTS.as_bytes().to_vec();
    accounts.extend_from_slice(b"d\xc3\x28,0\ne\0,0\n");
    Book::new().with("accounts.csv", accounts).refused_because(
        "accounts.csv line 5: is not UTF-8 from byte 2 on\naccounts.csv line 6: contains the control character U+0000",
    );
}

#[test]
fn l8_a_stray_quote_costs_one_line_and_not_the_rest_of_the_file() {
    Book::new().and("accounts.csv", "\"dave,0\nerin,x\n").refused_because(
        "accounts.csv line 5: opens a quote but does not close it\n\
         accounts.csv line 6: class \"x\" is not an integer from 0 to 255",
    );
}

#[test]
fn l8_a_line_over_64_kib_is_refused_and_the_next_one_is_read() {
    let long = "x".repeat(70_000);
    Book::new().and("accounts.csv", &format!("{long},0\nerin,256\n")).refused_because(
        "accounts.csv line 5: is longer than 65536 bytes\n\
         accounts.csv line 6: class \"256\" is not an integer from 0 to 255",
    );
}
