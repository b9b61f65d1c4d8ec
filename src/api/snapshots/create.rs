//! `POST /v1/snapshots`

use std::{collections::BTreeMap, rc::Rc};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use assay_core::time::parse_instant;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::Snapshot;
use crate::{
    api::{
        auth::Authenticated,
        body::{self, present, unique},
        caller::{actor, owner},
        disk::check_space,
        idempotency::{Answer, once},
        problem::{FieldError, Kind, Problem},
        state::ApiState,
    },
    config::BoundsConfig,
    ledger::{
        self, ASSETS_HEADER, CLASSES_HEADER, INSTRUMENTS_HEADER, LIMITS_HEADER, Manifest, TIERS_BY_KIND_HEADER,
        TIERS_HEADER,
    },
    store::{
        self, Conflict, Tx,
        audit::audit,
        exchanges::ensure_exchange,
        new_id,
        room::{held_bytes, open_snapshots},
        snapshots::{self, NewSnapshot},
    },
};

/// Maximum difference between the clocks of exchange and service.
const CLOCK_DIFFERENCE: Duration = Duration::minutes(5);
/// Maximum number of findings in an answer.
const MAX_FINDINGS: usize = 100;

/// Description of a snapshot: the manifest, and optionally small tables, which can also be uploaded as files.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSnapshotRequest {
    /// The exchange.
    pub exchange: Exchange,
    /// Id and time of the snapshot.
    pub snapshot: SnapshotInfo,
    /// Policy that the exchange sets for itself.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false)]
    pub policy: Option<Policy>,
    /// What the exchange hides beyond what the proof hides.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false)]
    pub privacy: Option<Privacy>,
    /// Who counts as having signed for the reserves, and what the message that their addresses sign has beside the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false)]
    pub reserves: Option<ReserveRules>,
    /// Number of rows that each file must have. Files that are not listed are not compared.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "unique")]
    pub rows: BTreeMap<String, u64>,
    /// Totals that the balances must match, by asset symbol.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "unique")]
    pub totals: BTreeMap<String, Total>,
    /// Tables of the book; each is stored as the file of the same name.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false)]
    pub book: Option<Book>,
}

/// The exchange.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Name as customers know it.
    #[schema(min_length = 1, max_length = 256, example = "Example Exchange")]
    pub name: String,
    /// Domain of the exchange; the token must be for this exchange.
    #[schema(min_length = 1, max_length = 253, example = "exchange.example")]
    pub domain: String,
    /// Legal entity identifier (ISO 17442).
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false, pattern = "^[A-Z0-9]{20}$")]
    pub lei: Option<String>,
}

/// Id and time of a snapshot.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SnapshotInfo {
    /// Id chosen by the exchange. It must never be used for another ledger.
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$", example = "2026-11-23")]
    pub id: String,
    /// Series of snapshots that this one belongs to; default its own id. Within a series customers keep their identities, so
    /// that a later proof can follow an account; their neighbours in the tree can then see whether a page has changed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    pub series: Option<String>,
    /// Time of the snapshot, RFC 3339 in UTC ending in `Z`. It must not be in the future, and must be later than every published
    /// snapshot of the exchange.
    #[schema(format = "date-time", example = "2026-11-23T00:00:00Z")]
    pub taken_at: String,
    /// Block height of each chain at which the reserves were read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "unique")]
    pub block_heights: BTreeMap<String, u64>,
}

/// Policy that the exchange sets for itself. A missing member sets no requirement.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Required ratio of reserves to customer assets, in hundredths of a percent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false, maximum = 100_000)]
    pub coverage_bps: Option<u32>,
    /// Basis of the coverage; default `gross`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false)]
    pub coverage_basis: Option<Basis>,
    /// Maximum number of accounts below their maintenance margin.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false)]
    pub below_margin_max: Option<u64>,
    /// Required ratio of positive to negative equity, in hundredths of a percent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false, maximum = 100_000)]
    pub equity_ratio_bps: Option<u32>,
    /// Required share of the stated reserves of each asset that is proven owned or stated by listed custodians and banks, in hundredths
    /// of a percent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false, maximum = 10_000)]
    pub owned_bps: Option<u32>,
}

/// What the exchange hides beyond what the proof hides.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    /// Least number of pages, empty ones included, that the attestation shows. It hides the number of accounts below.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false)]
    pub pages_at_least: Option<u64>,
}

/// Who counts as having signed for the reserves, and what the message that their addresses sign has beside the snapshot
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReserveRules {
    /// A text that an auditor asked for: 1 to 64 of A-Z a-z 0-9 . _ -
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false, example = "audit-7f3a")]
    pub challenge: Option<String>,
    /// A block before the snapshot; nothing was signed before it was made.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false)]
    pub anchor: Option<AnchorBlock>,
    /// Public keys of the custodians and banks whose statements count: a list (JWKS) as text, in which each key has the `assay_purpose`
    /// `holding`. The format is described in api-spec/jws.md.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(
        nullable = false,
        example = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w","assay_purpose":"holding"}]}"#
    )]
    pub custodian_keys: Option<String>,
}

/// A block of a public chain
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnchorBlock {
    /// Name of the chain
    #[schema(example = "bitcoin")]
    pub chain: String,
    /// Height of the block
    #[schema(example = 925_001)]
    pub height: u64,
    /// Hash of the block, letters and digits
    #[schema(example = "00000000000000000001a3f5c7d9e1f3")]
    pub hash: String,
}

/// Basis of the coverage.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// All customer assets.
    Gross,
    /// Customer assets minus debts.
    Net,
}

/// Totals of one asset.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Total {
    /// Sum of all equity, as a decimal.
    #[schema(example = "1024.5")]
    pub equity: String,
    /// Sum of all debt, as a decimal.
    #[schema(example = "0")]
    pub debt: String,
}

/// Tables of the book. Every value is text, exactly as in the file.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Book {
    /// assets.csv
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false)]
    pub assets: Option<Vec<AssetRow>>,
    /// instruments.csv
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false)]
    pub instruments: Option<Vec<InstrumentRow>>,
    /// classes.csv
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false)]
    pub classes: Option<Vec<ClassRow>>,
    /// limits.csv
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false)]
    pub limits: Option<Vec<LimitRow>>,
    /// tiers.csv
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false)]
    pub tiers: Option<Vec<TierRow>>,
}

/// A row of assets.csv.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct AssetRow {
    pub symbol: String,
    pub scale: String,
    #[serde(default)]
    pub price: String,
    pub quote: String,
}

/// A row of instruments.csv.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct InstrumentRow {
    pub symbol: String,
    pub contract_size: String,
    pub mark_price: String,
    pub maintenance_margin_bps: String,
}

/// A row of classes.csv.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct ClassRow {
    pub class: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub kyc_level: String,
    #[serde(default)]
    pub jurisdiction: String,
}

/// A row of limits.csv.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct LimitRow {
    pub instrument: String,
    pub class: String,
    pub side: String,
    pub limit: String,
}

/// A row of tiers.csv. Either all rows have a `kind`, or none has.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct TierRow {
    pub asset: String,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false)]
    pub kind: Option<String>,
    pub from: String,
    pub to: String,
    pub percent: String,
}

/// Create a snapshot
///
/// Checks and stores the description of a snapshot. Upload its files next. The files are checked when you request the
/// attestation.
#[utoipa::path(
    post, path = "/v1/snapshots", tag = "snapshots",
    request_body = NewSnapshotRequest,
    responses(
        (status = 201, description = "The snapshot was created", body = Snapshot, headers(("Location" = String, description = "Address of the snapshot"))),
        (status = 400), (status = 403), (status = 409), (status = 413), (status = 415), (status = 422), (status = 507),
    ),
)]
pub async fn create(
    state: web::Data<ApiState>,
    caller: Authenticated,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let body = body::json::<NewSnapshotRequest>(&request, payload, state.reading(&request), None).await?;
    let new = body.value;
    if !caller.speaks_for(&new.exchange.domain) {
        return Err(Problem::because(Kind::WrongExchange, "the token is not for the exchange in exchange.domain"));
    }
    let (manifest, text) = manifest(&new)?;
    let now = state.now();
    let epoch = epoch(&manifest, now)?;
    let files = files(new.book.unwrap_or_default(), now)?;
    let bounds = state.config.bounds.clone();
    check_space(state.disk.as_deref(), body.bytes.len() as u64, bounds.disk_reserve_bytes)?;
    let parts = Rc::new(CheckedSnapshot {
        domain: manifest.exchange.domain,
        bounds,
        name: manifest.snapshot.id,
        epoch,
        text,
        files,
        actor: actor(&caller),
        now,
    });
    let work = move |tx| make(tx, Rc::clone(&parts));
    once(&state, &request, owner(&caller), &body.bytes, "create_snapshot", work).await
}

/// A checked snapshot that is not stored yet.
struct CheckedSnapshot {
    domain: String,
    bounds: BoundsConfig,
    name: String,
    epoch: OffsetDateTime,
    text: String,
    files: Vec<TableFile>,
    actor: String,
    now: OffsetDateTime,
}

async fn make(tx: Tx, parts: Rc<CheckedSnapshot>) -> store::Result<Result<Answer, Problem>> {
    let now = parts.now;
    let exchange = ensure_exchange(&tx, &parts.domain, now).await?;
    if open_snapshots(&tx, exchange).await? >= parts.bounds.exchange_open_snapshots.into() {
        return Err(Conflict::OpenSnapshots.into());
    }
    let new = NewSnapshot {
        exchange,
        name: parts.name.clone(),
        epoch: parts.epoch,
        manifest: parts.text.clone(),
        created_by: parts.actor.clone(),
        now,
    };
    let id = snapshots::create_snapshot(&tx, &new).await?;
    for file in &parts.files {
        for (position, chunk) in (0..).zip(file.bytes.chunks(snapshots::CHUNK_BYTES)) {
            snapshots::add_chunk(&tx, file.content_id, position, chunk).await?;
        }
        let (length, sha256) = (file.bytes.len() as i64, Sha256::digest(&file.bytes).into());
        snapshots::finish_file(&tx, id, file.name, file.content_id, length, sha256, now).await?;
    }
    if held_bytes(&tx, exchange, id, "").await? > parts.bounds.exchange_bytes {
        return Err(Conflict::StoredBytes.into());
    }
    audit(&tx, &parts.actor, "snapshot.create", &id.to_string(), None, now).await?;
    let row = snapshots::snapshot(&tx, id).await?;
    let files = snapshots::snapshot_files(&tx, id).await?;
    let answer = Answer::json(StatusCode::CREATED, &Snapshot::new(&row, &files));
    Ok(answer.map(|answer| answer.at(format!("/v1/snapshots/{id}"))))
}

/// The manifest, checked by the ledger's own reader, and its text.
fn manifest(new: &NewSnapshotRequest) -> Result<(Manifest, String), Problem> {
    let refused = |reason: String| {
        let error = FieldError { place: "manifest.toml".to_owned(), line: None, reason };
        Problem::new(Kind::InvalidSnapshot).with_errors(vec![error])
    };
    let basis = |basis: Basis| match basis {
        Basis::Gross => ledger::CoverageBasis::Gross,
        Basis::Net => ledger::CoverageBasis::Net,
    };
    let rows = serde_json::to_value(&new.rows).and_then(serde_json::from_value);
    let rows = rows.map_err(|e| refused(format!("rows: {e}")))?;
    let total = |(symbol, total): (&String, &Total)| {
        (symbol.clone(), ledger::TotalText { equity: total.equity.clone(), debt: total.debt.clone() })
    };
    let manifest = Manifest {
        exchange: ledger::Exchange {
            name: new.exchange.name.clone(),
            lei: new.exchange.lei.clone(),
            domain: new.exchange.domain.clone(),
        },
        snapshot: ledger::SnapshotInfo {
            id: new.snapshot.id.clone(),
            series: new.snapshot.series.clone(),
            taken_at: new.snapshot.taken_at.clone(),
            block_heights: new.snapshot.block_heights.clone(),
        },
        rows: (!new.rows.is_empty()).then_some(rows),
        policy: new.policy.as_ref().map(|policy| ledger::Policy {
            coverage_bps: policy.coverage_bps,
            coverage_basis: policy.coverage_basis.map(basis),
            below_margin_max: policy.below_margin_max,
            equity_ratio_bps: policy.equity_ratio_bps,
            owned_bps: policy.owned_bps,
        }),
        privacy: new.privacy.as_ref().map(|own| ledger::Privacy { pages_at_least: own.pages_at_least }),
        reserves: new.reserves.as_ref().map(|own| ledger::ReserveRules {
            challenge: own.challenge.clone(),
            anchor: own.anchor.as_ref().map(|block| ledger::AnchorBlock {
                chain: block.chain.clone(),
                height: block.height,
                hash: block.hash.clone(),
            }),
            custodians: None,
            custodian_keys: own.custodian_keys.clone(),
        }),
        totals: new.totals.iter().map(total).collect(),
    };
    let text = toml::to_string(&manifest).map_err(|e| refused(e.to_string()))?;
    // the job will read this text
    match Manifest::parse(&text, MAX_FINDINGS) {
        Ok(read) if read == manifest => Ok((manifest, text)),
        Ok(_) => Err(refused("a value cannot be stored unchanged in manifest.toml".to_owned())),
        Err(findings) => Err(Problem::findings(Kind::InvalidSnapshot, &findings)),
    }
}

/// The time of the snapshot, which must not be in the future (A2).
fn epoch(manifest: &Manifest, now: OffsetDateTime) -> Result<OffsetDateTime, Problem> {
    let taken_at = parse_instant(&manifest.snapshot.taken_at);
    let taken_at = taken_at.map_err(|e| Problem::because(Kind::InvalidSnapshot, e))?;
    if taken_at > now + CLOCK_DIFFERENCE {
        return Err(Problem::because(Kind::SnapshotTime, "snapshot.taken_at is in the future"));
    }
    Ok(taken_at)
}

/// A file written from a table.
struct TableFile {
    name: &'static str,
    content_id: Uuid,
    bytes: Vec<u8>,
}

fn files(book: Book, now: OffsetDateTime) -> Result<Vec<TableFile>, Problem> {
    let mut files = Vec::new();
    let mut add = |name, bytes| files.push(TableFile { name, content_id: new_id(now), bytes });
    if let Some(rows) = book.assets {
        let rows = rows.into_iter().map(|r| [r.symbol, r.scale, r.price, r.quote]);
        add("assets.csv", csv("assets", ASSETS_HEADER, rows)?);
    }
    if let Some(rows) = book.instruments {
        let rows = rows.into_iter().map(|r| [r.symbol, r.contract_size, r.mark_price, r.maintenance_margin_bps]);
        add("instruments.csv", csv("instruments", INSTRUMENTS_HEADER, rows)?);
    }
    if let Some(rows) = book.classes {
        let rows = rows.into_iter().map(|r| [r.class, r.name, r.kyc_level, r.jurisdiction]);
        add("classes.csv", csv("classes", CLASSES_HEADER, rows)?);
    }
    if let Some(rows) = book.limits {
        let rows = rows.into_iter().map(|r| [r.instrument, r.class, r.side, r.limit]);
        add("limits.csv", csv("limits", LIMITS_HEADER, rows)?);
    }
    if let Some(rows) = book.tiers {
        let by_kind = rows.iter().any(|r| r.kind.is_some());
        let bytes = if by_kind {
            let row = |r: TierRow| [r.asset, r.kind.unwrap_or_default(), r.from, r.to, r.percent];
            csv("tiers", TIERS_BY_KIND_HEADER, rows.into_iter().map(row))?
        } else {
            csv("tiers", TIERS_HEADER, rows.into_iter().map(|r| [r.asset, r.from, r.to, r.percent]))?
        };
        add("tiers.csv", bytes);
    }
    Ok(files)
}

/// Writes a table as a file. Only values that a line cannot hold are refused here; the check reads the rest.
fn csv<const N: usize>(
    table: &str,
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Result<Vec<u8>, Problem> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).map_err(Problem::internal)?;
    for (row, line) in rows.zip(1..) {
        if let Some((_, column)) = row.iter().zip(header).find(|(text, _)| text.chars().any(char::is_control)) {
            let reason = format!("{column} holds a control character");
            let error = FieldError { place: format!("book.{table}"), line: Some(line), reason };
            return Err(Problem::new(Kind::InvalidSnapshot).with_errors(vec![error]));
        }
        writer.write_record(&row).map_err(Problem::internal)?;
    }
    writer.into_inner().map_err(Problem::internal)
}

#[cfg(test)]
mod tests;
