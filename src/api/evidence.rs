//! A cache of published attestations. Each is fetched and checked once. Published data never changes, so the cache is never stale.

use std::sync::Arc;

use actix_web::web;
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

use super::{artefact::Artefact, cache::Cache, parse::AttestationId, problem::Problem};
use crate::{
    attest::{Found, Owner, Served, ServedBatch, StoredNode},
    store::{Store, attestations, pages},
};

/// Maximum size of cached batches: some hundred thousand accounts.
const MAX_BATCH_BYTES: usize = 96 << 20;
/// Maximum size of cached statements.
const MAX_STATEMENT_BYTES: usize = 64 << 20;
/// Maximum size of cached artefacts.
const MAX_ARTEFACT_BYTES: usize = 32 << 20;
/// Maximum number of batches that are hashed at the same time.
const MAX_HASHING: usize = 2;

/// One published attestation.
pub struct PublishedAttestation {
    /// Its id.
    pub id: AttestationId,
    /// Domain of the exchange.
    pub exchange: String,
    /// Where its pages are.
    pub job: Uuid,
    /// What it claims, and what inclusions are made from.
    pub served: Served,
    weight: usize,
}

/// The downloadable parts of an attestation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// statement.json
    Statement,
    /// proof.bin
    Proof,
    /// attestation.jws
    Jws,
    /// All of it in one file.
    Bundle,
    /// A chart.
    Coverage,
}

/// Where an account's pages begin, and the batches that they are in.
pub type Pages = (Found, Vec<Arc<ServedBatch>>);

/// The caches.
pub struct Evidence {
    attested: Cache<[u8; 32], PublishedAttestation>,
    batches: Cache<([u8; 32], u64), ServedBatch>,
    artefacts: Cache<([u8; 32], Part), Artefact>,
    hashing: Semaphore,
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            attested: Cache::new(MAX_STATEMENT_BYTES, |attested| attested.weight),
            batches: Cache::new(MAX_BATCH_BYTES, ServedBatch::weight),
            artefacts: Cache::new(MAX_ARTEFACT_BYTES, Artefact::weight),
            hashing: Semaphore::new(MAX_HASHING),
        }
    }
}

impl Evidence {
    /// The attestation `id`.
    ///
    /// # Errors
    /// [`super::problem::Kind::NotFound`].
    pub async fn attested(&self, store: &Store, id: AttestationId) -> Result<Arc<PublishedAttestation>, Problem> {
        self.attested.get_or_make(id.0, async || fetch_attested(store, id).await).await
    }

    /// A part of the attestation `id`. `make` computes it if it is not cached.
    ///
    /// # Errors
    /// Those of `make`.
    pub async fn artefact(
        &self,
        id: AttestationId,
        part: Part,
        make: impl AsyncFnOnce() -> Result<Artefact, Problem>,
    ) -> Result<Arc<Artefact>, Problem> {
        self.artefacts.get_or_make((id.0, part), make).await
    }

    /// Position of the pages of `owner` and their batches; `None` if the snapshot has no such account. The response time does not
    /// reveal whether the account exists: in both cases a batch is searched, and fetched or cached in the same way.
    ///
    /// # Errors
    /// [`super::problem::Kind::Unavailable`], or a fault.
    pub async fn batches(
        &self,
        store: &Store,
        attested: &Arc<PublishedAttestation>,
        owner: &Owner<'_>,
    ) -> Result<Option<Pages>, Problem> {
        let mut number = attested.served.batch_of(owner);
        let mut batch = self.batch(store, attested, number).await?;
        let mut found = batch.find(owner);
        if found.is_none() && attested.served.begins(number + 1, owner) {
            number += 1;
            batch = self.batch(store, attested, number).await?;
            found = batch.find(owner);
        }
        let Some(found) = found else {
            return Ok(None);
        };
        let last = (found.position + u64::from(found.following)) / attested.served.batch_pages();
        let mut batches = vec![batch];
        for number in number + 1..=last {
            batches.push(self.batch(store, attested, number).await?);
        }
        Ok(Some((found, batches)))
    }

    /// Waits for a permit to hash a batch.
    ///
    /// # Errors
    /// Never: the turns are there as long as the service is.
    pub async fn turn(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.hashing.acquire().await.map_err(Problem::internal)
    }

    async fn batch(&self, store: &Store, attested: &Arc<PublishedAttestation>, number: u64) -> Result<Arc<ServedBatch>, Problem> {
        let make = async || {
            let _turn = self.turn().await?;
            fetch_batch(store, Arc::clone(attested), number).await
        };
        self.batches.get_or_make((attested.id.0, number), make).await
    }
}

async fn fetch_attested(store: &Store, id: AttestationId) -> Result<PublishedAttestation, Problem> {
    let client = store.read().await?;
    let row = attestations::attestation(&client, &id.0).await?;
    let statement = attestations::artefact(&client, &id.0, attestations::Artefact::Statement).await?;
    // parsed, a statement takes a few times its bytes
    let weight = 4 * statement.len();
    let served = web::block(move || Served::new(&statement)).await.map_err(Problem::internal)??;
    let starts = pages::batch_starts(&client, row.job_id, signed(served.batch_pages())?).await?;
    let (served, weight) = (served.with_starts(&starts)?, weight + starts.len() * 32);
    Ok(PublishedAttestation { id, exchange: row.exchange_domain, job: row.job_id, served, weight })
}

async fn fetch_batch(store: &Store, attested: Arc<PublishedAttestation>, number: u64) -> Result<ServedBatch, Problem> {
    let client = store.read().await?;
    let first = number * attested.served.batch_pages();
    let behind = first + attested.served.batch_pages();
    let records = pages::pages_between(&client, attested.job, signed(first)?, signed(behind)?).await?;
    let wanted = attested.served.nodes_of(number);
    let wanted: Vec<(i16, i64)> = wanted
        .into_iter()
        .map(|(height, first)| Ok((i16::try_from(height).map_err(Problem::internal)?, signed(first)?)))
        .collect::<Result<_, Problem>>()?;
    let nodes = pages::path_nodes(&client, attested.job, &wanted).await?;
    drop(client);
    let unsigned = |number: i64| u64::try_from(number).map_err(Problem::internal);
    let records: Vec<(u64, Vec<u8>)> =
        records.into_iter().map(|(at, record)| Ok((unsigned(at)?, record))).collect::<Result<_, Problem>>()?;
    let nodes: Vec<StoredNode> = nodes
        .into_iter()
        .map(|node| Ok((u32::try_from(node.height).map_err(Problem::internal)?, unsigned(node.position)?, node.digest)))
        .collect::<Result<_, Problem>>()?;
    let hash = move || ServedBatch::new(&attested.served, number, &records, &nodes);
    Ok(web::block(hash).await.map_err(Problem::internal)??)
}

fn signed(number: u64) -> Result<i64, Problem> {
    i64::try_from(number).map_err(Problem::internal)
}
