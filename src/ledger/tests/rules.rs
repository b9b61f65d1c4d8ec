//! What a ledger may be held to: classes, instruments, positions and their limits, collateral and its tiers.

use super::{Book, gz};
use crate::ledger::{CoverageBasis, Decimal, MAX_INSTRUMENTS, MAX_TIERS, Side};

const CLASSES: &str = "class,name,kyc_level,jurisdiction\n3,retail,basic,EU\n255,staff,,\n0,unverified,,\n";
const INSTRUMENTS: &str = "symbol,contract_size,mark_price,maintenance_margin_bps\n\
    BTC-PERP,0.001,96510.5,500\nETH-PERP,0.01,3301,10000\n";
const LIMITS: &str =
    "instrument,class,side,limit\nETH-PERP,0,short,7\nBTC-PERP,3,both,10\nBTC-PERP,255,long,18446744073709551615\n";
const POSITIONS: &str = "account,instrument,quantity\nbob,BTC-PERP,-10\nalice,ETH-PERP,-7\ncarol,BTC-PERP,10000000000000\n\
    bob,ETH-PERP,0\n";
const TIERS: &str = "asset,from,to,percent\nETH,0,1000.5,100\nETH,1000.50,,87.5\nBTC,0,10,99.99\n";
const KINDS: &str =
    "asset,kind,from,to,percent\nETH,vip,0,,90\nETH,margin,0,500,100\nBTC,margin,0,,100\nETH,margin,500,,80\n";
const COLLATERAL: &str = "account,asset,kind,amount\nbob,ETH,margin,1.5\nalice,BTC,margin,0.00008978\nbob,ETH,vip,1\n";

fn ruled() -> Book {
    Book::new()
        .with("classes.csv", CLASSES)
        .with("instruments.csv", INSTRUMENTS)
        .with("limits.csv", LIMITS)
        .with("positions.csv", POSITIONS)
}

fn pledged() -> Book {
    Book::new().with("tiers.csv", KINDS).with("collateral.csv", COLLATERAL)
}

#[test]
fn classes_instruments_limits_and_positions_say_what_their_files_say() {
    let snapshot = ruled().without("positions.csv").with("positions.csv.gz", gz(POSITIONS.as_bytes())).valid();
    let classes: Vec<_> = snapshot.classes().iter().map(|c| (c.class, c.name.as_str(), c.kyc_level.as_str())).collect();
    assert_eq!(classes, [(0, "unverified", ""), (3, "retail", "basic"), (255, "staff", "")]);
    assert_eq!(snapshot.classes()[1].jurisdiction, "EU");
    let [btc, eth] = snapshot.instruments() else { panic!() };
    assert_eq!(
        (btc.symbol.as_str(), btc.maintenance_margin_bps, eth.maintenance_margin_bps),
        ("BTC-PERP", 500, 10_000)
    );
    assert_eq!((btc.contract_size.to_string(), btc.mark_price.to_string()), ("0.001".to_owned(), "96510.5".to_owned()));
    let limits: Vec<_> = snapshot.limits().iter().map(|l| (l.instrument, l.class, l.side, l.limit)).collect();
    let (long, short) = (Side::Long, Side::Short);
    assert_eq!(limits, [(0, 3, long, 10), (0, 3, short, 10), (0, 255, long, u64::MAX), (1, 0, short, 7)]);
    let positions: Vec<_> = (0..3)
        .flat_map(|account| snapshot.positions_of(account))
        .map(|p| (p.account, p.instrument, p.side, p.contracts))
        .collect();
    assert_eq!(positions, [(0, 1, short, 7), (1, 0, short, 10), (2, 0, long, 10_000_000_000_000)]);
    assert!(snapshot.has_limits() && snapshot.has_rules());
    assert!(snapshot.tiers().is_empty() && snapshot.collateral_of(0).is_empty());
    let plain = Book::new().valid();
    assert!(!plain.has_limits() && !plain.has_rules() && plain.positions_of(2).is_empty());
}

#[test]
fn only_positions_and_collateral_change_the_digest() {
    let plain = Book::new().valid().digest();
    assert_eq!(plain, "0e4d60fb35c3aee111ec4ab94e591a2341fe391dc879d063717adaf9aee2bb8e");
    assert_eq!(ruled().without("positions.csv").with("tiers.csv", TIERS).valid().digest(), plain);
    let (with_positions, with_collateral) = (ruled().valid().digest(), pledged().valid().digest());
    assert!(with_positions != plain && with_collateral != plain);
    let reversed = ruled().with("positions.csv", POSITIONS.replace("-7", "7")).without("limits.csv").valid().digest();
    assert_ne!(reversed, with_positions);
}

/// Each with a change to a valid book and what it is then refused for.
fn refused_one_by_one(book: fn() -> Book, cases: &[(&str, &str, &str)]) {
    for (file, rows, sentence) in cases {
        book().and(file, rows).refused_because(sentence);
    }
}

#[test]
fn classes_are_refused_one_defect_at_a_time() {
    refused_one_by_one(
        ruled,
        &[
            ("classes.csv", "3,other,,\n", "classes.csv line 5: class 3 is listed twice"),
            ("classes.csv", "256,x,,\n", "classes.csv line 5: class \"256\" is not an integer from 0 to 255"),
            ("classes.csv", "01,x,,\n", "classes.csv line 5: class \"01\" is not an integer from 0 to 255"),
            ("classes.csv", "4,,,\n", "classes.csv line 5: name \"\" is empty"),
            ("classes.csv", "4,x, y,\n", "classes.csv line 5: kyc_level \" y\" begins or ends with white space"),
            ("accounts.csv", "dave,4\n", "accounts.csv line 5: class 4 is not in classes.csv"),
        ],
    );
}

#[test]
fn instruments_are_refused_one_defect_at_a_time() {
    refused_one_by_one(
        ruled,
        &[
            ("instruments.csv", "A,0,1,1\n", "instruments.csv line 4: A contract_size \"0\" is not above zero"),
            ("instruments.csv", "A,1,-1,1\n", "instruments.csv line 4: A mark_price \"-1\" is negative"),
            (
                "instruments.csv",
                "A,1e-19,1,1\n",
                "instruments.csv line 4: A contract_size \"1e-19\" has 19 decimals, at most 18 are allowed",
            ),
            (
                "instruments.csv",
                "A,1,1,10001\n",
                "instruments.csv line 4: A maintenance_margin_bps \"10001\" is not an integer from 0 to 10000",
            ),
            (
                "instruments.csv",
                "btc-perp,1,1,1\n",
                "instruments.csv line 4: symbol \"btc-perp\" differs from \"BTC-PERP\" in line 2 only in capital and small \
                 letters",
            ),
            ("instruments.csv", ",1,1,1\n", "instruments.csv line 4: symbol \"\" is empty"),
        ],
    );
    let many = |count: usize| (0..count).map(|i| format!("T{i},1,1,1\n")).collect::<String>();
    assert_eq!(ruled().and("instruments.csv", &many(MAX_INSTRUMENTS - 2)).valid().instruments().len(), 2048);
    ruled()
        .and("instruments.csv", &many(MAX_INSTRUMENTS - 1))
        .refused_because("instruments.csv line 2050: too many instruments: a book has at most 2048");
}

#[test]
fn limits_are_refused_one_defect_at_a_time() {
    refused_one_by_one(
        ruled,
        &[
            (
                "limits.csv",
                "LTC-PERP,3,both,1\n",
                "limits.csv line 5: instrument \"LTC-PERP\" is not in instruments.csv",
            ),
            ("limits.csv", "ETH-PERP,4,both,1\n", "limits.csv line 5: class 4 is not in classes.csv"),
            ("limits.csv", "ETH-PERP,x,both,1\n", "limits.csv line 5: class \"x\" is not an integer from 0 to 255"),
            ("limits.csv", "ETH-PERP,3,Long,1\n", "limits.csv line 5: side \"Long\" is not long, short or both"),
            ("limits.csv", "ETH-PERP,3,both,-1\n", "limits.csv line 5: limit \"-1\" is negative"),
            (
                "limits.csv",
                "ETH-PERP,3,both,1.5\n",
                "limits.csv line 5: limit \"1.5\" has 1 decimal, at most 0 are allowed",
            ),
            (
                "limits.csv",
                "BTC-PERP,3,short,1\n",
                "limits.csv line 5: BTC-PERP already has a limit for class 3 short in line 3",
            ),
            (
                "limits.csv",
                "ETH-PERP,0,both,7\n",
                "limits.csv line 5: ETH-PERP already has a limit for class 0 short in line 2",
            ),
        ],
    );
    ruled().without("classes.csv").and("limits.csv", "ETH-PERP,77,both,1\n").valid();
    ruled().without("instruments.csv").refused_because(
        "limits.csv: needs instruments.csv, which is missing\n\
         positions.csv: needs instruments.csv, which is missing",
    );
}

#[test]
fn positions_are_refused_one_defect_at_a_time() {
    refused_one_by_one(
        || ruled().without("limits.csv"),
        &[
            ("positions.csv", "dave,ETH-PERP,1\n", "positions.csv line 6: account \"dave\" is not in accounts.csv"),
            ("positions.csv", "bob,X,1\n", "positions.csv line 6: instrument \"X\" is not in instruments.csv"),
            (
                "positions.csv",
                "carol,ETH-PERP,0.5\n",
                "positions.csv line 6: ETH-PERP quantity \"0.5\" has 1 decimal, at most 0 are allowed",
            ),
            (
                "positions.csv",
                "carol,ETH-PERP,-18446744073709551616\n",
                "positions.csv line 6: ETH-PERP quantity \"-18446744073709551616\" is too large: with 0 decimals at most \
                 18446744073709551615 fits",
            ),
            ("positions.csv", "carol,ETH-PERP,\n", "positions.csv line 6: ETH-PERP quantity \"\" is empty"),
            (
                "positions.csv",
                "carol,ETH-PERP,+1\n",
                "positions.csv line 6: ETH-PERP quantity \"+1\" is not a plain decimal number",
            ),
            (
                "positions.csv",
                "carol,ETH-PERP,--0\n",
                "positions.csv line 6: ETH-PERP quantity \"--0\" is not a plain decimal number",
            ),
            (
                "positions.csv",
                "bob,ETH-PERP,0\n",
                "positions.csv line 6: account \"bob\" has a second row for ETH-PERP",
            ),
        ],
    );
    let least = ruled().without("limits.csv").and("positions.csv", "carol,ETH-PERP,-1125899906842624\n").valid();
    assert_eq!((least.positions_of(2)[1].side, least.positions_of(2)[1].contracts), (Side::Short, 1 << 50));
}

#[test]
fn a_position_of_minus_zero_is_none() {
    assert_eq!(ruled().and("positions.csv", "alice,BTC-PERP,-0\n").valid().positions_of(0).len(), 1);
}

#[test]
fn what_the_proof_cannot_value_is_refused_with_file_and_line() {
    let most = "79228162514264337.593543950336";
    let priced = |price: &str| Book::new().with("tiers.csv", TIERS).and("assets.csv", &format!("X,8,{price},USDT\n"));
    priced("7922816251426433759354395").valid();
    priced("7922816251426433759354396").refused_because(&format!(
        "assets.csv line 5: X price 7922816251426433759354396 is too large: the smallest unit of 10^-8 must be worth less than {most}"
    ));
    // without rules nothing is valued
    Book::new().and("assets.csv", "X,8,1e30,USDT\n").valid();
    priced("7922816251426433759354395").and("balances.csv", "carol,X,0.00000002,0\n").refused_because(&format!(
        "accounts.csv line 4: account \"carol\" owns more than can be valued: it must be worth less than {most}"
    ));
    ruled().without("limits.csv").with("positions.csv", "account,instrument,quantity\nbob,ETH-PERP,18446744073709551615\n").refused_because(
        &format!("accounts.csv line 3: account \"bob\" owes or must cover more than can be valued: it must be worth less than {most}"),
    );
}

#[test]
fn an_account_without_a_class_is_of_class_0() {
    let classes = |accounts: &str| {
        let snapshot = Book::new().with("accounts.csv", accounts).valid();
        [0, 1, 2].map(|account| snapshot.class(account))
    };
    assert_eq!(classes("account\nalice\nbob\ncarol\n"), [0, 0, 0]);
    assert_eq!(classes("account,class\nalice,\nbob,3\ncarol,\n"), [0, 3, 0]);
    Book::new()
        .with("classes.csv", "class,name,kyc_level,jurisdiction\n3,retail,,\n255,staff,,\n")
        .with("accounts.csv", "account,class\nalice,\nbob,3\ncarol,255\n")
        .refused_because(
            "accounts.csv line 2: class 0 is not in classes.csv, which is that of an account without a class",
        );
}

#[test]
fn l16_a_position_one_contract_over_its_limit_is_named() {
    for (quantity, side) in [("-11", "short"), ("11", "long")] {
        ruled().with("positions.csv", POSITIONS.replace("-10", quantity)).refused_because(&format!(
            "positions.csv line 2: account \"bob\" holds 11 contracts {side} of BTC-PERP; the limit of class 3 is 10"
        ));
    }
}

#[test]
fn l16_a_position_without_a_limit_is_prohibited_where_there_are_limits() {
    let other_side = POSITIONS.replace("-7", "1");
    ruled().with("positions.csv", &other_side).refused_because(
        "positions.csv line 3: account \"alice\" holds 1 contracts long of ETH-PERP, which is prohibited: limits.csv has \
         no limit for class 0 long",
    );
    ruled().with("positions.csv", &other_side).without("limits.csv").valid();
    let none = ruled().with("limits.csv", "instrument,class,side,limit\n").findings();
    assert_eq!(none.total, 3);
}

#[test]
fn tiers_and_collateral_say_what_their_files_say() {
    let decimal = |units, scale| Decimal { units, scale };
    let snapshot = Book::new().with("tiers.csv", TIERS).valid();
    let tiers: Vec<_> = snapshot.tiers().iter().map(|t| (t.asset, t.kind, t.from, t.to, t.percent_bps)).collect();
    let border = decimal(10_005, 1);
    assert_eq!(
        tiers,
        [
            (0, 0, decimal(0, 0), Some(decimal(10, 0)), 9999),
            (1, 0, decimal(0, 0), Some(border), 10_000),
            (1, 0, border, None, 8750)
        ]
    );
    assert_eq!(snapshot.collateral_kinds(), ["collateral"]);
    // without collateral.csv all equity is collateral, debts are not
    let of = |account| -> Vec<_> {
        snapshot.collateral_of(account).iter().map(|c| (c.account, c.asset, c.kind, c.amount)).collect()
    };
    assert_eq!([of(0), of(1), of(2)], [vec![(0, 0, 0, 8978)], vec![(1, 1, 0, 25_000_000_000)], vec![]]);
    assert!(snapshot.has_rules() && !snapshot.has_limits());

    let snapshot = pledged().valid();
    assert_eq!(snapshot.collateral_kinds(), ["vip", "margin"]);
    let tiers: Vec<_> = snapshot.tiers().iter().map(|t| (t.asset, t.kind, t.percent_bps)).collect();
    assert_eq!(tiers, [(0, 1, 10_000), (1, 0, 9000), (1, 1, 10_000), (1, 1, 8000)]);
    let of_bob: Vec<_> = snapshot.collateral_of(1).iter().map(|c| (c.asset, c.kind, c.amount)).collect();
    assert_eq!(of_bob, [(1, 0, 10_000_000_000), (1, 1, 15_000_000_000)]);
    assert!(snapshot.collateral_of(2).is_empty());
}

fn tiered(rows: &str) -> Book {
    Book::new().with("tiers.csv", format!("asset,from,to,percent\n{rows}"))
}

#[test]
fn l11_the_first_tier_begins_at_zero() {
    tiered("BTC,1,2,100\n").refused_because("tiers.csv line 2: BTC tier begins at 1, the first tier must begin at 0");
}

#[test]
fn l11_a_gap_between_tiers_is_refused() {
    tiered("BTC,0,2,100\nETH,0,2,100\nBTC,2.5,3,90\n")
        .refused_because("tiers.csv line 4: BTC tier begins at 2.5 and leaves a gap: the tier before ends at 2");
}

#[test]
fn l11_an_overlap_of_tiers_is_refused() {
    tiered("BTC,0,2,100\nBTC,1.999,3,90\n")
        .refused_because("tiers.csv line 3: BTC tier begins at 1.999 and overlaps: the tier before ends at 2");
}

#[test]
fn l11_a_tier_that_ends_where_it_begins_is_refused() {
    tiered("BTC,0,0,100\n")
        .refused_because("tiers.csv line 2: BTC tier ends at 0, which is not above 0, where it begins");
    tiered("BTC,0,5,100\nBTC,5,4,90\n")
        .refused_because("tiers.csv line 3: BTC tier ends at 4, which is not above 5, where it begins");
}

#[test]
fn l11_a_tier_behind_one_without_an_end_is_refused() {
    tiered("BTC,0,,100\nBTC,5,,90\n").refused_because("tiers.csv line 3: BTC tier follows a tier without an end");
}

#[test]
fn l11_a_rising_percentage_is_refused() {
    tiered("BTC,0,5,80\nBTC,5,,80.01\n")
        .refused_because("tiers.csv line 3: BTC tier counts 80.01 percent, more than 80 before it");
    tiered("BTC,0,5,80.5\nBTC,5,,80.50\n").valid();
}

#[test]
fn l11_a_percentage_above_100_or_too_exact_is_refused() {
    tiered("BTC,0,,100.01\n").refused_because("tiers.csv line 2: BTC percent \"100.01\" is above 100");
    tiered("BTC,0,,99.999\n")
        .refused_because("tiers.csv line 2: BTC percent \"99.999\" has 3 decimals, at most 2 are allowed");
    tiered("BTC,0,,-1\n").refused_because("tiers.csv line 2: BTC percent \"-1\" is negative");
    tiered("BTC,0,,0\n").valid();
}

#[test]
fn l11_a_tier_of_an_unknown_or_worthless_asset_is_refused() {
    tiered("btc,0,,100\n").refused_because("tiers.csv line 2: asset \"btc\" is not in assets.csv; \"BTC\" is, which differs only in capital and small letters");
    tiered("OLD,0,1,100\nOLD,1,,90\n")
        .refused_because("tiers.csv line 2: OLD has tiers here but no price above zero in assets.csv");
}

#[test]
fn l11_tier_values_and_kinds_are_exact() {
    tiered("BTC,,1,100\n").refused_because("tiers.csv line 2: BTC from \"\" is empty");
    tiered("BTC,0,x,100\n").refused_because("tiers.csv line 2: BTC to \"x\" is not a plain decimal number");
    for kind in ["Margin", "", "a-b", &"k".repeat(33)] {
        let refused = pledged().and("tiers.csv", &format!("BTC,{kind},0,,100\n")).refused();
        assert_eq!(
            refused,
            format!("tiers.csv line 6: kind \"{kind}\" is not 1 to 32 lower-case letters, digits or underscores")
        );
    }
    Book::new().with("tiers.csv", "asset,to,from,percent\n").refused_because(
        "tiers.csv line 1: the header is \"asset,to,from,percent\" and must be asset,from,to,percent or \
             asset,kind,from,to,percent: column 2 is \"to\", which must be column 3, and from must be here",
    );
    let rows: String = (0..=MAX_TIERS).map(|i| format!("BTC,{i},{},50\n", i + 1)).collect();
    tiered(&rows).refused_because("tiers.csv line 65538: too many tiers: a book has at most 65536");
}

#[test]
fn l9_collateral_over_equity_by_one_unit_is_named() {
    pledged().with("collateral.csv", COLLATERAL.replace("margin,1.5", "margin,1.5000000001")).refused_because(
        "collateral.csv line 4: account \"bob\" has 2.5000000001 ETH of collateral, but its equity is only 2.5",
    );
    pledged().and("collateral.csv", "carol,BTC,margin,0.00000001\n").refused_because(
        "collateral.csv line 5: account \"carol\" has 0.00000001 BTC of collateral, but its equity is only 0",
    );
}

#[test]
fn collateral_is_refused_one_defect_at_a_time() {
    refused_one_by_one(
        pledged,
        &[
            ("collateral.csv", "dave,BTC,margin,0\n", "collateral.csv line 5: account \"dave\" is not in accounts.csv"),
            ("collateral.csv", "bob,LTC,margin,0\n", "collateral.csv line 5: asset \"LTC\" is not in assets.csv"),
            (
                "collateral.csv",
                "bob,BTC,vip,0\n",
                "collateral.csv line 5: BTC has no tiers of kind \"vip\" in tiers.csv",
            ),
            ("collateral.csv", "bob,BTC,margin,-1\n", "collateral.csv line 5: BTC amount \"-1\" is negative"),
            (
                "collateral.csv",
                "bob,ETH,vip,0\n",
                "collateral.csv line 5: account \"bob\" has a second row for ETH of kind vip",
            ),
        ],
    );
    pledged().without("tiers.csv").refused_because("collateral.csv: needs tiers.csv, which is missing");
    pledged().without("collateral.csv").refused_because(
        "collateral.csv: is missing: tiers.csv has the kinds vip, margin, so collateral.csv must give the kind of each \
         holding",
    );
}

#[test]
fn l13_row_counts_of_the_rules_reconcile() {
    let book = |rows: &str| ruled().with("tiers.csv", TIERS).and("manifest.toml", &format!("[rows]\n{rows}\n"));
    book("classes = 3\ninstruments = 2\nlimits = 3\npositions = 4\ntiers = 3\ncollateral = 0").valid();
    book("classes = 2\ninstruments = 3\nlimits = 4\npositions = 3\ntiers = 4\ncollateral = 1").refused_because(
        "manifest.toml line 10: rows.classes is 2, but the file has 3 rows\n\
         manifest.toml line 11: rows.instruments is 3, but the file has 2 rows\n\
         manifest.toml line 12: rows.limits is 4, but the file has 3 rows\n\
         manifest.toml line 14: rows.tiers is 4, but the file has 3 rows\n\
         manifest.toml line 13: rows.positions is 3, but the file has 4 rows\n\
         manifest.toml line 15: rows.collateral is 1, but the file has 0 rows",
    );
}

#[test]
fn the_policy_says_what_is_required_and_nothing_more() {
    let book = |policy: &str| {
        Book::new().with("reserves.csv", super::RESERVES).and("manifest.toml", &format!("[policy]\n{policy}\n"))
    };
    let policy = book("coverage_basis = \"net\"\nbelow_margin_max = 3\nequity_ratio_bps = 100000").valid().policy();
    assert_eq!((policy.coverage_basis, policy.below_margin_max), (Some(CoverageBasis::Net), Some(3)));
    assert_eq!((policy.equity_ratio_bps, policy.coverage_bps), (Some(100_000), None));
    assert_eq!(Book::new().valid().policy().coverage_basis.unwrap_or_default(), CoverageBasis::Gross);
    book("equity_ratio_bps = 100001")
        .refused_because("manifest.toml line 10: policy.equity_ratio_bps is 100001; the maximum is 100000");
    assert!(book("coverage_basis = \"Net\"").refused().contains("coverage_basis is \"Net\", not"));
    assert!(book("below_margin_max = -1").refused().starts_with("manifest.toml"));
    book("coverage_basis = \"net\"")
        .without("reserves.csv")
        .refused_because("manifest.toml line 10: policy.coverage_basis needs reserves, but there is no reserves.csv");
}

/// The book with classes and one more asset, of which alice holds five.
fn with_asset(row: &str) -> Book {
    let symbol = row.split(',').next().unwrap();
    Book::new()
        .with("classes.csv", CLASSES)
        .and("assets.csv", &format!("{row}\n"))
        .and("balances.csv", &format!("alice,{symbol},5,0\n"))
}

#[test]
fn accounts_are_valued_in_a_unit_that_rounds_no_price_by_more_than_a_ten_thousandth() {
    let decimals = |row: &str| with_asset(row).valid().value_decimals();
    assert_eq!(ruled().valid().value_decimals(), 12);
    // one ether in units of 10^-18 is worth 2,650·10^-18 a unit
    assert_eq!(decimals("GWEI,9,2650,USDT"), 12);
    assert_eq!(decimals("DUST,8,0.0001,USDT"), 12);
    assert_eq!(decimals("WEI,18,2650,USDT"), 17);
    assert_eq!(decimals("WEI,18,2650.371,USDT"), 19);
    assert_eq!(decimals("DUST,8,0.000000612345,USDT"), 18);
    // what nobody holds or owes may be worth anything, and values count only where there are rules
    assert_eq!(ruled().and("assets.csv", "WEI,18,2650,USDT\n").valid().value_decimals(), 12);
    let plain = Book::new().and("assets.csv", "WEI,18,0.001,USDT\n").and("balances.csv", "alice,WEI,5,0\n");
    assert_eq!(plain.valid().value_decimals(), 12);
}

#[test]
fn a_price_too_small_for_the_unit_in_which_the_accounts_fit_is_refused_with_a_scale_that_would_do() {
    with_asset("TINY,18,0.00001234567,USDT").refused_because(
        "assets.csv line 5: TINY price 0.00001234567 is too small for its scale of 18: the accounts are valued in 10^-24 of USDT, to which \
         the worth of its smallest unit cannot be rounded within 0.01 %; a scale of 15 or less would do",
    );
    // carol's positions leave room for 15 decimals
    let positions =
        with_asset("WEI,18,2650,USDT").with("instruments.csv", INSTRUMENTS).with("positions.csv", POSITIONS);
    positions.refused_because(
        "assets.csv line 5: WEI price 2650 is too small for its scale of 18: the accounts are valued in 10^-15 of USDT, to which the worth \
         of its smallest unit cannot be rounded within 0.01 %; a scale of 16 or less would do",
    );
}

#[test]
fn an_account_that_is_alone_in_its_class_with_positions_is_warned_of() {
    let alone =
        |book: Book| book.valid().warnings().iter().filter(|w| w.reason.starts_with("only one account")).count();
    // alice, bob and carol are in classes of their own
    assert_eq!(alone(ruled()), 3);
    assert_eq!(alone(ruled().without("positions.csv")), 0);
}
