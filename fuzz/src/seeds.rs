//! The corpus: for each target some documents that hold and some that are known to be hostile, made by the code that the service
//! itself uses. Inputs that once failed are added to the folders by hand and stay there.

use std::{fs, io, io::Write, path::Path};

use assay::attest::{bundle, record};
use assay_core::{sealed::Sealed, signature::Jws, signatures::Signatures};
use assay_fold::{
    Program,
    envelope::{CHECKPOINT, Header, seal},
};
use assay_ownership::testing::TestLine;
use assay_programs::{
    disclosure::Disclosure,
    testing::{test_pages, test_statement},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::targets::{
    LEDGER_FILES, OLD_TEXT, SIGNED, attestation_files, disclosure_statement, honest_documents, inclusion_ledgers, key,
    log_files, ownership_input, ownership_lines, record_shapes,
};

/// One input: target, name, content.
pub type Seed = (&'static str, &'static str, Vec<u8>);

const DISCLOSURE: &[u8] = include_bytes!("../../circuits/vectors/disclosures/disclosure-4-v1/disclosure.json");
const RULES: &str = "=== classes.csv\nclass,name,kyc_level,jurisdiction\n3,retail,basic,EU\n255,staff,,\n0,unverified,,\n\
    === instruments.csv\nsymbol,contract_size,mark_price,maintenance_margin_bps\nBTC-PERP,0.001,96510.5,500\nETH-PERP,0.01,3301,10000\n\
    === limits.csv\ninstrument,class,side,limit\nETH-PERP,0,short,7\nBTC-PERP,3,both,10\nBTC-PERP,255,long,18446744073709551615\n\
    === positions.csv\naccount,instrument,quantity\nbob,BTC-PERP,-10\nalice,ETH-PERP,-7\ncarol,BTC-PERP,10000000000000\n\
    bob,ETH-PERP,0\n";
const COLLATERAL: &str = "=== tiers.csv\nasset,kind,from,to,percent\nETH,vip,0,,90\nETH,margin,0,500,100\nBTC,margin,0,,100\n\
    ETH,margin,500,,80\n=== collateral.csv\naccount,asset,kind,amount\nbob,ETH,margin,1.5\nalice,BTC,margin,0.00008978\nbob,ETH,vip,1\n";
const RESERVES: &str = "=== reserves.csv\nasset,chain,address,amount,height,message,signature\nBTC,testnet,1abc,0.25,870000,,\n\
    BTC,testnet,1def,0.5,,\"we, the exchange\",c2ln\n";

/// All seeds.
pub fn all() -> Vec<Seed> {
    [
        envelopes(),
        statements(),
        inclusions(),
        disclosures(),
        signatures(),
        key_lists(),
        later_signatures(),
        bundles(),
        ledgers(),
        records(),
        manifests(),
        ownership_seeds(),
        log_texts(),
    ]
    .concat()
}

/// Writes all seeds below `corpus`.
///
/// # Errors
/// If the disk refuses.
pub fn write(corpus: &Path) -> io::Result<()> {
    for (target, name, content) in all() {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), content)?;
    }
    Ok(())
}

fn log_texts() -> Vec<Seed> {
    let [_, proof, policy] = log_files();
    let text = String::from_utf8_lossy(proof);
    let checkpoint = text.split_once("\n\n").map_or("", |(_, checkpoint)| checkpoint);
    vec![
        ("log", "proof", proof.to_vec()),
        ("log", "checkpoint", checkpoint.as_bytes().to_vec()),
        ("log", "policy", policy.to_vec()),
        ("log", "hostile-index", text.replace("index 1", "index 0").into_bytes()),
        ("log", "hostile-size", text.replace("\n3\n", "\n2\n").into_bytes()),
        ("log", "extra", text.replacen('\n', "\nextra AAAA\n", 1).into_bytes()),
        ("log", "hostile-unsigned", checkpoint.split('\u{2014}').next().unwrap_or_default().as_bytes().to_vec()),
    ]
}

fn envelopes() -> Vec<Seed> {
    let [_, _, proof, _] = attestation_files();
    let disclosed: Value = serde_json::from_slice(DISCLOSURE).expect("a frozen disclosure");
    let disclosed =
        hex::decode(disclosed["proof"].as_str().unwrap_or_default()).expect("a proof in hexadecimal digits");
    let header = Header {
        circuit: "solvency-8".to_owned(),
        parameter_digest: "0".repeat(64),
        statement_digest: disclosure_statement().digest(),
        part: 0,
        steps: u64::MAX,
    };
    let checkpoint = seal(CHECKPOINT, &header, &[1u8, 2, 3]).expect("a small envelope");
    let nameless = Header { circuit: String::new(), ..header };
    let nothing = seal(Disclosure::PROOF, &nameless, &()).expect("an empty envelope");
    // the payload's length stands before the payload and the checksum
    let mut endless = nothing.clone();
    let length = endless.len() - 32 - 8;
    endless[length..length + 8].fill(0xff);
    vec![
        ("envelope", "proof", proof.clone()),
        ("envelope", "disclosure", disclosed),
        ("envelope", "checkpoint", checkpoint),
        ("envelope", "nothing", nothing),
        ("envelope", "hostile-endless", endless),
        ("envelope", "hostile-cut", proof[..100].to_vec()),
    ]
}

fn statements() -> Vec<Seed> {
    let [solvency, compliance] = inclusion_ledgers();
    let text = String::from_utf8(solvency.statement.bytes().to_vec()).expect("JSON");
    vec![
        ("statement", "solvency", solvency.statement.bytes().to_vec()),
        ("statement", "compliance", compliance.statement.bytes().to_vec()),
        ("statement", "hostile-space", text.replacen(':', ": ", 1).into_bytes()),
        ("statement", "hostile-second-key", text.replacen('{', r#"{"root":"","#, 1).into_bytes()),
        ("statement", "hostile-nested", "[".repeat(5000).into_bytes()),
        ("statement", "hostile-steps", text.replacen(r#""steps":"#, r#""steps":1844674407370955161"#, 1).into_bytes()),
    ]
}

fn inclusions() -> Vec<Seed> {
    let [solvency, compliance] = inclusion_ledgers();
    let written = |file| serde_json::to_vec(file).expect("an inclusion file");
    let mut swapped = solvency.files[0].clone();
    swapped.account.clone_from(&solvency.files[1].account);
    let mut far = solvency.files[0].clone();
    far.pages[0].index = u64::MAX;
    let mut short = compliance.files[0].clone();
    short.pages[0].path.clear();
    vec![
        ("inclusion", "solvency", written(&solvency.files[0])),
        ("inclusion", "several-pages", written(solvency.files.iter().max_by_key(|f| f.pages.len()).unwrap_or(&far))),
        ("inclusion", "compliance", written(&compliance.files[1])),
        ("inclusion", "hostile-account", written(&swapped)),
        ("inclusion", "hostile-index", written(&far)),
        ("inclusion", "hostile-path", written(&short)),
    ]
}

fn disclosures() -> Vec<Seed> {
    let file: Value = serde_json::from_slice(DISCLOSURE).expect("a frozen disclosure");
    let with = |pointer: &str, value: Value| {
        let mut file = file.clone();
        file["proof"] = "00".into();
        file.pointer_mut(pointer).into_iter().for_each(|place| *place = value.clone());
        serde_json::to_vec(&file).expect("JSON")
    };
    vec![
        ("disclosure", "frozen", serde_json::to_vec(&file).expect("JSON")),
        ("disclosure", "hostile-threshold", with("/claim/at_least", "99999999999999999999999999999999999999".into())),
        ("disclosure", "hostile-context", with("/claim/context", "\u{1b}[2J\u{202e}".into())),
        ("disclosure", "hostile-attestations", with("/claim/attestations", json!([]))),
    ]
}

fn signatures() -> Vec<Seed> {
    let mut two = Jws::sign(SIGNED, &key(1));
    two.countersign(&key(2)).expect("another key");
    let one = Jws::sign(SIGNED, &key(1));
    let with_header = |header: Value| {
        let mut jws: Value = serde_json::from_slice(&one.to_bytes()).expect("JSON");
        jws["signatures"][0]["protected"] = URL_SAFE_NO_PAD.encode(header.to_string()).into();
        jws.to_string().into_bytes()
    };
    vec![
        ("jws", "one", one.to_bytes()),
        ("jws", "two", two.to_bytes()),
        ("jws", "a-stranger", Jws::sign(SIGNED, &key(3)).to_bytes()),
        ("jws", "hostile-another-statement", Jws::sign(b"another statement", &key(1)).to_bytes()),
        ("jws", "hostile-none", with_header(json!({"alg": "none", "kid": "a", "typ": "assay-attestation+jws"}))),
        (
            "jws",
            "hostile-jwk",
            with_header(json!({"alg": "EdDSA", "kid": "a", "typ": "assay-attestation+jws", "jwk": {}})),
        ),
    ]
}

fn later_signatures() -> Vec<Seed> {
    let (notice, opinion) = honest_documents();
    let alone = || Signatures { statement: Jws::sign(SIGNED, &key(1)), opinions: Vec::new(), notices: Vec::new() };
    let whole = || Signatures { opinions: vec![opinion.clone()], notices: vec![notice.clone()], ..alone() };
    let mut strange = whole().to_bytes();
    // the last digit of a signature
    if let Some(at) = strange.windows(2).rposition(|pair| pair == b"\"}") {
        strange[at - 1] = if strange[at - 1] == b'A' { b'Q' } else { b'A' };
    }
    vec![
        ("signatures", "alone", alone().to_bytes()),
        ("signatures", "opinion", Signatures { opinions: vec![opinion.clone()], ..alone() }.to_bytes()),
        ("signatures", "whole", whole().to_bytes()),
        ("signatures", "hostile-turned", strange),
        (
            "signatures",
            "hostile-twice",
            Signatures { notices: vec![notice.clone(), notice.clone()], ..alone() }.to_bytes(),
        ),
    ]
}

fn key_lists() -> Vec<Seed> {
    let entry = |number: u8| {
        let x = URL_SAFE_NO_PAD.encode(key(number).verifying_key().as_bytes());
        json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "key_ops": ["verify"], "x": x})
    };
    let list = |keys: Vec<Value>| json!({ "keys": keys }).to_string().into_bytes();
    let rsa = json!({"kty": "RSA", "kid": "rsa", "n": "AQ", "e": "AQAB"});
    let mut private = entry(1);
    private["d"] = "AA".into();
    let mut weak = entry(1);
    weak["x"] = URL_SAFE_NO_PAD.encode([0; 32]).into();
    vec![
        ("jwks", "two", list(vec![entry(1), entry(2)])),
        ("jwks", "mixed", list(vec![rsa, entry(1)])),
        ("jwks", "hostile-private", list(vec![private])),
        ("jwks", "hostile-weak", list(vec![weak])),
        ("jwks", "hostile-twice", list(vec![entry(1), entry(1)])),
    ]
}

fn bundles() -> Vec<Seed> {
    let [manifest, statement, _, jws] = attestation_files();
    let sealed = Sealed::parse(statement).expect("a frozen statement");
    let zip = bundle(&sealed, b"a short proof", jws).expect("three small parts");
    let replacing = |which: u8, content: &[u8]| [&[which], content].concat();
    let line = manifest.split_inclusive(|b| *b == b'\n').next().unwrap_or_default();
    let elsewhere = format!("{}  ../statement.json\n", "0".repeat(64));
    vec![
        ("bundle", "whole", zip.clone()),
        ("bundle", "manifest", replacing(0, manifest)),
        ("bundle", "statement", replacing(1, statement)),
        ("bundle", "signature", replacing(3, jws)),
        ("bundle", "hostile-cut", zip[..zip.len() - 30].to_vec()),
        ("bundle", "hostile-twice", replacing(0, &[line, line].concat())),
        ("bundle", "hostile-elsewhere", replacing(0, elsewhere.as_bytes())),
    ]
}

fn ledgers() -> Vec<Seed> {
    let whole: String = LEDGER_FILES.iter().map(|(name, content)| format!("=== {name}\n{content}")).collect();
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(LEDGER_FILES[3].1.as_bytes()).expect("memory");
    let packed = [b"=== balances.csv.gz\n".to_vec(), packed.finish().expect("memory")].concat();
    let balances = |rows: &str| format!("=== balances.csv\naccount,asset,equity,debt\n{rows}").into_bytes();
    vec![
        ("ledger", "whole", whole.into_bytes()),
        ("ledger", "rules", RULES.into()),
        ("ledger", "collateral", COLLATERAL.into()),
        ("ledger", "reserves", RESERVES.into()),
        ("ledger", "packed", packed),
        ("ledger", "hostile-quotes", balances("\"alice\"\"\",BTC,1,0\n\"alice,BTC,1,0\nal\"ice,BTC,1,0\n")),
        (
            "ledger",
            "hostile-numbers",
            balances("alice,BTC,1e99999999999999999999,0\nbob,BTC,184467440737.09551616,-0\n"),
        ),
        ("ledger", "hostile-cut", balances("alice,BTC,1,0\nbob,BT")),
    ]
}

fn records() -> Vec<Seed> {
    let [solvency, compliance] = record_shapes().map(|shape| {
        let pages = test_pages(shape, 3, 5);
        assert!(Sealed::seal(test_statement(shape, &"0".repeat(64), &pages)).is_ok(), "pages of a true statement");
        record(&pages[0])
    });
    let mut beyond = solvency.clone();
    beyond[..32].fill(0xff);
    let mut neither = solvency.clone();
    neither[32] = 2;
    vec![
        ("record", "solvency", solvency.clone()),
        ("record", "compliance", compliance.clone()),
        ("record", "hostile-identity", beyond),
        ("record", "hostile-first", neither),
        ("record", "hostile-cut", compliance[..compliance.len() - 1].to_vec()),
    ]
}

fn manifests() -> Vec<Seed> {
    let plain = LEDGER_FILES[0].1;
    let full = format!(
        "{plain}\n[rows]\naccounts = 3\n\n[policy]\ncoverage_bps = 10000\ncoverage_basis = \"net\"\nbelow_margin_max = 0\n\
         equity_ratio_bps = 100\n\n[totals.BTC]\nequity = \"0.00008978\"\ndebt = \"0.5\"\n"
    );
    vec![
        ("manifest", "plain", plain.into()),
        ("manifest", "full", full.clone().into_bytes()),
        ("manifest", "hostile-domain", plain.replacen("test.example", "\\u001b[2J\\u202e", 1).into_bytes()),
        ("manifest", "hostile-key", format!("{full}[totals.\"a\\nb\"]\n").into_bytes()),
        ("manifest", "hostile-unknown", format!("{plain}\"\\u001b]0;x\\u0007\" = 1\n").into_bytes()),
        ("manifest", "hostile-nested", format!("a = {}", "[".repeat(5000)).into_bytes()),
    ]
}

/// Lines in the corpus: name, chain, form.
const SIGNED_LINES: [(&str, &str, &str); 17] = [
    ("bip322-witness", "bitcoin", "P2WPKH"),
    ("bip322-taproot", "bitcoin", "P2TR"),
    ("bip322-full", "bitcoin", "P2SH 2 of 3"),
    ("bitcoin-message", "bitcoin", "short key"),
    ("multisig-messages", "bitcoin", "P2WSH 2 of 3 by messages"),
    ("dogecoin", "dogecoin", "P2SH 2 of 3 by messages"),
    ("ethereum", "ethereum", "personal_sign"),
    ("tron", "tron", "TIP-191"),
    ("solana", "solana", "header of 85 bytes"),
    ("xrp", "xrp", "secp256k1"),
    ("cosmos", "cosmos:cosmos", "ADR-36"),
    ("ton", "ton", "proof to a website"),
    ("aptos", "aptos", "bare text"),
    ("sui", "sui", "a wallet's signature"),
    ("filecoin", "filecoin", "Filecoin's EVM"),
    ("polkadot", "polkadot", "exchange's form"),
    ("cardano", "cardano", "exchange's form"),
];

fn ownership_seeds() -> Vec<Seed> {
    let find = |chain, name, message| {
        let is_it = |line: &&TestLine| line.chain == chain && line.name == name && line.message == message;
        ownership_lines().iter().find(is_it).expect("a form that test keys sign")
    };
    let signed = SIGNED_LINES.iter().enumerate().map(|(at, (name, chain, form))| {
        // one after the other over the canonical message and over an old text
        let message = if at % 2 == 0 { "" } else { OLD_TEXT };
        ("ownership", *name, ownership_input(find(*chain, *form, message)))
    });
    // the second with this name is a proof of funds
    let is_funds = |line: &&TestLine| line.signature.starts_with("bip322:pof") && line.message.is_empty();
    let funds = ownership_lines().iter().find(is_funds).expect("a proof of funds");
    let multisig = find("bitcoin", "P2WSH 2 of 3 by messages", "");
    let first = multisig.signature.split(' ').next().unwrap_or_default();
    let twice = TestLine { signature: format!("{first} {first}"), ..multisig.clone() };
    let other = TestLine { message: "another text".to_owned(), ..find("ethereum", "personal_sign", OLD_TEXT).clone() };
    let contract = find("ethereum", "a contract's owners", "");
    let rotated = TestLine { address: format!("0x{}", "1".repeat(64)), ..find("aptos", "bare text", OLD_TEXT).clone() };
    let rest = [
        ("bip322-funds", funds.clone()),
        ("hostile-one-key-twice", twice),
        ("hostile-another-text", other),
        ("hostile-contract", contract.clone()),
        ("hostile-rotated", rotated),
    ];
    signed.chain(rest.iter().map(|(name, line)| ("ownership", *name, ownership_input(line)))).collect()
}
