//! `GET /v1/attestations/latest`

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use utoipa::IntoParams;

use super::view::{Attestation, view};
use crate::{
    api::{parse::Query, problem::Problem, state::ApiState},
    store::attestations,
};

/// Filter.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LatestQuery {
    /// Domain of an exchange.
    #[param(nullable = false)]
    exchange: Option<String>,
}

/// Show the newest attestation
///
/// The attestation whose snapshot has the latest time.
#[utoipa::path(
    get, path = "/v1/attestations/latest", tag = "attestations", params(LatestQuery),
    responses((status = 200, description = "The attestation", body = Attestation), (status = 400), (status = 404)),
)]
pub async fn latest(state: web::Data<ApiState>, query: Query<LatestQuery>) -> Result<HttpResponse, Problem> {
    let row = attestations::latest(&state.store.read().await?, query.0.exchange.as_deref()).await?;
    Ok(HttpResponse::Ok().json(view(&state, row).await?))
}
