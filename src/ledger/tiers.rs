//! `tiers.csv`: `asset,from,to,percent`, or with `kind` after the asset for several collateral tables. It states which share of an
//! asset's value counts as collateral, depending on the value that an account holds.

use std::collections::{BTreeMap, BTreeSet};

use super::assets::Assets;
use super::finding::{Environment, Findings};
use super::limits::{Limits, MAX_COLLATERAL_KINDS, MAX_TIERS};
use super::lines::{SNAPSHOT_LINE_BYTES, Table};
use super::source::Source;
use crate::progress::Progress;
use assay_core::decimal::{Decimal, parse_decimal, parse_units};
use assay_core::text::shown;

pub(crate) const TIERS_HEADER: [&str; 4] = ["asset", "from", "to", "percent"];
pub(crate) const TIERS_BY_KIND_HEADER: [&str; 5] = ["asset", "kind", "from", "to", "percent"];

/// Name of the only kind of collateral if tiers.csv has no `kind`.
pub(crate) const ONLY_KIND: &str = "collateral";

const MAX_PERCENT_BPS: u16 = 10_000;

/// One tier of a collateral table: `percent_bps` of the value between `from` and `to` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Number of the asset in the snapshot's list.
    pub asset: u16,
    /// Number of the kind of collateral in the snapshot's list.
    pub kind: u8,
    /// Value in the quote currency at which the tier begins.
    pub from: Decimal,
    /// Value at which the tier ends; `None` if it has no end. Nothing counts beyond the end of the last tier.
    pub to: Option<Decimal>,
    /// Share that counts, in hundredths of a percent, 0 to 10,000.
    pub percent_bps: u16,
}

/// All tiers, sorted by asset, kind and position in their table.
#[derive(Debug, Default)]
pub(crate) struct Tiers {
    pub(crate) list: Vec<Tier>,
    /// In the order of their first use in the file.
    pub(crate) kinds: Vec<String>,
    pub(crate) rows: u64,
    /// Whether no row was refused. Otherwise a table that is not there may be one that was refused.
    pub(crate) whole: bool,
}

impl Tiers {
    /// The number of the kind, if the asset has a table of it.
    pub(crate) fn kind_of(&self, asset: u16, kind: &str) -> Option<u8> {
        let kind = u8::try_from(self.kinds.iter().position(|known| known == kind)?).ok()?;
        self.list.binary_search_by_key(&(asset, kind), |tier| (tier.asset, tier.kind)).is_ok().then_some(kind)
    }

    pub(crate) fn has(&self, asset: u16) -> bool {
        self.list.binary_search_by_key(&asset, |tier| tier.asset).is_ok()
    }
}

/// State of a table while it is read: the end and the share of the last tier.
#[derive(Debug, Default)]
pub(crate) struct Ladder(Option<(Option<Decimal>, u16)>);

impl Ladder {
    /// Adds the next tier. Tiers have no gaps or overlaps, and the share never rises, so that a larger value never counts less and two
    /// halves never count less than the whole.
    pub(crate) fn step(&mut self, from: Decimal, to: Option<Decimal>, percent_bps: u16) -> Result<(), String> {
        let last = self.0.replace((to, percent_bps));
        let begin = match last {
            None => Decimal { units: 0, scale: 0 },
            Some((Some(end), _)) => end,
            Some((None, _)) => return Err("follows a tier without an end".to_owned()),
        };
        if begin.is_below(from) {
            return Err(match last {
                None => format!("begins at {from}, the first tier must begin at 0"),
                Some(_) => format!("begins at {from} and leaves a gap: the tier before ends at {begin}"),
            });
        }
        if from.is_below(begin) {
            return Err(format!("begins at {from} and overlaps: the tier before ends at {begin}"));
        }
        if let Some(to) = to
            && !from.is_below(to)
        {
            return Err(format!("ends at {to}, which is not above {from}, where it begins"));
        }
        match last {
            Some((_, before)) if percent_bps > before => {
                Err(format!("counts {} percent, more than {} before it", percent(percent_bps), percent(before)))
            }
            _ => Ok(()),
        }
    }
}

/// Hundredths of a percent as percent.
pub(crate) fn percent(bps: u16) -> Decimal {
    let (units, scale) = match bps {
        bps if bps.is_multiple_of(100) => (bps / 100, 0),
        bps if bps.is_multiple_of(10) => (bps / 10, 1),
        bps => (bps, 2),
    };
    Decimal { units: units.into(), scale }
}

/// Parses percent as hundredths of a percent.
pub(crate) fn parse_percent(text: &str) -> Result<u16, String> {
    let bps = parse_units(text, 2).map_err(|error| format!("percent {} {error}", shown(text)))?;
    u16::try_from(bps)
        .ok()
        .filter(|bps| *bps <= MAX_PERCENT_BPS)
        .ok_or_else(|| format!("percent {} is above 100", shown(text)))
}

/// Reads the tiers. `None`, with findings, if the file cannot be read.
pub(crate) fn read(
    source: &Source,
    assets: &Assets,
    limits: &Limits,
    findings: &mut Findings,
    progress: &dyn Progress,
) -> Result<Option<Tiers>, Environment> {
    let mut table = Table::open(source, SNAPSHOT_LINE_BYTES, limits, progress)?;
    let Some(columns) = table.expect_one_header(&[&TIERS_HEADER, &TIERS_BY_KIND_HEADER], findings)? else {
        return Ok(None);
    };
    let by_kind = columns == TIERS_BY_KIND_HEADER.len();
    let before = findings.total;
    let mut whole = true;
    let mut tiers = Tiers::default();
    let mut unpriced_reported = BTreeSet::new();
    let mut ladders: BTreeMap<(u16, u8), Ladder> = BTreeMap::new();
    while let Some(line) = table.next(findings)? {
        let fields = table.fields();
        let symbol = fields.get(0);
        let kind_name = if by_kind { fields.get(1) } else { ONLY_KIND };
        let [from, to, percent] = [3, 2, 1].map(|behind| fields.get(columns - behind));
        let mut add = |reason: String| findings.add(&source.name, Some(line), reason);
        if table.rows() > MAX_TIERS {
            add(format!("too many tiers: a book has at most {MAX_TIERS}"));
            break;
        }
        let kind = match kind_number(&mut tiers.kinds, kind_name) {
            Ok(kind) => kind,
            Err(reason) => {
                add(reason);
                continue;
            }
        };
        let asset = match assets.find(symbol) {
            Ok(asset) => asset,
            Err(reason) => {
                whole = false;
                reason.into_iter().for_each(add);
                continue;
            }
        };
        let worthless = assets.list[usize::from(asset)].price.is_none_or(|price| price.units == 0);
        if worthless && unpriced_reported.insert(asset) {
            add(format!("{symbol} has tiers here but no price above zero in assets.csv"));
        }
        let value = |word: &str, text: &str| {
            parse_decimal(text).map_err(|error| format!("{symbol} {word} {} {error}", shown(text)))
        };
        let parsed = value("from", from).and_then(|from| {
            let to = if to.is_empty() { None } else { Some(value("to", to)?) };
            Ok((from, to, parse_percent(percent).map_err(|reason| format!("{symbol} {reason}"))?))
        });
        let (from, to, percent_bps) = match parsed {
            Ok(parsed) => parsed,
            Err(reason) => {
                add(reason);
                continue;
            }
        };
        if let Err(reason) = ladders.entry((asset, kind)).or_default().step(from, to, percent_bps) {
            add(format!("{symbol} tier {reason}"));
        }
        tiers.list.push(Tier { asset, kind, from, to, percent_bps });
    }
    // stable: within a table, tiers stay in the order of the file, which is the order of their values
    tiers.list.sort_by_key(|tier| (tier.asset, tier.kind));
    tiers.whole = whole && findings.total == before;
    tiers.rows = table.rows();
    Ok(Some(tiers))
}

/// The number of a kind, assigned at its first use.
fn kind_number(kinds: &mut Vec<String>, name: &str) -> Result<u8, String> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if name.is_empty() || name.len() > 32 || !name.bytes().all(allowed) {
        return Err(format!("kind {} is not 1 to 32 lower-case letters, digits or underscores", shown(name)));
    }
    let number = kinds.iter().position(|known| known == name).unwrap_or(kinds.len());
    if number == MAX_COLLATERAL_KINDS {
        return Err(format!("{name} exceeds the maximum of {MAX_COLLATERAL_KINDS} kinds of collateral"));
    }
    if number == kinds.len() {
        kinds.push(name.to_owned());
    }
    u8::try_from(number).map_err(|_| format!("{name} exceeds the maximum number of kinds of collateral"))
}
