//! The examples that C2SP publishes with its formats.

use assay_verifier::log::{
    checkpoint::SignedCheckpoint,
    note::{KeyKind, Note, NoteError, SignatureLine, VerifierKey},
    policy::Policy,
    proof::LogProof,
};

const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
const COSIGNED: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

#[test]
fn the_example_of_signed_note_is_signed_by_its_key() {
    let key = VerifierKey::parse(VKEY).unwrap();
    assert_eq!((key.name(), key.kind(), key.to_string().as_str()), ("example.com/foo", KeyKind::Log, VKEY));
    let note = Note::parse(NOTE.as_bytes(), 1).unwrap();
    assert_eq!((note.text(), note.to_string().as_str()), ("This is an example message.\n", NOTE));
    assert_eq!(note.signed_by(&key), Ok(Some(None)));
    let other = Note::parse(NOTE.replace("an example", "no example").as_bytes(), 1).unwrap();
    assert!(matches!(other.signed_by(&key), Err(NoteError::FalseSignature { .. })));
    // nobody's signature that is known
    let renamed = Note::parse(NOTE.replace("example.com/foo ", "example.com/bar ").as_bytes(), 1).unwrap();
    assert_eq!(renamed.signed_by(&key), Ok(None));
}

#[test]
fn the_second_example_of_signed_note_keeps_its_empty_lines() {
    let text = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned \u{e8} subito sera.\n\n\u{2014} quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
    let note = Note::parse(text.as_bytes(), 1).unwrap();
    assert!(note.text().ends_with("sole:\n\ned \u{e8} subito sera.\n"), "{}", note.text());
    assert_eq!((note.signatures().len(), note.to_string().as_str()), (1, text));
}

#[test]
fn the_example_of_a_cosigned_checkpoint_is_read_as_written() {
    let signed = SignedCheckpoint::parse(COSIGNED.as_bytes()).unwrap();
    let checkpoint = signed.checkpoint();
    assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
    assert_eq!((signed.note().signatures().len(), signed.note().to_string().as_str()), (2, COSIGNED));
    assert_eq!(checkpoint.to_string(), signed.note().text());
}

/// The key of this example is not published, so the layout is compared: the id, the time, and 64 bytes.
#[test]
fn a_cosignature_has_the_layout_of_the_published_one() {
    let theirs = SignedCheckpoint::parse(COSIGNED.as_bytes()).unwrap();
    let line =
        SignatureLine::cosign(theirs.note().text(), 1_679_315_147, "witness.example.com/w1", &super::key(9)).unwrap();
    let bytes = |line: &SignatureLine| {
        use base64::{Engine, engine::general_purpose::STANDARD};
        STANDARD.decode(line.to_string().rsplit(' ').next().unwrap()).unwrap()
    };
    let [own, their] = [bytes(&line), bytes(&theirs.note().signatures()[1])];
    assert_eq!((own.len(), &own[4..12]), (their.len(), &their[4..12]));
}

#[test]
fn the_layout_of_the_published_proof_is_read() {
    let text = format!(
        "c2sp.org/tlog-proof@v1\nextra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6\nindex 73894\ngSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\nB95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n\n{COSIGNED}"
    );
    let proof = LogProof::parse(text.as_bytes()).unwrap();
    assert_eq!((proof.index, proof.path.len(), proof.to_string()), (73_894, 2, text));
    assert_eq!(proof.extra.unwrap(), b"age-v1.2.1-darwin-arm64.tar.gz");
}

#[test]
fn the_example_of_tlog_policy_is_read() {
    let mut text = String::from("log KEY\n\n");
    text.push_str("witness X1 K2\nwitness X2 K3\nwitness X3 K4\ngroup X-witnesses 2 X1 X2 X3\n\n");
    text.push_str("witness Y1 K5\nwitness Y2 K6\nwitness Y3 K7\ngroup Y-witnesses any Y1 Y2 Y3\n\n");
    text.push_str("group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n");
    let mut text = text.replace("KEY", &super::log_vkey());
    (2..8).for_each(|seed| text = text.replace(&format!(" K{seed}\n"), &format!(" {}\n", super::witness_vkey(seed))));
    let policy = Policy::parse(text.as_bytes()).unwrap();
    assert_eq!((policy.logs().len(), policy.witnesses().count()), (1, 6));
}
