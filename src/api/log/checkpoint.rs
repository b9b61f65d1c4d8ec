//! `GET /log/checkpoint`

use actix_web::{HttpResponse, http::header, web};

use crate::{
    api::{
        problem::Problem,
        state::{ApiState, LOG_FRESH_SECONDS},
    },
    transparency::proofs,
};

/// Media type of notes and proofs.
pub const TEXT: &str = "text/plain; charset=utf-8";

/// Get the newest checkpoint
///
/// Size and root of the transparency log, signed by the log and cosigned by its witnesses (C2SP tlog-checkpoint). The answer is 404 until
/// the first checkpoint is signed.
#[utoipa::path(
    get, path = "/log/checkpoint", tag = "log",
    responses((status = 200, description = "The signed checkpoint", body = String, content_type = "text/plain"), (status = 404)),
)]
pub async fn checkpoint(state: web::Data<ApiState>) -> Result<HttpResponse, Problem> {
    let checkpoint = proofs::checkpoint(&state.store.read().await?, &state.config.log_origin()).await?;
    Ok(fresh(checkpoint.note().to_string()))
}

/// A text that may be cached for a moment.
pub fn fresh(text: String) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(TEXT)
        .insert_header((header::CACHE_CONTROL, format!("public, max-age={LOG_FRESH_SECONDS}")))
        .body(text)
}
