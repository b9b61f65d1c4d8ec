#![allow(clippy::unwrap_used)]
use serde_json::{Value, json};

use super::*;

const STATEMENT: &[u8] = br#"{"what":"is claimed"}"#;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn jwk(key: &SigningKey) -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
        "kid": thumbprint(&key.verifying_key()),
        "x": URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes()),
    })
}

fn with(base: &Value, name: &str, value: Value) -> Value {
    let mut changed = base.clone();
    changed[name] = value;
    changed
}

fn parse(keys: &[Value]) -> Result<Jwks, SignatureError> {
    Jwks::parse(json!({ "keys": keys }).to_string().as_bytes())
}

fn trusting(keys: &[&SigningKey]) -> Jwks {
    parse(&keys.iter().map(|key| jwk(key)).collect::<Vec<_>>()).unwrap()
}

fn kid(key: &SigningKey) -> String {
    thumbprint(&key.verifying_key())
}

/// A file of signatures with one whose protected header is `header`, truly signed by `key`.
fn signed_as(header: &str, key: &SigningKey) -> Vec<u8> {
    let payload = URL_SAFE_NO_PAD.encode(STATEMENT);
    let protected = URL_SAFE_NO_PAD.encode(header);
    let signature = URL_SAFE_NO_PAD.encode(key.sign(format!("{protected}.{payload}").as_bytes()).to_bytes());
    let signed = json!([{ "protected": protected, "signature": signature }]);
    json!({ "payload": payload, "signatures": signed }).to_string().into_bytes()
}

fn verify(bytes: &[u8], jwks: &Jwks) -> Result<Signers, SignatureError> {
    Jws::parse(bytes)?.verify(STATEMENT, jwks)
}

fn refused(bytes: &[u8], jwks: &Jwks) -> String {
    verify(bytes, jwks).unwrap_err().to_string()
}

#[test]
fn a_signature_by_a_listed_key_holds() {
    let bytes = Jws::sign(STATEMENT, &key(1)).to_bytes();
    let signers = verify(&bytes, &trusting(&[&key(1), &key(2)])).unwrap();
    assert_eq!(signers, Signers { known: vec![kid(&key(1))], unknown: vec![] });
    assert_eq!(signers.to_string(), format!("by {}", kid(&key(1))));
}

#[test]
fn the_bytes_of_a_signature_are_the_documented_ones() {
    let bytes = Jws::sign(b"{}", &key(1)).to_bytes();
    let header = format!(r#"{{"alg":"EdDSA","kid":"{}","typ":"assay-attestation+jws"}}"#, kid(&key(1)));
    let protected = URL_SAFE_NO_PAD.encode(header);
    let signature = URL_SAFE_NO_PAD.encode(key(1).sign(format!("{protected}.e30").as_bytes()).to_bytes());
    let expected =
        format!(r#"{{"payload":"e30","signatures":[{{"protected":"{protected}","signature":"{signature}"}}]}}"#);
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
}

#[test]
fn several_can_sign_and_strangers_are_named_as_such() {
    let mut jws = Jws::sign(STATEMENT, &key(1));
    jws.countersign(&key(2)).unwrap();
    jws.countersign(&key(3)).unwrap();
    let bytes = jws.to_bytes();
    let signers = verify(&bytes, &trusting(&[&key(3), &key(1)])).unwrap();
    assert_eq!(signers, Signers { known: vec![kid(&key(1)), kid(&key(3))], unknown: vec![kid(&key(2))] });
    assert!(signers.to_string().ends_with(&format!("; not on the list: {}", kid(&key(2)))));
    assert!(jws.countersign(&key(2)).unwrap_err().to_string().contains("signed twice"));
    assert_eq!(jws.to_bytes(), bytes);
    assert!(jws.merge(Jws::sign(b"another", &key(4))).unwrap_err().to_string().contains("another statement"));
    for seed in 4..=64 {
        jws.countersign(&key(seed)).unwrap();
    }
    assert!(jws.countersign(&key(65)).is_err());
    assert_eq!(jws.kids().unwrap().len(), 64);
}

#[test]
fn strangers_alone_prove_nothing() {
    let bytes = Jws::sign(STATEMENT, &key(1)).to_bytes();
    assert!(refused(&bytes, &trusting(&[&key(2)])).contains("no listed key signed the statement"));
}

#[test]
fn a_signature_over_another_statement_does_not_hold() {
    let jwks = trusting(&[&key(1)]);
    for other in [&b"{}"[..], b"", br#"{"what":"is claimed"} "#] {
        assert!(refused(&Jws::sign(other, &key(1)).to_bytes(), &jwks).contains("for another statement"));
    }
    // the right payload over the signature of another
    let mut forged: Value = serde_json::from_slice(&Jws::sign(b"{}", &key(1)).to_bytes()).unwrap();
    forged["payload"] = json!(URL_SAFE_NO_PAD.encode(STATEMENT));
    assert!(refused(forged.to_string().as_bytes(), &jwks).contains("does not verify"));
    // another spelling of the same bytes
    for spelling in ["=", " ", "\n"] {
        let mut padded: Value = serde_json::from_slice(&Jws::sign(STATEMENT, &key(1)).to_bytes()).unwrap();
        padded["payload"] = json!(URL_SAFE_NO_PAD.encode(STATEMENT) + spelling);
        assert!(refused(padded.to_string().as_bytes(), &jwks).contains("for another statement"));
    }
}

#[test]
fn one_false_signature_by_a_listed_key_spoils_all() {
    let mut jws = Jws::sign(STATEMENT, &key(1));
    jws.countersign(&key(2)).unwrap();
    let mut value: Value = serde_json::from_slice(&jws.to_bytes()).unwrap();
    let first = value["signatures"][0]["signature"].clone();
    value["signatures"][1]["signature"] = first;
    let bytes = value.to_string().into_bytes();
    assert!(refused(&bytes, &trusting(&[&key(1), &key(2)])).contains(&kid(&key(2))));
    // of a stranger nothing is known, a false signature neither
    assert!(verify(&bytes, &trusting(&[&key(1)])).is_ok());
}

#[test]
fn a_header_that_asks_for_anything_else_is_refused() {
    let jwks = trusting(&[&key(1)]);
    let kid = kid(&key(1));
    let good = format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"assay-attestation+jws"}}"#);
    assert!(verify(&signed_as(&good, &key(1)), &jwks).is_ok());
    for (header, reason) in [
        (good.replace("EdDSA", "none"), "another algorithm"),
        (good.replace("EdDSA", "HS256"), "another algorithm"),
        (good.replace("EdDSA", "ES256"), "another algorithm"),
        (good.replace("assay-attestation+jws", "at+jwt"), "another type"),
        (good.replace("assay-attestation+jws", "application/assay-attestation+jws"), "another type"),
        (good.replace('{', r#"{"crit":["b64"],"b64":false,"#), "exactly the members alg, kid and typ"),
        (good.replace('{', r#"{"jwk":{},"#), "exactly the members alg, kid and typ"),
        (good.replace('{', r#"{"alg":"EdDSA","#), "exactly the members alg, kid and typ"),
        (good.replace(&format!(r#""kid":"{kid}","#), ""), "exactly the members alg, kid and typ"),
        (good.replace(&kid, "two words"), "visible ASCII"),
        (good.replace(&kid, ""), "visible ASCII"),
        (good.replace(&kid, &"x".repeat(129)), "visible ASCII"),
        ("[]".to_owned(), "exactly the members alg, kid and typ"),
        (String::new(), "exactly the members alg, kid and typ"),
    ] {
        let found = refused(&signed_as(&header, &key(1)), &jwks);
        assert!(found.contains(reason), "{header}: {found}");
    }
}

#[test]
fn a_file_with_anything_more_or_less_is_refused() {
    let honest: Value = serde_json::from_slice(&Jws::sign(STATEMENT, &key(1)).to_bytes()).unwrap();
    let signed = honest["signatures"][0].clone();
    let jwks = trusting(&[&key(1)]);
    assert!(verify(honest.to_string().as_bytes(), &jwks).is_ok());
    let text = honest.to_string();
    for odd in [
        with(&honest, "signatures", json!([])).to_string(),
        with(&honest, "signatures", json!([signed, signed])).to_string(),
        with(&honest, "signatures", json!([with(&signed, "header", json!({"alg": "EdDSA"}))])).to_string(),
        with(&honest, "protected", signed["protected"].clone()).to_string(),
        signed.to_string(),
        text.replacen('{', r#"{"payload":"e30","#, 1),
        format!("{text}{text}"),
        "{}".to_owned(),
        String::new(),
        format!("\"{}.{}.\"", signed["protected"].as_str().unwrap(), honest["payload"].as_str().unwrap()),
    ] {
        assert!(Jws::parse(odd.as_bytes()).is_err(), "{odd}");
    }
    assert!(Jws::parse(&vec![b' '; MAX_JWS_BYTES + 1]).unwrap_err().to_string().contains("longer than"));
}

#[test]
fn not_one_byte_of_a_signature_can_be_changed() {
    let jwks = trusting(&[&key(1)]);
    let honest = Jws::sign(STATEMENT, &key(1)).to_bytes();
    for i in 0..honest.len() {
        let mut changed = honest.clone();
        changed[i] ^= 1;
        assert!(verify(&changed, &jwks).is_err(), "byte {i}");
    }
}

#[test]
fn the_largest_statement_fits() {
    let bytes = Jws::sign(&vec![b'x'; MAX_STATEMENT_BYTES], &key(1)).to_bytes();
    assert!(bytes.len() <= MAX_JWS_BYTES && Jws::parse(&bytes).is_ok());
}

#[test]
fn a_list_that_is_no_list_of_public_keys_is_refused() {
    let good = jwk(&key(1));
    assert!(parse(std::slice::from_ref(&good)).is_ok());
    let x = |bytes: &[u8]| with(&good, "x", json!(URL_SAFE_NO_PAD.encode(bytes)));
    for (keys, reason) in [
        (vec![with(&good, "d", json!("AA"))], "private key"),
        (vec![good.clone(), jwk(&key(2)), with(&jwk(&key(2)), "d", Value::Bool(true))], "private key"),
        (vec![good.clone(), good.clone()], "have the key id"),
        (vec![good.clone(), with(&jwk(&key(2)), "kid", good["kid"].clone())], "have the key id"),
        (vec![x(&[1; 31])], "malformed"),
        (vec![x(&[0; 32])], "malformed"),
        (vec![with(&good, "x", json!("*"))], "malformed"),
        (vec![with(&good, "kid", json!("two words"))], "visible ASCII"),
        (vec![], "no Ed25519 statement key"),
        (vec![with(&good, "use", json!("enc"))], "no Ed25519 statement key"),
        (vec![with(&good, "assay_purpose", json!("token"))], "no Ed25519 statement key"),
        (vec![good.clone(); 65], "at most 64"),
    ] {
        let found = parse(&keys).unwrap_err().to_string();
        assert!(found.contains(reason), "{reason}: {found}");
    }
    for odd in ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":["key"]}"#, r#"{"keys":[],"keys":[]}"#] {
        assert!(Jwks::parse(odd.as_bytes()).is_err(), "{odd}");
    }
}

#[test]
fn keys_for_other_things_are_skipped_until_one_of_them_signs() {
    let bytes = Jws::sign(STATEMENT, &key(1)).to_bytes();
    let rsa = json!({ "kty": "RSA", "kid": "rsa", "n": "AQ", "e": "AQAB" });
    for (name, value) in [
        ("use", json!("enc")),
        ("alg", json!("ES256")),
        ("key_ops", json!(["sign"])),
        ("assay_purpose", json!("token")),
        ("crv", json!("X25519")),
        ("kty", json!("oct")),
    ] {
        let jwks = parse(&[rsa.clone(), jwk(&key(2)), with(&jwk(&key(1)), name, value)]).unwrap();
        assert!(refused(&bytes, &jwks).contains("not a statement key"), "{name}");
    }
    let jwks = parse(&[rsa, with(&jwk(&key(1)), "assay_purpose", json!("attestation"))]).unwrap();
    assert!(verify(&bytes, &jwks).is_ok());
}

#[test]
fn a_key_without_a_name_goes_by_its_thumbprint() {
    let mut nameless = jwk(&key(1));
    nameless.as_object_mut().unwrap().remove("kid");
    let bytes = Jws::sign(STATEMENT, &key(1)).to_bytes();
    assert!(verify(&bytes, &parse(&[nameless]).unwrap()).is_ok());
}

/// The JSON blocks of the specification, in their order: a token's header and claims, signatures, a list of keys.
fn specified() -> Vec<&'static str> {
    let spec = include_str!("../../../../api-spec/jws.md");
    spec.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The example was made by another implementation (Python's cryptography).
#[test]
fn the_example_of_the_specification_verifies_and_is_what_we_write() {
    let [_, _, jws, jwks] = specified().try_into().unwrap();
    let signers = verify(jws.as_bytes(), &Jwks::parse(jwks.as_bytes()).unwrap()).unwrap();
    assert_eq!(signers.known, [kid(&key(1))]);
    assert_eq!(Jws::parse(jws.as_bytes()).unwrap(), Jws::sign(STATEMENT, &key(1)));
}
