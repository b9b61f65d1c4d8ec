//! `GET /operator` and `GET /regulator`

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use super::{
    cache::PageKey,
    files::ASK_AGAIN,
    page::{answer_kept, choice, choice_key},
};
use crate::{
    api::{parse::Query, problem::Problem, state::ApiState},
    pages::{frame::Frame, staff::Staff},
};

/// In which language.
#[derive(Debug, Deserialize)]
pub struct StaffQuery {
    lang: Option<String>,
}

/// A job.
pub async fn operator(
    state: web::Data<ApiState>,
    query: Query<StaffQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    show(Staff::Operator, &state, &query.0, &request).await
}

/// Attestations for auditors.
pub async fn regulator(
    state: web::Data<ApiState>,
    query: Query<StaffQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    show(Staff::Regulator, &state, &query.0, &request).await
}

/// The page, which is the same for everybody; browsers ask again, since it names its script by digest.
async fn show(
    page: Staff,
    state: &ApiState,
    query: &StaffQuery,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let choice = choice(request, query.lang.as_deref());
    let key = PageKey::of([b"staff".as_slice(), page.name().as_bytes(), &choice_key(choice)]);
    let address = state.config.public_url.clone();
    let fetch =
        async |()| Ok::<_, Problem>(move || page.render(Frame::new(choice, &[]), &address).map_err(Problem::internal));
    let html = state.pages.page(Some(key), async || Ok(()), fetch).await?;
    Ok(answer_kept(&html, request, ASK_AGAIN))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::{
        App,
        http::header,
        test::{TestRequest, call_service, init_service, read_body},
    };

    use crate::{api::configure, api::tests::Place, pages::files::STAFF_SCRIPT};

    #[actix_web::test]
    async fn a_page_is_in_the_reader_s_language_and_depends_on_no_token_and_no_database() {
        let place = Place::new(|_| {});
        let app = init_service(App::new().configure(configure(place.state.clone()))).await;
        let ask = async |path: &str, tag: &str, token: Option<&str>| {
            let request = TestRequest::get().uri(path).insert_header((header::ACCEPT_LANGUAGE, tag));
            let request = request.insert_header((header::ACCEPT, "text/html"));
            let request = match token {
                Some(token) => request.insert_header((header::AUTHORIZATION, format!("Bearer {token}"))),
                None => request,
            };
            let answer = call_service(&app, request.to_request()).await;
            assert_eq!(answer.status(), 200, "{path}");
            let vary = answer.headers().get(header::VARY).unwrap().to_str().unwrap().to_owned();
            assert!(vary.starts_with("accept-encoding, accept-language"), "{vary}");
            String::from_utf8(read_body(answer).await.to_vec()).unwrap()
        };
        for (path, english, german) in [
            ("/operator", "Follow a job", "Einen Auftrag verfolgen"),
            ("/regulator", "Attestations for auditors", "Bescheinigungen für Prüfer"),
        ] {
            let html = ask(path, "en", None).await;
            assert!(html.contains(english) && html.contains("<html lang=\"en\">"), "{html}");
            // a link to the other page, and the page's own script by its digest
            assert!(html.contains("href=\"/operator\"") && html.contains("href=\"/regulator\""), "{html}");
            assert!(html.contains(&STAFF_SCRIPT.address) && html.contains("integrity=\"sha256-"), "{html}");
            assert!(ask(path, "de-AT,de;q=0.9", None).await.contains(german));
            let named = ask(&format!("{path}?lang=de"), "en", None).await;
            assert!(named.contains(german) && named.contains("href=\"/?lang=de\""), "{named}");
            // decorated links are followed, and whoever sends a token gets the same
            assert_eq!(ask(&format!("{path}?utm=x"), "en", None).await, html);
            assert_eq!(ask(path, "en", Some("no.real.token")).await, html);
        }
        let script = call_service(&app, TestRequest::get().uri(&STAFF_SCRIPT.address).to_request()).await;
        assert!(script.headers().get(header::CACHE_CONTROL).unwrap().to_str().unwrap().contains("immutable"));
    }
}
