//! How answers leave: large ones in slices, counted for each address; to HEAD without a body.
//!
//! The HTTP library copies a body that it is given in one piece into the connection's buffer, once for each connection, and keeps
//! it until the peer has taken it. In slices it copies no more than the peer takes. Every answer passes here, so no endpoint can
//! forget it.

use std::{
    convert::Infallible,
    net::IpAddr,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    HttpResponse, ResponseError,
    body::{BodySize, BoxBody, MessageBody},
    dev::ServiceResponse,
    http::{
        Method,
        header::{self, HeaderName},
    },
};
use bytes::Bytes;

use super::{
    limits::client_address,
    problem::Problem,
    quota::{Exhausted, Share},
    state::ApiState,
};

/// Answers above this size leave in slices.
const LARGE: usize = 64 << 10;
/// Size of a slice.
const SLICE: usize = 32 << 10;
/// The answer as it leaves.
pub fn leaving(state: &ApiState, answer: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let size = answer.response().body().size();
    if answer.request().method() == Method::HEAD {
        return answer.map_body(|_, _| NoBody(size).boxed());
    }
    if !matches!(size, BodySize::Sized(bytes) if bytes > LARGE as u64) {
        return answer;
    }
    let (request, response) = answer.into_parts();
    let (head, body) = response.into_parts();
    let bytes = match body.try_into_bytes() {
        Ok(bytes) => bytes,
        Err(stream) => return ServiceResponse::new(request, head.set_body(stream)),
    };
    // bytes that are this answer's own are held for this caller alone
    let share = bytes.is_unique().then(|| {
        let address = client_address(&request, &state.trusted_proxies);
        state.answers.take(Some(address), bytes.len() as u64)
    });
    let answer = match share.transpose() {
        Ok(share) => head.set_body(Slices { rest: bytes, _share: share }.boxed()),
        Err(exhausted) => for_the_same_page(&head, too_much(exhausted).error_response()),
    };
    ServiceResponse::new(request, answer)
}

/// `instead` of the answer with this head, as readable for the web page that asked: the headers of CORS were set further in.
fn for_the_same_page(head: &HttpResponse<()>, mut instead: HttpResponse) -> HttpResponse {
    let is_kept = |name: &HeaderName| name.as_str().starts_with("access-control-") || name == header::VARY;
    for (name, value) in head.headers().iter().filter(|(name, _)| is_kept(name)) {
        instead.headers_mut().append(name.clone(), value.clone());
    }
    instead
}

fn too_much(exhausted: Exhausted) -> Problem {
    Problem::unavailable(match exhausted {
        Exhausted::Caller => "your address has not taken the large answers that it asked for before; read them first",
        Exhausted::All => "too many large answers are on their way; try again later",
    })
}

/// A body that leaves in slices.
struct Slices {
    rest: Bytes,
    _share: Option<Share<IpAddr>>,
}

impl MessageBody for Slices {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.rest.len() as u64)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let rest = &mut self.get_mut().rest;
        Poll::Ready((!rest.is_empty()).then(|| Ok(rest.split_to(SLICE.min(rest.len())))))
    }
}

/// The body of an answer to HEAD: its size only. Without it, the library would read a body to its end to send nothing of it.
struct NoBody(BodySize);

impl MessageBody for NoBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::future::poll_fn;

    use actix_web::{body::to_bytes, test::TestRequest};

    use super::*;
    use crate::api::tests::Place;

    #[actix_web::test]
    async fn a_large_body_leaves_in_slices_of_the_same_memory() {
        let bytes = Bytes::from(vec![7; 3 * SLICE + 5]);
        let mut body = std::pin::pin!(Slices { rest: bytes.clone(), _share: None });
        assert_eq!(body.size(), BodySize::Sized(bytes.len() as u64));
        let mut at = 0;
        while let Some(slice) = poll_fn(|cx| body.as_mut().poll_next(cx)).await {
            let slice = slice.unwrap();
            assert!(slice.len() <= SLICE);
            assert_eq!(slice.as_ptr(), bytes[at..].as_ptr());
            at += slice.len();
        }
        assert_eq!(at, bytes.len());
    }

    /// A request from an address, answered with these bytes.
    fn answered(state: &ApiState, peer: &str, bytes: Bytes) -> ServiceResponse<BoxBody> {
        let request = TestRequest::default().peer_addr(peer.parse().unwrap()).to_http_request();
        leaving(state, ServiceResponse::new(request, HttpResponse::Ok().body(bytes)))
    }

    #[actix_web::test]
    async fn bytes_for_one_caller_are_counted_until_they_have_left() {
        let place = Place::new(|_| {});
        let own = || Bytes::from(vec![7; 20 << 20]);
        let first = answered(&place.state, "192.0.2.1:1", own());
        assert_eq!(first.status(), 200);
        let second = answered(&place.state, "192.0.2.1:2", own());
        assert_eq!(second.status(), 503);
        assert!(second.headers().contains_key("retry-after"));
        assert_eq!(answered(&place.state, "192.0.2.2:1", own()).status(), 200);
        // bytes that others share cost nothing more, and small ones little
        let shared = own();
        assert_eq!(answered(&place.state, "192.0.2.1:3", shared.clone()).status(), 200);
        assert_eq!(answered(&place.state, "192.0.2.1:4", Bytes::from(vec![7; LARGE])).status(), 200);
        assert_eq!(to_bytes(first.into_body()).await.unwrap(), shared);
        assert_eq!(answered(&place.state, "192.0.2.1:5", own()).status(), 200);
    }
}
