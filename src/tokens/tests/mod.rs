//! Tokens as attackers and operators use them.

#![allow(clippy::unwrap_used)]

mod attacks;
mod issuers;
mod keys;

use std::{fs, path::Path, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime, macros::datetime};

use super::{keyfile::Key, *};
use crate::config::IssuerConfig;

const NOW: OffsetDateTime = datetime!(2026-11-25 12:00:00 UTC);
const SERVICE: &str = "https://assay.example";
const PARTNER: &str = "https://login.partner.example";

/// A P-256 key of nobody, and the coordinates of its public half.
const EC_KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4F6UJTn8CAU0JexOcbcYzKbwcLXJlUZCM7NFILv6h0+hRANCAAR8u4HsMAFdsGcYNZPaSd8KKhuXTQeg0SUKWU4cnq1oJDmCTd+8ffOqk2DIgwkyx1CC5GVUuGDGk27yIKz21gBJ";
const EC_X: &str = "fLuB7DABXbBnGDWT2knfCiobl00HoNElCllOHJ6taCQ";
const EC_Y: &str = "OYJN37x986qTYMiDCTLHUILkZVS4YMaTbvIgrPbWAEk";

/// A service with its keys, and a partner whose tokens may speak for one exchange and read evidence.
struct World {
    dir: TempDir,
    ring: Arc<KeyRing>,
    verifier: Arc<TokenVerifier>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ring = Arc::new(KeyRing::open_or_create(&dir.path().join("keys"), NOW).unwrap());
        let jwks = dir.path().join("partner.json");
        fs::write(&jwks, partner_jwks().to_string()).unwrap();
        let partner = IssuerConfig { jwks_file: Some(jwks), ..partner_config() };
        let foreign = vec![ForeignIssuer::new(&partner).unwrap()];
        let verifier = Arc::new(TokenVerifier::new(SERVICE, SERVICE, Arc::clone(&ring), foreign).unwrap());
        Self { dir, ring, verifier }
    }

    fn keys_dir(&self) -> std::path::PathBuf {
        self.dir.path().join("keys")
    }

    /// The key of this service that signs for `purpose` now.
    fn own_key(&self, purpose: Purpose) -> SigningKey {
        newest_key(&self.keys_dir(), purpose).private.unwrap()
    }

    fn verify(&self, token: &str) -> Result<Caller, TokenError> {
        self.verifier.verify(token, NOW)
    }

    /// A token as our own key would sign it, with a header and claims of the attacker's choice.
    fn forge(&self, header: &Value, claims: &Value) -> String {
        let key = self.own_key(Purpose::Token);
        sign(header, claims, |message| key.sign(message).to_bytes().to_vec())
    }

    fn own_header(&self) -> Value {
        json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": newest_key(&self.keys_dir(), Purpose::Token).kid })
    }
}

fn newest_key(dir: &Path, purpose: Purpose) -> Key {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let keys = files.map(|path| Key::read(&path).unwrap()).filter(|key| key.purpose == purpose);
    keys.max_by_key(|key| key.created_at).unwrap()
}

fn grant(role: Role) -> Grant {
    Grant {
        issuer: SERVICE.to_owned(),
        audience: SERVICE.to_owned(),
        subject: "alice".to_owned(),
        role,
        exchange: Some("exchange.example".to_owned()),
        ttl: Duration::HOUR,
    }
}

/// What an honest token of a regulator says.
fn own_claims() -> Value {
    json!({
        "iss": SERVICE,
        "sub": "alice",
        "aud": SERVICE,
        "iat": NOW.unix_timestamp(),
        "exp": (NOW + Duration::HOUR).unix_timestamp(),
        "jti": "1",
        "client_id": "assay",
        "scope": "audit:read",
        "exchange": "exchange.example",
    })
}

/// `base` with one name set, or removed by null.
fn with(base: &Value, name: &str, value: Value) -> Value {
    let mut changed = base.clone();
    let object = changed.as_object_mut().unwrap();
    if value.is_null() {
        object.remove(name);
    } else {
        object.insert(name.to_owned(), value);
    }
    changed
}

fn sign(header: &Value, claims: &Value, signature: impl Fn(&[u8]) -> Vec<u8>) -> String {
    compact(&header.to_string(), &claims.to_string(), signature)
}

fn compact(header: &str, claims: &str, signature: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(signature(message.as_bytes()));
    format!("{message}.{signature}")
}

fn partner_ed_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn partner_config() -> IssuerConfig {
    IssuerConfig {
        issuer: PARTNER.to_owned(),
        jwks_file: None,
        jwks_url: None,
        algorithms: vec!["EdDSA".to_owned(), "ES256".to_owned()],
        exchange: Some("partner.example".to_owned()),
        scopes: vec!["audit:read".to_owned(), "inclusion:read".to_owned()],
    }
}

fn ed_jwk(kid: &str, key: &SigningKey) -> Value {
    json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes()) })
}

fn ec_jwk(kid: &str) -> Value {
    json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": EC_X, "y": EC_Y, "alg": "ES256", "use": "sig" })
}

fn partner_jwks() -> Value {
    json!({ "keys": [ed_jwk("ed", &partner_ed_key()), ec_jwk("ec")] })
}

fn partner_claims() -> Value {
    let claims = with(&own_claims(), "iss", json!(PARTNER));
    with(&claims, "exchange", json!("partner.example"))
}

/// A token of the partner by its Ed25519 key.
fn partner_token(claims: &Value) -> String {
    let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "ed" });
    sign(&header, claims, |message| partner_ed_key().sign(message).to_bytes().to_vec())
}

/// A signature by the partner's P-256 key.
fn ec_signature(message: &[u8]) -> Vec<u8> {
    let der = base64::engine::general_purpose::STANDARD.decode(EC_KEY).unwrap();
    let text = jsonwebtoken::crypto::sign(message, &EncodingKey::from_ec_der(&der), Algorithm::ES256).unwrap();
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

#[test]
fn a_token_of_each_role_carries_its_scopes_and_nothing_else() {
    let world = World::new();
    for role in Role::ALL {
        let token = world.ring.mint(&grant(role), NOW).unwrap();
        let caller = world.verify(&token).unwrap();
        assert_eq!(caller.scopes, role.scopes().iter().copied().collect());
        assert_eq!((caller.issuer.as_str(), caller.subject.as_str()), (SERVICE, "alice"));
        assert!(caller.speaks_for("exchange.example") && !caller.speaks_for("other.example"));
    }
}

#[test]
fn a_minted_token_has_the_claims_of_rfc_9068() {
    let world = World::new();
    let token = world.ring.mint(&grant(Role::Customer), NOW).unwrap();
    let parts: Vec<Value> = token
        .split('.')
        .take(2)
        .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
        .collect();
    assert_eq!(parts[0], world.own_header());
    let mut claims = parts[1].clone();
    let jti = claims["jti"].take();
    assert_eq!(jti.as_str().unwrap().len(), 36);
    let expected = with(&own_claims(), "scope", json!("inclusion:read"));
    assert_eq!(with(&claims, "jti", json!("1")), expected);
    let again = world.ring.mint(&grant(Role::Customer), NOW).unwrap();
    assert_ne!(token, again);
}

#[test]
fn a_token_that_cannot_be_is_not_made() {
    let world = World::new();
    let refused = |grant: Grant| matches!(world.ring.mint(&grant, NOW), Err(KeyRingError::Grant(_)));
    let good = || grant(Role::Regulator);
    assert!(!refused(Grant { exchange: None, ..good() }));
    for role in [Role::Customer, Role::Publisher, Role::Operator] {
        assert!(refused(Grant { exchange: None, ..grant(role) }), "{role}");
    }
    assert!(!refused(Grant { ttl: MAX_TTL, ..good() }));
    for ttl in [Duration::ZERO, -Duration::HOUR, Duration::milliseconds(999), MAX_TTL + Duration::SECOND] {
        assert!(refused(Grant { ttl, ..good() }), "{ttl}");
    }
    for text in ["", "two\nlines", &"x".repeat(257)] {
        assert!(refused(Grant { subject: text.to_owned(), ..good() }));
        assert!(refused(Grant { audience: text.to_owned(), ..good() }));
        assert!(refused(Grant { issuer: text.to_owned(), ..good() }));
        assert!(refused(Grant { exchange: Some(text.to_owned()), ..good() }));
    }
}

#[test]
fn no_debug_text_and_no_error_holds_a_subject_a_key_or_a_token() {
    let world = World::new();
    let token =
        world.ring.mint(&Grant { subject: "secret-reference".to_owned(), ..grant(Role::Customer) }, NOW).unwrap();
    let caller = world.verify(&token).unwrap();
    let d = URL_SAFE_NO_PAD.encode(world.own_key(Purpose::Token).to_bytes());
    let mut texts = vec![format!("{caller:?}"), format!("{:?}", world.verifier), format!("{:?}", world.ring)];
    for broken in [&token[1..], &token[..token.len() - 4], "no token at all"] {
        let error = world.verify(broken).unwrap_err();
        texts.extend([error.to_string(), format!("{error:?}")]);
    }
    let claims = URL_SAFE_NO_PAD.encode(with(&own_claims(), "iss", json!("secret-reference")).to_string());
    let error = world.verify(&format!("{}.{claims}.AA", token.split('.').next().unwrap())).unwrap_err();
    texts.extend([error.to_string(), format!("{error:?}")]);
    for text in texts {
        for secret in ["secret-reference", &d, &token[..20]] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[tokio::test]
async fn a_request_waits_for_the_keys_of_a_partner_on_another_thread() {
    let world = World::new();
    let caller = world.verifier.authenticate(&partner_token(&partner_claims()), NOW).await.unwrap();
    assert_eq!(caller.exchange.as_deref(), Some("partner.example"));
    let own = world.ring.mint(&grant(Role::Auditor), NOW).unwrap();
    assert!(world.verifier.authenticate(&own, NOW).await.unwrap().may(Scope::AttestationsSign));
    assert_eq!(world.verifier.authenticate("x", NOW).await.unwrap_err(), TokenError::Malformed);
}

#[test]
fn two_issuers_of_one_name_are_refused() {
    let world = World::new();
    let twin = |issuer: &str| {
        let config = IssuerConfig { issuer: issuer.to_owned(), jwks_file: Some("none".into()), ..partner_config() };
        ForeignIssuer::new(&config).unwrap()
    };
    for foreign in [vec![twin(SERVICE)], vec![twin(PARTNER), twin(PARTNER)]] {
        assert!(TokenVerifier::new(SERVICE, SERVICE, Arc::clone(&world.ring), foreign).is_err());
    }
}

#[test]
fn the_token_of_the_specification_is_accepted() {
    let world = World::new();
    let spec = include_str!("../../../api-spec/jws.md");
    let mut blocks = spec.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let header: Value = serde_json::from_str(blocks.next().unwrap()).unwrap();
    let claims: Value = serde_json::from_str(blocks.next().unwrap()).unwrap();
    assert_eq!(claims["iat"], NOW.unix_timestamp());
    let header = with(&header, "kid", world.own_header()["kid"].clone());
    let caller = world.verify(&world.forge(&header, &claims)).unwrap();
    assert_eq!((caller.subject.as_str(), caller.may(Scope::InclusionRead)), ("alice", true));
}
