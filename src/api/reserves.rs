//! `GET /v1/reserves/{id}`

use actix_web::{HttpResponse, http::header, web};
use assay_core::lines::LineFields;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    auth::Authenticated,
    parse::{AttestationId, Query},
    problem::{Kind, Problem},
    state::ApiState,
};
use crate::{attest, store::pages};

/// Selection of lines.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReservesQuery {
    /// Symbol of an asset; only its lines are returned. Default: the lines of all assets.
    #[param(nullable = false, example = "BTC")]
    asset: Option<String>,
}

/// Disclose reserve lines
///
/// Returns the selected lines of the reserves file and one proof that the statement commits to them. `assay verify-reserves`
/// checks the result. The format is described in api-spec/reserves.md.
#[utoipa::path(
    get, path = "/v1/reserves/{id}", tag = "auditors",
    params(
        ("id" = String, Path, description = "SHA-256 of the statement, 64 hexadecimal digits"),
        ReservesQuery,
    ),
    responses((status = 200, description = "The lines", body = Object), (status = 400), (status = 404)),
)]
pub async fn reserves(
    state: web::Data<ApiState>,
    caller: Authenticated,
    id: AttestationId,
    query: Query<ReservesQuery>,
) -> Result<HttpResponse, Problem> {
    let attested = state.evidence.attested(&state.store, id).await?;
    caller.at(&attested.exchange)?;
    let client = state.store.read().await?;
    // the tree is over all lines, whichever are asked for
    let lines = pages::reserve_lines(&client, attested.job, None).await?;
    drop(client);
    let lines: Vec<LineFields> = lines.into_iter().map(|(_, fields)| fields).collect();
    let chosen = chosen(&lines, query.0.asset.as_deref())?;
    let _turn = state.evidence.turn().await?;
    let secret = state.clone();
    let disclose = move || {
        let disclosure = attest::disclose_reserves(attested.tree.statement(), &lines, &secret.secret, &chosen)?;
        serde_json::to_vec(&disclosure).map_err(Problem::internal)
    };
    let body = web::block(disclose).await.map_err(Problem::internal)??;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .body(body))
}

/// Indices of the selected lines.
fn chosen(lines: &[LineFields], asset: Option<&str>) -> Result<Vec<usize>, Problem> {
    let asked = |fields: &LineFields| asset.is_none_or(|asset| fields[0] == asset);
    let chosen: Vec<_> = lines.iter().enumerate().filter(|(_, fields)| asked(fields)).map(|(place, _)| place).collect();
    if chosen.is_empty() {
        return Err(Problem::because(Kind::NotFound, "the statement commits to no reserve line of this asset"));
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_lines_of_one_asset_are_chosen_by_its_symbol() {
        let line = |asset: &str| [asset, "", "", "", "", "", "", "", "", ""].map(str::to_owned);
        let lines = [line("BTC"), line("ETH"), line("BTC")];
        assert_eq!(chosen(&lines, Some("BTC")).unwrap(), [0, 2]);
        assert_eq!(chosen(&lines, None).unwrap(), [0, 1, 2]);
        for nothing in [chosen(&lines, Some("btc")), chosen(&lines, Some("")), chosen(&[], None)] {
            assert_eq!(nothing.unwrap_err().kind(), Kind::NotFound);
        }
    }
}
