//! `GET /openapi.json` and `GET /docs`: the API description for programs and for people. All files are built into this
//! program; the pages load nothing from other servers.

use std::sync::{Arc, LazyLock};

use actix_web::{HttpResponse, http::header, web};
use bytes::Bytes;
use utoipa_swagger_ui::Config;

use super::problem::Problem;

/// The documentation pages may load and call only this service.
const OWN_FILES_ONLY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                              img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                              frame-ancestors 'none'";

/// The description of this interface as JSON.
pub struct Description(pub Bytes);

static PAGES: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from("/openapi.json").validator_url("none")));

/// OpenAPI description
#[utoipa::path(
    get, path = "/openapi.json", tag = "service",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)),
)]
pub async fn openapi_json(description: web::Data<Description>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .body(description.0.clone())
}

/// API documentation
#[utoipa::path(
    get, path = "/docs", tag = "service",
    responses((status = 308, description = "Redirect to the first page", headers(("Location" = String)))),
)]
pub async fn to_index() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish()
}

/// A file of the documentation
#[utoipa::path(
    get, path = "/docs/{file}", tag = "service",
    params(("file" = String, Path, description = "Name of the file; empty for the first page")),
    responses((status = 200, description = "The file", content_type = "text/html", body = String), (status = 404)),
)]
pub async fn file(name: web::Path<String>) -> Result<HttpResponse, Problem> {
    let found = utoipa_swagger_ui::serve(&name, Arc::clone(&PAGES)).map_err(Problem::internal)?;
    let file = found.ok_or_else(Problem::not_found)?;
    let mut answer = HttpResponse::Ok();
    if file.gzpipped {
        answer.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    Ok(answer
        .content_type(file.content_type)
        .insert_header((header::CONTENT_SECURITY_POLICY, OWN_FILES_ONLY))
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .body(file.bytes.into_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::body::MessageBody;

    use super::*;

    async fn text(name: &str) -> String {
        let answer = file(web::Path::from(name.to_owned())).await.unwrap();
        assert!(answer.headers().contains_key(header::CONTENT_SECURITY_POLICY));
        String::from_utf8_lossy(&answer.into_body().try_into_bytes().unwrap()).into_owned()
    }

    #[actix_web::test]
    async fn the_documentation_loads_nothing_from_elsewhere() {
        let page = text("").await;
        assert!(!page.contains("http://") && !page.contains("https://"), "{page}");
        // scripts stand in files: the policy lets none run that stands in the page
        for script in page.split("<script").skip(1) {
            assert!(
                script.contains("src=\"./") && script.split('>').nth(1).unwrap().trim().starts_with("</script"),
                "{script}"
            );
        }
        let start = text("swagger-initializer.js").await;
        assert!(start.contains("/openapi.json"), "{start}");
    }

    #[actix_web::test]
    async fn a_file_that_is_not_there_is_not_found() {
        for wrong in ["nothing.js", "../Cargo.toml", "index.html/x"] {
            assert!(file(web::Path::from(wrong.to_owned())).await.is_err(), "{wrong}");
        }
    }
}
