//! `GET /log/retired/{digest}`

use actix_web::{HttpResponse, web};

use super::checkpoint::fresh;
use crate::{
    api::{problem::Problem, state::ApiState},
    store::retirements::retirement_of_digest,
};

/// Get the end of a log
///
/// A log that cannot be continued has an end: a note by its own key with the newest checkpoint, the reason, and the name of the log that
/// comes after it. The path contains the SHA-256 of the log's name. The answer is 404 for a log that has not ended.
#[utoipa::path(
    get, path = "/log/retired/{digest}", tag = "log",
    params(("digest" = String, Path, description = "SHA-256 of the log's name, 64 hexadecimal digits")),
    responses((status = 200, description = "The note", body = String, content_type = "text/plain"), (status = 404)),
)]
pub async fn retired(state: web::Data<ApiState>, digest: web::Path<String>) -> Result<HttpResponse, Problem> {
    let mut bytes = [0; 32];
    let is_digest = digest.len() == 64 && !digest.bytes().any(|byte| byte.is_ascii_uppercase());
    if !is_digest || hex::decode_to_slice(digest.as_str(), &mut bytes).is_err() {
        return Err(Problem::not_found());
    }
    let note = retirement_of_digest(&state.store.read().await?, &bytes).await?;
    note.map(fresh).ok_or_else(Problem::not_found)
}
