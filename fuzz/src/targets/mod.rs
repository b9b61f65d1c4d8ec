//! The targets, one function for each format.

mod attestation;
mod documents;
mod ledger;
mod logs;
mod ownership;
mod planted;
mod proofs;
mod signatures;
mod verdict;

pub use attestation::{BUNDLE_FILES, attestation_files, bundle};
pub use documents::{inclusion, inclusion_ledgers, statement};
pub use ledger::{LEDGER_FILES, ledger, manifest, record, record_shapes};
pub use logs::{log, log_files};
pub use ownership::{OLD_TEXT, ownership, ownership_input, ownership_lines};
pub use proofs::{disclosure, disclosure_statement, envelope};
pub use signatures::{SIGNED, honest_documents, jwks, jws, key, signatures, trusted_keys};
pub use verdict::Verdict;

/// A target by its name.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, which its folder in the corpus has too.
    pub name: &'static str,
    /// The function.
    pub run: fn(&[u8]) -> Verdict,
    /// Words of the format, for mutations.
    pub words: &'static [&'static str],
}

const JSON_WORDS: &[&str] =
    &["null", "true", "0", "-1", "1e99", "\"\"", "[]", "{}", "\\u0000", "\\ud800", "9007199254740993"];
const CSV_WORDS: &[&str] = &[
    "\n",
    "\r\n",
    ",",
    "\"",
    "\"\"",
    "0",
    "1",
    "-0",
    "1e3",
    "1e-99",
    "1e99999999999",
    "0.1",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "BTC",
    "alice",
    "long",
    "short",
    "both",
    "\u{202e}",
    "\u{feff}",
    "\0",
    "=== balances.csv\n",
    "=== tiers.csv\n",
    "=== positions.csv.gz\n",
];
const TOML_WORDS: &[&str] = &[
    "\n",
    "=",
    "[totals]\n",
    "[rows]\n",
    "[policy]\n",
    "\"\"",
    "{}",
    "[]",
    "-1",
    "0x10",
    "9223372036854775807",
    "1979-05-27",
    "inf",
    "\"\\u0000\"",
    "\"\\u202e\"",
    "coverage_bps = 100001\n",
    "taken_at = \"2026-01-01T00:00:00z\"\n",
];
const LINE_WORDS: &[&str] = &[
    "\n",
    " ",
    ":",
    ",",
    "0x",
    "00",
    "script:",
    "safe:1:",
    "sha256:",
    "smp",
    "ful",
    "pof",
    "bip322:",
    "bitcoin-message:",
    "eip191:",
    "okx-ecdsa:",
    "okx-ed25519:",
    "ed25519:",
    "ton-proof:",
    "jws:",
    "evm:1",
    "cosmos:",
    "bitcoin",
    "contract",
    "bank",
    "AA==",
    "=",
];
const LOG_WORDS: &[&str] = &[
    "\n",
    "\n\n",
    " ",
    "\u{2014} ",
    "+",
    "AAAA",
    "=",
    "0",
    "18446744073709551615",
    "extra AAAA\n",
    "index 0\n",
    "c2sp.org/tlog-proof@v1\n",
    "log ",
    "witness a ",
    "group g any a\n",
    "quorum none\n",
    "\r\n",
    "\t",
];
const NO_WORDS: &[&str] =
    &["ASSAYCKP", "ASSAYDSC", "solvency-8", "compliance-8", "PK\x01\x02", "PK\x03\x04", "PK\x05\x06"];

/// All targets.
pub const TARGETS: [Target; 13] = [
    Target { name: "envelope", run: envelope, words: NO_WORDS },
    Target { name: "statement", run: statement, words: JSON_WORDS },
    Target { name: "inclusion", run: inclusion, words: JSON_WORDS },
    Target { name: "disclosure", run: disclosure, words: JSON_WORDS },
    Target { name: "jws", run: jws, words: JSON_WORDS },
    Target { name: "jwks", run: jwks, words: JSON_WORDS },
    Target { name: "signatures", run: signatures, words: JSON_WORDS },
    Target { name: "bundle", run: bundle, words: NO_WORDS },
    Target { name: "ledger", run: ledger, words: CSV_WORDS },
    Target { name: "record", run: record, words: NO_WORDS },
    Target { name: "manifest", run: manifest, words: TOML_WORDS },
    Target { name: "ownership", run: ownership, words: LINE_WORDS },
    Target { name: "log", run: log, words: LOG_WORDS },
];

/// Targets with a bug planted in each, to show that the runner finds and reports it.
pub const PLANTED: [Target; 3] = [
    Target { name: "planted-panic", run: planted::panic, words: &["BUG"] },
    Target { name: "planted-abort", run: planted::abort, words: &["BUG"] },
    Target { name: "planted-hang", run: planted::hang, words: &["BUG"] },
];
