//! Pages that are written, what was signed later, and the ratios of statements that lists show.

use std::sync::Arc;

use actix_web::web;
use assay_core::sealed::Sealed;
use assay_programs::ledger::statement::Statement;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::{
    api::{cache::Cache, problem::Problem, static_file::StaticFile},
    pages::facts::Facts,
    store::{
        Store, attestations,
        later::{self, NoticeRow, SignatureRow},
    },
};

/// Maximum size of written pages.
const MAX_PAGE_BYTES: usize = 32 << 20;
/// Maximum size of ratios.
const MAX_FACT_BYTES: usize = 16 << 20;
/// Maximum size of what was signed later.
const MAX_LATER_BYTES: usize = 8 << 20;
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

/// What was signed about an attestation later, as it was at one moment.
pub struct LaterRows {
    /// Countersignatures and opinions.
    pub signed: Vec<SignatureRow>,
    /// Notices.
    pub notices: Vec<NoticeRow>,
    /// A digest of all of it.
    pub digest: [u8; 32],
}

impl LaterRows {
    fn weight(&self) -> usize {
        let texts = self.signed.iter().map(|row| row.jws.len()).chain(self.notices.iter().map(|row| row.jws.len()));
        size_of::<Self>() + texts.sum::<usize>()
    }
}

/// What is kept in memory.
pub struct PageCache {
    later: Cache<([u8; 32], i64), LaterRows>,
    written: Cache<PageKey, StaticFile>,
    facts: Cache<[u8; 32], Facts>,
    writing: Semaphore,
}

impl Default for PageCache {
    fn default() -> Self {
        Self {
            later: Cache::new(MAX_LATER_BYTES, LaterRows::weight),
            written: Cache::new(MAX_PAGE_BYTES, StaticFile::weight),
            facts: Cache::new(MAX_FACT_BYTES, Facts::weight),
            writing: Semaphore::new(MAX_WRITING),
        }
    }
}

impl PageCache {
    /// The page of `key`, made if it is not kept; without a key it is made and not kept.
    ///
    /// `check` finds out whether there is such a page. It takes no turn, so that addresses of nothing do not make readers of pages wait.
    /// `fetch` gets what the page shows, and gives the work that writes it, which does not block other requests.
    ///
    /// # Errors
    /// Those of `check`, of `fetch` and of the work.
    pub async fn page<C, W>(
        &self,
        key: Option<PageKey>,
        check: impl AsyncFnOnce() -> Result<C, Problem>,
        fetch: impl AsyncFnOnce(C) -> Result<W, Problem>,
    ) -> Result<Arc<StaticFile>, Problem>
    where
        W: FnOnce() -> Result<String, Problem> + Send + 'static,
    {
        let make = async || {
            let checked = check().await?;
            let _turn = self.writing.acquire().await.map_err(Problem::internal)?;
            let work = fetch(checked).await?;
            let write = move || Ok::<_, Problem>(StaticFile::packed_beforehand(HTML, work()?));
            web::block(write).await.map_err(Problem::internal)?
        };
        match key {
            Some(key) => self.written.get_or_make(key, make).await,
            None => make().await.map(Arc::new),
        }
    }

    /// What was signed about the attestation `id` later. It is asked for once each `moment`. Of an id of nothing, nothing is kept.
    ///
    /// # Errors
    /// [`crate::api::problem::Kind::NotFound`]; those of the database.
    pub async fn later(&self, store: &Store, id: [u8; 32], moment: i64) -> Result<Arc<LaterRows>, Problem> {
        let make = async || {
            let client = store.read().await?;
            later::require(&client, &id).await?;
            let signed = later::signatures(&client, &id).await?;
            let notices = later::notices(&client, &[id]).await?;
            let digest = later::digest_of(&signed, &notices);
            Ok::<_, Problem>(LaterRows { signed, notices, digest })
        };
        self.later.get_or_make((id, moment), make).await
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
    use futures_util::FutureExt;

    use super::*;
    use crate::api::problem::Kind;

    async fn nothing_here() -> Result<(), Problem> {
        Err(Problem::not_found())
    }

    async fn paragraph((): ()) -> Result<impl FnOnce() -> Result<String, Problem> + Send + 'static, Problem> {
        Ok(|| Ok("<p>".to_owned()))
    }

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
        let key = Some(PageKey::of([b"one".as_slice()]));
        assert!(cache.page(key.clone(), nothing_here, paragraph).await.is_err());
        let fails = async |()| Ok(|| Err(Problem::not_found()));
        assert!(cache.page(key.clone(), async || Ok(()), fails).await.is_err());
        let first = cache.page(key.clone(), async || Ok(()), paragraph).await.unwrap();
        let second = cache.page(key, nothing_here, paragraph).await.unwrap();
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[actix_web::test]
    async fn without_a_key_a_page_is_written_and_not_kept() {
        let cache = PageCache::default();
        let first = cache.page(None, async || Ok(()), paragraph).await.unwrap();
        let second = cache.page(None, async || Ok(()), paragraph).await.unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
    }

    #[actix_web::test]
    async fn an_address_of_nothing_waits_for_no_turn() {
        let cache = PageCache::default();
        let _turns = cache.writing.acquire_many(u32::try_from(MAX_WRITING).unwrap()).await.unwrap();
        for key in [None, Some(PageKey::of([b"nothing".as_slice()]))] {
            let answer = cache.page(key.clone(), nothing_here, paragraph).now_or_never();
            assert_eq!(answer.unwrap().err().unwrap().kind(), Kind::NotFound);
            assert!(cache.page(key, async || Ok(()), paragraph).now_or_never().is_none());
        }
    }
}
