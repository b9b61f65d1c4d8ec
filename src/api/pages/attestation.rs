//! `GET /a/{id}` and `GET /a/{id}/verify.html`

use std::{collections::BTreeSet, sync::Arc};

use actix_web::{HttpRequest, HttpResponse, web};
use assay_core::{
    notice::Notice,
    opinion::Opinion,
    signature::{Jws, SignatureError},
    signed::SignedDocument,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    cache::{LaterRows, PageKey},
    files::take_away,
    page::{answer, choice, choice_key},
};
use crate::{
    api::{
        attestations::{signatures::joined, view::stored},
        evidence::{Part, PublishedAttestation},
        parse::{AttestationId, Query, utc},
        problem::Problem,
        state::{ApiState, LOG_FRESH_SECONDS},
    },
    pages::{
        attestation::{Attestation, Check, Signer, pages},
        files::verify_with,
        frame::Frame,
        later::SignedLater,
    },
    store::{
        attestations::{self, Artefact, AttestationRow},
        later::{SignatureKind, SignatureRow},
    },
};

/// Which part of the assets, and in which language.
#[derive(Debug, Deserialize)]
pub struct AttestationQuery {
    lang: Option<String>,
    /// From 1.
    page: Option<usize>,
}

/// One attestation.
pub async fn attestation(
    state: web::Data<ApiState>,
    id: AttestationId,
    query: Query<AttestationQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (choice, page) = (choice(&request, query.0.lang.as_deref()), query.0.page.unwrap_or(1));
    let keys = state.keys.jwks(state.now());
    let (language, number, listed) = (choice_key(choice), (page as u64).to_be_bytes(), keys.to_string());
    let moment = state.now().unix_timestamp() / LOG_FRESH_SECONDS;
    let later = state.pages.later(&state.store, id.0, moment).await?;
    // nothing else on the page changes once it is published
    let key = PageKey::of([b"/a/".as_slice(), &id.0, &language, &number, &later.digest, listed.as_bytes()]);
    let check = async || {
        let row = attestations::attestation(&state.store.read().await?, &id.0).await?;
        let attested = state.evidence.attested(&state.store, id).await?;
        if !(1..=pages(attested.tree.statement())).contains(&page) {
            return Err(Problem::not_found());
        }
        Ok((row, attested))
    };
    let fetch = async |(row, attested): (AttestationRow, Arc<PublishedAttestation>)| {
        let jws = stored(&state, id, Part::Jws, Artefact::Jws, "application/jose+json").await?;
        let address = state.config.public_url.clone();
        Ok::<_, Problem>(move || {
            let signers = signers(jws.bytes(), &keys);
            let later = signed_later(&later).map_err(Problem::internal)?;
            let shown = Attestation {
                id: &hex::encode(id.0),
                statement: attested.tree.statement(),
                published_at: &utc(row.published_at),
                is_valid: row.valid,
                checks: &checks(&row.report),
                signers: signers.as_deref(),
                later: &later,
                address: &address,
                page,
            };
            let number = page.to_string();
            let parameters = if page > 1 { vec![("page", number.as_str())] } else { Vec::new() };
            shown.render(Frame::new(choice, &parameters)).map_err(Problem::internal)
        })
    };
    Ok(answer(&*state.pages.page(Some(key), check, fetch).await?, &request))
}

/// The check page that works without a network, with this attestation and everything that was signed about it in it.
pub async fn verify(
    state: web::Data<ApiState>,
    id: AttestationId,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let keys = state.keys.jwks(state.now());
    let listed = keys.to_string();
    let moment = state.now().unix_timestamp() / LOG_FRESH_SECONDS;
    let later = state.pages.later(&state.store, id.0, moment).await?;
    let key = PageKey::of([b"/a/verify.html".as_slice(), &id.0, &later.digest, listed.as_bytes()]);
    let check = async || Ok::<_, Problem>(attestations::attestation(&state.store.read().await?, &id.0).await?);
    let fetch = async |_| {
        let statement = stored(&state, id, Part::Statement, Artefact::Statement, "application/json").await?;
        let jws = stored(&state, id, Part::Jws, Artefact::Jws, "application/jose+json").await?;
        Ok::<_, Problem>(move || {
            let all = joined(jws.bytes(), statement.bytes(), &later.signed, &later.notices);
            let all = all.map_err(Problem::internal)?;
            let signatures: Value = serde_json::from_slice(&all.to_bytes()).map_err(Problem::internal)?;
            let block = json!({
                "id": hex::encode(id.0),
                "statement_base64": STANDARD.encode(statement.bytes()),
                "signatures": signatures,
                "jwks": keys,
            });
            Ok(verify_with(&block))
        })
    };
    let page = state.pages.page(Some(key), check, fetch).await?;
    Ok(take_away(&page, &request, &format!("verify-{}.html", &hex::encode(id.0)[..16])))
}

/// The checks of a report.
fn checks(report: &Value) -> Vec<Check> {
    let text = |check: &Value, name: &str| check[name].as_str().unwrap_or_default().to_owned();
    let checks = report["checks"].as_array().into_iter().flatten();
    checks
        .map(|check| Check {
            title: text(check, "title"),
            passed: check["passed"] == true,
            detail: text(check, "detail"),
        })
        .collect()
}

/// The keys that are said to have signed; nothing if the file cannot be read.
fn signers(jws: &[u8], keys: &Value) -> Option<Vec<Signer>> {
    let ours = keys["keys"].as_array().into_iter().flatten().filter_map(|key| key["kid"].as_str());
    let ours: BTreeSet<&str> = ours.collect();
    let kids = Jws::parse(jws).and_then(|jws| jws.kids()).ok()?;
    Some(kids.into_iter().map(|kid| Signer { is_listed: ours.contains(kid.as_str()), kid }).collect())
}

/// What was signed later, for the page.
fn signed_later(rows: &LaterRows) -> Result<SignedLater, SignatureError> {
    let mut later = SignedLater::default();
    for SignatureRow { kind, jws } in &rows.signed {
        match kind {
            SignatureKind::Countersignature => later.countersigners.extend(Jws::parse(jws.as_bytes())?.kids()?),
            SignatureKind::Opinion => {
                let signed = SignedDocument::<Opinion>::parse(jws.as_bytes())?;
                later.opinions.push((signed.document().clone(), signed.kid().to_owned()));
            }
        }
    }
    for row in &rows.notices {
        later.notices.push(SignedDocument::<Notice>::parse(row.jws.as_bytes())?.document().clone());
    }
    Ok(later)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_signer_is_ours_if_its_key_is_listed() {
        let protected = |kid: &str| {
            let header = format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"assay-attestation+jws"}}"#);
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header)
        };
        let signed = |kid: &str| json!({ "protected": protected(kid), "signature": "A".repeat(86) });
        let jws = json!({ "payload": "", "signatures": [signed("one"), signed("two")] }).to_string();
        let keys = json!({ "keys": [{ "kid": "two" }] });
        let found = signers(jws.as_bytes(), &keys).unwrap();
        let found: Vec<_> = found.iter().map(|signer| (signer.kid.as_str(), signer.is_listed)).collect();
        assert_eq!(found, [("one", false), ("two", true)]);
        assert!(signers(b"{}", &keys).is_none());
    }

    #[test]
    fn a_check_holds_only_if_the_report_says_so() {
        let report = json!({ "checks": [{ "title": "a", "passed": true, "detail": "b" }, { "title": "c" }] });
        let found: Vec<_> =
            checks(&report).into_iter().map(|check| (check.title, check.passed, check.detail)).collect();
        assert_eq!(found, [("a".to_owned(), true, "b".to_owned()), ("c".to_owned(), false, String::new())]);
        assert!(checks(&json!({ "valid": true })).is_empty());
    }
}
