//! `GET /e/{domain}`

use actix_web::{HttpRequest, HttpResponse, web};
use assay_core::domain::domain_defect;
use serde::Deserialize;

use super::{
    cache::PageKey,
    page::{answer, choice, choice_key, entry, found},
};
use crate::{
    api::{
        attestations::list::{cursor, read_cursor},
        parse::Query,
        problem::Problem,
        state::ApiState,
    },
    pages::{frame::Frame, history::History},
    store::{
        attestations::{self, Filter},
        later,
    },
};

/// Number of attestations on a page.
const ATTESTATIONS: usize = 30;

/// Which part of the list, and in which language.
#[derive(Debug, Deserialize)]
pub struct HistoryQuery {
    lang: Option<String>,
    /// Position, as in the public list of attestations.
    cursor: Option<String>,
}

/// The attestations of an exchange.
pub async fn history(
    state: web::Data<ApiState>,
    domain: web::Path<String>,
    query: Query<HistoryQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    if domain_defect(&domain).is_some() {
        return Err(Problem::not_found());
    }
    let choice = choice(&request, query.0.lang.as_deref());
    let after = query.0.cursor.as_deref().map(read_cursor).transpose()?;
    let filter = Filter { exchange: Some(domain.clone()), after, limit: ATTESTATIONS as i64 + 1, ..Filter::default() };
    let client = state.store.read().await?;
    let mut rows = attestations::list(&client, &filter).await?;
    let more = rows.len() > ATTESTATIONS;
    rows.truncate(ATTESTATIONS);
    let last = rows.last().ok_or_else(Problem::not_found)?;
    // anybody can invent a position: only those of attestations may fill the memory
    let is_kept = match after {
        Some((epoch, id)) => found(attestations::attestation(&client, &id).await)?
            .is_some_and(|row| row.epoch == epoch && row.exchange_domain == *domain),
        None => true,
    };
    let ids: Vec<[u8; 32]> = rows.iter().map(|row| row.id).collect();
    let notices = later::notices(&client, &ids).await?;
    drop(client);
    let next = more.then(|| cursor(last.epoch, &last.id));
    let here = after.map(|(epoch, id)| cursor(epoch, &id));
    let language = choice_key(choice);
    let noticed = later::digest_of(&[], &notices);
    let fixed: [&[u8]; 6] = [
        b"/e/",
        &language,
        &noticed,
        domain.as_bytes(),
        here.as_deref().unwrap_or_default().as_bytes(),
        next.as_deref().unwrap_or_default().as_bytes(),
    ];
    let key = is_kept.then(|| PageKey::of(fixed.into_iter().chain(rows.iter().map(|row| row.id.as_slice()))));
    let fetch = async |()| {
        let mut entries = Vec::with_capacity(rows.len());
        for row in &rows {
            entries.push((row.epoch.unix_timestamp(), entry(&state, row, &notices).await?));
        }
        let promised = state.config.promised_interval_seconds;
        let (domain, here, next) = (domain.clone(), here.clone(), next.clone());
        Ok::<_, Problem>(move || {
            let history = History {
                domain: &domain,
                entries: &entries,
                cursor: here.as_deref(),
                next: next.as_deref(),
                promised_seconds: i64::try_from(promised).ok().filter(|seconds| *seconds > 0),
            };
            let parameters: Vec<_> = here.iter().map(|here| ("cursor", here.as_str())).collect();
            history.render(Frame::new(choice, &parameters)).map_err(Problem::internal)
        })
    };
    Ok(answer(&*state.pages.page(key, async || Ok(()), fetch).await?, &request))
}
