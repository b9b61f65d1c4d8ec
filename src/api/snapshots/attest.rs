//! `POST /v1/snapshots/{id}/attestation`

use std::{collections::BTreeSet, rc::Rc};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use assay_programs::{
    ledger::{shape::Shape, statement::MAX_SHARDS},
    purpose::Purpose,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::{
    api::{
        auth::Authenticated,
        body::{self, present},
        caller::{actor, owner},
        idempotency::{Answer, once},
        jobs::Job,
        parse::RowId,
        problem::{Kind, Problem},
        state::ApiState,
    },
    ledger::table_of,
    store::{
        self, Tx,
        audit::audit,
        jobs::{self, NewJob},
        new_id, snapshots,
    },
};

/// Lets the planner choose the shape.
const AUTO: &str = "auto";
/// Tables that every ledger needs.
const NEEDED: [&str; 3] = ["assets", "accounts", "balances"];

/// Options of a job.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttestationRequest {
    /// Name of the shape, or `auto` to choose one that fits the ledger.
    #[serde(default = "auto")]
    #[schema(default = "auto", example = "auto")]
    pub shape: String,
    /// Number of shards, 1 to 4,096: parts of the ledger that any number of workers prove side by side. By default as few as the
    /// ledger needs, which is one up to about nine million customers.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    #[schema(nullable = false, minimum = 1, maximum = 4096)]
    pub shards: Option<u32>,
}

fn auto() -> String {
    AUTO.to_owned()
}

/// Request an attestation
///
/// Seals the snapshot and creates a job that checks, proves and publishes it. The job runs in the background; `Location` is its
/// address.
#[utoipa::path(
    post, path = "/v1/snapshots/{id}/attestation", tag = "jobs",
    params(
        ("id" = uuid::Uuid, Path, description = "Id of the snapshot"),
    ),
    request_body(content = AttestationRequest, description = "Options of the job; may be omitted"),
    responses(
        (status = 202, description = "The job was created", body = Job, headers(("Location" = String, description = "Address of the job"))),
        (status = 400), (status = 404), (status = 409), (status = 413), (status = 415), (status = 422),
    ),
)]
pub async fn attest(
    state: web::Data<ApiState>,
    caller: Authenticated,
    snapshot: RowId,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let default = AttestationRequest { shape: auto(), shards: None };
    let body = body::json::<AttestationRequest>(&request, payload, state.reading(&request), Some(default)).await?;
    let AttestationRequest { shape, shards } = body.value;
    check_shape(&shape, state.config.worker.test_shapes)?;
    let shards = shards.map(check_shards).transpose()?;
    let (now, subject) = (state.now(), owner(&caller));
    let new =
        Rc::new(NewJob { id: new_id(now), snapshot_id: snapshot.0, shape, shards, created_by: actor(&caller), now });
    let work = move |tx| make(tx, caller.clone(), Rc::clone(&new));
    once(&state, &request, subject, &body.bytes, "create_job", work).await
}

async fn make(tx: Tx, caller: Authenticated, new: Rc<NewJob>) -> store::Result<Result<Answer, Problem>> {
    let row = snapshots::snapshot(&tx, new.snapshot_id).await?;
    if let Err(problem) = caller.at(&row.exchange_domain) {
        return Ok(Err(problem));
    }
    let files = snapshots::snapshot_files(&tx, new.snapshot_id).await?;
    if let Err(problem) = check_complete(files.iter().map(|file| file.name.as_str())) {
        return Ok(Err(problem));
    }
    jobs::create_job(&tx, &new).await?;
    let detail = json!({ "job": new.id, "shape": new.shape, "shards": new.shards });
    audit(&tx, &new.created_by, "snapshot.attest", &new.snapshot_id.to_string(), Some(detail), new.now).await?;
    let job = Job::from(jobs::job(&tx, new.id).await?);
    Ok(Answer::json(StatusCode::ACCEPTED, &job).map(|answer| answer.at(format!("/v1/jobs/{}", new.id))))
}

fn check_shape(name: &str, test_shapes: bool) -> Result<(), Problem> {
    if name == AUTO {
        return Ok(());
    }
    let offered = |shape: &&Shape| shape.purpose == Purpose::Release || test_shapes;
    let mut shapes = Shape::catalogue().iter().filter(offered).map(|shape| shape.name);
    if shapes.any(|shape| shape == name) {
        return Ok(());
    }
    let known: Vec<_> = Shape::catalogue().iter().filter(offered).map(|shape| shape.name).collect();
    Err(Problem::because(Kind::UnknownShape, format_args!("the shape must be one of: auto, {}", known.join(", "))))
}

fn check_shards(shards: u32) -> Result<i32, Problem> {
    let count = i32::try_from(shards).ok().filter(|count| (1..=MAX_SHARDS as i32).contains(count));
    count.ok_or_else(|| Problem::because(Kind::MalformedRequest, format_args!("shards must be 1 to {MAX_SHARDS}")))
}

/// Refuses an incomplete snapshot: once sealed, it could not be completed.
fn check_complete<'a>(files: impl Iterator<Item = &'a str>) -> Result<(), Problem> {
    let there: BTreeSet<_> = files.filter_map(table_of).collect();
    let missing: Vec<_> = NEEDED.into_iter().filter(|table| !there.contains(table)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(".csv, ");
    Err(Problem::because(Kind::SnapshotIncomplete, format_args!("required files are missing: {missing}.csv")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn shapes_for_tests_are_offered_to_tests_only() {
        assert!(check_shape("auto", false).is_ok());
        assert!(check_shape("solvency-64", false).is_ok());
        assert!(check_shape("solvency-8", true).is_ok());
        for wrong in ["solvency-8", "solvency-9", "", "AUTO"] {
            let problem = check_shape(wrong, false).unwrap_err();
            assert_eq!(problem.kind(), Kind::UnknownShape);
            assert!(!problem.to_string().contains("solvency-8,"), "{problem}");
        }
    }

    #[test]
    fn shards_have_bounds() {
        assert_eq!((check_shards(1).unwrap(), check_shards(4096).unwrap()), (1, 4096));
        for wrong in [0, 4097, u32::MAX] {
            assert!(check_shards(wrong).unwrap_err().to_string().contains("1 to 4096"));
        }
    }

    #[test]
    fn an_incomplete_ledger_is_not_sealed() {
        let whole = ["assets.csv", "accounts.csv.zst", "balances.csv.gz"];
        assert!(check_complete(whole.into_iter()).is_ok());
        let problem = check_complete(["accounts.csv", "positions.csv"].into_iter()).unwrap_err();
        assert_eq!(problem.kind(), Kind::SnapshotIncomplete);
        assert!(problem.to_string().ends_with("assets.csv, balances.csv"), "{problem}");
    }
}
