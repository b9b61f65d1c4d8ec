//! What all pages share: the language of a request, the headers of an answer, and the lines of lists.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderMap, HeaderName, HeaderValue},
};

use crate::{
    api::{
        attestations::notices::notices_about,
        parse::utc,
        problem::{Kind, Problem},
        state::ApiState,
        static_file::StaticFile,
    },
    pages::{
        home::Entry,
        language::{Choice, Language},
    },
    store::{StoreError, attestations::AttestationRow, later::NoticeRow},
};

/// A page may load and call only this service, and no script may write HTML.
const OWN_FILES_ONLY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                              connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; \
                              require-trusted-types-for 'script'";
/// A page asks for nothing that a device has.
const NO_DEVICES: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), \
                          microphone=(), midi=(), payment=(), publickey-credentials-get=(), serial=(), usb=()";
/// How long browsers and proxies keep a page.
const CACHING: &str = "public, max-age=60";
/// A page depends on what the browser asks for, and on the language of its reader.
const VARY: HeaderValue = HeaderValue::from_static("accept-encoding, accept-language");

/// The language of a request whose address has this `lang`.
pub fn choice(request: &HttpRequest, asked: Option<&str>) -> Choice {
    let accepted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Choice::of(asked, accepted.unwrap_or_default())
}

/// What decides about a page's language and links.
pub fn choice_key(choice: Choice) -> [u8; 2] {
    let language = match choice.language {
        Language::English => b'e',
        Language::German => b'g',
    };
    [language, u8::from(choice.is_explicit)]
}

/// A row, or nothing where the database has none.
///
/// # Errors
/// Those of the database.
pub fn found(row: Result<AttestationRow, StoreError>) -> Result<Option<AttestationRow>, Problem> {
    match row {
        Ok(row) => Ok(Some(row)),
        Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The answer with a page.
pub fn answer(page: &StaticFile, request: &HttpRequest) -> HttpResponse {
    answer_kept(page, request, CACHING)
}

/// [`answer`], kept by browsers and proxies as `caching` says.
pub fn answer_kept(page: &StaticFile, request: &HttpRequest, caching: &'static str) -> HttpResponse {
    let mut answer = page.answer(request, caching);
    answer.headers_mut().insert(header::VARY, VARY);
    shield_page(answer.headers_mut());
    answer
}

/// Adds the headers that keep a page to itself; `policy` says what it may load.
pub fn shield(headers: &mut HeaderMap, policy: &str) {
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_SECURITY_POLICY, policy);
    set(header::CROSS_ORIGIN_OPENER_POLICY, "same-origin");
    set(header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin");
    set(header::PERMISSIONS_POLICY, NO_DEVICES);
}

/// [`shield`] for a page of this service.
pub fn shield_page(headers: &mut HeaderMap) {
    shield(headers, OWN_FILES_ONLY);
}

/// The line of an attestation in a list. A statement that cannot be read takes away its own ratios, not the list.
///
/// # Errors
/// [`Kind::Unavailable`].
pub async fn entry(state: &ApiState, row: &AttestationRow, notices: &[NoticeRow]) -> Result<Entry, Problem> {
    let facts = match state.pages.facts(&state.store, row.id).await {
        Err(problem) if problem.kind() == Kind::Internal => None,
        facts => Some(facts?),
    };
    Ok(Entry {
        id: hex::encode(row.id),
        domain: row.exchange_domain.clone(),
        name: row.exchange_name.clone(),
        taken_at: utc(row.epoch),
        published_at: utc(row.published_at),
        is_valid: row.valid,
        // a withdrawal comes first
        notice: notices_about(notices, &row.id).first().map(|notice| notice.kind),
        facts,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{env, fs, path::Path};

    use super::*;

    /// The browser tests of `web/` send this policy. `UPDATE_PINS=1` writes it anew.
    #[test]
    fn the_browser_tests_have_the_policy_of_the_pages() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/test/fixtures/policy.txt");
        let policy = format!("{OWN_FILES_ONLY}\n");
        if env::var_os("UPDATE_PINS").is_some() {
            fs::write(&path, &policy).unwrap();
        }
        let pinned = fs::read_to_string(&path).unwrap();
        assert!(pinned == policy, "web/test/fixtures/policy.txt is another policy than the service's; run make pins");
    }
}
