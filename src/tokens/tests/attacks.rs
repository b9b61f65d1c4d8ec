//! Tokens that must not pass (A3), each for the reason it is refused for.

use super::*;

/// The honest token from which every attack starts does pass: otherwise the attacks would prove nothing.
#[test]
fn the_token_that_the_attacks_start_from_passes() {
    let world = World::new();
    let caller = world.verify(&world.forge(&world.own_header(), &own_claims())).unwrap();
    assert_eq!(caller.scopes, [Scope::AuditRead].into());
    assert!(world.verify(&partner_token(&partner_claims())).is_ok());
}

#[test]
fn a3_a_token_without_a_signature_is_refused() {
    let world = World::new();
    for none in ["none", "None", "NONE", "nOnE", ""] {
        let header = with(&world.own_header(), "alg", json!(none));
        for signature in [vec![], vec![0; 64]] {
            let token = sign(&header, &own_claims(), |_| signature.clone());
            assert_eq!(world.verify(&token).unwrap_err(), TokenError::Algorithm, "{none}");
        }
    }
    let unsigned = sign(&world.own_header(), &own_claims(), |_| vec![]);
    assert_eq!(world.verify(&unsigned).unwrap_err(), TokenError::Signature);
    let cut = unsigned.trim_end_matches('.');
    assert_eq!(world.verify(cut).unwrap_err(), TokenError::Malformed);
    let without = with(&world.own_header(), "alg", Value::Null);
    assert_eq!(world.verify(&world.forge(&without, &own_claims())).unwrap_err(), TokenError::Algorithm);
}

#[test]
fn a3_a_public_key_is_no_shared_secret() {
    let world = World::new();
    let public = world.own_key(Purpose::Token).verifying_key().to_bytes();
    let x = URL_SAFE_NO_PAD.encode(public);
    let jwk = world.ring.jwks(NOW)["keys"][0].to_string();
    let pem_of_ec = format!("-----BEGIN PUBLIC KEY-----\n{EC_X}{EC_Y}\n-----END PUBLIC KEY-----\n");
    let secrets = [&public[..], x.as_bytes(), jwk.as_bytes(), pem_of_ec.as_bytes(), b""];
    for (name, algorithm) in [("HS256", Algorithm::HS256), ("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
        for secret in secrets {
            let hmac = |message: &[u8]| {
                let text = jsonwebtoken::crypto::sign(message, &EncodingKey::from_secret(secret), algorithm).unwrap();
                URL_SAFE_NO_PAD.decode(text).unwrap()
            };
            let own = sign(&with(&world.own_header(), "alg", json!(name)), &own_claims(), hmac);
            assert_eq!(world.verify(&own).unwrap_err(), TokenError::Algorithm);
            for kid in ["ed", "ec"] {
                let header = json!({ "alg": name, "typ": "at+jwt", "kid": kid });
                let foreign = sign(&header, &partner_claims(), hmac);
                assert_eq!(world.verify(&foreign).unwrap_err(), TokenError::Algorithm);
            }
            // the same code under the name of the right algorithm
            assert_eq!(
                world.verify(&sign(&world.own_header(), &own_claims(), hmac)).unwrap_err(),
                TokenError::Signature
            );
        }
    }
}

#[test]
fn a3_no_other_algorithm_is_taken_from_the_header() {
    let world = World::new();
    for name in ["RS256", "PS256", "RS512", "ES384", "ES512", "ES256K", "ES256", "eddsa", "EdDSA ", "Ed448"] {
        let token = world.forge(&with(&world.own_header(), "alg", json!(name)), &own_claims());
        assert_eq!(world.verify(&token).unwrap_err(), TokenError::Algorithm, "{name}");
    }
    // both are allowed to the partner, but each key has one
    let mixed = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "ed" });
    let token = sign(&mixed, &partner_claims(), ec_signature);
    assert_eq!(world.verify(&token).unwrap_err(), TokenError::Algorithm);
    let mixed = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "ec" });
    let token = sign(&mixed, &partner_claims(), |m| partner_ed_key().sign(m).to_bytes().to_vec());
    assert_eq!(world.verify(&token).unwrap_err(), TokenError::Algorithm);
}

#[test]
fn a3_an_expired_token_is_refused_from_a_minute_after_its_end() {
    let world = World::new();
    let token = world.ring.mint(&grant(Role::Regulator), NOW).unwrap();
    let end = NOW + Duration::HOUR;
    assert!(world.verifier.verify(&token, end + Duration::seconds(59)).is_ok());
    for late in [end + Duration::MINUTE, end + Duration::days(3650)] {
        assert_eq!(world.verifier.verify(&token, late).unwrap_err(), TokenError::Expired);
    }
    let without = world.forge(&world.own_header(), &with(&own_claims(), "exp", Value::Null));
    assert_eq!(world.verify(&without).unwrap_err(), TokenError::Claim("exp"));
}

#[test]
fn a3_a_token_is_not_valid_before_its_time() {
    let world = World::new();
    let at = |name: &str, seconds: i64| {
        let claims = with(&own_claims(), name, json!(NOW.unix_timestamp() + seconds));
        world.verify(&world.forge(&world.own_header(), &claims))
    };
    for name in ["nbf", "iat"] {
        assert!(at(name, 60).is_ok());
        assert_eq!(at(name, 61).unwrap_err(), TokenError::NotYetValid, "{name}");
    }
    let without = world.forge(&world.own_header(), &with(&own_claims(), "iat", Value::Null));
    assert_eq!(world.verify(&without).unwrap_err(), TokenError::Claim("iat"));
    let odd = world.forge(&world.own_header(), &with(&own_claims(), "nbf", json!("soon")));
    assert_eq!(world.verify(&odd).unwrap_err(), TokenError::Claim("nbf"));
}

#[test]
fn a3_a_token_for_another_audience_is_refused() {
    let world = World::new();
    for audience in ["https://assay.example/", "https://assay.example.evil.example", "https://other.example", "*"] {
        for audience in [json!(audience), json!([audience])] {
            let token = world.forge(&world.own_header(), &with(&own_claims(), "aud", audience));
            assert_eq!(world.verify(&token).unwrap_err(), TokenError::Audience);
        }
    }
    for audience in [Value::Null, json!([]), json!({ SERVICE: true })] {
        let token = world.forge(&world.own_header(), &with(&own_claims(), "aud", audience));
        assert_eq!(world.verify(&token).unwrap_err(), TokenError::Claim("aud"));
    }
}

#[test]
fn a3_a_token_of_another_issuer_is_refused() {
    let world = World::new();
    for issuer in ["https://assay.example/", "https://evil.example", "HTTPS://ASSAY.EXAMPLE"] {
        let token = world.forge(&world.own_header(), &with(&own_claims(), "iss", json!(issuer)));
        assert_eq!(world.verify(&token).unwrap_err(), TokenError::Issuer);
    }
    let nobody = world.forge(&world.own_header(), &with(&own_claims(), "iss", Value::Null));
    assert_eq!(world.verify(&nobody).unwrap_err(), TokenError::Claim("iss"));
    // a partner that says it is us, and we that say we are the partner
    assert_eq!(world.verify(&partner_token(&own_claims())).unwrap_err(), TokenError::UnknownKey);
    let ours = world.forge(&world.own_header(), &partner_claims());
    assert_eq!(world.verify(&ours).unwrap_err(), TokenError::UnknownKey);
}

#[test]
fn a3_a_token_by_an_unknown_key_is_refused() {
    let world = World::new();
    for kid in [json!("unknown"), json!("ed"), json!("../keys/x"), Value::Null, json!(7), json!("")] {
        let token = world.forge(&with(&world.own_header(), "kid", kid.clone()), &own_claims());
        assert_eq!(world.verify(&token).unwrap_err(), TokenError::UnknownKey, "{kid}");
    }
    // the right name over another key's signature
    let stranger = SigningKey::from_bytes(&[9; 32]);
    let token = sign(&world.own_header(), &own_claims(), |message| stranger.sign(message).to_bytes().to_vec());
    assert_eq!(world.verify(&token).unwrap_err(), TokenError::Signature);
}

#[test]
fn a3_a_token_cannot_bring_its_own_key() {
    let world = World::new();
    let stranger = SigningKey::from_bytes(&[9; 32]);
    let jwk = ed_jwk("mine", &stranger);
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/chain.pem")),
        ("x5c", json!(["AA"])),
    ] {
        let header = with(&world.own_header(), name, value);
        let token = sign(&header, &own_claims(), |message| stranger.sign(message).to_bytes().to_vec());
        assert_eq!(world.verify(&token).unwrap_err(), TokenError::KeyInHeader, "{name}");
        assert_eq!(world.verify(&world.forge(&header, &own_claims())).unwrap_err(), TokenError::KeyInHeader, "{name}");
    }
}

#[test]
fn a3_a_token_cannot_ask_for_extensions() {
    let world = World::new();
    for crit in [json!(["b64"]), json!([]), json!("exp")] {
        let header = with(&with(&world.own_header(), "crit", crit), "b64", json!(false));
        assert_eq!(world.verify(&world.forge(&header, &own_claims())).unwrap_err(), TokenError::Critical);
    }
}

#[test]
fn a3_only_an_access_token_is_an_access_token() {
    let world = World::new();
    for typ in [json!("JWT"), json!("id_token"), json!("assay-attestation+jws"), json!("at+jwt;x"), Value::Null] {
        let token = world.forge(&with(&world.own_header(), "typ", typ.clone()), &own_claims());
        assert_eq!(world.verify(&token).unwrap_err(), TokenError::Type, "{typ}");
    }
    for typ in ["AT+JWT", "application/at+jwt"] {
        assert!(world.verify(&world.forge(&with(&world.own_header(), "typ", json!(typ)), &own_claims())).is_ok());
    }
}

#[test]
fn a3_a_signed_statement_is_no_token() {
    let world = World::new();
    // the best statement an attacker could hope for: its bytes are claims
    let jws = world.ring.sign_statement(own_claims().to_string().as_bytes(), NOW).unwrap();
    let jws: Value = serde_json::from_str(&jws).unwrap();
    let part = |value: &Value| value.as_str().unwrap().to_owned();
    let signed = &jws["signatures"][0];
    let token = format!("{}.{}.{}", part(&signed["protected"]), part(&jws["payload"]), part(&signed["signature"]));
    assert_eq!(world.verify(&token).unwrap_err(), TokenError::Type);
    // and were its type another: the key that signs statements is not among those of tokens
    let statement_key = world.own_key(Purpose::Attestation);
    let kid = newest_key(&world.keys_dir(), Purpose::Attestation).kid;
    let header = with(&world.own_header(), "kid", json!(kid));
    let token = sign(&header, &own_claims(), |message| statement_key.sign(message).to_bytes().to_vec());
    assert_eq!(world.verify(&token).unwrap_err(), TokenError::UnknownKey);
}

#[test]
fn a3_a_token_is_no_signature_of_a_statement() {
    use assay_core::signature::{Jwks, Jws};
    let world = World::new();
    let jwks = Jwks::parse(world.ring.jwks(NOW).to_string().as_bytes()).unwrap();
    let statement = own_claims().to_string();
    let verify = |jws: &str| Jws::parse(jws.as_bytes()).and_then(|jws| jws.verify(statement.as_bytes(), &jwks));
    assert!(verify(&world.ring.sign_statement(statement.as_bytes(), NOW).unwrap()).is_ok());
    // a token whose claims are the statement
    let token = world.forge(&world.own_header(), &own_claims());
    let parts: Vec<&str> = token.split('.').collect();
    let jws = json!({ "payload": parts[1], "signatures": [{ "protected": parts[0], "signature": parts[2] }] });
    assert!(verify(&jws.to_string()).unwrap_err().to_string().contains("another type"));
    // the key of tokens over a statement in the right form
    let by_token_key = Jws::sign(statement.as_bytes(), &world.own_key(Purpose::Token));
    let by_token_key = String::from_utf8(by_token_key.to_bytes()).unwrap();
    assert!(verify(&by_token_key).unwrap_err().to_string().contains("not a statement key"));
}

#[test]
fn a3_nobody_gets_the_scope_of_another_role() {
    let world = World::new();
    let all = Scope::ALL.map(Scope::as_str).join(" ");
    let caller = world.verify(&partner_token(&with(&partner_claims(), "scope", json!(all)))).unwrap();
    assert_eq!(caller.scopes, [Scope::AuditRead, Scope::InclusionRead].into());
    let caller = world.verify(&partner_token(&with(&partner_claims(), "scope", json!("proofs:run")))).unwrap();
    assert!(caller.scopes.is_empty());
    for (role, forbidden) in [(Role::Customer, Scope::AuditRead), (Role::Regulator, Scope::InclusionRead)] {
        let token = world.ring.mint(&grant(role), NOW).unwrap();
        assert!(!world.verify(&token).unwrap().may(forbidden));
    }
    // scopes are one text, in one place
    for scope in [json!(["audit:read"]), json!({ "audit:read": true }), json!("x".repeat(2049))] {
        let token = world.forge(&world.own_header(), &with(&own_claims(), "scope", scope));
        assert_eq!(world.verify(&token).unwrap_err(), TokenError::Claim("scope"));
    }
    let claims = with(&with(&own_claims(), "scope", Value::Null), "scopes", json!(all));
    assert!(world.verify(&world.forge(&world.own_header(), &claims)).unwrap().scopes.is_empty());
}

#[test]
fn a3_an_issuer_speaks_for_its_own_exchange_only() {
    let world = World::new();
    for other in ["exchange.example", "Partner.example", "sub.partner.example"] {
        let token = partner_token(&with(&partner_claims(), "exchange", json!(other)));
        assert_eq!(world.verify(&token).unwrap_err(), TokenError::Exchange, "{other}");
    }
    // who names none speaks for the one that the configuration names, not for all
    let caller = world.verify(&partner_token(&with(&partner_claims(), "exchange", Value::Null))).unwrap();
    assert!(caller.speaks_for("partner.example") && !caller.speaks_for("exchange.example"));
    let odd = partner_token(&with(&partner_claims(), "exchange", json!(["partner.example"])));
    assert_eq!(world.verify(&odd).unwrap_err(), TokenError::Claim("exchange"));
}

#[test]
fn a3_an_account_reference_without_an_exchange_names_nobody() {
    let world = World::new();
    let claims = with(&with(&own_claims(), "scope", json!("inclusion:read")), "exchange", Value::Null);
    assert_eq!(world.verify(&world.forge(&world.own_header(), &claims)).unwrap_err(), TokenError::Exchange);
}

#[test]
fn a3_a_claim_that_stands_twice_is_refused() {
    let world = World::new();
    let key = world.own_key(Purpose::Token);
    let signature = |message: &[u8]| key.sign(message).to_bytes().to_vec();
    let claims = own_claims().to_string();
    for twice in [r#"{"sub":"bob","#, r#"{"\u0073ub":"bob","#, r#"{"exp":9999999999,"#] {
        let doubled = claims.replacen('{', twice, 1);
        let token = compact(&world.own_header().to_string(), &doubled, signature);
        assert_eq!(world.verify(&token).unwrap_err(), TokenError::Malformed, "{twice}");
    }
    let header = world.own_header().to_string().replacen('{', r#"{"alg":"none","#, 1);
    assert_eq!(world.verify(&compact(&header, &claims, signature)).unwrap_err(), TokenError::Malformed);
}

#[test]
fn a3_required_claims_are_required() {
    let world = World::new();
    for name in ["sub", "jti", "client_id"] {
        for value in [Value::Null, json!(""), json!(7), json!("a\u{0}b"), json!("x".repeat(257))] {
            let token = world.forge(&world.own_header(), &with(&own_claims(), name, value));
            assert_eq!(world.verify(&token).unwrap_err(), TokenError::Claim(name));
        }
    }
}

#[test]
fn a3_our_own_tokens_do_not_outlive_their_keys() {
    let world = World::new();
    let exp = (NOW + MAX_TTL + Duration::SECOND).unix_timestamp();
    let token = world.forge(&world.own_header(), &with(&own_claims(), "exp", json!(exp)));
    assert_eq!(world.verify(&token).unwrap_err(), TokenError::Lifetime);
}

#[test]
fn a3_not_one_byte_of_a_token_can_be_changed() {
    let world = World::new();
    let token = world.ring.mint(&grant(Role::Regulator), NOW).unwrap();
    assert!(world.verify(&token).is_ok());
    for (i, old) in token.bytes().enumerate() {
        for new in [b'A', b'B', b'_', b'.', b'=', b' '] {
            if new != old {
                let mut bytes = token.clone().into_bytes();
                bytes[i] = new;
                let changed = String::from_utf8(bytes).unwrap();
                assert!(world.verify(&changed).is_err(), "byte {i}");
            }
        }
    }
    for changed in
        [format!("{token}="), format!("{token}A"), format!(" {token}"), format!("{token}\n"), token.repeat(2)]
    {
        assert!(world.verify(&changed).is_err());
    }
}

#[test]
fn a3_a_signature_has_one_spelling() {
    // S + L instead of S: the equation still holds, the standard forbids it
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let world = World::new();
    let token = world.ring.mint(&grant(Role::Regulator), NOW).unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut carry = 0u16;
    for (byte, l) in bytes[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(l) + carry;
        *byte = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
    let changed = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes));
    assert_eq!(world.verify(&changed).unwrap_err(), TokenError::Signature);
}

#[test]
fn a3_an_overlong_token_is_not_looked_at() {
    let world = World::new();
    let padded = |bytes: usize| {
        let claims = with(&own_claims(), "padding", json!("x".repeat(bytes)));
        world.verify(&world.forge(&world.own_header(), &claims))
    };
    assert!(padded(5000).is_ok());
    assert_eq!(padded(6000).unwrap_err(), TokenError::TooLong);
    let deep = format!("{}{}", "[".repeat(3000), "]".repeat(3000));
    let claims = own_claims().to_string().replacen('{', &format!("{{\"deep\":{deep},"), 1);
    let key = world.own_key(Purpose::Token);
    let signature = |message: &[u8]| key.sign(message).to_bytes().to_vec();
    let token = compact(&world.own_header().to_string(), &claims[..], signature);
    assert!(world.verify(&token).is_err());
}

#[test]
fn a3_nonsense_is_refused_without_a_panic() {
    let world = World::new();
    for nonsense in
        ["", ".", "..", "...", "a.b.c", "e30.e30.e30", "e30.e30.", "W10.W10.W10", "🦀.🦀.🦀", "bnVsbA.bnVsbA.AA"]
    {
        assert!(world.verify(nonsense).is_err(), "{nonsense}");
    }
}
