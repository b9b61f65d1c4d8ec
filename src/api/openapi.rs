//! The OpenAPI 3.1 description of the API. Each endpoint is described beside its code; this module adds what all endpoints
//! share and the required scopes, from the route table. `api-spec/openapi.yaml` is the pinned copy.

use std::collections::BTreeSet;

use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, Content, ObjectBuilder, OpenApi as Description, RefOr, Required, ResponseBuilder, Type,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use super::{
    attestations,
    auth::Access,
    compliance, docs, healthz, jobs, jwks, log,
    problem::{Document, Kind, MEDIA_TYPE},
    readyz, reserves,
    routes::{ROUTES, Route, Verb},
    snapshots,
};

/// Name of the security scheme.
const TOKEN: &str = "token";
/// Paths whose `{id}` is the id of an attestation.
const OF_ATTESTATIONS: [&str; 3] = ["/v1/attestations", "/v1/compliance", "/v1/reserves"];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Assay",
        description = "Solvency and compliance attestations. An exchange uploads a snapshot of its ledger and requests an attestation. Anyone can download and verify it. A customer can download their own inclusion file, and a regulator can read policy, limits and reserves.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        snapshots::create::create, snapshots::show::show, snapshots::delete::delete, snapshots::put_file::put_file, snapshots::attest::attest,
        jobs::show::show, jobs::cancel::cancel, jobs::events::events,
        attestations::list::list, attestations::latest::latest, attestations::show::show,
        attestations::statement::statement, attestations::proof::proof, attestations::jws::jws,
        attestations::bundle::bundle, attestations::coverage::coverage, attestations::evidence::evidence,
        attestations::signatures::signatures, attestations::signatures::sign, attestations::notices::notify,
        attestations::inclusion::inclusion, attestations::verification::verification,
        compliance::compliance, reserves::reserves,
        log::proof::proof, log::checkpoint::checkpoint, log::tile::entries, log::tile::hashes, log::policy::policy,
        log::retired::retired,
        jwks::jwks, healthz::healthz, readyz::readyz, docs::openapi_json, docs::to_index, docs::file,
    ),
    components(schemas(Document, jobs::events::Progress)),
    tags(
        (name = "snapshots", description = "Upload a ledger"),
        (name = "jobs", description = "Prove a ledger and follow the job"),
        (name = "attestations", description = "Published attestations; no token is needed"),
        (name = "customers", description = "One customer's inclusion file"),
        (name = "auditors", description = "Evidence for auditors and regulators"),
        (name = "log", description = "The transparency log of published attestations"),
        (name = "service", description = "Health, keys and documentation"),
    ),
    modifiers(&FromTable),
)]
struct ApiDescription;

/// The description.
pub fn description() -> Description {
    ApiDescription::openapi()
}

/// The description as JSON.
pub fn json() -> String {
    description().to_json().unwrap_or_default()
}

/// The description as YAML.
pub fn yaml() -> String {
    description().to_yaml().unwrap_or_default()
}

struct FromTable;

impl Modify for FromTable {
    fn modify(&self, description: &mut Description) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
        let components = description.components.get_or_insert_default();
        components.add_security_scheme(TOKEN, SecurityScheme::Http(bearer));
        let statuses: BTreeSet<u16> = Kind::ALL.iter().map(|kind| kind.parts().0).collect();
        components.responses.extend(statuses.into_iter().map(|status| (problem_name(status), problem(status).into())));
        description.info.contact = None;
        for route in &ROUTES {
            let path = described_path(route.path);
            let item = description.paths.paths.get_mut(&path);
            if let Some(operation) = item.and_then(|item| operation(item, route)) {
                complete(operation, route);
            }
        }
    }
}

/// The path without the patterns of the router.
fn described_path(path: &str) -> String {
    path.replace(":.*", "")
}

fn operation<'a>(item: &'a mut openapi::PathItem, route: &Route) -> Option<&'a mut Operation> {
    match route.method {
        Verb::Get => item.get.as_mut(),
        Verb::Post => item.post.as_mut(),
        Verb::Put => item.put.as_mut(),
        Verb::Delete => item.delete.as_mut(),
    }
}

/// Adds operation id, security, forms of ids, and the responses that every operation of this kind can give.
fn complete(operation: &mut Operation, route: &Route) {
    operation.operation_id = Some(route.operation.to_owned());
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && parameter.name == "id"
            && OF_ATTESTATIONS.iter().any(|start| route.path.starts_with(start))
        {
            let id = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9a-f]{64}$"));
            parameter.schema = Some(id.build().into());
        }
    }
    if route.method == Verb::Post {
        operation.parameters.get_or_insert_default().push(RefOr::T(idempotency_key()));
    }
    if route.operation == "attestSnapshot"
        && let Some(RefOr::T(body)) = &mut operation.request_body
    {
        body.required = Some(Required::False);
    }
    let mut statuses = vec![500];
    match route.access {
        Access::Always => {}
        Access::Public => statuses.extend([429, 503]),
        Access::Scope(scope) => {
            statuses.extend([401, 403, 429, 503]);
            operation.security = Some(vec![SecurityRequirement::new(TOKEN, [scope.as_str()])]);
        }
    }
    let responses = &mut operation.responses.responses;
    for status in statuses {
        responses.entry(status.to_string()).or_insert_with(|| RefOr::T(openapi::Response::new("")));
    }
    for (status, response) in responses.iter_mut() {
        if let Some(status) = status.parse::<u16>().ok().filter(|status| *status >= 400) {
            *response = RefOr::Ref(openapi::Ref::from_response_name(problem_name(status)));
        }
    }
}

fn idempotency_key() -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(255));
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some("A unique key chosen by the caller. If the request is sent again with the same key, it takes effect once, and the first answer is repeated."))
        .schema(Some(text))
        .build()
}

/// Component name of the problems with this status.
fn problem_name(status: u16) -> String {
    format!("Problem{status}")
}

/// The response for all problems with this status.
fn problem(status: u16) -> openapi::Response {
    let kinds = Kind::ALL.iter().filter(|kind| kind.parts().0 == status);
    let titles: Vec<_> = kinds.map(|kind| format!("{} (`{}`)", kind.parts().2, kind.type_uri())).collect();
    let schema = openapi::Ref::from_schema_name("Problem");
    ResponseBuilder::new().description(titles.join("; or: ")).content(MEDIA_TYPE, Content::new(Some(schema))).build()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{collections::BTreeSet, fs, path::Path};

    use serde_json::Value;

    use super::*;

    /// Run with `UPDATE_PINS=1` to rewrite the file. A changed line is a change of the API.
    #[test]
    fn the_description_is_the_pinned_one() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("api-spec/openapi.yaml");
        let text = yaml();
        if std::env::var_os("UPDATE_PINS").is_some() {
            fs::write(path, text).unwrap();
        } else {
            let pinned = fs::read_to_string(path).unwrap();
            assert!(text == pinned, "the interface changed; look at it, then run with UPDATE_PINS=1");
        }
    }

    #[test]
    fn every_route_is_described_and_nothing_else_is() {
        let description: Value = serde_json::from_str(&json()).unwrap();
        assert_eq!(description["openapi"], "3.1.0");
        let mut described = BTreeSet::new();
        for (path, item) in description["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let id = operation["operationId"].as_str().unwrap().to_owned();
                described.insert((method.to_uppercase(), path.clone(), id));
            }
        }
        let routes: BTreeSet<_> = ROUTES
            .iter()
            .map(|r| (r.method.as_str().to_owned(), described_path(r.path), r.operation.to_owned()))
            .collect();
        assert_eq!(described, routes);
        assert_eq!(routes.len(), ROUTES.len());
    }

    #[test]
    fn who_may_call_is_described_as_the_table_has_it() {
        let description: Value = serde_json::from_str(&json()).unwrap();
        for route in &ROUTES {
            let method = route.method.as_str().to_lowercase();
            let operation = &description["paths"][&described_path(route.path)][&method];
            let scope = &operation["security"][0][TOKEN][0];
            match route.access {
                Access::Scope(expected) => {
                    assert_eq!(scope, expected.as_str(), "{}", route.operation);
                    assert!(operation["responses"]["401"].is_object() && operation["responses"]["403"].is_object());
                }
                _ => assert!(scope.is_null(), "{}", route.operation),
            }
        }
    }

    #[test]
    fn every_problem_is_described_as_one() {
        let description: Value = serde_json::from_str(&json()).unwrap();
        for (path, item) in description["paths"].as_object().unwrap() {
            for operation in item.as_object().unwrap().values() {
                for (status, response) in operation["responses"].as_object().unwrap() {
                    if status.parse::<u16>().unwrap() >= 400 {
                        let name = response["$ref"].as_str().unwrap().strip_prefix("#/components/responses/").unwrap();
                        let problem = &description["components"]["responses"][name];
                        assert!(problem["content"][MEDIA_TYPE].is_object(), "{path} {status}");
                    } else {
                        assert!(!response["description"].as_str().unwrap().is_empty(), "{path} {status}");
                    }
                }
            }
        }
    }
}
