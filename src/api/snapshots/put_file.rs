//! `PUT /v1/snapshots/{id}/files/{name}`

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
    rt, web,
};
use bytes::{Bytes, BytesMut};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::api::caller::actor;
use crate::{
    api::{
        auth::Authenticated,
        body::{Body, announced_length, refuse_content_encoding, refuse_forms, too_large},
        digest::announced,
        disk::check_space,
        parse::RowId,
        problem::{Kind, Problem},
        state::ApiState,
        unpack::{Packing, UnpackError, Unpacker},
    },
    ledger::table_of,
    store::{
        Conflict, StoreError,
        audit::audit,
        new_id,
        room::held_bytes,
        snapshots::{self, CHUNK_BYTES},
    },
};

/// Upload a file of the ledger
///
/// The file is stored unchanged. A compressed file is decompressed during the upload to check that it is intact and within the
/// size limits. A file replaces an earlier file with the same name until the snapshot is sealed. An interrupted upload stores
/// nothing.
#[utoipa::path(
    put, path = "/v1/snapshots/{id}/files/{name}", tag = "snapshots",
    params(
        ("id" = Uuid, Path, description = "Id of the snapshot"),
        ("name" = String, Path, description = "Name of the table with its file extension; `.zst` or `.gz` for a compressed file", example = "balances.csv.zst",
         pattern = r"^(assets|accounts|balances|reserves|classes|instruments|limits|tiers|positions|collateral)\.csv(\.zst|\.gz)?$"),
        ("Content-Digest" = Option<String>, Header, nullable = false, description = "`sha-256=:…:` of the body (RFC 9530). Repr-Digest has the same meaning here."),
    ),
    request_body(content = String, content_type = "application/octet-stream", description = "The file"),
    responses(
        (status = 204, description = "The file is stored", headers(("ETag" = String, description = "SHA-256 of the body"))),
        (status = 400), (status = 404), (status = 408), (status = 409), (status = 413), (status = 415), (status = 422), (status = 507),
    ),
)]
pub async fn put_file(
    state: web::Data<ApiState>,
    caller: Authenticated,
    id: RowId,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let name = request.match_info().get("name").unwrap_or_default().to_owned();
    let (table, packing) = file_name(&name)?;
    refuse_forms(&request)?;
    let exchange = check_snapshot(&state, &caller, id.0, &name, table).await?;
    refuse_content_encoding(&request)?;
    let length = announced_length(&request, state.config.upload_max_bytes)?.unwrap_or(0);
    if length > exchange.room {
        return Err(Conflict::StoredBytes.into());
    }
    check_space(state.disk.as_deref(), length, state.config.bounds.disk_reserve_bytes)?;
    let announced = announced(request.headers())?;
    let _share = state.begin_upload(&exchange.domain)?;

    let now = state.now();
    let content_id = new_id(now);
    let mut unlisted = Unlisted::new(state.get_ref().clone(), content_id);
    let inspection = Inspection::new(packing, &state)?;
    let body = Body::new(payload, state.pace());
    let received =
        receive(&state, body, exchange.room, content_id, inspection).await.and_then(|received| match announced {
            Some(announced) if announced != received.sha256 => Err(Problem::because(
                Kind::DigestMismatch,
                "the SHA-256 of the received body differs from the announced digest; nothing was stored",
            )),
            _ if received.bytes == 0 => Err(Problem::because(
                Kind::MalformedRequest,
                "the request has no body: a file of a ledger has at least its header line; nothing was stored",
            )),
            _ => Ok(received),
        });
    let Upload { bytes, sha256 } = match received {
        Ok(received) => received,
        Err(problem) => {
            unlisted.delete().await;
            return Err(problem);
        }
    };
    let length = i64::try_from(bytes).map_err(Problem::internal)?;
    let (actor, digest) = (actor(&caller), hex::encode(sha256));
    let detail = json!({ "name": name, "bytes": bytes, "sha256": digest });
    let finish = async |tx| {
        snapshots::finish_file(&tx, id.0, &name, content_id, length, sha256, now).await?;
        // uploads that ran at the same time have each seen the same room
        if held_bytes(&tx, exchange.id, id.0, &name).await?.saturating_add(bytes) > state.config.bounds.exchange_bytes {
            return Err(Conflict::StoredBytes.into());
        }
        audit(&tx, &actor, "snapshot.file", &id.0.to_string(), Some(detail.clone()), now).await
    };
    match state.store.run_tx("finish_file", finish).await {
        // the file may be listed
        Err(error @ StoreError::CommitUnknown { .. }) => {
            unlisted.leave();
            return Err(error.into());
        }
        Err(error) => {
            unlisted.delete().await;
            return Err(error.into());
        }
        Ok(()) => unlisted.leave(),
    }
    let etag = HeaderValue::from_str(&format!("\"{digest}\"")).map_err(Problem::internal)?;
    Ok(HttpResponse::NoContent().insert_header((header::ETAG, etag)).finish())
}

/// The chunks of an upload that is not listed yet. They are deleted when it is refused, and also when its caller hangs up, which
/// ends the request without a word. What is not deleted here is swept a day later.
struct Unlisted {
    state: ApiState,
    content_id: Option<Uuid>,
}

/// How long a statement may run on after its request has ended.
const LAST_STATEMENT: Duration = Duration::from_secs(1);

impl Unlisted {
    fn new(state: ApiState, content_id: Uuid) -> Self {
        Self { state, content_id: Some(content_id) }
    }

    /// Leaves the chunks: a file lists them.
    fn leave(&mut self) {
        self.content_id = None;
    }

    async fn delete(&mut self) {
        if let Some(content_id) = self.content_id.take() {
            delete_chunks(&self.state, content_id).await;
        }
    }
}

impl Drop for Unlisted {
    fn drop(&mut self) {
        if let Some(content_id) = self.content_id.take() {
            let state = self.state.clone();
            rt::spawn(async move {
                rt::time::sleep(LAST_STATEMENT).await;
                delete_chunks(&state, content_id).await;
            });
        }
    }
}

async fn delete_chunks(state: &ApiState, content_id: Uuid) {
    if let Ok(client) = state.store.read().await {
        let _ = snapshots::drop_chunks(&client, content_id).await;
    }
}

/// Table and compression of a file name.
fn file_name(name: &str) -> Result<(&'static str, Packing), Problem> {
    let table = table_of(name).ok_or_else(|| {
        Problem::because(
            Kind::NotFound,
            "not a file name of a ledger: use TABLE.csv, TABLE.csv.gz or TABLE.csv.zst, such as balances.csv.zst",
        )
    })?;
    let packing = match name.rsplit('.').next() {
        Some("gz") => Packing::Gzip,
        Some("zst") => Packing::Zstd,
        _ => Packing::Plain,
    };
    Ok((table, packing))
}

/// The exchange that an upload is for.
struct Exchange {
    id: Uuid,
    domain: String,
    /// Bytes that it may still store.
    room: u64,
}

/// Refuses uploads that cannot succeed, and returns the exchange. The database checks again when the file is complete.
async fn check_snapshot(
    state: &ApiState,
    caller: &Authenticated,
    id: Uuid,
    name: &str,
    table: &str,
) -> Result<Exchange, Problem> {
    let client = state.store.read().await?;
    let row = snapshots::snapshot(&client, id).await?;
    caller.at(&row.exchange_domain)?;
    if row.sealed_at.is_some() {
        return Err(Problem::new(Kind::SnapshotSealed));
    }
    let files = snapshots::snapshot_files(&client, id).await?;
    if let Some(other) = files.iter().find(|file| file.name != name && table_of(&file.name) == Some(table)) {
        return Err(Problem::because(
            Kind::FileExists,
            format_args!("{} exists already; use the same name to replace it", other.name),
        ));
    }
    let held = held_bytes(&client, row.exchange, id, name).await?;
    let room = state.config.bounds.exchange_bytes.saturating_sub(held);
    Ok(Exchange { id: row.exchange, domain: row.exchange_domain, room })
}

/// A received body.
struct Upload {
    bytes: u64,
    sha256: [u8; 32],
}

/// Receives the body in chunks. Memory holds one chunk and the decompression window.
async fn receive(
    state: &ApiState,
    mut body: Body,
    room: u64,
    content_id: Uuid,
    mut inspection: Inspection,
) -> Result<Upload, Problem> {
    let limit = state.config.upload_max_bytes;
    let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
    let (mut bytes, mut position) = (0u64, 0);
    loop {
        let piece = body.next().await?;
        let is_last = piece.is_none();
        let mut piece = piece.unwrap_or_default();
        bytes += piece.len() as u64;
        if bytes > limit {
            return Err(too_large(limit));
        }
        if bytes > room {
            return Err(Conflict::StoredBytes.into());
        }
        while chunk.len() + piece.len() >= CHUNK_BYTES {
            chunk.extend_from_slice(&piece.split_to(CHUNK_BYTES - chunk.len()));
            inspection = keep(state, content_id, position, chunk.split().freeze(), inspection).await?;
            position += 1;
            chunk.reserve(CHUNK_BYTES);
        }
        chunk.extend_from_slice(&piece);
        if is_last {
            break;
        }
    }
    if !chunk.is_empty() {
        inspection = keep(state, content_id, position, chunk.freeze(), inspection).await?;
    }
    let finish = move || inspection.unpacker.finish().map(|()| inspection.hash.finalize().into());
    let sha256 = web::block(finish).await.map_err(Problem::internal)?.map_err(Problem::from)?;
    Ok(Upload { bytes, sha256 })
}

/// Stores one chunk and inspects it at the same time.
async fn keep(
    state: &ApiState,
    content_id: Uuid,
    position: i32,
    chunk: Bytes,
    mut inspection: Inspection,
) -> Result<Inspection, Problem> {
    check_space(state.disk.as_deref(), chunk.len() as u64, state.config.bounds.disk_reserve_bytes)?;
    let looked_at = chunk.clone();
    let look = web::block(move || inspection.take(&looked_at).map(|()| inspection));
    let write = async {
        let client = state.store.read().await?;
        snapshots::add_chunk(&client, content_id, position, &chunk).await?;
        Ok::<_, Problem>(())
    };
    let (looked, written) = futures_util::future::join(look, write).await;
    let inspection = looked.map_err(Problem::internal)??;
    written?;
    Ok(inspection)
}

/// Hash and decompression of a file during its upload.
struct Inspection {
    hash: Sha256,
    unpacker: Unpacker,
}

impl Inspection {
    fn new(packing: Packing, state: &ApiState) -> Result<Self, Problem> {
        Ok(Self { hash: Sha256::new(), unpacker: Unpacker::new(packing, &state.upload_limits())? })
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), UnpackError> {
        self.hash.update(bytes);
        self.unpacker.take(bytes)
    }
}

impl From<UnpackError> for Problem {
    fn from(error: UnpackError) -> Self {
        let kind = match error {
            UnpackError::TooMuch(_) => Kind::TooLarge,
            UnpackError::Damaged(_) => Kind::DamagedFile,
        };
        Self::because(kind, error)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_files_of_a_ledger_have_a_place() {
        assert_eq!(file_name("balances.csv").unwrap(), ("balances", Packing::Plain));
        assert_eq!(file_name("balances.csv.zst").unwrap(), ("balances", Packing::Zstd));
        assert_eq!(file_name("positions.csv.gz").unwrap(), ("positions", Packing::Gzip));
        for wrong in ["", "manifest.toml", "../balances.csv", "balances", "Balances.csv", "balances.csv.zip", "x.csv"] {
            assert_eq!(file_name(wrong).unwrap_err().kind(), Kind::NotFound, "{wrong}");
        }
    }
}
