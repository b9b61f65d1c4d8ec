//! Proofs of logging: what is read, and that no byte of one can be changed.

use assay_verifier::log::{
    checkpoint::SignedCheckpoint,
    note::{MAX_SIGNATURES, Note},
    policy::Policy,
    proof::LogProof,
    tree::{Tree, leaf_hash, prove_inclusion},
};

use super::{log_vkey, signed, witness_vkey};

/// The proof of entry 5 of 11, cosigned by one witness.
fn proof() -> (LogProof, [u8; 32]) {
    let mut tree = Tree::default();
    let leaf = |i: u8| leaf_hash(&[i]);
    (0..11).for_each(|i| tree.push(leaf(i)));
    let path = prove_inclusion(5, 11, &mut |node| tree.node(node)).unwrap();
    let checkpoint = SignedCheckpoint::parse(signed(&tree, &[2]).to_string().as_bytes()).unwrap();
    (LogProof { extra: None, index: 5, path, checkpoint }, leaf(5))
}

fn policy() -> Policy {
    let text = format!("log {}\nwitness w {}\nquorum w\n", log_vkey(), witness_vkey(2));
    Policy::parse(text.as_bytes()).unwrap()
}

fn holds(bytes: &[u8], leaf: &[u8; 32], policy: &Policy) -> bool {
    LogProof::parse(bytes).is_ok_and(|proof| proof.verify(leaf).is_ok() && policy.check(&proof.checkpoint).is_ok())
}

#[test]
fn a_proof_is_read_as_it_was_written_and_no_byte_of_it_can_be_changed() {
    let (proof, leaf) = proof();
    let (text, policy) = (proof.to_string(), policy());
    assert_eq!(LogProof::parse(text.as_bytes()).unwrap(), proof);
    assert!(holds(text.as_bytes(), &leaf, &policy));
    for i in 0..text.len() {
        for bit in 0..8 {
            let mut altered = text.clone().into_bytes();
            altered[i] ^= 1 << bit;
            assert!(!holds(&altered, &leaf, &policy), "byte {i}, bit {bit} of {text}");
        }
        let mut shorter = text.clone().into_bytes();
        shorter.remove(i);
        assert!(!holds(&shorter, &leaf, &policy), "without byte {i} of {text}");
    }
    assert!(!holds(text.as_bytes(), &leaf_hash(b"another statement"), &policy));
}

#[test]
fn a_text_that_is_not_exactly_a_proof_is_refused_with_its_line() {
    let (proof, _) = proof();
    let text = proof.to_string();
    let hash = text.lines().nth(2).unwrap();
    let many = format!("{hash}\n").repeat(61);
    for (altered, refused) in [
        (text.replace("@v1", "@v2"), "line 1: expected c2sp.org/tlog-proof@v1"),
        (text.replace("index 5", "index 05"), "line 2: expected `index` and a whole number"),
        (text.replace("index 5", "index -5"), "line 2: expected `index`"),
        (text.replace("index 5\n", ""), "line 2: expected `index`"),
        (text.replace("index 5", "extra !\nindex 5"), "line 2: the extra data is not base64"),
        (text.replace("index 5", "extra AAAA\nextra AAAA\nindex 5"), "line 3: expected `index`"),
        (text.replace(hash, &hash[..40]), "line 3: "),
        (text.replace(hash, &format!("{hash} ")), "line 3: "),
        (text.replace("index 5\n", &format!("index 5\n{many}")), "more than 64 hashes"),
        (text.replace('\n', "\r\n"), "line 1: the note contains the control character U+000D"),
        (text.split("\n\n").next().unwrap().to_owned(), "line 1: no empty line"),
        (text.replacen("\n11\n", "\n011\n", 1), "line 9: the size \"011\""),
        (text.replacen("\n11\n", "\n\n11\n", 1), "line 9: a line of a checkpoint is empty"),
        (text.replace("\u{2014} witness", "- witness"), "line 13: not a signature line"),
    ] {
        let found = LogProof::parse(altered.as_bytes()).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(found.contains(refused), "{found} instead of {refused}:\n{altered}");
    }
}

#[test]
fn a_note_holds_at_least_sixteen_signatures_and_not_any_number() {
    let line = "\u{2014} a.example AAAAAAAA\n";
    let note = |n: usize| format!("text\n\n{}", line.repeat(n));
    assert_eq!(Note::parse(note(16).as_bytes(), 1).unwrap().signatures().len(), 16);
    let refused = Note::parse(note(MAX_SIGNATURES + 1).as_bytes(), 1).unwrap_err().to_string();
    assert!(refused.starts_with("line 67: ") && refused.contains("more than"), "{refused}");
    for (text, refused) in [
        ("text\n", "line 1: the note ends without"),
        ("text\n\n", "line 1: the note ends without"),
        ("text\n\n\u{2014} a.example AAAAAAAA", "does not end with a line end"),
        ("text\n\n\u{2014} a+b AAAAAAAA\n", "line 3: not a signature line: its key name"),
        ("text\n\n\u{2014} a.example AAAA\n", "no key id"),
        ("text\n\n\u{2014} a.example AAAAAA==\n", "is empty"),
        ("text\n\n\u{2014} a.example AAAAAAA\n", "not base64"),
    ] {
        let found = Note::parse(text.as_bytes(), 1).unwrap_err().to_string();
        assert!(found.contains(refused), "{text:?}: {found}");
    }
}
