//! Accounts, symbols and reserve lines: each once, and none that is not declared.

use super::{Book, RESERVES};

#[test]
fn l1_an_account_listed_twice_is_refused() {
    Book::new()
        .and("accounts.csv", "alice,0\n")
        .refused_because("accounts.csv line 5: account \"alice\" is listed twice");
}

#[test]
fn l1_accounts_that_differ_only_in_case_padding_or_unicode_form_are_refused() {
    let twice = Book::new().and("accounts.csv", "ALICE,0\nｂｏｂ,0\nZo\u{eb},0\nzoe\u{308},1\n").findings();
    assert_eq!(twice.total, 3);
    assert_eq!(
        twice.findings[0].to_string(),
        "accounts.csv line 5: account \"ALICE\" differs from account \"alice\" only in case, Unicode form or padding"
    );
    assert_eq!([1, 2].map(|i| twice.findings[i].line), [Some(6), Some(8)]);
    let padded = Book::new().and("accounts.csv", "\"alice \",0\nal\u{200b}ice,0\n").findings();
    assert_eq!(padded.total, 2);
}

#[test]
fn l1_a_second_row_for_the_same_account_and_asset_is_refused_wherever_it_stands() {
    Book::new().and("balances.csv", "carol,BTC,1,0\nbob,ETH,1,0\nbob,OLD,0,0\n").refused_because(
        "balances.csv line 7: account \"bob\" has a second row for ETH\n\
             balances.csv line 8: account \"bob\" has a second row for OLD",
    );
}

#[test]
fn l2_a_header_that_is_another_shows_what_stands_there_and_what_must() {
    let header = |found: &str, difference: &str| {
        Book::new().with("balances.csv", format!("{found}\nalice,BTC,1,0\n")).refused_because(&format!(
            "balances.csv line 1: the header is \"{found}\" and must be account,asset,equity,debt: {difference}"
        ));
    };
    for (found, difference) in [
        ("account;asset;equity;debt", "its columns are separated by semicolons, not by commas"),
        ("sep=;", "the first line is a hint for spreadsheet programs; remove it"),
        (
            "Account,asset,equity,debt",
            "column 1 is \"Account\", which differs from account only in capital and small letters",
        ),
        (
            "account, asset,equity,debt",
            "column 2 is \" asset\", which differs from asset only in white space at its ends",
        ),
        ("account,asset,debt,equity", "column 3 is \"debt\", which must be column 4, and equity must be here"),
        ("account,asset,equity", "column 4, debt, is missing"),
        ("account,asset,equity,debt,note", "column 5, \"note\", is one too many"),
        ("alice,BTC,1,0", "column 1 is \"alice\", not account"),
        ("", "column 1 is \"\", not account"),
    ] {
        header(found, difference);
    }
    Book::new().with("balances.csv", "").refused_because("balances.csv: is empty; its first line must be the header");
    let tabs = Book::new().with("balances.csv", "account\tasset\tequity\tdebt\n").refused();
    assert_eq!(tabs, "balances.csv line 1: contains a tab (U+0009); fields are separated by commas");
}

#[test]
fn l2_symbols_that_read_the_same_are_refused() {
    let findings = Book::new().and("assets.csv", "btc,8,1,USDT\nＥＴＨ,8,1,USDT\n").findings();
    assert_eq!(findings.total, 2);
    assert_eq!(
        findings.findings[0].to_string(),
        "assets.csv line 5: symbol \"btc\" repeats the one of line 2, or differs from it only in case, Unicode form or padding"
    );
}

#[test]
fn l3_an_unknown_symbol_is_refused_wherever_it_stands() {
    Book::new()
        .and("balances.csv", "bob,btc,1,0\n")
        .and("manifest.toml", "[totals.XYZ]\nequity = \"1\"\ndebt = \"0\"\n")
        .with("reserves.csv", RESERVES.replace("BTC,bitcoin,1def", "LTC,bitcoin,1def"))
        .refused_because(
            "balances.csv line 6: asset \"btc\" is not in assets.csv\n\
             reserves.csv line 3: asset \"LTC\" is not in assets.csv\n\
             manifest.toml: totals.\"XYZ\" is not an asset of assets.csv",
        );
}

#[test]
fn l3_an_unknown_account_is_refused() {
    Book::new()
        .and("balances.csv", "Bob,BTC,1,0\n")
        .refused_because("balances.csv line 6: account \"Bob\" is not in accounts.csv");
}

#[test]
fn a_reserve_counted_twice_is_refused() {
    Book::new().with("reserves.csv", format!("{RESERVES}BTC,Bitcoin,1ABC,9,x,,\n")).refused_because(
        "reserves.csv line 4: height \"x\" is not a block number\n\
         reserves.csv line 4: BTC at address \"1ABC\" is already in line 2",
    );
}
