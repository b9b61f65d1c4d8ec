//! Other issuers: where their keys come from, how long they are believed.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use super::{
    super::issuers::{FetchError, OF_ADDRESS},
    *,
};

/// A partner whose list of keys can be changed and counts how often it is fetched.
struct Partner {
    list: Arc<Mutex<Result<Value, String>>>,
    fetches: Arc<AtomicUsize>,
    verifier: TokenVerifier,
    _dir: TempDir,
}

impl Partner {
    fn new(config: &IssuerConfig, list: Value) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ring = Arc::new(KeyRing::open_or_create(&dir.path().join("keys"), NOW).unwrap());
        let list = Arc::new(Mutex::new(Ok(list)));
        let fetches = Arc::new(AtomicUsize::new(0));
        let (shared, counter) = (Arc::clone(&list), Arc::clone(&fetches));
        let fetch = move || {
            counter.fetch_add(1, Ordering::SeqCst);
            shared.lock().unwrap().clone().map(|list: Value| list.to_string().into_bytes()).map_err(FetchError::Failed)
        };
        let foreign = ForeignIssuer::with_fetch(config, OF_ADDRESS, Box::new(fetch)).unwrap();
        let verifier = TokenVerifier::new(SERVICE, SERVICE, ring, vec![foreign]).unwrap();
        Self { list, fetches, verifier, _dir: dir }
    }

    fn publish(&self, list: Result<Value, String>) {
        *self.list.lock().unwrap() = list;
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    fn verify_at(&self, token: &str, after: Duration) -> Result<Caller, TokenError> {
        self.verifier.verify(token, NOW + after)
    }
}

/// A token that does not expire during a test.
fn lasting(kid: &str) -> String {
    let claims = with(&partner_claims(), "exp", json!((NOW + Duration::days(30)).unix_timestamp()));
    let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid });
    sign(&header, &claims, |message| partner_ed_key().sign(message).to_bytes().to_vec())
}

#[test]
fn both_algorithms_are_accepted_from_a_partner() {
    let world = World::new();
    let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "ec" });
    let token = sign(&header, &partner_claims(), ec_signature);
    let caller = world.verify(&token).unwrap();
    assert_eq!((caller.issuer.as_str(), caller.exchange.as_deref()), (PARTNER, Some("partner.example")));
    assert!(world.verify(&partner_token(&partner_claims())).is_ok());
}

#[test]
fn a_partner_uses_only_the_algorithms_it_is_configured_for() {
    let config = IssuerConfig { algorithms: vec!["EdDSA".to_owned()], ..partner_config() };
    let partner = Partner::new(&config, partner_jwks());
    let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "ec" });
    let token = sign(&header, &partner_claims(), ec_signature);
    assert_eq!(partner.verify_at(&token, Duration::ZERO).unwrap_err(), TokenError::Algorithm);
    // refused before any key is fetched
    assert_eq!(partner.fetches(), 0);
}

#[test]
fn a_partner_without_a_fixed_exchange_may_name_one_or_none() {
    let config = IssuerConfig { exchange: None, ..partner_config() };
    let partner = Partner::new(&config, partner_jwks());
    let caller = partner.verify_at(&partner_token(&partner_claims()), Duration::ZERO).unwrap();
    assert_eq!(caller.exchange.as_deref(), Some("partner.example"));
    let anywhere = partner_token(&with(&partner_claims(), "exchange", Value::Null));
    let caller = partner.verify_at(&anywhere, Duration::ZERO).unwrap();
    assert!(caller.speaks_for("any.example"));
}

#[test]
fn an_unknown_key_is_fetched_at_most_once_a_minute() {
    let partner = Partner::new(&partner_config(), partner_jwks());
    assert!(partner.verify_at(&lasting("ed"), Duration::ZERO).is_ok());
    assert_eq!(partner.fetches(), 1);
    for second in 1..60 {
        let error = partner.verify_at(&lasting("nonsense"), Duration::seconds(second)).unwrap_err();
        assert_eq!(error, TokenError::UnknownKey);
    }
    assert_eq!(partner.fetches(), 1);
    partner.publish(Ok(json!({ "keys": [ed_jwk("new", &partner_ed_key())] })));
    assert!(partner.verify_at(&lasting("new"), Duration::seconds(60)).is_ok());
    assert_eq!(partner.fetches(), 2);
}

#[test]
fn a_key_that_was_taken_from_the_list_is_believed_no_longer_than_five_minutes() {
    let partner = Partner::new(&partner_config(), partner_jwks());
    assert!(partner.verify_at(&lasting("ed"), Duration::ZERO).is_ok());
    partner.publish(Ok(json!({ "keys": [] })));
    assert!(partner.verify_at(&lasting("ed"), Duration::minutes(5)).is_ok());
    let error = partner.verify_at(&lasting("ed"), Duration::seconds(301)).unwrap_err();
    assert_eq!(error, TokenError::UnknownKey);
}

#[test]
fn a_partner_that_cannot_be_reached_is_believed_for_an_hour_and_asked_once_a_minute() {
    let partner = Partner::new(&partner_config(), partner_jwks());
    assert!(partner.verify_at(&lasting("ed"), Duration::ZERO).is_ok());
    partner.publish(Err("no route".to_owned()));
    for second in 301..400 {
        assert!(partner.verify_at(&lasting("ed"), Duration::seconds(second)).is_ok());
    }
    assert_eq!(partner.fetches(), 3);
    assert!(partner.verify_at(&lasting("ed"), Duration::HOUR).is_ok());
    let error = partner.verify_at(&lasting("ed"), Duration::HOUR + Duration::MINUTE).unwrap_err();
    assert!(error.is_temporary());
    partner.publish(Ok(partner_jwks()));
    assert!(partner.verify_at(&lasting("ed"), Duration::HOUR + Duration::minutes(2)).is_ok());
}

#[test]
fn keys_that_never_came_are_not_the_callers_fault() {
    let partner = Partner::new(&partner_config(), partner_jwks());
    partner.publish(Err("no route".to_owned()));
    assert_eq!(partner.verifier.warm(NOW), [format!("{PARTNER}: no route")]);
    let error = partner.verify_at(&lasting("ed"), Duration::SECOND).unwrap_err();
    assert_eq!(error, TokenError::KeysUnavailable);
    assert_eq!(partner.fetches(), 1);
    partner.publish(Ok(partner_jwks()));
    assert!(partner.verify_at(&lasting("ed"), Duration::MINUTE).is_ok());
}

#[test]
fn warmed_keys_are_not_fetched_again() {
    let partner = Partner::new(&partner_config(), partner_jwks());
    assert!(partner.verifier.warm(NOW).is_empty());
    assert!(partner.verify_at(&lasting("ed"), Duration::SECOND).is_ok());
    assert_eq!(partner.fetches(), 1);
}

#[test]
fn a_key_that_cannot_be_used_disables_itself_and_no_other() {
    let key = partner_ed_key();
    let other = || ed_jwk("other", &SigningKey::from_bytes(&[8; 32]));
    for (bad, reason) in [
        (with(&other(), "d", json!("AA")), "private key"),
        (with(&other(), "x", json!("AA")), "32 bytes"),
        (with(&other(), "x", json!(7)), "32 bytes"),
        (with(&other(), "kid", json!("x".repeat(257))), "kid"),
        (with(&other(), "kid", json!("")), "kid"),
        (with(&ec_jwk("other"), "y", json!("AA")), "32 bytes"),
        (json!("key"), "not an object"),
        (json!(null), "not an object"),
    ] {
        let partner = Partner::new(&partner_config(), json!({ "keys": [bad, ed_jwk("ed", &key)] }));
        let told = partner.verifier.warm(NOW);
        assert!(told.len() == 1 && told[0].contains("key 1: ") && told[0].contains(reason), "{reason}: {told:?}");
        assert!(partner.verify_at(&lasting("ed"), Duration::ZERO).is_ok(), "{reason}");
        assert_eq!(partner.verify_at(&lasting("other"), Duration::ZERO).unwrap_err(), TokenError::UnknownKey);
    }
}

#[test]
fn of_two_keys_with_one_id_neither_is_used() {
    let twins = [ed_jwk("ed", &partner_ed_key()), ed_jwk("ed", &SigningKey::from_bytes(&[8; 32])), ec_jwk("ec")];
    for list in [twins.to_vec(), twins.iter().rev().cloned().collect()] {
        let partner = Partner::new(&partner_config(), json!({ "keys": list }));
        assert_eq!(partner.verify_at(&lasting("ed"), Duration::ZERO).unwrap_err(), TokenError::UnknownKey);
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "ec" });
        let token = sign(&header, &partner_claims(), ec_signature);
        assert!(partner.verify_at(&token, Duration::ZERO).is_ok());
    }
}

#[test]
fn what_is_no_list_of_keys_is_refused_whole() {
    let many = vec![ed_jwk("ed", &partner_ed_key()); 65];
    for list in [json!({ "keys": {} }), json!([]), json!({ "keys": many })] {
        let partner = Partner::new(&partner_config(), list);
        let error = partner.verify_at(&lasting("ed"), Duration::ZERO).unwrap_err();
        assert_eq!(error, TokenError::KeysUnavailable);
    }
}

/// The eight points of small order, and spellings of them and of others that are not the usual ones.
#[test]
fn a_weak_key_verifies_nothing() {
    let hex = |text: &str| hex::decode(text).unwrap();
    for x in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ] {
        let weak = with(&ed_jwk("weak", &partner_ed_key()), "x", json!(URL_SAFE_NO_PAD.encode(hex(x))));
        let partner = Partner::new(&partner_config(), json!({ "keys": [weak, ed_jwk("ed", &partner_ed_key())] }));
        // R of the same small order and s = 0 hold under a verifier that takes such keys
        let claims = with(&partner_claims(), "exp", json!((NOW + Duration::HOUR).unix_timestamp()));
        let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "weak" });
        let token = sign(&header, &claims, |_| [hex(x), vec![0; 32]].concat());
        assert_eq!(partner.verify_at(&token, Duration::ZERO).unwrap_err(), TokenError::UnknownKey, "{x}");
        assert_eq!(partner.verifier.warm(NOW).len(), 1, "{x}");
        assert!(partner.verify_at(&lasting("ed"), Duration::ZERO).is_ok());
    }
}

/// A partner whose list is a file on this machine.
#[test]
fn a_file_of_keys_that_is_changed_or_deleted_counts_within_five_seconds() {
    let world = World::new();
    let file = world.dir.path().join("partner.json");
    let verify = |kid: &str, after: i64| world.verifier.verify(&lasting(kid), NOW + Duration::seconds(after));
    assert!(verify("ed", 0).is_ok());
    fs::write(&file, json!({ "keys": [ed_jwk("new", &partner_ed_key())] }).to_string()).unwrap();
    assert_eq!(verify("ed", 6).unwrap_err(), TokenError::UnknownKey);
    assert!(verify("new", 6).is_ok());
    fs::remove_file(&file).unwrap();
    assert_eq!(verify("new", 12).unwrap_err(), TokenError::UnknownKey);
    fs::create_dir(&file).unwrap();
    assert_eq!(verify("new", 18).unwrap_err(), TokenError::UnknownKey);
    fs::remove_dir(&file).unwrap();
    fs::write(&file, json!({ "keys": [ed_jwk("new", &partner_ed_key())] }).to_string()).unwrap();
    assert!(verify("new", 24).is_ok());
    // half a list, of somebody who does not write it in one go
    fs::write(&file, "{\"keys\":[").unwrap();
    assert!(verify("new", 30).is_ok());
    assert!(verify("new", 24 + 121).unwrap_err().is_temporary());
}

#[test]
fn keys_for_other_uses_verify_nothing() {
    let ed = || ed_jwk("ed", &partner_ed_key());
    for (name, value) in [
        ("use", json!("enc")),
        ("alg", json!("ES256")),
        ("key_ops", json!(["sign"])),
        ("assay_purpose", json!("attestation")),
        ("kty", json!("oct")),
        ("crv", json!("X25519")),
        ("kid", Value::Null),
    ] {
        let partner = Partner::new(&partner_config(), json!({ "keys": [with(&ed(), name, value)] }));
        let error = partner.verify_at(&lasting("ed"), Duration::ZERO).unwrap_err();
        assert_eq!(error, TokenError::UnknownKey, "{name}");
    }
    let fine = json!({ "keys": [with(&with(&ed(), "use", json!("sig")), "assay_purpose", json!("token"))] });
    assert!(Partner::new(&partner_config(), fine).verify_at(&lasting("ed"), Duration::ZERO).is_ok());
}

#[test]
fn a_point_that_is_not_on_the_curve_verifies_nothing() {
    let off = with(&ec_jwk("ec"), "y", json!(EC_X));
    let partner = Partner::new(&partner_config(), json!({ "keys": [off] }));
    let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "ec" });
    let token = sign(&header, &partner_claims(), ec_signature);
    assert_eq!(partner.verify_at(&token, Duration::ZERO).unwrap_err(), TokenError::Signature);
    let zeros = sign(&header, &partner_claims(), |_| vec![0; 64]);
    let partner = Partner::new(&partner_config(), partner_jwks());
    assert_eq!(partner.verify_at(&zeros, Duration::ZERO).unwrap_err(), TokenError::Signature);
}

#[test]
fn a_configuration_that_cannot_be_meant_is_refused() {
    let base = || IssuerConfig { jwks_file: Some("partner.json".into()), ..partner_config() };
    assert!(ForeignIssuer::new(&base()).is_ok());
    let url = |url: &str| IssuerConfig { jwks_file: None, jwks_url: Some(url.to_owned()), ..base() };
    assert!(ForeignIssuer::new(&url("https://login.partner.example/jwks.json")).is_ok());
    for (config, reason) in [
        (url("http://login.partner.example/jwks.json"), "https://"),
        (url("file:///etc/passwd"), "https://"),
        (IssuerConfig { jwks_file: None, ..base() }, "jwks_file and jwks_url"),
        (IssuerConfig { jwks_url: Some("https://x.example".to_owned()), ..base() }, "jwks_file and jwks_url"),
        (IssuerConfig { algorithms: vec!["HS256".to_owned()], ..base() }, "HS256 is not allowed"),
        (IssuerConfig { algorithms: vec!["none".to_owned()], ..base() }, "none is not allowed"),
        (IssuerConfig { algorithms: vec!["RS256".to_owned()], ..base() }, "RS256 is not allowed"),
        (IssuerConfig { algorithms: vec![], ..base() }, "must not be empty"),
        (IssuerConfig { scopes: vec![], ..base() }, "must not be empty"),
        (IssuerConfig { scopes: vec!["admin".to_owned()], ..base() }, "unknown scope"),
        (IssuerConfig { issuer: String::new(), ..base() }, "must not be empty"),
    ] {
        let error = ForeignIssuer::new(&config).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}
