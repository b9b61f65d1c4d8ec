#![allow(clippy::unwrap_used)]
use std::fs;

use assay_ownership::testing::{TestLine, lines};
use assay_ownership::{Reason, Verdict};

use super::*;
use crate::ledger::tests::Book;
use crate::progress::Silent;

const TEXT: &str = "I am an OKX address";

/// A line that a test key signed over the exchange's text, in the form of this name.
fn signed(chain: &str, name: &str) -> TestLine {
    let context =
        Context { domain: "a.example", snapshot: "s", taken_at: "2026-01-01T00:00:00Z", anchor: None, challenge: None };
    let all = lines(&context, Some(TEXT));
    all.into_iter().find(|line| line.chain == chain && line.name == name).unwrap()
}

/// Its signatures as they are published: without a scheme.
fn bare(line: &TestLine) -> Vec<String> {
    line.signature.split(' ').map(|text| text.rsplit(':').next().unwrap().to_owned()).collect()
}

const HEADER: &str =
    "coin,Network,Snapshot Height,address,amount,message,signature1,signature2,redeem script/ public key, eoa1, eoa2\n";

/// A file in OKX's layout: sums, a blank line, names, and a line for each way of signing.
fn okx_file() -> String {
    let mut file = format!("coin,snapshot height,amount\nETH(ALL),-,6\nBTC,763861, 449.5\n\n{HEADER}");
    let mut add = |coin: &str, network: &str, line: &TestLine, amount: &str| {
        let [first, second] = [0, 1].map(|at| bare(line).get(at).cloned().unwrap_or_default());
        let key = line.key.trim_start_matches("script:");
        file += &format!("{coin},{network},7,{},{amount},{TEXT},{first},{second},{key}\n", line.address);
    };
    add("ETH", "ETH", &signed("ethereum", "personal_sign"), "0.148960774325814037");
    add("USDT-ERC20", "ETH", &signed("ethereum", "personal_sign"), " 5");
    add("ETH-BASE", "BASE", &signed("base", "digest of the text"), "1");
    add("BTC", "BTC", &signed("bitcoin", "P2WSH 2 of 3 by messages"), "2");
    add("USDT-TRC20", "TRON", &signed("tron", "digest under TIP-191"), "3");
    add("FIL", "FIL", &signed("filecoin", "exchange's form"), "4");
    let contract = signed("ethereum", "a contract's owners");
    let [first, second] = &bare(&contract)[..] else { panic!("{contract:?}") };
    let owners: Vec<_> = contract.key.trim_start_matches("safe:2:").split(',').collect();
    file += &format!("ETH,ETH,-,{},5,{TEXT},{first},{second},,{},{}\n", contract.address, owners[0], owners[2]);
    file += "EOS,Vaulta,,okbwallet1tr,6,,,,\n";
    file
}

fn import(format: ReservesFormat, files: &[(&str, &str)]) -> (tempfile::TempDir, Result<ReservesSummary, ImportError>) {
    let dir = tempfile::tempdir().unwrap();
    let path = |(name, content): &(&str, &str)| {
        let path = dir.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let paths: Vec<_> = files.iter().map(path).collect();
    let out = dir.path().join("out");
    let summary = import_reserves(format, &paths, &out, &Limits::default(), &Silent);
    (dir, summary)
}

fn refused(format: ReservesFormat, file: &str) -> String {
    let (dir, summary) = import(format, &[("published.csv", file)]);
    assert!(!dir.path().join("out").exists(), "nothing is written");
    summary.unwrap_err().to_string()
}

#[test]
fn published_forms_become_schemes_and_check_accepts_the_lines() {
    let (dir, summary) = import(ReservesFormat::Okx, &[("published.csv", &okx_file())]);
    let summary = summary.unwrap();
    assert_eq!(summary.lines, 8);
    assert_eq!(summary.notes, ["Nothing can be shown of lines on chains without a rule: \"vaulta\" (1)."]);
    let written = fs::read_to_string(summary.file).unwrap();
    let assets = "symbol,scale,price,quote\nBTC,8,1,USDT\nUSDT,6,1,USDT\nETH,10,1,USDT\nOLD,2,,USDT\nFIL,8,1,USDT\nEOS,8,1,USDT\n";
    let book = Book::new().with("assets.csv", assets).with("reserves.csv", &written);
    let snapshot = book.valid();
    let undated = Verdict::Undated { text: TEXT.to_owned() };
    let found: Vec<_> =
        snapshot.reserves().iter().map(|line| (&line.fields[1][..], &line.fields[7][..], &line.verdict)).collect();
    let (contract, no_rule) = (Verdict::Unproven(Reason::Contract), Verdict::Unproven(Reason::NoRule));
    assert_eq!(
        found,
        [
            ("ethereum", "", &undated),
            ("ethereum", "USDT-ERC20", &undated),
            ("base", "", &undated),
            ("bitcoin", "", &undated),
            ("tron", "USDT-TRC20", &undated),
            ("filecoin", "", &undated),
            ("ethereum", "", &contract),
            ("vaulta", "EOS", &no_rule),
        ]
    );
    let scheme = |at: usize| snapshot.reserves()[at].fields[6].split(':').next().unwrap().to_owned();
    assert_eq!([0, 2, 3, 4, 5].map(scheme), ["eip191", "eip191-keccak", "bitcoin-message", "tron-keccak", "okx-ecdsa"]);
    assert_eq!(snapshot.reserves()[0].fields[3], "0.148960774325814037");
    assert_eq!(snapshot.reserves()[1].fields[3], "5");
    drop(dir);
}

#[test]
fn lines_that_do_not_fit_are_named_with_file_and_line_and_nothing_is_written() {
    let line = signed("ethereum", "personal_sign");
    let (address, signature) = (&line.address, &bare(&line)[0]);
    let with = |row: &str| refused(ReservesFormat::Okx, &format!("{HEADER}{row}\n"));
    let false_signature = with(&format!("ETH,ETH,7,{address},1,I am a OKX address,{signature},,"));
    assert!(
        false_signature.starts_with("published.csv line 2: ") && false_signature.contains("no scheme"),
        "{false_signature}"
    );
    for (row, reason) in [
        (format!("ETH,ETH,7,{address},many,{TEXT},{signature},,"), "amount \"many\""),
        (format!("ETH,ETH,7,{address},-1,{TEXT},{signature},,"), "amount \"-1\""),
        (format!("ETH,ETH,x,{address},1,{TEXT},{signature},,"), "height \"x\""),
        (format!("ETH,,7,{address},1,{TEXT},{signature},,"), "network is missing"),
        (format!("ETH,ETH,7,,1,{TEXT},{signature},,"), "address"),
        (format!("ETH,ETH,7,{address},1,,{signature},,"), "nothing says what was signed"),
        (format!("ETH,ETH,7,{address},1,{TEXT},{signature},,,,,more"), "12 columns"),
        (format!("ETH,ETH,7,{address},1,,,,\nETH,ETH,7,{},1,,,,", address.to_lowercase()), "line 3: "),
    ] {
        let found = with(&row);
        assert!(found.starts_with("published.csv line ") && found.contains(reason), "{reason}: {found}");
    }
    // every line that does not fit is named
    let both = with(&format!("ETH,ETH,7,{address},a,,,,\nETH,ETH,7,{address},b,,,,"));
    assert!(both.contains("line 2: ") && both.contains("line 3: "), "{both}");
}

#[test]
fn a_layout_that_is_not_one_of_reserve_lines_is_refused() {
    let okx = |file: &str| refused(ReservesFormat::Okx, file);
    assert!(okx("").contains("no line with the columns coin and address"));
    assert!(okx("coin,snapshot height,amount\nETH,-,6\n").contains("no line with the columns"));
    assert!(okx(HEADER).contains("no lines with amounts"));
    let without = okx("digitalAsset,network,address,signedMessage,signedMessage2,message,publicKey,owner1,owner2\n");
    assert!(without.contains("no amounts"), "{without}");
    assert!(okx(&HEADER.replace("message", "note")).contains("column 6 is \"note\""));
    assert!(okx(&HEADER.replace("signature2", "signature1")).contains("column 8 is \"signature1\""));
    let htx = "coin,address,snapshot height,balance,message,signature\n";
    assert!(okx(htx).contains("htx-reserves"));
    assert!(refused(ReservesFormat::Htx, HEADER).contains("okx-reserves"));
}

#[test]
fn the_groups_of_the_sums_say_which_asset_a_coin_is() {
    let line = signed("tron", "always 32");
    let (address, signature) = (&line.address, &bare(&line)[0]);
    let file = format!(
        "\u{feff}coin,snapshot height,balance\nBTC(ALL),-,3\nBTC,1,1\nwBTC-ERC20,1,2\nUSDT(All),-,3\nUSDT-ERC20,1,3\n\n\
         coin,address,snapshot height,balance,message,signature\n\
         WBTC-ERC20,0x52908400098527886e0f7030069857d2e4169ee7,1,2,-,-\n\
         USDT-ETH,0x52908400098527886e0f7030069857d2e4169ee7,1,2,-,-\n\
         USDT-TRC20,{address},1,3,{TEXT},{signature}\nUSDT-TRC20,{address},-,-,htx,00"
    );
    let (_dir, summary) = import(ReservesFormat::Htx, &[("huobi.csv", &file)]);
    let summary = summary.unwrap();
    assert_eq!(summary.notes, ["1 rows of owners without an amount were left out."]);
    let written = fs::read_to_string(summary.file).unwrap();
    let rows: Vec<_> = written.lines().skip(1).collect();
    assert!(rows[0].starts_with("BTC,ethereum,") && rows[0].ends_with(",WBTC-ERC20,,"), "{written}");
    assert!(rows[1].starts_with("USDT,ethereum,") && rows[1].contains(",USDT-ETH,"), "{written}");
    assert!(rows[2].starts_with("USDT,tron,") && rows[2].contains("tron-32:"), "{written}");
    let unknown = file.replace("USDT-ETH", "SHIB-ETH");
    assert!(
        refused(ReservesFormat::Htx, &unknown).contains("published.csv line 10: the sums"),
        "{}",
        refused(ReservesFormat::Htx, &unknown)
    );
}

#[test]
fn a_reserves_file_that_is_there_is_never_overwritten() {
    let book = Book::new().with("reserves.csv", "mine");
    let path = book.0.path().join("published");
    fs::write(&path, okx_file()).unwrap();
    let result = import_reserves(ReservesFormat::Okx, &[path], book.0.path(), &Limits::default(), &Silent);
    assert!(result.unwrap_err().to_string().contains("exists already"));
    assert_eq!(fs::read_to_string(book.0.path().join("reserves.csv")).unwrap(), "mine");
}

/// A published file of the shared data.
fn published(name: &str) -> PathBuf {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data");
    let data = std::env::var_os("TEST_DATA").map_or(PathBuf::from(default), PathBuf::from);
    let path = data.join("reserves").join(name);
    assert!(path.is_file(), "{} is not there: set TEST_DATA", path.display());
    path
}

/// How many lines show what.
fn outcomes(format: ReservesFormat, name: &str) -> (u64, BTreeMap<&'static str, u64>) {
    let out = tempfile::tempdir().unwrap();
    let summary =
        import_reserves(format, &[published(name)], &out.path().join("out"), &Limits::default(), &Silent).unwrap();
    let context =
        Context { domain: "a.example", snapshot: "s", taken_at: "2026-01-01T00:00:00Z", anchor: None, challenge: None };
    let mut found = BTreeMap::new();
    for record in csv::Reader::from_path(summary.file).unwrap().records() {
        let record = record.unwrap();
        let line = Line {
            chain: &record[1],
            address: &record[2],
            message: &record[5],
            signature: &record[6],
            token: &record[7],
            kind: record[8].parse().unwrap(),
            key: &record[9],
            ..Line::default()
        };
        let outcome = match judge(&line, &context).unwrap() {
            Verdict::Unproven(reason) => reason.code(),
            verdict => verdict.status(),
        };
        *found.entry(outcome).or_default() += 1;
    }
    (summary.lines, found)
}

#[test]
#[ignore = "needs published data: .ci/run published"]
fn published_files_of_okx_and_htx_become_reserves_with_the_verdicts_of_their_lines() {
    assert_eq!(
        outcomes(ReservesFormat::Okx, "okx-example.csv"),
        (5, BTreeMap::from([("undated", 3), ("contract", 1), ("rotated?", 1)]))
    );
    assert_eq!(
        outcomes(ReservesFormat::Okx, "okx-staking-example.csv"),
        (3, BTreeMap::from([("undated", 1), ("no rule", 2)]))
    );
    assert_eq!(
        outcomes(ReservesFormat::Htx, "htx_por_2026-02.csv"),
        (80, BTreeMap::from([("undated", 36), ("unsigned", 44)]))
    );
    // it has signatures and no amounts
    let out = tempfile::tempdir().unwrap();
    let paths = [published("okx-many-chains.csv")];
    let refused = import_reserves(ReservesFormat::Okx, &paths, &out.path().join("out"), &Limits::default(), &Silent);
    assert!(refused.unwrap_err().to_string().contains("no amounts"));
}
