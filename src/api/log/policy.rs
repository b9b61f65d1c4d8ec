//! `GET /.well-known/assay-log`

use actix_web::{HttpResponse, http::header, web};

use super::checkpoint::TEXT;
use crate::{
    api::{
        problem::{Kind, Problem},
        state::ApiState,
    },
    transparency::signer::verifier_key,
};

/// Get the key of the log
///
/// The log with its key and address, as a policy (C2SP tlog-policy) that asks for no witnesses. A service cannot vouch for its own key:
/// compare it with what the exchange or its auditor publishes elsewhere, and add witnesses that you trust.
#[utoipa::path(
    get, path = "/.well-known/assay-log", tag = "log",
    responses((status = 200, description = "The policy", body = String, content_type = "text/plain"), (status = 404)),
)]
pub async fn policy(state: web::Data<ApiState>) -> Result<HttpResponse, Problem> {
    let origin = state.config.log_origin();
    let key = verifier_key(&state.keys, &origin, &*state.clock);
    let key = key.map_err(|e| Problem::because(Kind::Unavailable, e))?.ok_or_else(Problem::not_found)?;
    let text = format!(
        "# The transparency log of this service. Compare the key with one that you got elsewhere, and add witnesses.\nlog {key} {}/log\n\
         quorum none\n",
        state.config.public_url
    );
    Ok(HttpResponse::Ok().content_type(TEXT).insert_header((header::CACHE_CONTROL, "public, max-age=300")).body(text))
}
