//! Pages that are written, and the ratios of statements that lists show.

use std::sync::Arc;

use actix_web::web;
use assay_core::sealed::Sealed;
use assay_programs::ledger::statement::Statement;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::{
    api::{cache::Cache, problem::Problem, static_file::StaticFile},
    pages::facts::Facts,
    store::{Store, attestations},
};

/// Maximum size of written pages.
const MAX_PAGE_BYTES: usize = 32 << 20;
/// Maximum size of ratios.
const MAX_FACT_BYTES: usize = 16 << 20;
/// Maximum number of pages that are written at the same time. A list may read a statement for each of its lines.
const MAX_WRITING: usize = 4;
/// Pages are HTML.
const HTML: &str = "text/html; charset=utf-8";

/// Everything that decides about a page, as a digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PageKey([u8; 32]);

impl PageKey {
    /// The key of a page with these parts.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        Self(digest.finalize().into())
    }
}

/// What is kept in memory.
pub struct PageCache {
    written: Cache<PageKey, StaticFile>,
    facts: Cache<[u8; 32], Facts>,
    writing: Semaphore,
}

impl Default for PageCache {
    fn default() -> Self {
        Self {
            written: Cache::new(MAX_PAGE_BYTES, StaticFile::weight),
            facts: Cache::new(MAX_FACT_BYTES, Facts::weight),
            writing: Semaphore::new(MAX_WRITING),
        }
    }
}

impl PageCache {
    /// The page of `key`. `write` makes it if it is not kept.
    ///
    /// # Errors
    /// Those of `write`.
    pub async fn page(
        &self,
        key: PageKey,
        write: impl AsyncFnOnce() -> Result<String, Problem>,
    ) -> Result<Arc<StaticFile>, Problem> {
        let make = async || {
            let _turn = self.writing.acquire().await.map_err(Problem::internal)?;
            let html = write().await?;
            web::block(|| StaticFile::packed_beforehand(HTML, html)).await.map_err(Problem::internal)
        };
        self.written.get_or_make(key, make).await
    }

    /// The ratios of the attestation `id`.
    ///
    /// # Errors
    /// [`crate::api::problem::Kind::NotFound`], or a fault.
    pub async fn facts(&self, store: &Store, id: [u8; 32]) -> Result<Arc<Facts>, Problem> {
        let make = async || {
            let client = store.read().await?;
            let bytes = attestations::artefact(&client, &id, attestations::Artefact::Statement).await?;
            drop(client);
            let read = move || Sealed::<Statement>::parse(&bytes).map(|statement| Facts::of(&statement));
            web::block(read).await.map_err(Problem::internal)?.map_err(Problem::internal)
        };
        self.facts.get_or_make(id, make).await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parts_of_a_key_do_not_run_into_each_other() {
        let key = |parts: &[&str]| PageKey::of(parts.iter().map(|part| part.as_bytes()));
        assert_eq!(key(&["a", "bc"]), key(&["a", "bc"]));
        assert_ne!(key(&["a", "bc"]), key(&["ab", "c"]));
        assert_ne!(key(&["a"]), key(&["a", ""]));
    }

    #[actix_web::test]
    async fn a_page_is_written_once_and_a_failure_is_not_kept() {
        let cache = PageCache::default();
        let key = PageKey::of([b"one".as_slice()]);
        assert!(cache.page(key.clone(), async || Err(Problem::not_found())).await.is_err());
        let first = cache.page(key.clone(), async || Ok("<p>".to_owned())).await.unwrap();
        let second = cache.page(key, async || panic!("it is kept")).await.unwrap();
        assert!(Arc::ptr_eq(&first, &second));
    }
}
