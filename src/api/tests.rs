//! The interface as a whole, with a database that is away: who is let in, what is said then, and what every answer has.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path, sync::Arc};

use actix_web::{
    App, HttpResponse,
    body::MessageBody,
    dev::ServiceResponse,
    http::{Method, StatusCode, header},
    test::{TestRequest, call_service, init_service, read_body},
};
use assay_core::identity::MasterSecret;
use serde::de::DeserializeOwned;
use time::{Duration, OffsetDateTime, macros::datetime};

use super::{
    auth::Access,
    problem::{Document, Kind, MEDIA_TYPE},
    routes::{PAGES, ROUTES, Route},
    *,
};
use crate::{
    clock::FixedClock,
    config::Config,
    store::Store,
    tokens::{Grant, KeyRing, Role, TokenVerifier},
    transparency::signer::SignerHealth,
};

const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);
const EXCHANGE: &str = "exchange.example";

pub(super) struct Place {
    pub(super) state: ApiState,
    keys: Arc<KeyRing>,
    _dir: tempfile::TempDir,
}

impl Place {
    pub(super) fn new(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config { rate_limit_anonymous: 0, rate_limit_subject: 0, ..Config::default() };
        change(&mut config);
        let keys = Arc::new(KeyRing::open_or_create(&dir.path().join("keys"), NOW).unwrap());
        let verifier = TokenVerifier::from_config(&config, Arc::clone(&keys)).unwrap();
        let parts = Parts {
            store: Store::unreachable(),
            verifier: Arc::new(verifier),
            keys: Arc::clone(&keys),
            config: Arc::new(config),
            clock: Arc::new(FixedClock(NOW)),
            secret: MasterSecret::new([5; 32]),
            disk: None,
            signer: SignerHealth::default(),
        };
        Self { state: ApiState::new(parts).unwrap(), keys, _dir: dir }
    }

    fn token(&self, role: Role, subject: &str) -> String {
        let grant = Grant {
            issuer: self.state.config.public_url.clone(),
            audience: self.state.config.public_url.clone(),
            subject: subject.to_owned(),
            role,
            exchange: Some(EXCHANGE.to_owned()),
            ttl: Duration::hours(1),
        };
        self.keys.mint(&grant, NOW).unwrap()
    }
}

macro_rules! app {
    ($place:expr) => {
        init_service(App::new().configure(configure($place.state.clone()))).await
    };
}

/// A request for a route, with names that could be there.
fn request(route: &Route) -> TestRequest {
    let id = if route.path.starts_with("/v1/snapshots") || route.path.starts_with("/v1/jobs") {
        "01936f3c-2b7a-7cc0-8000-000000000001".to_owned()
    } else {
        "ab".repeat(32)
    };
    let path = route
        .path
        .replace("{id}", &id)
        .replace("{name}", "balances.csv")
        .replace("{file:.*}", "index.html")
        .replace("{level}", "0")
        .replace("{index:.*}", "000")
        .replace("{domain}", EXCHANGE);
    let method = Method::from_bytes(route.method.as_str().as_bytes()).unwrap();
    TestRequest::default().method(method).uri(&path).peer_addr("192.0.2.1:7".parse().unwrap())
}

fn with_token(request: TestRequest, token: &str) -> TestRequest {
    request.insert_header((header::AUTHORIZATION, format!("Bearer {token}")))
}

async fn problem(answer: ServiceResponse<impl MessageBody>) -> Document {
    assert_eq!(answer.headers().get(header::CONTENT_TYPE).unwrap(), MEDIA_TYPE);
    let status = answer.status().as_u16();
    let document: Document = serde_json::from_slice(&read_body(answer).await).unwrap();
    assert_eq!(document.status, status);
    document
}

#[actix_web::test]
async fn every_route_lets_in_exactly_the_roles_that_its_scope_belongs_to() {
    let place = Place::new(|_| {});
    let app = app!(place);
    assert!(PAGES.iter().all(|page| page.access == Access::Public));
    for route in ROUTES.iter().chain(&PAGES) {
        let what = format!("{} {}", route.method.as_str(), route.path);
        let without = call_service(&app, request(route).to_request()).await.status();
        match route.access {
            Access::Scope(_) => assert_eq!(without, 401, "{what} without a token"),
            _ => assert!(without != 401 && without != 403, "{what}: {without}"),
        }
        for role in Role::ALL {
            let token = place.token(role, "somebody");
            let answer = call_service(&app, with_token(request(route), &token).to_request()).await;
            let status = answer.status();
            match route.access {
                Access::Scope(scope) if !role.scopes().contains(&scope) => {
                    assert_eq!(status, 403, "{what} as {role}");
                    let challenge = answer.headers().get(header::WWW_AUTHENTICATE).unwrap().to_str().unwrap();
                    assert!(
                        challenge.contains("insufficient_scope") && challenge.contains(scope.as_str()),
                        "{challenge}"
                    );
                    assert_eq!(problem(answer).await.type_uri, "/problems/insufficient-scope");
                }
                _ => assert!(status != 401 && status != 403, "{what} as {role}: {status}"),
            }
        }
    }
}

#[actix_web::test]
async fn a3_a_token_that_breaks_a_rule_is_refused_everywhere_and_told_why() {
    let place = Place::new(|_| {});
    let other = Place::new(|_| {});
    let app = app!(place);
    let good = place.token(Role::Customer, "alice");
    let (head, _) = good.rsplit_once('.').unwrap();
    let wrong = [other.token(Role::Customer, "alice"), format!("{head}."), format!("{head}.AAAA"), "x".repeat(9000)];
    for route in ROUTES.iter().filter(|route| matches!(route.access, Access::Scope(_))) {
        for token in &wrong {
            let answer = call_service(&app, with_token(request(route), token).to_request()).await;
            assert_eq!(answer.status(), 401);
            let challenge = answer.headers().get(header::WWW_AUTHENTICATE).unwrap().to_str().unwrap().to_owned();
            assert!(challenge.starts_with("Bearer realm=\"assay\", error=\"invalid_token\""), "{challenge}");
            let document = problem(answer).await;
            assert!(!document.detail.unwrap().contains(&token[..20]));
        }
    }
}

#[actix_web::test]
async fn every_answer_has_what_browsers_and_logs_need() {
    let place = Place::new(|config| config.public_url = "https://assay.example".to_owned());
    let app = app!(place);
    for path in ["/healthz", "/nowhere", "/v1/jobs/x", "/openapi.json", "/docs/", "/readyz"] {
        let request = TestRequest::get().uri(path).insert_header(("x-request-id", "my-id-1"));
        let answer = call_service(&app, request.to_request()).await;
        let has = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(has("x-request-id").as_deref(), Some("my-id-1"), "{path}");
        assert_eq!(has("x-content-type-options").as_deref(), Some("nosniff"), "{path}");
        assert_eq!(has("referrer-policy").as_deref(), Some("no-referrer"), "{path}");
        assert!(has("content-security-policy").unwrap().starts_with("default-src 'none'"), "{path}");
        assert!(has("strict-transport-security").is_some() && has("cache-control").is_some(), "{path}");
    }
}

#[actix_web::test]
async fn what_is_not_there_and_what_is_not_offered_are_problems_as_well() {
    let place = Place::new(|_| {});
    let app = app!(place);
    for path in [
        "/e/No%20domain",
        "/a/nothing",
        "/v1",
        "/v1/attestations/latest/x",
        "/v2/attestations",
        "/v1/attestations/nothing",
        "/%ff",
    ] {
        let answer = call_service(&app, TestRequest::get().uri(path).to_request()).await;
        assert_eq!(problem(answer).await.type_uri, "/problems/not-found", "{path}");
    }
    let request = TestRequest::default().method(Method::DELETE).uri("/v1/attestations");
    let answer = call_service(&app, request.to_request()).await;
    assert_eq!(answer.headers().get(header::ALLOW).unwrap(), "GET, HEAD, OPTIONS");
    assert_eq!(problem(answer).await.type_uri, "/problems/method-not-allowed");
    let request = TestRequest::get().uri("/v1/attestations?limit=0").to_request();
    assert_eq!(problem(call_service(&app, request).await).await.status, 400);
    let request = TestRequest::get().uri("/v1/attestations?unknown=1").to_request();
    assert_eq!(problem(call_service(&app, request).await).await.status, 400);
    let request = TestRequest::get().uri("/v1/attestations?from=yesterday").to_request();
    assert_eq!(problem(call_service(&app, request).await).await.status, 400);
}

#[actix_web::test]
async fn without_a_database_the_process_lives_and_says_what_it_cannot_do() {
    let place = Place::new(|_| {});
    let app = app!(place);
    assert_eq!(call_service(&app, TestRequest::get().uri("/healthz").to_request()).await.status(), 200);
    let document = problem(call_service(&app, TestRequest::get().uri("/readyz").to_request()).await).await;
    assert_eq!((document.type_uri.as_str(), document.errors[0].place.as_str()), ("/problems/not-ready", "database"));
    let answer = call_service(&app, TestRequest::get().uri("/v1/attestations").to_request()).await;
    assert!(answer.headers().contains_key(header::RETRY_AFTER));
    assert_eq!(problem(answer).await.type_uri, "/problems/unavailable");
}

/// What browsers send.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn in_browser(path: &str) -> TestRequest {
    TestRequest::get().uri(path).insert_header((header::ACCEPT, BROWSER))
}

#[actix_web::test]
async fn a_browser_is_shown_a_page_where_a_program_gets_a_problem() {
    let place = Place::new(|_| {});
    let app = app!(place);
    let ask = async |request: TestRequest| {
        let answer = call_service(&app, request.to_request()).await;
        let kind = answer.headers().get(header::CONTENT_TYPE).unwrap().to_str().unwrap().to_owned();
        let policy = answer.headers().get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap().to_owned();
        let status = answer.status().as_u16();
        (status, kind, policy, String::from_utf8(read_body(answer).await.to_vec()).unwrap())
    };
    for (path, status, said) in [
        ("/nowhere", 404, "There is nothing here"),
        ("/nowhere?x=1&lang=de", 404, "Hier ist nichts"),
        ("/a/nothing", 404, "There is nothing here"),
        ("/e/exchange.example", 503, "Load the page again in a few seconds"),
        ("/e/exchange.example?cursor=x", 400, "This address has a mistake"),
        ("/", 503, "Not available at the moment"),
        ("/?after=No%20domain", 404, "There is nothing here"),
        ("/?after=%00", 400, "This address has a mistake"),
    ] {
        let (found, kind, policy, html) = ask(in_browser(path)).await;
        assert_eq!((found, kind.as_str()), (status, "text/html; charset=utf-8"), "{path}");
        assert!(html.contains(said) && policy.contains("require-trusted-types-for"), "{path}: {html}");
        let (found, kind, policy, _) = ask(TestRequest::get().uri(path)).await;
        assert_eq!((found, kind.as_str()), (status, MEDIA_TYPE), "{path}");
        assert!(!policy.contains("script-src"), "{path}");
    }
    // endpoints answer as they are described, whoever asks
    for path in ["/v1/attestations", "/v1/nowhere", "/readyz", "/v1/jobs/x"] {
        assert_eq!(ask(in_browser(path)).await.1, MEDIA_TYPE, "{path}");
    }
    let posted = TestRequest::post().uri("/nowhere").insert_header((header::ACCEPT, BROWSER));
    assert_eq!(ask(posted).await.1, MEDIA_TYPE);
}

#[test]
fn pages_and_endpoints_are_told_apart_by_their_paths() {
    assert!(PAGES.iter().all(|page| pages::failure::is_page(page.path)));
    assert!(!ROUTES.iter().any(|route| pages::failure::is_page(route.path)));
    let names: std::collections::BTreeSet<_> = ROUTES.iter().chain(&PAGES).map(|route| route.operation).collect();
    assert_eq!(names.len(), ROUTES.len() + PAGES.len());
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("api-spec/pages.md")).unwrap();
    let listed = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(path, _)| path));
    assert!(listed.eq(PAGES.iter().map(|page| page.path)), "pages.md lists other pages");
}

#[actix_web::test]
async fn the_files_of_the_pages_are_given_packed_and_with_what_keeps_them_to_themselves() {
    let place = Place::new(|_| {});
    let app = app!(place);
    for (path, kind) in [
        ("/check", "text/html; charset=utf-8"),
        ("/verify.html", "text/html; charset=utf-8"),
        ("/operator", "text/html; charset=utf-8"),
        ("/regulator", "text/html; charset=utf-8"),
        ("/assets/staff.js", "text/javascript; charset=utf-8"),
        ("/assets/assay.js", "text/javascript; charset=utf-8"),
        ("/assets/assay.css", "text/css; charset=utf-8"),
        ("/assets/pages.css", "text/css; charset=utf-8"),
    ] {
        let answer = call_service(&app, in_browser(path).to_request()).await;
        assert_eq!(answer.status(), 200, "{path}");
        let has = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(has("content-type").as_deref(), Some(kind));
        // the check page names its script by digest: a browser must not mix versions
        assert_eq!(has("cache-control").as_deref(), Some("no-cache"), "{path}");
        if path.starts_with("/assets") {
            continue;
        }
        let policy = has("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert_eq!(has("cross-origin-opener-policy").as_deref(), Some("same-origin"));
        assert!(has("permissions-policy").unwrap().contains("camera=()"));
        let tag = has("etag").unwrap();
        let known = call_service(&app, in_browser(path).insert_header((header::IF_NONE_MATCH, tag)).to_request()).await;
        assert_eq!(known.status(), 304, "{path}");
        assert!(known.headers().contains_key(header::ETAG) && known.headers().contains_key("permissions-policy"));
    }
    for versioned in crate::pages::files::style_addresses() {
        let answer = call_service(&app, in_browser(versioned).to_request()).await;
        assert!(answer.headers().get(header::CACHE_CONTROL).unwrap().to_str().unwrap().contains("immutable"));
    }
    let other = call_service(&app, in_browser("/assets/assay.css?v=0123456789abcdef").to_request()).await;
    assert_eq!(other.headers().get(header::CACHE_CONTROL).unwrap(), "no-cache");
}

#[actix_web::test]
async fn pages_can_be_turned_off() {
    let place = Place::new(|config| config.pages.enabled = false);
    let app = app!(place);
    for path in ["/", "/check", "/operator", "/regulator", "/assets/assay.css", "/e/exchange.example", "/nowhere"] {
        let answer = call_service(&app, in_browser(path).to_request()).await;
        assert_eq!(problem(answer).await.type_uri, "/problems/not-found", "{path}");
    }
}

#[actix_web::test]
async fn who_asks_too_often_is_told_to_wait_and_nobody_else_is() {
    let place = Place::new(|config| (config.rate_limit_anonymous, config.rate_limit_subject) = (3, 5));
    let app = app!(place);
    let ask = async |path: &str, peer: &str, token: Option<&str>| {
        let request = TestRequest::get().uri(path).peer_addr(peer.parse().unwrap());
        let request = if let Some(token) = token { with_token(request, token) } else { request };
        call_service(&app, request.to_request()).await
    };
    let limited = async |path: &str, peer: &str, token: Option<&str>, times: usize| {
        let mut passed = 0;
        for _ in 0..times {
            let answer = ask(path, peer, token).await;
            if answer.status() == StatusCode::TOO_MANY_REQUESTS {
                assert!(answer.headers().contains_key(header::RETRY_AFTER));
            } else {
                passed += 1;
            }
        }
        passed
    };
    assert_eq!(limited("/v1/attestations", "192.0.2.1:1", None, 9).await, 3);
    // guessing addresses and tokens counts as well, and so does nothing that belongs to others
    assert_eq!(limited("/nowhere", "192.0.2.2:1", None, 9).await, 3);
    assert_eq!(limited("/v1/jobs/x", "192.0.2.3:1", Some("a.b.c"), 9).await, 3);
    let (one, two) = (place.token(Role::Regulator, "one"), place.token(Role::Regulator, "two"));
    assert_eq!(limited("/v1/compliance/x", "192.0.2.1:1", Some(&one), 9).await, 5);
    assert_eq!(limited("/v1/compliance/x", "192.0.2.1:1", Some(&two), 5).await, 5);
    assert_eq!(limited("/healthz", "192.0.2.1:1", None, 50).await, 50);
}

#[actix_web::test]
async fn pages_of_other_origins_may_call_where_the_settings_say_so() {
    let place = Place::new(|config| config.cors_origins = vec!["https://exchange.example".to_owned()]);
    let app = app!(place);
    let ask = async |origin: &'static str| {
        let request = TestRequest::get().uri("/healthz").insert_header((header::ORIGIN, origin));
        let answer = call_service(&app, request.to_request()).await;
        answer.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN).map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(ask("https://exchange.example").await.as_deref(), Some("https://exchange.example"));
    assert_eq!(ask("https://elsewhere.example").await, None);
    let preflight = TestRequest::default()
        .method(Method::OPTIONS)
        .uri("/v1/attestations/x/inclusion")
        .insert_header((header::ORIGIN, "https://exchange.example"))
        .insert_header((header::ACCESS_CONTROL_REQUEST_METHOD, "GET"))
        .insert_header((header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization"));
    let answer = call_service(&app, preflight.to_request()).await;
    assert!(answer.status().is_success());
    // and an error is readable for the page, too
    let request = TestRequest::get().uri("/v1/jobs/x").insert_header((header::ORIGIN, "https://exchange.example"));
    let answer = call_service(&app, request.to_request()).await;
    assert_eq!(answer.status(), 401);
    assert!(answer.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
}

#[actix_web::test]
async fn a_page_can_read_that_its_address_asked_for_too_much() {
    let place = Place::new(|config| config.cors_origins = vec!["https://exchange.example".to_owned()]);
    let state = place.state.clone();
    let around =
        move |request: ServiceRequest, next: Next<EitherBody<BoxBody>>| edge::edge(state.clone(), request, next);
    let large = web::resource("/large").to(async || HttpResponse::Ok().body(vec![7; 20 << 20]));
    let app = init_service(App::new().service(large.wrap(routes::cors(&place.state)).wrap(from_fn(around)))).await;
    let ask = || {
        let request = TestRequest::get().uri("/large").peer_addr("192.0.2.1:7".parse().unwrap());
        request.insert_header((header::ORIGIN, "https://exchange.example")).to_request()
    };
    let first = call_service(&app, ask()).await;
    assert_eq!(first.status(), 200);
    // the first one is not taken yet
    let refused = call_service(&app, ask()).await;
    assert_eq!(refused.status(), 503);
    for name in [header::ACCESS_CONTROL_ALLOW_ORIGIN, header::ACCESS_CONTROL_EXPOSE_HEADERS, header::VARY] {
        assert_eq!(refused.headers().get(&name), first.headers().get(&name));
        assert!(refused.headers().contains_key(&name), "{name}");
    }
    problem(refused).await;
}

#[actix_web::test]
async fn the_description_is_packed_for_those_who_take_it() {
    let place = Place::new(|_| {});
    let app = app!(place);
    let ask = async |coding: &'static str| {
        let request = TestRequest::get().uri("/openapi.json").insert_header((header::ACCEPT_ENCODING, coding));
        let answer = call_service(&app, request.to_request()).await;
        let packed = answer.headers().get(header::CONTENT_ENCODING).is_some();
        assert!(
            answer.headers().get_all(header::VARY).any(|value| value.to_str().unwrap().contains("accept-encoding"))
        );
        (packed, read_body(answer).await.len())
    };
    let ((packed, small), (plain, large)) = (ask("gzip").await, ask("identity").await);
    assert!(packed && !plain && small < large / 2);
}

#[actix_web::test]
async fn a_publisher_s_token_makes_no_snapshot_of_another_exchange() {
    let place = Place::new(|_| {});
    let app = app!(place);
    let body = serde_json::json!({
        "exchange": {"name": "Other", "domain": "other.example"},
        "snapshot": {"id": "x", "taken_at": "2026-11-23T00:00:00Z"},
    });
    let request = TestRequest::post().uri("/v1/snapshots").set_json(&body);
    let answer = call_service(&app, with_token(request, &place.token(Role::Publisher, "p")).to_request()).await;
    assert_eq!(problem(answer).await.type_uri, Kind::WrongExchange.type_uri());
}

fn example<T: DeserializeOwned + serde::Serialize>(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("api-spec/examples").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let value: T = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
    // nothing in it is left out, and nothing is written otherwise than the service writes it
    let again: serde_json::Value = serde_json::to_value(&value).unwrap();
    assert_eq!(again, serde_json::from_str::<serde_json::Value>(&text).unwrap(), "{name}");
}

#[test]
fn every_example_is_one() {
    example::<snapshots::create::NewSnapshotRequest>("new-snapshot.json");
    example::<snapshots::Snapshot>("snapshot.json");
    example::<snapshots::attest::AttestationRequest>("attestation-request.json");
    example::<jobs::Job>("job-folding.json");
    example::<jobs::Job>("job-refused.json");
    example::<jobs::events::Progress>("progress.json");
    example::<attestations::list::AttestationList>("attestations.json");
    example::<attestations::Attestation>("attestation.json");
    example::<attestations::verification::Verification>("verification.json");
    example::<compliance::Compliance>("compliance.json");
    example::<Document>("problem.json");
    let listed = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("api-spec/examples")).unwrap().count();
    assert_eq!(listed, 11, "an example that no test parses");
}

/// Every name in a JSON value.
fn names(value: &serde_json::Value, found: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::Object(map) => {
            for (name, value) in map {
                found.insert(name.clone());
                names(value, found);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| names(item, found)),
        _ => {}
    }
}

#[test]
fn the_descriptions_of_published_files_name_every_member() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let described = |name: &str, value: &serde_json::Value| {
        let text = fs::read_to_string(root.join("api-spec").join(name)).unwrap();
        let mut found = Default::default();
        names(value, &mut found);
        // chains are the exchange's own words
        found.remove("bitcoin");
        for member in found {
            assert!(text.contains(&format!("`{member}`")), "{name} says nothing about {member}");
        }
    };
    for frozen in ["solvency-8-v1", "compliance-8-v1", "compliance-64-v1"] {
        let path = root.join("circuits/vectors/attestations").join(frozen).join("statement.json");
        described("statement.md", &serde_json::from_slice(&fs::read(path).unwrap()).unwrap());
    }
    let shape = assay_programs::ledger::shape::Shape::named("compliance-8").unwrap();
    let stored = crate::attest::testing::Stored::new(shape, 3);
    let (file, _) = stored.inclusion(&stored.tree(), "account 1");
    described("inclusion.md", &serde_json::from_slice(&file.unwrap()).unwrap());
}
