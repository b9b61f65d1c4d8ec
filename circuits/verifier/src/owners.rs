//! Who signed for reserve lines: what lines show, summed, and the reader's own judgement of disclosed ones, compared with what the
//! statement says.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use assay_core::{
    decimal::{DecimalError, ExactSum},
    holding::HoldingKeys,
    sealed::Sealed,
    text::{shown, spelled_out},
};
use assay_ownership::{Anchor, Context, Line, Reason, Verdict, judge_listed};
use assay_programs::{
    ledger::statement::{ByStatus, Evidence, MAX_UNDATED_TEXTS, Statement},
    reserves::{DisclosedFields, DisclosedLine, ReserveDisclosure, ReservesReport},
};

/// What lines show together. `K` tells assets apart.
#[derive(Debug, Clone, Default)]
pub struct Shown<K> {
    /// The amounts of each asset.
    pub sums: BTreeMap<K, ByStatus<ExactSum>>,
    /// Number of lines.
    pub lines: ByStatus<u64>,
    /// The texts that undated lines signed, hidden characters spelled out.
    pub texts: BTreeSet<String>,
    /// The amounts of each asset that nobody signed for with the key of an address.
    rest: BTreeMap<K, Rest<ExactSum>>,
    /// Number of these lines.
    rest_lines: Rest<u64>,
}

/// Lines whose status can depend on who reads them: a custodian's key is on one list and not on another.
#[derive(Debug, Clone, Copy, Default)]
struct Rest<T> {
    /// A third party states them, by any key.
    vouched: T,
    /// Unproven for everybody.
    unproven: T,
    /// Both.
    all: T,
}

impl<T> Rest<T> {
    /// Changes the two parts that a line counts for; none for a line that an address' key signed for.
    fn parts_of(&mut self, verdict: &Verdict) -> Option<[&mut T; 2]> {
        match verdict {
            Verdict::Fresh | Verdict::Undated { .. } => None,
            Verdict::ThirdParty { .. } | Verdict::Unproven(Reason::Signer) => Some([&mut self.vouched, &mut self.all]),
            Verdict::Unproven(_) => Some([&mut self.unproven, &mut self.all]),
        }
    }
}

impl<K: Ord + Clone> Shown<K> {
    /// Adds a line.
    ///
    /// # Errors
    /// If the amount cannot be read.
    pub fn add(&mut self, asset: K, amount: &str, verdict: &Verdict) -> Result<(), DecimalError> {
        for sum in self.rest.entry(asset.clone()).or_default().parts_of(verdict).into_iter().flatten() {
            sum.add(amount)?;
        }
        self.rest_lines.parts_of(verdict).into_iter().flatten().for_each(|lines| *lines += 1);
        let sums = self.sums.entry(asset).or_default();
        let (sum, lines) = match verdict {
            Verdict::Fresh => (&mut sums.fresh, &mut self.lines.fresh),
            Verdict::Undated { text } => {
                self.texts.insert(spelled_out(text));
                (&mut sums.undated, &mut self.lines.undated)
            }
            Verdict::ThirdParty { .. } => (&mut sums.third_party, &mut self.lines.third_party),
            Verdict::Unproven(_) => (&mut sums.unproven, &mut self.lines.unproven),
        };
        *lines += 1;
        sum.add(amount)
    }

    /// What the lines show, and how many third parties are on no list of the reader's.
    fn sentence(&self) -> String {
        let ByStatus { fresh, undated, third_party, unproven } = self.lines;
        let text =
            format!("{fresh} proven owned, {third_party} by third parties, {undated} undated, {unproven} unproven");
        match self.rest_lines.vouched.saturating_sub(third_party) {
            0 => text,
            unlisted => format!(
                "{text}; third parties state {unlisted} of the unproven lines, by keys that are on no list given here (--custodians)"
            ),
        }
    }
}

/// Adds the checks of proved lines to a report on their disclosure: that none stands there twice, what their signatures show to a reader
/// who accepts the keys of these `custodians`, and that the statement does not say otherwise.
pub(crate) fn check_owners(
    report: &mut ReservesReport,
    disclosure: &ReserveDisclosure,
    statement: &Sealed<Statement>,
    custodians: Option<&HoldingKeys>,
) {
    let title = "no place of an asset is disclosed twice";
    let lines = report.checks.step("reserves-places", title, lines_of(disclosure), |_| String::new());
    let Some(lines) = lines else { return };
    let evidence = statement.reserves.evidence.as_ref();
    let title = "no signature over a disclosed line is false";
    let judged = judge_all(&lines, &context(statement, evidence), custodians);
    let Some(shown) = report.checks.step("reserves-signatures", title, judged, Shown::sentence) else {
        return;
    };
    for asset in &mut report.assets {
        let sums = shown.sums.get(asset.symbol.as_str());
        asset.owners = sums.map(|sums| sums.as_ref().map(|sum| units(sum, asset.scale)));
    }
    report.owners = Some(shown.lines);
    if let Some(evidence) = evidence {
        let outcome = compare(report, disclosure, &shown, evidence);
        report.checks.add("reserves-summary", "the lines show nothing else than the statement says of them", outcome);
    }
}

/// A sum in smallest units, rounded down; the stated reserves bound it.
fn units(sum: &ExactSum, scale: u8) -> u128 {
    sum.units(scale).map_or(0, |(units, _)| units)
}

fn context<'s>(statement: &'s Statement, evidence: Option<&'s Evidence>) -> Context<'s> {
    let anchor = evidence.and_then(|evidence| evidence.anchor.as_ref());
    Context {
        domain: &statement.exchange.domain,
        snapshot: &statement.snapshot.id,
        taken_at: &statement.snapshot.taken_at,
        anchor: anchor.map(|block| Anchor { chain: &block.chain, height: block.height, hash: &block.hash }),
        challenge: evidence.and_then(|evidence| evidence.challenge.as_deref()),
    }
}

/// The lines as far as ownership is concerned, of which no two of one asset are in one place.
fn lines_of(disclosure: &ReserveDisclosure) -> Result<Vec<(&DisclosedLine, Line<'_>)>, String> {
    let mut places = HashSet::new();
    let mut lines = Vec::with_capacity(disclosure.lines.len());
    for disclosed in &disclosure.lines {
        let DisclosedFields { asset, chain, address, amount, height: _, message, signature, token, kind, key } =
            &disclosed.fields;
        let refused = |reason: String| format!("line {}: {reason}", disclosed.index);
        let kind = kind.parse().map_err(refused)?;
        let line = Line { chain, address, asset, amount, message, signature, token, kind, key };
        if !places.insert((asset, line.place())) {
            return Err(refused(format!("{} at address {} is there twice", shown(asset), shown(address))));
        }
        lines.push((disclosed, line));
    }
    Ok(lines)
}

/// What the lines show. One without signatures that its chain cannot read shows nothing, as in a ledger.
fn judge_all<'d>(
    lines: &[(&'d DisclosedLine, Line<'d>)],
    context: &Context<'_>,
    custodians: Option<&HoldingKeys>,
) -> Result<Shown<&'d str>, String> {
    let mut shown = Shown::default();
    for (disclosed, line) in lines {
        let refused = |reason: String| format!("line {}: {reason}", disclosed.index);
        let verdict = match judge_listed(line, context, custodians) {
            Ok(verdict) => verdict,
            Err(_) if line.is_silent() => Verdict::Unproven(Reason::Unsigned),
            Err(defect) => return Err(refused(defect.to_string())),
        };
        let DisclosedFields { asset, amount, .. } = &disclosed.fields;
        shown.add(asset.as_str(), amount, &verdict).map_err(|e| refused(e.to_string()))?;
    }
    Ok(shown)
}

/// That lines do not show more of anything than the statement says, and exactly that where all lines are disclosed: those of an asset for
/// its sums, those of the whole file for the number of lines and the signed texts. What third parties state is the exchange's list's
/// matter: the statement can count a line so or not, but only one that a third party states.
fn compare(
    report: &ReservesReport,
    disclosure: &ReserveDisclosure,
    shown: &Shown<&str>,
    evidence: &Evidence,
) -> Result<String, String> {
    let stated: BTreeMap<&str, _> = evidence.assets.iter().map(|asset| (asset.symbol.as_str(), asset)).collect();
    for asset in &report.assets {
        let symbol = asset.symbol.as_str();
        let (Some(found), Some(rest)) = (asset.owners, shown.rest.get(symbol)) else { continue };
        let said = match stated.get(symbol) {
            Some(said) => said.units().map_err(|e| e.to_string())?,
            // all its lines are of nothing
            None => ByStatus::default(),
        };
        let rest = Rest {
            vouched: units(&rest.vouched, asset.scale),
            unproven: units(&rest.unproven, asset.scale),
            all: units(&rest.all, asset.scale),
        };
        if !agree(found, rest, said, disclosure.complete == Some(true)) {
            return Err(format!("the lines of {symbol} show other sums by status than the statement says"));
        }
    }
    let is_whole = disclosure.lines.len() as u64 == disclosure.line_count;
    let Rest { vouched, unproven, all } = shown.rest_lines;
    let rest = Rest { vouched: u128::from(vouched), unproven: u128::from(unproven), all: u128::from(all) };
    if !agree(shown.lines.map(u128::from), rest, evidence.lines.map(u128::from), is_whole) {
        return Err("the statement says other numbers of lines by status".to_owned());
    }
    let first = shown.texts.iter().take(MAX_UNDATED_TEXTS);
    let texts = shown.texts.len() as u64 == evidence.undated_texts && first.eq(evidence.texts.iter());
    if is_whole && !texts {
        return Err("the statement says other texts of undated lines".to_owned());
    }
    Ok(format!("{} assets", report.assets.len()))
}

/// Whether what was found is a part of what is said, or the whole of it. Who signed for an address is the same for everybody; which third
/// parties count is not.
fn agree(found: ByStatus<u128>, rest: Rest<u128>, said: ByStatus<u128>, is_whole: bool) -> bool {
    let said_rest = said.third_party.saturating_add(said.unproven);
    let is_within = found.fresh <= said.fresh
        && found.undated <= said.undated
        && rest.unproven <= said.unproven
        && rest.all <= said_rest;
    let is_all = (found.fresh, found.undated) == (said.fresh, said.undated) && said.third_party <= rest.vouched;
    is_within && (!is_whole || is_all)
}
