//! Who may come in: judged before a handler runs, by what the route table says, so that no endpoint can forget it.

use std::{
    collections::HashMap,
    future::{Ready, ready},
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
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
use time::{Duration, OffsetDateTime};
use tracing::{Span, field};

use super::{
    limits::client_address,
    problem::{Kind, Problem},
    routes::{Access, Route},
    state::ApiState,
};
use crate::tokens::Caller;

/// The caller whom the route table let in. On a public route there is none, and asking for one is a fault.
#[derive(Clone)]
pub struct Authenticated(Arc<Caller>);

impl Deref for Authenticated {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl Authenticated {
    /// Nothing there for whoever speaks for another exchange.
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
        ready(caller.map(Self).ok_or_else(|| Problem::internal("a public route asks who is calling")))
    }
}

/// Lets a request through to the handler of `route`, or answers why not.
///
/// # Errors
/// Those of what comes behind it.
pub async fn admit(
    state: ApiState,
    route: &'static Route,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match judge(&state, route.access, request.request()).await {
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
            // whoever has no good token is known by the address only
            count_address(state, request)?;
            Err(refused)
        }
    }
}

/// Who calls with this token.
async fn caller(state: &ApiState, token: &str) -> Result<Arc<Caller>, Problem> {
    let (name, now) = (Sha256::digest(token).into(), state.now());
    if let Some(caller) = state.believed.get(&name, now) {
        return Ok(caller);
    }
    let caller = Arc::new(state.verifier.authenticate(token, now).await?);
    state.believed.put(name, &caller, now);
    Ok(caller)
}

/// Most tokens that are believed at the same time.
const MAX_BELIEVED: usize = 1 << 14;

/// Tokens that were good a moment ago, by their SHA-256. Judging one takes longer than most answers. A key that is taken back,
/// or a token that expires, works so much longer.
pub struct Believed {
    within: Duration,
    tokens: Mutex<HashMap<[u8; 32], Judged>>,
}

/// Whose token it is, and when that was found out.
type Judged = (Arc<Caller>, OffsetDateTime);

impl Believed {
    /// Tokens are believed for so many seconds, a minute at most.
    pub fn new(seconds: u64) -> Self {
        Self { within: Duration::seconds(seconds.min(60) as i64), tokens: Mutex::default() }
    }

    fn get(&self, name: &[u8; 32], now: OffsetDateTime) -> Option<Arc<Caller>> {
        let believed = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let (caller, judged) = believed.get(name)?;
        self.is_fresh(*judged, now).then(|| Arc::clone(caller))
    }

    fn put(&self, name: [u8; 32], caller: &Arc<Caller>, now: OffsetDateTime) {
        let mut believed = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if believed.len() >= MAX_BELIEVED {
            believed.retain(|_, (_, judged)| self.is_fresh(*judged, now));
            if believed.len() >= MAX_BELIEVED {
                believed.clear();
            }
        }
        believed.insert(name, (Arc::clone(caller), now));
    }

    /// A clock that was set back makes nothing fresh.
    fn is_fresh(&self, judged: OffsetDateTime, now: OffsetDateTime) -> bool {
        (Duration::ZERO..self.within).contains(&(now - judged))
    }
}

/// Counts a request of nobody known.
///
/// # Errors
/// [`Kind::RateLimited`].
pub fn count_address(state: &ApiState, request: &HttpRequest) -> Result<(), Problem> {
    let address = client_address(request, &state.trusted_proxies);
    state.by_address.take(address, Instant::now()).map_err(limited)
}

fn limited(seconds: u64) -> Problem {
    Problem::because(Kind::RateLimited, format_args!("try again in {seconds} seconds")).retry_after(seconds)
}

/// The token of the one `Authorization` header there may be. A token anywhere else in a request is not looked at.
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
    fn a_good_token_is_believed_for_a_moment_and_in_bounded_memory() {
        let caller = |subject: &str| {
            let (issuer, subject) = ("https://assay.example".to_owned(), subject.to_owned());
            Arc::new(Caller { issuer, subject, scopes: [].into(), exchange: None })
        };
        let (believed, now) = (Believed::new(5), OffsetDateTime::UNIX_EPOCH);
        believed.put([1; 32], &caller("one"), now);
        assert_eq!(believed.get(&[1; 32], now + Duration::seconds(4)).unwrap().subject, "one");
        assert!(believed.get(&[2; 32], now).is_none());
        assert!(believed.get(&[1; 32], now + Duration::seconds(5)).is_none());
        assert!(believed.get(&[1; 32], now - Duration::SECOND).is_none());
        let never = Believed::new(0);
        never.put([1; 32], &caller("one"), now);
        assert!(never.get(&[1; 32], now).is_none());
        for i in 0..2 * MAX_BELIEVED as u64 {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&i.to_le_bytes());
            believed.put(name, &caller("many"), now);
        }
        assert!(believed.tokens.lock().unwrap().len() <= MAX_BELIEVED);
    }

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
