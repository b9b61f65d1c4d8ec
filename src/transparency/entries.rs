//! What the entries of a followed log say, and whether the service beside it gives out what they are of.

use std::collections::BTreeMap;

use assay_core::{
    sealed::{Sealed, StatementDigest},
    text::{shown, visible},
    time::parse_instant,
};
use assay_programs::ledger::statement::Statement;
use assay_verifier::log::entry::{ATTESTATION_KIND, Entry, LATER_KINDS, LaterEntry};
use time::{Duration, OffsetDateTime};

use super::{
    finding::{MonitorFinding, finding},
    later::LaterEntries,
    reader::{GIVEN_UP, ReadError, Reader},
};

/// What the entries say, all or those of one exchange, and whether the statements are there. `cadence` is the longest time between two
/// snapshots of an exchange.
pub(super) fn read_entries(
    entries: &[Vec<u8>],
    reader: &Reader,
    exchange: Option<&str>,
    cadence: Option<Duration>,
    now: OffsetDateTime,
) -> Vec<MonitorFinding> {
    let (mut found, mut published) = (Vec::new(), Vec::new());
    let mut later = LaterEntries { size: entries.len() as u64, ..LaterEntries::default() };
    // per exchange, the statements by instant, and the newest instant so far
    let mut seen: BTreeMap<String, BTreeMap<OffsetDateTime, String>> = BTreeMap::new();
    for (position, bytes) in entries.iter().enumerate() {
        let entry = match Sealed::<Entry>::parse(bytes) {
            Ok(entry) => entry,
            Err(e) if kind_of(bytes).is_none_or(|kind| kind == ATTESTATION_KIND) => {
                found.push(finding("malformed", format!("entry {position}: {e}")));
                continue;
            }
            Err(_) => {
                match later_entry(bytes) {
                    Some(Ok(entry)) if exchange.is_none_or(|exchange| *exchange == entry.exchange) => {
                        later.entries.push((position, entry));
                    }
                    Some(Err(e)) => found.push(finding("malformed", format!("entry {position}: {e}"))),
                    _ => {}
                }
                continue;
            }
        };
        if exchange.is_some_and(|exchange| *exchange != entry.exchange) {
            continue;
        }
        later.statements.insert(entry.statement.clone());
        // checked when it was parsed
        let Ok(instant) = parse_instant(&entry.taken_at) else { continue };
        let of_exchange = seen.entry(entry.exchange.clone()).or_default();
        let label =
            format!("entry {position}, {} of {} for {}", shown(&entry.snapshot), entry.exchange, entry.taken_at);
        if let Some(other) = of_exchange.get(&instant) {
            found.push(finding(
                "duplicate",
                format!("{label}: another statement for this instant is in the log, {other}"),
            ));
        } else if of_exchange.last_key_value().is_some_and(|(newest, _)| *newest > instant) {
            found.push(finding("backwards", format!("{label}: a later instant was published before")));
        }
        of_exchange.entry(instant).or_insert_with(|| entry.statement.clone());
        published.push((entry, label));
    }
    found.extend(statement_findings(reader, &published, now));
    // of what was not asked for, nothing is known
    let compared = later.compare(reader);
    found.extend(compared.into_iter().filter(|found| !found.detail.ends_with(GIVEN_UP)));
    if reader.has_given_up() {
        let detail = "the service was not asked for all statements: it did not answer three times in a row, or took more than ten minutes";
        found.push(finding("unreadable", detail).about("statements"));
    }
    if let Some(cadence) = cadence {
        let late = |(exchange, instants): (&String, &BTreeMap<OffsetDateTime, String>)| {
            let (newest, _) = instants.last_key_value()?;
            let days = (now - *newest).whole_days();
            let late = || finding("late", format!("{exchange}: the newest snapshot is {days} days old"));
            // whoever is late twice is late after two snapshots
            (now - *newest > cadence).then(|| late().about(format!("{exchange} {newest}")))
        };
        found.extend(seen.iter().filter_map(late));
        if let Some(exchange) = exchange.filter(|exchange| !seen.contains_key(*exchange)) {
            found.push(finding("late", format!("{}: there is no snapshot", visible(exchange))));
        }
    }
    found
}

/// Whether the service gives out the statements. Each run begins at another one, so what the service does not answer does not hide the
/// same others each time.
fn statement_findings(
    reader: &Reader,
    published: &[(Sealed<Entry>, String)],
    now: OffsetDateTime,
) -> Vec<MonitorFinding> {
    let mut found = BTreeMap::new();
    for at in rotated(published.len(), now) {
        if let Some((entry, label)) = published.get(at) {
            found.extend(statement_finding(reader, entry, label).map(|finding| (at, finding)));
        }
    }
    found.into_values().collect()
}

/// The numbers below `length`, each once, from one that depends on the time.
pub(super) fn rotated(length: usize, now: OffsetDateTime) -> impl Iterator<Item = usize> {
    let seconds = usize::try_from(now.unix_timestamp()).unwrap_or(0);
    let first = seconds.checked_rem(length).unwrap_or(0);
    (first..length).chain(0..first)
}

/// Whether the service gives out the statement of an entry, and it says the same.
fn statement_finding(reader: &Reader, entry: &Sealed<Entry>, label: &str) -> Option<MonitorFinding> {
    let about = |class: &str, reason: String| {
        Some(finding("statement", format!("{label}: {reason}")).about(format!("{class} {}", entry.statement)))
    };
    let differs = |reason: String| about("false", reason);
    let bytes = match reader.statement(&entry.statement) {
        Ok(bytes) => bytes,
        Err(ReadError::GivenUp { .. }) => return None,
        Err(e) => return about("missing", e.to_string()),
    };
    if StatementDigest::of(&bytes).to_string() != entry.statement {
        return differs("the service gives out another statement under its digest".to_owned());
    }
    let own = Sealed::<Statement>::parse(&bytes).and_then(|statement| Entry::of(&statement));
    match own {
        Ok(own) if own.bytes() == entry.bytes() => None,
        Ok(_) => differs("the statement is of another exchange, snapshot or instant".to_owned()),
        Err(e) => differs(e.to_string()),
    }
}

/// The entry of what was signed later; nothing of a kind that this program does not know.
fn later_entry(bytes: &[u8]) -> Option<Result<Sealed<LaterEntry>, assay_core::Error>> {
    let is_later = kind_of(bytes).is_some_and(|kind| LATER_KINDS.contains(&kind.as_str()));
    is_later.then(|| Sealed::parse(bytes))
}

/// The member `kind` of an entry that is a JSON object.
fn kind_of(entry: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(entry).ok()?;
    value.get("kind")?.as_str().map(str::to_owned)
}
