//! `GET /openapi.json` and `GET /docs`: the API description for programs and for people. All files are built into this
//! program; the pages load nothing from other servers.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::Read,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    web,
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use utoipa_swagger_ui::Config;

use super::{problem::Problem, static_file::StaticFile};

/// The documentation pages may load and call only this service.
const OWN_FILES_ONLY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                              img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                              frame-ancestors 'none'";

/// How long browsers keep the documentation.
const CACHING: &str = "public, max-age=300";

static PAGES: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from("/openapi.json").validator_url("none")));
/// The files that were asked for. There are only as many as this program contains.
static FILES: Mutex<BTreeMap<String, Arc<StaticFile>>> = Mutex::new(BTreeMap::new());

fn page(name: &str) -> Result<Arc<StaticFile>, Problem> {
    let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(file) = files.get(name) {
        return Ok(Arc::clone(file));
    }
    let found = utoipa_swagger_ui::serve(name, Arc::clone(&PAGES)).map_err(Problem::internal)?;
    let found = found.ok_or_else(Problem::not_found)?;
    let bytes = match found.bytes {
        // packed in the program, since as they are they would be a tenth of it
        packed if found.gzpipped => unpacked(&packed)?.into(),
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    let file = Arc::new(StaticFile::new(found.content_type, bytes));
    files.insert(name.to_owned(), Arc::clone(&file));
    Ok(file)
}

fn unpacked(gzip: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    GzDecoder::new(gzip).read_to_end(&mut bytes).map_err(Problem::internal)?;
    Ok(bytes)
}

/// OpenAPI description
#[utoipa::path(
    get, path = "/openapi.json", tag = "service",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)),
)]
pub async fn openapi_json(description: web::Data<StaticFile>, request: HttpRequest) -> HttpResponse {
    description.answer(&request, CACHING)
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
pub async fn file(name: web::Path<String>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let mut answer = page(&name)?.answer(&request, CACHING);
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(OWN_FILES_ONLY));
    Ok(answer)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use actix_web::{body::MessageBody, test::TestRequest};

    use super::*;

    async fn text(name: &str) -> String {
        let request = TestRequest::default().to_http_request();
        let answer = file(web::Path::from(name.to_owned()), request).await.unwrap();
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
    async fn files_that_are_packed_in_the_program_are_unpacked() {
        for name in [
            "index.css",
            "swagger-ui.css",
            "swagger-ui-bundle.js",
            "swagger-ui-standalone-preset.js",
            "favicon-32x32.png",
        ] {
            let request = TestRequest::default().to_http_request();
            let bytes =
                file(web::Path::from(name.to_owned()), request).await.unwrap().into_body().try_into_bytes().unwrap();
            assert!(bytes.len() > 100 && !bytes.starts_with(&[0x1f, 0x8b]), "{name}");
        }
    }

    #[actix_web::test]
    async fn a_file_that_is_not_there_is_not_found() {
        for wrong in ["nothing.js", "../Cargo.toml", "index.html/x"] {
            let request = TestRequest::default().to_http_request();
            assert!(file(web::Path::from(wrong.to_owned()), request).await.is_err(), "{wrong}");
        }
    }

    #[actix_web::test]
    async fn requests_share_the_bytes_of_a_file_packed_or_not() {
        for coding in ["identity", "gzip"] {
            let bytes = async || {
                let request = TestRequest::default().insert_header((header::ACCEPT_ENCODING, coding)).to_http_request();
                let answer = file(web::Path::from("swagger-ui-bundle.js".to_owned()), request).await.unwrap();
                answer.into_body().try_into_bytes().unwrap()
            };
            let (one, other) = (bytes().await, bytes().await);
            assert!(one.len() > 100_000 && !one.is_unique(), "{coding}");
            assert_eq!(one.as_ptr(), other.as_ptr(), "{coding}");
        }
    }
}
