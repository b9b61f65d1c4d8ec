//! `GET /`

use actix_web::{HttpRequest, HttpResponse, web};
use assay_core::domain::domain_defect;
use serde::Deserialize;
use time::{Duration, OffsetDateTime};

use super::{
    cache::PageKey,
    page::{answer, choice, choice_key, entry, found},
};
use crate::{
    api::{parse::Query, problem::Problem, state::ApiState},
    pages::{
        frame::Frame,
        home::{Home, Listed},
    },
    store::{
        attestations::{self, AttestationRow},
        later::{self, NoticeRow},
    },
};

/// Number of exchanges on a page.
const EXCHANGES: usize = 50;

/// Which part of the list, and in which language. Other names are ignored: people follow links that others have decorated.
#[derive(Debug, Deserialize)]
pub struct HomeQuery {
    lang: Option<String>,
    /// Domain behind which the page begins.
    after: Option<String>,
}

/// Each exchange with its newest attestation.
pub async fn home(
    state: web::Data<ApiState>,
    query: Query<HomeQuery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (choice, after) = (choice(&request, query.0.lang.as_deref()), query.0.after.as_deref());
    if after.is_some_and(|after| domain_defect(after).is_some()) {
        return Err(Problem::not_found());
    }
    // one more, to find out whether there is a next page
    let client = state.store.read().await?;
    let mut rows = attestations::latest_of_each(&client, after, EXCHANGES as i64 + 1).await?;
    if rows.is_empty() && after.is_some() {
        return Err(Problem::not_found());
    }
    // anybody can invent a domain: only those that end a page may fill the memory
    let is_kept = match after {
        Some(after) => found(attestations::latest(&client, Some(after)).await)?.is_some(),
        None => true,
    };
    let has_more = rows.len() > EXCHANGES;
    rows.truncate(EXCHANGES);
    let ids: Vec<[u8; 32]> = rows.iter().map(|row| row.id).collect();
    let notices = later::notices(&client, &ids).await?;
    drop(client);
    // ages are shown in minutes
    let now = state.now().replace_second(0).and_then(|now| now.replace_nanosecond(0)).map_err(Problem::internal)?;
    let (language, minute) = (choice_key(choice), now.unix_timestamp().to_be_bytes());
    let noticed = later::digest_of(&[], &notices);
    let fixed: [&[u8]; 6] = [
        b"/",
        &language,
        &minute,
        &noticed,
        after.unwrap_or_default().as_bytes(),
        if has_more { b"more" } else { b"" },
    ];
    let key = is_kept.then(|| PageKey::of(fixed.into_iter().chain(rows.iter().map(|row| row.id.as_slice()))));
    let fetch = async |()| {
        let mut listed = Vec::with_capacity(rows.len());
        for row in &rows {
            listed.push(list(&state, row, &notices, now).await?);
        }
        let (after, address) = (after.map(str::to_owned), state.config.public_url.clone());
        Ok::<_, Problem>(move || {
            let parameters: Vec<_> = after.iter().map(|after| ("after", after.as_str())).collect();
            let home = Home { listed: &listed, after: after.as_deref(), has_more, address: &address };
            home.render(Frame::new(choice, &parameters)).map_err(Problem::internal)
        })
    };
    Ok(answer(&*state.pages.page(key, async || Ok(()), fetch).await?, &request))
}

async fn list(
    state: &ApiState,
    row: &AttestationRow,
    notices: &[NoticeRow],
    now: OffsetDateTime,
) -> Result<Listed, Problem> {
    let age = now - row.published_at;
    let promised = state.config.promised_interval_seconds;
    let is_late = promised > 0 && age > Duration::seconds(i64::try_from(promised).unwrap_or(i64::MAX));
    Ok(Listed { entry: entry(state, row, notices).await?, age_seconds: age.whole_seconds(), is_late })
}
