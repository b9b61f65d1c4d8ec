//! Policies: which are refused, and which checkpoints meet them.

use assay_verifier::log::{
    checkpoint::SignedCheckpoint,
    policy::{NotMet, Policy},
    tree::{Tree, leaf_hash},
};

use super::{log_vkey, signed, witness_vkey};

fn checkpoint(witnesses: &[u8]) -> SignedCheckpoint {
    let mut tree = Tree::default();
    tree.push(leaf_hash(b"entry"));
    SignedCheckpoint::parse(signed(&tree, witnesses).to_string().as_bytes()).unwrap()
}

/// A policy in which LOG and W2 to W9 stand for keys.
fn policy(text: &str) -> Result<Policy, String> {
    let mut text = text.replace("LOG", &log_vkey());
    (2..10).for_each(|seed| text = text.replace(&format!("W{seed}"), &witness_vkey(seed)));
    Policy::parse(text.as_bytes()).map_err(|e| e.to_string())
}

fn met(text: &str, witnesses: &[u8]) -> Result<usize, NotMet> {
    policy(text).unwrap().check(&checkpoint(witnesses)).map(|cosigned| cosigned.len())
}

#[test]
fn a_quorum_counts_each_witness_once_and_groups_of_groups() {
    assert_eq!(met("log LOG\nquorum none\n", &[]), Ok(0));
    assert_eq!(met("log LOG\nwitness a W2\nquorum a\n", &[2]), Ok(1));
    let two = "log LOG\nwitness a W2\nwitness b W3\nwitness c W4\ngroup g 2 a b c\nquorum g\n";
    assert_eq!(met(two, &[2, 4]), Ok(2));
    assert!(matches!(met(two, &[3]), Err(NotMet::NoQuorum { .. })));
    // the same witness twice, at two times, is one witness
    assert!(matches!(met(two, &[3, 3]), Err(NotMet::NoQuorum { .. })));
    let nested =
        format!("{}group h any d\ngroup all-of all g h\nquorum all-of\n", two.replace("quorum g\n", "witness d W5\n"));
    assert_eq!(met(&nested, &[2, 3, 5]), Ok(3));
    assert!(met(&nested, &[2, 3]).is_err() && met(&nested, &[2, 5]).is_err());
    let refused =
        met("log LOG\nwitness a W2\nwitness b W3\ngroup g all a b\nquorum g\n", &[2]).unwrap_err().to_string();
    assert!(refused.contains("quorum \"g\"") && refused.ends_with("cosigned by a"), "{refused}");
}

#[test]
fn a_checkpoint_of_another_log_or_with_a_false_signature_is_refused() {
    let other = log_vkey().replace("assay.example/log", "other.example/log");
    assert!(policy(&format!("log {other}\nquorum none\n")).unwrap_err().contains("id of another name"));
    let foreign = "log example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\nquorum none\n";
    assert!(matches!(met(foreign, &[]), Err(NotMet::UnknownLog { .. })));
    assert!(matches!(met("quorum none\n", &[]), Err(NotMet::NoLogs)));
    // one false cosignature of a listed witness makes the note worthless, even where no witness is asked for
    let note = checkpoint(&[2]).note().to_string();
    let (head, cosignature) = note.trim_end().rsplit_once(' ').unwrap();
    let at = cosignature.len() - 20;
    let letter = if &cosignature[at..=at] == "A" { "B" } else { "A" };
    let altered = format!("{head} {}{letter}{}\n", &cosignature[..at], &cosignature[at + 1..]);
    let altered = SignedCheckpoint::parse(altered.as_bytes()).unwrap();
    let listed = policy("log LOG\nwitness a W2\nquorum none\n").unwrap();
    assert!(matches!(listed.check(&altered), Err(NotMet::False(_))));
    // and says nothing to who does not know the witness
    assert_eq!(policy("log LOG\nquorum none\n").unwrap().check(&altered), Ok(vec![]));
}

#[test]
fn a_policy_that_is_not_exactly_one_is_refused_with_its_line() {
    for (text, refused) in [
        ("", "no line `quorum`"),
        ("log LOG\n", "no line `quorum`"),
        ("quorum none", "line 1: the line does not end"),
        ("log LOG\r\nquorum none\n", "line 1: contains the control character U+000D"),
        ("log LOG\nquorum none\nquorum none\n", "line 3: a second line"),
        ("log LOG\nlog LOG\nquorum none\n", "line 2: another line lists the same log key"),
        ("witness a W2\nwitness b W2\nquorum none\n", "line 2: another line lists the same witness key"),
        ("witness a W2\nwitness a W3\nquorum none\n", "line 2: the name \"a\" is already defined"),
        ("witness none W2\nquorum none\n", "line 1: the name \"none\" is already defined"),
        ("quorum a\nwitness a W2\n", "line 1: \"a\" is not defined on a line before"),
        ("witness a W2\ngroup g 0 a\nquorum g\n", "line 2: \"0\" is neither"),
        ("witness a W2\ngroup g 2 a\nquorum g\n", "line 2: \"2\" is neither any, all nor a number from 1 to 1"),
        ("witness a W2\ngroup g 01 a\nquorum g\n", "line 2: \"01\" is neither"),
        ("witness a W2\ngroup g any\nquorum g\n", "line 2: the group \"g\" has no members"),
        ("witness a W2\ngroup g any a a\nquorum g\n", "line 2: \"a\" is already a member"),
        ("witness a W2\ngroup g any a\ngroup h any a\nquorum g\n", "line 3: \"a\" is already a member"),
        ("group g any g\nquorum g\n", "line 1: \"g\" is not defined"),
        ("group g any none\nquorum g\n", "line 1: \"none\" is not defined"),
        ("log W2\nquorum none\n", "is the key of a witness, not of a log"),
        ("witness a LOG\nquorum none\n", "is the key of a log, not of a witness"),
        ("log LOG https://a b\nquorum none\n", "line 1: `log` is followed by"),
        ("quorum\n", "line 1: `quorum` is followed by one name"),
        ("quorums none\n", "line 1: \"quorums\" is none of"),
        ("log a+00000000+BgAA\nquorum none\n", "is of type 0x06"),
        ("log a+00000000\nquorum none\n", "is not NAME+ID+KEY"),
    ] {
        let found = policy(text).err().unwrap_or_default();
        assert!(found.contains(refused), "{text:?}: {found}");
    }
    assert!(policy("# comment\n\n \t# another\n\tlog  LOG \thttps://x.example/log\n quorum\tnone \n").is_ok());
    let opaque = [b"witness \xe2\x84\xaa ".as_slice(), witness_vkey(2).as_bytes(), b"\nquorum \xe2\x84\xaa\n"].concat();
    assert!(Policy::parse(&opaque).is_ok(), "names are octets");
}
