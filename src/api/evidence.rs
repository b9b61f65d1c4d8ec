//! A cache of published attestations. Each is fetched and checked once. Published data never changes, and what comes later has another
//! key, so the cache is never stale.

use std::sync::Arc;

use actix_web::web;
use assay_core::sealed;
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

use super::{
    artefact::Artefact,
    cache::Cache,
    parse::AttestationId,
    problem::{Kind, Problem},
};
use crate::{
    attest::{AccountTree, Batch, Found, Owner, StoredNode, groups, served_batch, served_tree},
    store::{Store, attestations, pages},
    transparency::proofs,
};

/// Maximum size of cached batches: some hundred thousand accounts.
const MAX_BATCH_BYTES: usize = 96 << 20;
/// Maximum size of cached statements. The largest one has to fit into half a generation of the cache, or each lookup would parse it.
const MAX_STATEMENT_BYTES: usize = 160 << 20;
/// Parsed, a statement takes a few times its bytes.
const PARSED: usize = 4;
const _: () = assert!(PARSED * sealed::MAX_STATEMENT_BYTES < MAX_STATEMENT_BYTES / 4);
/// Maximum size of cached artefacts. The largest statement fits into half a generation.
const MAX_ARTEFACT_BYTES: usize = 48 << 20;
/// Maximum size of cached proofs of logging.
const MAX_LOG_PROOF_BYTES: usize = 1 << 20;
/// Maximum number of batches that are hashed at the same time.
const MAX_HASHING: usize = 2;

/// One published attestation.
pub struct PublishedAttestation {
    /// Its id.
    pub id: AttestationId,
    /// Domain of the exchange, as the statement says it.
    pub exchange: String,
    /// Where its pages are.
    pub job: Uuid,
    /// The statement. The pages are looked at with the first lookup: a statement can be shown whatever became of them.
    pub tree: AccountTree,
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
    /// signatures.json, made of rows with this digest.
    Signatures([u8; 32]),
    /// The bundle with all that came later, which has this digest.
    Evidence([u8; 32]),
}

/// What is kept in memory.
pub struct Evidence {
    attested: Cache<[u8; 32], PublishedAttestation>,
    batches: Cache<([u8; 32], u64), Batch>,
    artefacts: Cache<([u8; 32], Part), Artefact>,
    /// Proofs of logging, by attestation and moment.
    log_proofs: Cache<([u8; 32], i64), String>,
    hashing: Semaphore,
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            attested: Cache::new(MAX_STATEMENT_BYTES, |attested| attested.weight),
            batches: Cache::new(MAX_BATCH_BYTES, Batch::weight),
            artefacts: Cache::new(MAX_ARTEFACT_BYTES, Artefact::weight),
            log_proofs: Cache::new(MAX_LOG_PROOF_BYTES, String::len),
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

    /// The proof that the attestation `id` is in the log `origin`. It is made once for each `moment`: with the next checkpoint, or the next
    /// cosignature, it becomes another one.
    ///
    /// # Errors
    /// [`super::problem::Kind::NotFound`], also while no checkpoint contains it.
    pub async fn log_proof(
        &self,
        store: &Store,
        origin: &str,
        id: AttestationId,
        moment: i64,
    ) -> Result<Arc<String>, Problem> {
        let make = async || Ok(proofs::log_proof(&store.read().await?, origin, &id.0).await?.to_string());
        self.log_proofs.get_or_make((id.0, moment), make).await
    }

    /// Where the pages of `owner` are; `None` if the snapshot has no such account. Whether it has one cannot be told from how
    /// long this takes: either way a batch is searched, and it is kept or fetched alike.
    ///
    /// # Errors
    /// [`super::problem::Kind::Unavailable`], or a fault.
    pub async fn find(
        &self,
        store: &Store,
        attested: &Arc<PublishedAttestation>,
        owner: &Owner<'_>,
    ) -> Result<Option<Found>, Problem> {
        if !attested.tree.has_starts() {
            fetch_starts(store, attested).await?;
        }
        let mut lookup = attested.tree.lookup(owner);
        while let Some(number) = lookup.wanted() {
            lookup.feed(self.batch(store, attested, number).await?)?;
        }
        Ok(lookup.finish())
    }

    /// Waits for a permit to hash a batch.
    ///
    /// # Errors
    /// Never: the turns are there as long as the service is.
    pub async fn turn(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.hashing.acquire().await.map_err(Problem::internal)
    }

    async fn batch(
        &self,
        store: &Store,
        attested: &Arc<PublishedAttestation>,
        number: u64,
    ) -> Result<Arc<Batch>, Problem> {
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
    drop(client);
    let weight = PARSED * statement.len();
    let tree = web::block(move || served_tree(&statement)).await.map_err(Problem::internal)??;
    let weight = weight + tree.batches().count() * 40;
    Ok(PublishedAttestation { id, exchange: tree.statement().exchange.domain.clone(), job: row.job_id, tree, weight })
}

async fn fetch_starts(store: &Store, attested: &PublishedAttestation) -> Result<(), Problem> {
    let tree = &attested.tree;
    let pages = tree.batch_pages();
    let firsts = tree.batches().map(|number| signed(number * pages)).collect::<Result<Vec<_>, _>>()?;
    let starts = pages::batch_starts(&store.read().await?, attested.job, &firsts).await?;
    if starts.is_empty() {
        // `assay log repair` has published it again, and nobody is to take that for an account that was left out
        let lost = "the service does not have the ledger of this attestation any more; ask the exchange for your inclusion file";
        return Err(Problem::because(Kind::NotFound, lost));
    }
    let number = |(position, identity): (i64, [u8; 32])| Ok((unsigned(position)? / pages, identity));
    let starts = starts.into_iter().map(number).collect::<Result<Vec<_>, Problem>>()?;
    Ok(tree.set_starts(&starts)?)
}

async fn fetch_batch(store: &Store, attested: Arc<PublishedAttestation>, number: u64) -> Result<Batch, Problem> {
    let client = store.read().await?;
    let first = number * attested.tree.batch_pages();
    let behind = first + attested.tree.batch_pages();
    let records = pages::pages_between(&client, attested.job, signed(first)?, signed(behind)?).await?;
    let wanted: Vec<(i16, i64)> = groups(attested.tree.shape().depths, number)
        .into_iter()
        .map(|group| Ok((i16::try_from(group.height).map_err(Problem::internal)?, signed(group.first)?)))
        .collect::<Result<_, Problem>>()?;
    let nodes = pages::path_nodes(&client, attested.job, &wanted).await?;
    drop(client);
    let records: Vec<(u64, Vec<u8>)> =
        records.into_iter().map(|(at, record)| Ok((unsigned(at)?, record))).collect::<Result<_, Problem>>()?;
    let nodes: Vec<StoredNode> = nodes
        .into_iter()
        .map(|node| {
            let height = u32::try_from(node.height).map_err(Problem::internal)?;
            Ok(StoredNode { height, position: unsigned(node.position)?, digest: node.digest })
        })
        .collect::<Result<_, Problem>>()?;
    let hash = move || served_batch(&attested.tree, number, &records, &nodes);
    Ok(web::block(hash).await.map_err(Problem::internal)??)
}

fn unsigned(number: i64) -> Result<u64, Problem> {
    u64::try_from(number).map_err(Problem::internal)
}

fn signed(number: u64) -> Result<i64, Problem> {
    i64::try_from(number).map_err(Problem::internal)
}
