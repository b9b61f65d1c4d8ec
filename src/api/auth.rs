//! Authentication. It runs before every handler and follows the route table, so that no endpoint can forget it.

use std::{
    future::{Ready, ready},
    ops::Deref,
    sync::Arc,
    time::Instant,
};

use actix_web::{
    Error, FromRequest, HttpMessage, HttpRequest, ResponseError,
    body::BoxBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::header,
    middleware::Next,
};
use sha2::{Digest, Sha256};
use tracing::{Span, field};

use super::{
    limits::client_address,
    problem::{Kind, Problem},
    state::ApiState,
};
use crate::tokens::{Caller, Scope};

/// Access to a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// No token, no rate limit: health probes.
    Always,
    /// No token, rate limit of the address.
    Public,
    /// A token with this scope, rate limit of the subject.
    Scope(Scope),
}

/// The authenticated caller. Public routes have none; using this there is an internal error.
#[derive(Clone)]
pub struct Authenticated(Arc<Caller>);

impl Deref for Authenticated {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl Authenticated {
    /// Refuses a caller of another exchange with the same answer as for a missing resource.
    ///
    /// # Errors
    /// [`Kind::NotFound`].
    pub fn at(&self, exchange: &str) -> Result<(), Problem> {
        if self.speaks_for(exchange) { Ok(()) } else { Err(Problem::not_found()) }
    }
}

impl FromRequest for Authenticated {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _body: &mut Payload) -> Self::Future {
        let caller = request.extensions().get::<Arc<Caller>>().cloned();
        ready(caller.map(Self).ok_or_else(|| Problem::internal("a public route asks for the caller")))
    }
}

/// Lets a request through to its handler, or answers why not.
///
/// # Errors
/// Those of the inner services.
pub async fn admit(
    state: ApiState,
    access: Access,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match judge(&state, access, request.request()).await {
        Ok(caller) => {
            if let Some(caller) = caller {
                let scopes: Vec<_> = caller.scopes.iter().map(|scope| scope.as_str()).collect();
                Span::current().record("scopes", field::display(scopes.join(" ")));
                request.extensions_mut().insert(caller);
            }
            next.call(request).await
        }
        Err(problem) => Ok(request.into_response(problem.error_response())),
    }
}

async fn judge(state: &ApiState, access: Access, request: &HttpRequest) -> Result<Option<Arc<Caller>>, Problem> {
    match access {
        Access::Always => Ok(None),
        Access::Public => count_address(state, request).map(|()| None),
        Access::Scope(scope) => {
            let refused = match bearer(request) {
                Ok(token) => match caller(state, token).await {
                    Ok(caller) => {
                        let who = (&caller.issuer, &caller.exchange, &caller.subject);
                        state.by_subject.take(who, Instant::now()).map_err(limited)?;
                        if !caller.may(scope) {
                            return Err(Problem::insufficient_scope(scope));
                        }
                        return Ok(Some(caller));
                    }
                    Err(problem) => problem,
                },
                Err(problem) => problem,
            };
            // without a valid token, only the address identifies the caller
            count_address(state, request)?;
            Err(refused)
        }
    }
}

/// The caller of this token.
async fn caller(state: &ApiState, token: &str) -> Result<Arc<Caller>, Problem> {
    let (name, now) = (Sha256::digest(token).into(), state.now());
    let generation = state.verifier.generation(now);
    if let Some(caller) = state.tokens.get(&name, generation, now) {
        return Ok(caller);
    }
    let caller = state.verifier.authenticate(token, now).await;
    let caller = Arc::new(caller.map_err(|error| Problem::of_token(error, &state.config.public_url))?);
    state.tokens.put(name, &caller, generation, now);
    Ok(caller)
}

/// Counts a request against the rate limit of its address.
///
/// # Errors
/// [`Kind::RateLimited`].
pub fn count_address(state: &ApiState, request: &HttpRequest) -> Result<(), Problem> {
    let address = client_address(request, &state.trusted_proxies);
    state.by_address.take(address, Instant::now()).map_err(limited)
}

fn limited(seconds: u64) -> Problem {
    Problem::because(Kind::RateLimited, format_args!("too many requests; try again in {seconds} seconds"))
        .retry_after(seconds)
}

/// The token of the `Authorization` header, which must occur once. Tokens elsewhere in a request are ignored.
fn bearer(request: &HttpRequest) -> Result<&str, Problem> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let value = values.next().ok_or_else(Problem::no_token)?;
    let token = value.to_str().ok().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token.filter(|token| !token.is_empty() && values.next().is_none()).ok_or_else(Problem::no_token)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_token_is_taken_from_one_authorization_header_only() {
        let read = |values: &[&str]| {
            let request = values.iter().fold(TestRequest::default(), |r, v| r.append_header(("authorization", *v)));
            bearer(&request.to_http_request()).map(str::to_owned).ok()
        };
        assert_eq!(read(&["Bearer a.b.c"]).as_deref(), Some("a.b.c"));
        assert_eq!(read(&["bearer  a.b.c"]).as_deref(), Some("a.b.c"));
        for wrong in [&[][..], &["a.b.c"], &["Basic YTpi"], &["Bearer "], &["Bearer"], &["Bearer a", "Bearer b"]] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
