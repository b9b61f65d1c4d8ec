//! The route tables: method, path, access and handler of every endpoint and every page. The server registers its handlers from these
//! tables, and tests compare the API description with that of the endpoints.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError, Scope as ActixScope,
    body::{BoxBody, EitherBody},
    dev::{ServiceFactory, ServiceRequest, ServiceResponse},
    guard,
    http::header,
    middleware::{Next, from_fn},
    web,
};

use super::{
    attestations,
    auth::{self, Access},
    compliance, docs, healthz, jobs, jwks, log, packing, pages,
    problem::{Kind, Problem},
    readyz, reserves, snapshots,
    state::ApiState,
};
use crate::tokens::Scope;

/// HTTP method of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Verb {
    Get,
    Post,
    Put,
    Delete,
}

impl Verb {
    /// The name of the method.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// Whether answers may be compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    /// Answers without secrets.
    Gzip,
    /// Ranges, streams, and data of one customer.
    Never,
}

/// A route.
#[derive(Clone, Copy)]
pub struct Route {
    /// Method; GET also answers HEAD.
    pub method: Verb,
    /// Path with `{…}` for parameters.
    pub path: &'static str,
    /// Access.
    pub access: Access,
    /// Operation id in the API description; a page has a name of its own.
    pub operation: &'static str,
    packing: Packing,
    handler: fn(actix_web::Route) -> actix_web::Route,
}

const fn get(path: &'static str, access: Access, operation: &'static str, handler: Handler) -> Route {
    Route { method: Verb::Get, path, access, operation, packing: Packing::Never, handler }
}

const fn with(method: Verb, route: Route) -> Route {
    Route { method, ..route }
}

const fn packed(route: Route) -> Route {
    Route { packing: Packing::Gzip, ..route }
}

type Handler = fn(actix_web::Route) -> actix_web::Route;

use Access::{Always, Public};
const WRITE: Access = Access::Scope(Scope::SnapshotsWrite);
const PROVE: Access = Access::Scope(Scope::ProofsRun);
const OWN: Access = Access::Scope(Scope::InclusionRead);
const SIGN: Access = Access::Scope(Scope::AttestationsSign);
const AUDIT: Access = Access::Scope(Scope::AuditRead);

/// The endpoints of the API. The first matching path wins.
pub static ROUTES: [Route; 36] = [
    with(Verb::Post, get("/v1/snapshots", WRITE, "createSnapshot", |r| r.to(snapshots::create::create))),
    get("/v1/snapshots/{id}", WRITE, "showSnapshot", |r| r.to(snapshots::show::show)),
    with(Verb::Delete, get("/v1/snapshots/{id}", WRITE, "deleteSnapshot", |r| r.to(snapshots::delete::delete))),
    with(Verb::Put, get("/v1/snapshots/{id}/files/{name}", WRITE, "putFile", |r| r.to(snapshots::put_file::put_file))),
    with(
        Verb::Post,
        get("/v1/snapshots/{id}/attestation", PROVE, "attestSnapshot", |r| r.to(snapshots::attest::attest)),
    ),
    get("/v1/jobs/{id}", PROVE, "showJob", |r| r.to(jobs::show::show)),
    with(Verb::Delete, get("/v1/jobs/{id}", PROVE, "cancelJob", |r| r.to(jobs::cancel::cancel))),
    get("/v1/jobs/{id}/events", PROVE, "watchJob", |r| r.to(jobs::events::events)),
    packed(get("/v1/attestations", Public, "listAttestations", |r| r.to(attestations::list::list))),
    packed(get("/v1/attestations/latest", Public, "latestAttestation", |r| r.to(attestations::latest::latest))),
    packed(get("/v1/attestations/{id}", Public, "showAttestation", |r| r.to(attestations::show::show))),
    get("/v1/attestations/{id}/statement", Public, "getStatement", |r| r.to(attestations::statement::statement)),
    get("/v1/attestations/{id}/proof", Public, "getProof", |r| r.to(attestations::proof::proof)),
    get("/v1/attestations/{id}/jws", Public, "getJws", |r| r.to(attestations::jws::jws)),
    get("/v1/attestations/{id}/bundle.zip", Public, "getBundle", |r| r.to(attestations::bundle::bundle)),
    get("/v1/attestations/{id}/coverage.svg", Public, "getCoverage", |r| r.to(attestations::coverage::coverage)),
    get("/v1/attestations/{id}/evidence.zip", Public, "getEvidence", |r| r.to(attestations::evidence::evidence)),
    get("/v1/attestations/{id}/signatures", Public, "getSignatures", |r| r.to(attestations::signatures::signatures)),
    with(
        Verb::Post,
        get("/v1/attestations/{id}/signatures", SIGN, "addSignature", |r| r.to(attestations::signatures::sign)),
    ),
    with(Verb::Post, get("/v1/attestations/{id}/notices", PROVE, "addNotice", |r| r.to(attestations::notices::notify))),
    get("/v1/attestations/{id}/log-proof", Public, "getLogProof", |r| r.to(log::proof::proof)),
    get("/v1/attestations/{id}/inclusion", OWN, "getInclusion", |r| r.to(attestations::inclusion::inclusion)),
    with(
        Verb::Post,
        get("/v1/attestations/{id}/verification", OWN, "countVerification", |r| {
            r.to(attestations::verification::verification)
        }),
    ),
    packed(get("/v1/compliance/{id}", AUDIT, "getCompliance", |r| r.to(compliance::compliance))),
    get("/v1/reserves/{id}", AUDIT, "getReserves", |r| r.to(reserves::reserves)),
    get("/log/checkpoint", Public, "getCheckpoint", |r| r.to(log::checkpoint::checkpoint)),
    packed(get("/log/tile/entries/{index:.*}", Public, "getLogEntries", |r| r.to(log::tile::entries))),
    get("/log/tile/{level}/{index:.*}", Public, "getLogHashes", |r| r.to(log::tile::hashes)),
    get("/log/retired/{digest}", Public, "getLogEnd", |r| r.to(log::retired::retired)),
    get("/.well-known/assay-log", Public, "getLogPolicy", |r| r.to(log::policy::policy)),
    get("/.well-known/jwks.json", Public, "getKeys", |r| r.to(jwks::jwks)),
    get("/healthz", Always, "getHealth", |r| r.to(healthz::healthz)),
    get("/readyz", Always, "getReadiness", |r| r.to(readyz::readyz)),
    get("/openapi.json", Public, "getDescription", |r| r.to(docs::openapi_json)),
    get("/docs", Public, "getDocs", |r| r.to(docs::to_index)),
    get("/docs/{file:.*}", Public, "getDocsFile", |r| r.to(docs::file)),
];

/// The pages for people and their files, which are no part of the API and can be turned off.
pub static PAGES: [Route; 12] = [
    get("/", Public, "homePage", |r| r.to(pages::home::home)),
    get("/e/{domain}", Public, "historyPage", |r| r.to(pages::history::history)),
    get("/a/{id}", Public, "attestationPage", |r| r.to(pages::attestation::attestation)),
    get("/a/{id}/verify.html", Public, "attestationVerifyPage", |r| r.to(pages::attestation::verify)),
    get("/check", Public, "checkPage", |r| r.to(pages::files::check)),
    get("/operator", Public, "operatorPage", |r| r.to(pages::staff::operator)),
    get("/regulator", Public, "regulatorPage", |r| r.to(pages::staff::regulator)),
    get("/verify.html", Public, "verifyPage", |r| r.to(pages::files::verify)),
    get("/assets/assay.js", Public, "script", |r| r.to(pages::files::script)),
    get("/assets/staff.js", Public, "staffScript", |r| r.to(pages::files::staff)),
    get("/assets/assay.css", Public, "style", |r| r.to(pages::files::style)),
    get("/assets/pages.css", Public, "pagesStyle", |r| r.to(pages::files::pages_style)),
];

/// A scope with all routes, for [`super::configure`].
pub fn scope(
    state: &ApiState,
) -> ActixScope<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<EitherBody<BoxBody>>,
        Error = actix_web::Error,
        InitError = (),
    > + use<>,
> {
    let mut scope = web::scope("");
    let pages: &'static [Route] = if state.config.pages.enabled { &PAGES } else { &[] };
    for same_path in ROUTES.chunk_by(|a, b| a.path == b.path).chain(pages.chunk_by(|a, b| a.path == b.path)) {
        let mut resource = web::resource(same_path[0].path);
        for route in same_path {
            resource = resource.route(wired(state, route));
        }
        let allowed = allowed(same_path);
        let not_allowed = move |request: HttpRequest| refuse_method(request, allowed.clone());
        scope = scope.service(resource.default_service(web::to(not_allowed)));
    }
    scope.default_service(web::to(nothing_here)).wrap(cors(state))
}

fn wired(state: &ApiState, route: &'static Route) -> actix_web::Route {
    let method = match route.method {
        Verb::Get => guard::Any(guard::Get()).or(guard::Head()),
        Verb::Post => guard::Any(guard::Post()),
        Verb::Put => guard::Any(guard::Put()),
        Verb::Delete => guard::Any(guard::Delete()),
    };
    let (state, access) = (state.clone(), route.access);
    let admit = move |request: ServiceRequest, next: Next<BoxBody>| auth::admit(state.clone(), access, request, next);
    let wired = (route.handler)(web::route().guard(method)).wrap(from_fn(admit));
    match route.packing {
        Packing::Gzip => wired.wrap(from_fn(packing::pack)),
        Packing::Never => wired,
    }
}

fn allowed(routes: &[Route]) -> String {
    let mut methods: Vec<_> = routes.iter().map(|route| route.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    methods.join(", ")
}

async fn refuse_method(request: HttpRequest, allowed: String) -> HttpResponse {
    refuse(&request, Problem::new(Kind::MethodNotAllowed).with_header(header::ALLOW, &allowed))
}

async fn nothing_here(request: HttpRequest) -> HttpResponse {
    refuse(&request, Problem::not_found())
}

/// Unknown paths count against the rate limit too.
fn refuse(request: &HttpRequest, problem: Problem) -> HttpResponse {
    let counted = request.app_data::<web::Data<ApiState>>().map(|state| auth::count_address(state, request));
    match counted {
        Some(Err(limited)) => limited.error_response(),
        _ => problem.error_response(),
    }
}

/// CORS for the configured origins; `*` allows all. A browser never adds a token by itself, because the page must set the
/// header.
pub(super) fn cors(state: &ApiState) -> actix_cors::Cors {
    let mut cors = actix_cors::Cors::default()
        .allowed_methods(["GET", "HEAD", "POST", "PUT", "DELETE"])
        .allowed_headers([
            "authorization",
            "content-type",
            "content-digest",
            "repr-digest",
            "idempotency-key",
            "if-none-match",
            "if-range",
            "last-event-id",
            "range",
            "x-request-id",
        ])
        .expose_headers([
            "accept-ranges",
            "content-disposition",
            "content-range",
            "etag",
            "idempotent-replayed",
            "link",
            "location",
            "retry-after",
            "www-authenticate",
            "x-request-id",
        ])
        .max_age(3600);
    for origin in &state.config.cors_origins {
        cors = if origin == "*" { cors.allow_any_origin().send_wildcard() } else { cors.allowed_origin(origin) };
    }
    cors
}
