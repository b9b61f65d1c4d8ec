//! `GET /.well-known/jwks.json`

use actix_web::{HttpResponse, http::header, web};

use super::{problem::Problem, state::ApiState};

/// Public keys of this service
///
/// The current token and statement keys, and replaced keys whose signatures are still in use (JWKS, RFC 7517).
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "service",
    responses((status = 200, description = "The keys", body = Object)),
)]
pub async fn jwks(state: web::Data<ApiState>) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .json(state.keys.jwks(state.now())))
}
