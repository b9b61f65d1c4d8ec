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
        "accounts.csv line 5: account \"ALICE\" differs from account \"alice\" only in capital and small letters"
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
    for hint in ["sep=,", "sep=;"] {
        let refused = Book::new().with("accounts.csv", format!("{hint}\naccount,class\nalice,0\n")).refused();
        assert!(refused.ends_with("the first line is a hint for spreadsheet programs; remove it"), "{refused}");
    }
    Book::new().with("balances.csv", "").refused_because("balances.csv: is empty; its first line must be the header");
    let tabs = Book::new().with("balances.csv", "account\tasset\tequity\tdebt\n").refused();
    assert_eq!(tabs, "balances.csv line 1: contains a tab (U+0009); fields are separated by commas");
}

#[test]
fn l2_symbols_that_read_the_same_are_refused() {
    let findings = Book::new().and("assets.csv", "btc,8,1,USDT\nＥＴＨ,8,1,USDT\nВТС,8,1,USDT\n").findings();
    assert_eq!(findings.total, 3);
    assert_eq!(
        findings.findings[0].to_string(),
        "assets.csv line 5: symbol \"btc\" differs from \"BTC\" in line 2 only in capital and small letters"
    );
    let cyrillic = findings.findings[2].to_string();
    assert!(cyrillic.ends_with("only in letters of another script that look the same"), "{cyrillic}");
}

#[test]
fn l3_an_unknown_symbol_is_refused_wherever_it_stands() {
    Book::new()
        .and("balances.csv", "bob,btc,1,0\n")
        .and("manifest.toml", "[totals.XYZ]\nequity = \"1\"\ndebt = \"0\"\n")
        .with("reserves.csv", RESERVES.replace("BTC,testnet,1def", "LTC,testnet,1def"))
        .refused_because(
            "balances.csv line 6: asset \"btc\" is not in assets.csv; \"BTC\" is, which differs only in capital and small letters\n\
             reserves.csv line 3: asset \"LTC\" is not in assets.csv\n\
             manifest.toml line 9: totals: asset \"XYZ\" is not in assets.csv",
        );
}

#[test]
fn l3_an_unknown_account_is_refused() {
    Book::new()
        .and("balances.csv", "Bob,BTC,1,0\n")
        .refused_because("balances.csv line 6: account \"Bob\" is not in accounts.csv; \"bob\" is, which differs only in capital and small letters");
    Book::new().and("balances.csv", "bob,ВТС,1,0\n").refused_because(
        "balances.csv line 6: asset \"ВТС\" is not in assets.csv; \"BTC\" is, which differs only in letters of another script that \
         look the same",
    );
    let composed =
        Book::new().and("accounts.csv", "Jos\u{e9},0\n").and("balances.csv", "Jose\u{301},BTC,1,0\n").refused();
    assert_eq!(
        composed,
        "balances.csv line 6: account \"Jose\u{301}\" is not in accounts.csv; \"Jos\u{e9}\" is, which differs only in Unicode form: one \
         has a composed letter, the other a letter and a combining mark"
    );
}

#[test]
fn one_mistake_is_one_finding() {
    // an account, an asset, a class and an instrument whose own rows are refused
    for (account, reason) in [
        ("ALICE", "account \"ALICE\" differs from account \"alice\" only in capital and small letters".to_owned()),
        ("\"dave \"", "account \"dave \" begins or ends with white space".to_owned()),
        ("da\u{202e}ve", "account \"daU+202Eve\" contains the invisible character U+202E".to_owned()),
        (&"x".repeat(129), format!("account \"{}…\" has 129 bytes, at most 128 are allowed", "x".repeat(80))),
    ] {
        Book::new()
            .and("accounts.csv", &format!("{account},0\n"))
            .and("balances.csv", &format!("{account},BTC,1,0\n{account},ETH,1,0\n"))
            .refused_because(&format!("accounts.csv line 5: {reason}"));
    }
    Book::new()
        .and("assets.csv", "DOGE,x,1,USDT\nbtc,8,1,USDT\n")
        .and("balances.csv", "bob,DOGE,100000000000,0\nbob,btc,1,0\n")
        .with("reserves.csv", format!("{RESERVES}DOGE,doge,a,1,,,\n"))
        .and("manifest.toml", "[totals.DOGE]\nequity = \"1\"\ndebt = \"0\"\n")
        .refused_because(
            "assets.csv line 5: DOGE scale \"x\" is not an integer from 0 to 18\n\
             assets.csv line 6: symbol \"btc\" differs from \"BTC\" in line 2 only in capital and small letters",
        );
    // a quantity that is refused says nothing about totals and collateral
    Book::new()
        .with("balances.csv", "account,asset,equity,debt\nbob,ETH,2.5x,0\n")
        .and("manifest.toml", "[totals.ETH]\nequity = \"2.5\"\ndebt = \"0\"\n")
        .with("tiers.csv", "asset,from,to,percent\nETH,0,,90\n")
        .with("collateral.csv", "account,asset,kind,amount\nbob,ETH,collateral,1\n")
        .refused_because("balances.csv line 2: ETH quantity 2.5x is not a plain decimal number");
    // a limit that is refused is not a limit that is missing
    Book::new()
        .with("instruments.csv", "symbol,contract_size,mark_price,maintenance_margin_bps\nP,1,1,100\n")
        .with("limits.csv", "instrument,class,side,limit\nP,3,both,1.5\n")
        .with("positions.csv", "account,instrument,quantity\nbob,P,1\n")
        .refused_because("limits.csv line 2: limit \"1.5\" has 1 decimal, at most 0 are allowed");
    // after a line that cannot be read, nobody knows what is in the file
    Book::new().and("accounts.csv", "dave,0,0\n").and("balances.csv", "dave,BTC,1,0\n").refused_because(
        "accounts.csv line 5: has 3 fields, the header has 2\n\
         balances.csv line 6: account \"dave\" is not among the lines of accounts.csv that could be read",
    );
}

#[test]
fn a_reserve_counted_twice_is_refused() {
    Book::new().with("reserves.csv", format!("{RESERVES}BTC,Testnet,1ABC,9,x,,\n")).refused_because(
        "reserves.csv line 4: height \"x\" is not a block number\n\
         reserves.csv line 4: BTC at address \"1ABC\" is already in line 2",
    );
}
