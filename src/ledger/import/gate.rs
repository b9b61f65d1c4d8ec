//! Gate's user files: the older layout of Binance's tool, with the customer's id in a column named `main_uid_hashed`. The numbers come
//! from a floating-point program: prices such as `0.21920000000000056` are cut at 18 decimals, and the net column is ignored.

use super::binance::Dialect;

/// How the layout differs.
pub(super) const GATE: Dialect = Dialect { id_column: "main_uid_hashed", floats: true };

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::ledger::import::Format;
    use crate::ledger::import::testing::Files;

    const HEADER: &str = "rn,main_uid_hashed,e_usdt,d_usdt,usdt,e_aidoge,d_aidoge,aidoge,usdt_usdt_price,\
        aidoge_usdt_price,total_net_balance_usdt\n";

    fn row(id: u8, usdt: &str, aidoge: &str) -> String {
        format!("1,{},{usdt},{aidoge},1.0,1.274500000000001e-10,0.5", format!("{id:02x}").repeat(32))
    }

    #[test]
    fn a_shard_with_float_noise_and_without_a_last_line_end_is_read_exactly() {
        let rows = format!("{HEADER}{}", row(1, "297.74787028000003,0.0,297.74787028", "0.0,0.0,0.0"));
        let files = Files::new().with("users.csv", &rows);
        let summary = files.import(Format::Gate, &["users.csv"]).unwrap();
        assert_eq!(summary.notes, ["1 prices have more than 18 decimals and were cut there"]);
        let snapshot = files.checked();
        assert_eq!(snapshot.assets()[0].scale, 14);
        assert_eq!(snapshot.holdings()[0].equity, 29_774_787_028_000_003);
        assert_eq!(snapshot.assets()[1].price.unwrap().to_string(), "0.00000000012745");
    }

    #[test]
    fn amounts_are_rounded_against_the_exchange_where_the_caller_asks_for_it() {
        let rows = format!(
            "{HEADER}{}\n{}\n",
            row(1, "297.74787028000003,0.10000000000000003,0", "0.0,0.0,0.0"),
            row(2, "100000000000.0,0.0,0.0", "0.0,0.0,0.0")
        );
        let mut files = Files::new().with("users.csv", &rows);
        let refused = files.refused(Format::Gate, &["users.csv"]);
        assert!(refused.contains("users.csv line 3: USDT quantity 100000000000 is too large: with 17"), "{refused}");
        files.options.decimals = Some(8);
        let summary = files.import(Format::Gate, &["users.csv"]).unwrap();
        assert!(summary.notes[1].starts_with("2 amounts were rounded"), "{:?}", summary.notes);
        let held = files.checked().holdings()[0];
        assert_eq!((held.equity, held.debt), (29_774_787_029, 10_000_000));
    }

    #[test]
    fn the_layout_of_one_exchange_is_not_read_as_that_of_another() {
        let files = Files::new().with("users.csv", HEADER).with("other.csv", &HEADER.replace("main_uid_hashed", "id"));
        assert_eq!(
            files.refused(Format::Binance, &["users.csv"]),
            "users.csv line 1: column 2 is \"main_uid_hashed\", not id; this is the layout of gate: assay import gate"
        );
        assert!(files.refused(Format::Gate, &["other.csv"]).contains("column 2 is \"id\", not main_uid_hashed"));
    }
}
