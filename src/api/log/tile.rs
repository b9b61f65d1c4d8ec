//! `GET /log/tile/…`

use actix_web::{HttpRequest, HttpResponse, http::header, web};

use crate::{
    api::{
        artefact::{Artefact, FOR_EVER},
        problem::Problem,
        state::ApiState,
    },
    transparency::proofs::{self, Tile},
};

/// Get hashes of the log
///
/// Up to 256 hashes of the tree (C2SP tlog-tiles).
#[utoipa::path(
    get, path = "/log/tile/{level}/{index}", tag = "log",
    params(
        ("level" = String, Path, description = "Level of the tile, from 0"),
        ("index" = String, Path, description = "Position in the level as x001/x234/067, with .p/WIDTH for a tile that is not full"),
    ),
    responses(
        (status = 200, description = "The hashes", body = String, content_type = "application/octet-stream"),
        (status = 206, description = "The requested range"), (status = 304, description = "Not modified"),
        (status = 404), (status = 416),
    ),
)]
pub async fn hashes(
    state: web::Data<ApiState>,
    path: web::Path<(String, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (level, index) = path.into_inner();
    let bytes = read(&state, Tile::parse(Some(&level), &index)).await?;
    Artefact::new(bytes, "application/octet-stream").answer(&request)
}

/// Get entries of the log
///
/// Up to 256 entries, each after its length in 16 bits (C2SP tlog-tiles). api-spec/log.md describes an entry.
#[utoipa::path(
    get, path = "/log/tile/entries/{index}", tag = "log",
    params(("index" = String, Path, description = "Position of the bundle as x001/x234/067, with .p/WIDTH for one that is not full")),
    responses(
        (status = 200, description = "The entries", body = String, content_type = "application/octet-stream"), (status = 404),
    ),
)]
pub async fn entries(state: web::Data<ApiState>, index: web::Path<String>) -> Result<HttpResponse, Problem> {
    let bytes = read(&state, Tile::parse(None, &index)).await?;
    // without a digest, so that it can be compressed
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((header::CACHE_CONTROL, FOR_EVER))
        .body(bytes))
}

async fn read(state: &ApiState, tile: Option<Tile>) -> Result<Vec<u8>, Problem> {
    let tile = tile.ok_or_else(Problem::not_found)?;
    Ok(proofs::tile(&state.store.read().await?, &state.config.log_origin(), tile).await?)
}
