//! Which files there may be, compressed or not, and what a damaged or hostile one does.

use super::{ACCOUNTS, BALANCES, Book, MANIFEST, gz};
use crate::ledger::{CheckError, Limits, check};
use crate::progress::{Progress, Silent};
use std::fs::{self, File};
use std::io::Write;

#[test]
fn a_file_that_nobody_reads_is_refused() {
    Book::new().with("orders.csv.zst", "").with("notes.txt", "").with("balances.csv.bak", "").refused_because(
        "balances.csv.bak: is not a known file of a snapshot\n\
         notes.txt: is not a known file of a snapshot\n\
         orders.csv.zst: is not a known file of a snapshot",
    );
    let folder = Book::new();
    fs::create_dir(folder.path("assets")).unwrap();
    folder.refused_because("assets: is not a regular file; a snapshot contains only files");
}

#[test]
fn a_read_me_is_no_part_of_the_ledger_but_what_only_begins_like_one_is_refused() {
    Book::new().with("README.md", "notes").with(".hidden", "").valid();
    Book::new()
        .with("README-balances.csv", "")
        .refused_because("README-balances.csv: is not a known file of a snapshot");
}

#[test]
fn a_block_height_that_json_cannot_carry_is_refused() {
    let manifest = MANIFEST.replace("870000", "9007199254740992");
    let refused = Book::new().with("manifest.toml", manifest).refused();
    assert!(refused.contains("block_heights.bitcoin is 9007199254740992"), "{refused}");
}

#[test]
fn a_missing_file_is_named_and_the_others_are_still_read() {
    Book::new()
        .without("balances.csv")
        .and("accounts.csv", "x,y\n")
        .refused_because("balances.csv: is missing\naccounts.csv line 5: class \"y\" is not an integer from 0 to 255");
}

#[test]
fn a_file_may_be_compressed_but_not_be_there_twice() {
    let (first, second) = BALANCES.as_bytes().split_at(40);
    let compressed = Book::new()
        .without("balances.csv")
        .with("balances.csv.gz", [gz(first), gz(second)].concat())
        .without("accounts.csv")
        .with("accounts.csv.zst", zstd::encode_all(ACCOUNTS.as_bytes(), 3).unwrap());
    assert_eq!(compressed.valid().holdings(), Book::new().valid().holdings());
    compressed
        .with("accounts.csv", ACCOUNTS)
        .refused_because("accounts.csv.zst: contains the same table as accounts.csv; remove one of them");
}

#[test]
fn a_compressed_file_cut_anywhere_is_refused() {
    let whole = [gz(ACCOUNTS.as_bytes()), gz(b"dave,0\n")].concat();
    let first = gz(ACCOUNTS.as_bytes()).len();
    // Cut exactly between the two members it is a whole file again, one that nothing can tell was longer.
    for end in (0..whole.len()).filter(|end| *end != first) {
        let book = Book::new().without("accounts.csv").with("accounts.csv.gz", &whole[..end]);
        assert!(book.check().is_err(), "cut at {end} of {}", whole.len());
    }
    let whole = zstd::encode_all(ACCOUNTS.as_bytes(), 3).unwrap();
    for end in 0..whole.len() {
        let book = Book::new().without("accounts.csv").with("accounts.csv.zst", &whole[..end]);
        assert!(book.check().is_err(), "cut at {end} of {}", whole.len());
    }
    let cut = Book::new().without("accounts.csv").with("accounts.csv.gz", &gz(ACCOUNTS.as_bytes())[..30]);
    assert!(cut.refused().contains("the compressed file is incomplete"), "{}", cut.refused());
}

#[test]
fn a_compressed_file_with_anything_behind_it_is_refused() {
    for tail in [&b"x"[..], b"\0", b"alice,0\n", &[0; 512], b"\x1f\x8b"] {
        for (name, mut bytes) in [
            ("accounts.csv.gz", gz(ACCOUNTS.as_bytes())),
            ("accounts.csv.zst", zstd::encode_all(ACCOUNTS.as_bytes(), 3).unwrap()),
        ] {
            bytes.extend_from_slice(tail);
            let refused = Book::new().without("accounts.csv").with(name, bytes).refused();
            assert!(refused.contains("compressed file"), "{refused}");
        }
    }
}

#[test]
fn a_whole_file_that_is_not_what_its_name_says_is_not_called_damaged() {
    let (zstd_file, gzip_file) = (zstd::encode_all(ACCOUNTS.as_bytes(), 3).unwrap(), gz(ACCOUNTS.as_bytes()));
    let other = |found: &str, name: &str| {
        format!("the file is no compressed file of the kind that its name says: it is {found}, not {name}")
    };
    for (name, content, reason) in [
        ("accounts.csv.gz", zstd_file.as_slice(), other("zstd", "gzip")),
        ("accounts.csv.zst", &gzip_file, other("gzip", "zstd")),
        ("accounts.csv.zst", b"PK\x03\x04", other("zip", "zstd")),
        (
            "accounts.csv.gz",
            ACCOUNTS.as_bytes(),
            "the file is no compressed file: its name says gzip, but its content is something else".to_owned(),
        ),
        ("accounts.csv.gz", b"", "the file is empty; it is no gzip file".to_owned()),
        ("accounts.csv", &gzip_file, "the file is compressed with gzip, so its name must end in .gz".to_owned()),
        ("accounts.csv", &zstd_file, "the file is compressed with zstd, so its name must end in .zst".to_owned()),
        ("accounts.csv", b"\xff\xfea\0c\0", "the file is UTF-16; save it as UTF-8".to_owned()),
    ] {
        let book = Book::new().without("accounts.csv").with(name, content);
        assert_eq!(book.refused().lines().next(), Some(format!("{name} line 1: {reason}").as_str()));
        assert_eq!(book.findings().total, 1, "{name}: {}", book.refused());
    }
}

#[test]
fn a_window_that_needs_too_much_memory_and_bytes_behind_the_data_are_told_as_such() {
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(28).unwrap();
    encoder.include_contentsize(false).unwrap();
    encoder.write_all(ACCOUNTS.as_bytes()).unwrap();
    let wide = encoder.finish().unwrap();
    let refused = Book::new().without("accounts.csv").with("accounts.csv.zst", &wide).refused();
    assert_eq!(
        refused,
        "accounts.csv.zst line 1: the compressed file needs a window of more than 128 MiB of memory; compress it again without \
         --long, or with --long=27"
    );
    for (name, mut bytes) in [
        ("accounts.csv.gz", gz(ACCOUNTS.as_bytes())),
        ("accounts.csv.zst", zstd::encode_all(ACCOUNTS.as_bytes(), 3).unwrap()),
    ] {
        bytes.extend_from_slice(b"x");
        let refused = Book::new().without("accounts.csv").with(name, bytes).refused();
        assert_eq!(refused, format!("{name} line 5: the compressed file has other bytes behind its compressed data"));
    }
}

/// `members` times the same gzip member in one file: quickly made, whatever it unpacks to.
fn bomb(book: &Book, content: &[u8], members: usize) {
    let member = gz(content);
    let mut file = File::create(book.path("accounts.csv.gz")).unwrap();
    file.write_all(&gz(b"account,class\n")).unwrap();
    for _ in 0..members {
        file.write_all(&member).unwrap();
    }
}

#[test]
fn a_decompression_bomb_of_zeros_stops_early_and_says_why() {
    let book = Book::new().without("accounts.csv");
    bomb(&book, &vec![0; 10 << 20], 1000);
    let refused = book.refused();
    assert!(refused.starts_with("accounts.csv.gz line 2: decompresses to more than 200 times its size"), "{refused}");
}

#[test]
fn a_decompression_bomb_of_plausible_lines_stops_early_and_says_why() {
    let book = Book::new().without("accounts.csv");
    bomb(&book, "mallory,0\n".repeat(1 << 20).as_bytes(), 1000);
    let findings = book.findings();
    assert!(findings.total < 3_000_000, "{} findings: reading did not stop early", findings.total);
    let limits = Limits { max_errors_kept: usize::MAX, ..Limits::default() };
    let Err(CheckError::NotValid(all)) = check(book.0.path(), &limits, &Silent) else { panic!() };
    let sentence = "decompresses to more than 200 times its size (a decompression bomb?)";
    assert!(all.findings.iter().any(|finding| finding.reason.starts_with(sentence)));
}

#[test]
fn a_file_beyond_the_size_limit_is_refused_compressed_or_not() {
    let limits = Limits { max_decompressed_bytes: 40, ..Limits::default() };
    let Err(CheckError::NotValid(findings)) = check(Book::new().0.path(), &limits, &Silent) else { panic!() };
    assert_eq!(
        findings.findings[0].to_string(),
        "assets.csv line 1: exceeds the limit of 40 decompressed bytes; the rest was not read"
    );
}

#[test]
fn a_directory_that_cannot_be_read_says_nothing_about_the_ledger() {
    let book = Book::new();
    for path in [book.path("accounts.csv"), book.path("nowhere"), book.path("accounts.csv/x")] {
        match check(&path, &Limits::default(), &Silent) {
            Err(CheckError::Environment(error)) => assert_eq!(error.path, path),
            other => panic!("{other:?}"),
        }
    }
}

/// Adds up what it hears.
#[derive(Default)]
struct Heard(std::sync::Mutex<(u64, u64, i64)>);

impl Progress for Heard {
    fn begin(&self, _phase: &str, total: u64, unit: &str) {
        assert_eq!(unit, "bytes");
        let mut heard = self.0.lock().unwrap();
        heard.0 += total;
        heard.2 += 1;
        assert_eq!(heard.2, 1, "phases do not nest");
    }

    fn advance(&self, units: u64) {
        self.0.lock().unwrap().1 += units;
    }

    fn end(&self) {
        self.0.lock().unwrap().2 -= 1;
    }
}

#[test]
fn progress_reaches_its_total_and_every_phase_ends() {
    let heard = Heard::default();
    let book = Book::new().without("accounts.csv").with("accounts.csv.gz", gz(ACCOUNTS.as_bytes()));
    check(book.0.path(), &Limits::default(), &heard).unwrap();
    let (promised, done, open) = *heard.0.lock().unwrap();
    assert_eq!((promised, open), (done, 0));
}
