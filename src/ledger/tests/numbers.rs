//! Quantities, scales and prices: exact, or refused.

use super::{Book, RESERVES};

#[test]
fn l4_a_held_asset_without_price_is_refused_and_an_unheld_one_is_not() {
    Book::new().valid();
    for held in ["carol,OLD,0.01,0\n", "carol,OLD,0,0.01\n"] {
        Book::new()
            .and("balances.csv", held)
            .refused_because("balances.csv line 6: OLD has a balance but no price in assets.csv");
    }
}

#[test]
fn l5_a_negative_quantity_is_refused_and_zero_has_no_sign() {
    Book::new()
        .and("balances.csv", "bob,BTC,-1,0\ncarol,BTC,0,-9223372036854775808\ncarol,ETH,-0,0\n")
        .with("reserves.csv", RESERVES.replace("0.25", "-0.25"))
        .refused_because(
            "balances.csv line 6: BTC quantity -1 is negative\n\
             balances.csv line 7: BTC debt -9223372036854775808 is negative\n\
             reserves.csv line 2: BTC amount \"-0.25\" is negative",
        );
}

#[test]
fn l6_a_quantity_that_is_no_number_or_does_not_fit_is_refused() {
    for (text, reason) in [
        ("NaN", "NaN is not a plain decimal number"),
        ("inf", "inf is not a plain decimal number"),
        ("", "\"\" is empty"),
        ("1e309", "1e309 is too large: with 8 decimals at most 184467440737.09551615 fits"),
        (
            "184467440737.09551616",
            "184467440737.09551616 is too large: with 8 decimals at most 184467440737.09551615 fits",
        ),
    ] {
        Book::new()
            .and("balances.csv", &format!("bob,BTC,{text},0\n"))
            .refused_because(&format!("balances.csv line 6: BTC quantity {reason}"));
    }
    let largest = Book::new().and("balances.csv", "bob,BTC,184467440737.09551615,0\n").valid();
    assert_eq!(largest.holdings_of(1)[0].equity, u64::MAX);
}

#[test]
fn l7_more_decimals_than_the_scale_are_refused_never_cut() {
    Book::new()
        .and("balances.csv", "bob,BTC,0.123456789,0\ncarol,BTC,0.1234567800,0\n")
        .refused_because("balances.csv line 6: BTC quantity 0.123456789 has 9 decimals, at most 8 are allowed");
}

#[test]
fn an_asset_is_refused_for_its_scale_price_or_quote() {
    Book::new()
        .and("assets.csv", "A,19,1,USDT\nB,+8,1,USDT\nC,8,1e-19,USDT\nD,8,1,EUR\n x,8,1,USDT\n")
        .refused_because(
            "assets.csv line 5: A scale \"19\" is not an integer from 0 to 18\n\
         assets.csv line 6: B scale \"+8\" is not an integer from 0 to 18\n\
         assets.csv line 7: C price \"1e-19\" has 19 decimals, at most 18 are allowed\n\
         assets.csv line 8: D has the quote currency EUR, but the first asset has USDT; all assets must have the same one\n\
         assets.csv line 9: symbol \" x\" begins or ends with white space",
        );
}
