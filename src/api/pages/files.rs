//! `GET /check`, `GET /verify.html` and `GET /assets/…`: the files of the pages.

use std::sync::LazyLock;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
};

use super::page::{shield, shield_page};
use crate::{
    api::{artefact::FOR_EVER, static_file::StaticFile},
    pages::files::{CHECK, PAGES_STYLE, SCRIPT, STAFF, STYLE, VERIFY, verify_policy, version},
};

/// Browsers ask whether their copy is still the newest: the check page names its script by digest, so the two must fit each other.
pub const ASK_AGAIN: &str = "no-cache";
/// A page can be framed by nobody. A policy within a file cannot say so.
const NO_FRAMES: &str = "frame-ancestors 'none'";

static CHECK_FILE: LazyLock<StaticFile> = LazyLock::new(|| StaticFile::new("text/html; charset=utf-8", CHECK));
static VERIFY_FILE: LazyLock<StaticFile> = LazyLock::new(|| StaticFile::new("text/html; charset=utf-8", VERIFY));
static SCRIPT_FILE: LazyLock<Asset> = LazyLock::new(|| Asset::new("text/javascript; charset=utf-8", SCRIPT));
static STAFF_FILE: LazyLock<Asset> = LazyLock::new(|| Asset::new("text/javascript; charset=utf-8", STAFF));
static STYLE_FILE: LazyLock<Asset> = LazyLock::new(|| Asset::new("text/css; charset=utf-8", STYLE));
static PAGES_STYLE_FILE: LazyLock<Asset> = LazyLock::new(|| Asset::new("text/css; charset=utf-8", PAGES_STYLE));

/// A script or a style.
struct Asset {
    file: StaticFile,
    /// The query of an address that names this version.
    query: String,
}

impl Asset {
    fn new(media_type: &str, bytes: &'static [u8]) -> Self {
        Self { file: StaticFile::new(media_type, bytes), query: format!("v={}", version(bytes)) }
    }

    /// An address that names this version may be kept for ever.
    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let caching = if request.query_string() == self.query { FOR_EVER } else { ASK_AGAIN };
        self.file.answer(request, caching)
    }
}

/// The check page.
pub async fn check(request: HttpRequest) -> HttpResponse {
    let mut answer = CHECK_FILE.answer(&request, ASK_AGAIN);
    shield_page(answer.headers_mut());
    answer
}

/// The check page that works without a network.
pub async fn verify(request: HttpRequest) -> HttpResponse {
    take_away(&VERIFY_FILE, &request, "verify.html")
}

/// The script of the check page.
pub async fn script(request: HttpRequest) -> HttpResponse {
    SCRIPT_FILE.answer(&request)
}

/// The script of the pages for operators and regulators.
pub async fn staff(request: HttpRequest) -> HttpResponse {
    STAFF_FILE.answer(&request)
}

/// The style of all pages.
pub async fn style(request: HttpRequest) -> HttpResponse {
    STYLE_FILE.answer(&request)
}

/// What the pages of the service need beside that style.
pub async fn pages_style(request: HttpRequest) -> HttpResponse {
    PAGES_STYLE_FILE.answer(&request)
}

/// A check page in one file, which keeps to its own policy and is saved under `name`.
pub fn take_away(file: &StaticFile, request: &HttpRequest, name: &str) -> HttpResponse {
    let mut answer = file.answer(request, ASK_AGAIN);
    shield(answer.headers_mut(), &format!("{}; {NO_FRAMES}", verify_policy().trim_end_matches([';', ' '])));
    if let Ok(name) = HeaderValue::from_str(&format!("inline; filename=\"{name}\"")) {
        answer.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    answer
}
