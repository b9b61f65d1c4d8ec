//! Which node is asked about which line.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use assay_core::decimal::{ExactSum, format_digits};
use assay_core::lines::LineFields;
use assay_core::text::symbol_key;
use assay_ownership::{Chain, Kind};
use num_bigint::BigUint;

use super::amount::units;
use super::answer::{Block, LineAnswer, Outcome};
use super::bitcoin;
use super::endpoint::Endpoint;
use super::evm::{Evm, Where};
use super::node::Node;
use crate::progress::Progress;

/// After so many answers they are saved.
const SAVED: usize = 32;

/// How nodes are asked.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Questions under way at once.
    pub concurrency: usize,
    /// Most questions a second to one node; at least 1.
    pub per_second: u32,
}

/// A line to ask about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Line of reserves.csv, or index of a disclosed line.
    pub line: u64,
    /// The fields as the exchange wrote them.
    pub fields: LineFields,
}

/// A line whose chain has nodes to ask.
struct Place {
    number: usize,
    address: String,
    place: Where,
    stated: ExactSum,
}

/// The one name under which a chain's node is looked for; `None` where no node is asked.
pub fn endpoint_of(chain: &str) -> Option<String> {
    let chain = Chain::parse(&symbol_key(chain))?;
    let name = chain.name();
    (chain.evm_number().is_some() || bitcoin::first_block(&name).is_some()).then_some(name)
}

/// Asks about all lines. What `known` says about a line at its own block is not asked again. `save` is given all answers so far, every
/// now and then and at the end.
///
/// # Errors
/// Those of `save`.
pub fn ask(
    questions: &[Question],
    endpoints: &BTreeMap<String, Endpoint>,
    options: Options,
    known: &[LineAnswer],
    progress: &dyn Progress,
    save: &(dyn Fn(&[LineAnswer]) -> io::Result<()> + Sync),
) -> io::Result<Vec<LineAnswer>> {
    let mut answers =
        Answers { all: Mutex::new(Vec::new()), made: AtomicUsize::new(0), save, failed: Mutex::new(None) };
    let mut chains: BTreeMap<String, Vec<Place>> = BTreeMap::new();
    let mut prepared = Vec::with_capacity(questions.len());
    for (number, question) in questions.iter().enumerate() {
        let blank = blank(question);
        let is_known = |own: &&LineAnswer| {
            LineAnswer { outcome: Outcome::NoEndpoint, ..(*own).clone() } == blank && own.outcome.is_final(&own.height)
        };
        prepared.push(match (known.iter().find(is_known), place(number, question)) {
            (Some(known), _) => known.clone(),
            (None, Err(reason)) => LineAnswer { outcome: Outcome::NotCheckable { reason }, ..blank },
            (None, Ok((name, place))) => {
                if endpoints.contains_key(&name) {
                    chains.entry(name).or_default().push(place);
                }
                blank
            }
        });
    }
    answers.all = Mutex::new(prepared);
    for (name, places) in chains {
        let Some(endpoint) = endpoints.get(&name) else { continue };
        let interval = Duration::from_secs(1) / options.per_second.max(1);
        let node = Node::new(endpoint.clone(), interval);
        progress.begin(&format!("asking the node of {name}"), places.len() as u64, "lines");
        match Chain::parse(&name).and_then(|chain| chain.evm_number()) {
            Some(number) => ask_evm(&node, number, &places, options.concurrency, &answers, progress),
            None => ask_bitcoin(&node, &name, &places, &answers, progress),
        }
        progress.end();
        answers.save();
    }
    answers.finish()
}

/// The line without an answer.
fn blank(question: &Question) -> LineAnswer {
    let [asset, chain, address, stated, height, _, _, token, _, _] = question.fields.clone();
    LineAnswer { line: question.line, asset, chain, address, token, stated, height, outcome: Outcome::NoEndpoint }
}

/// Where to look for the line, or why nobody can.
fn place(number: usize, question: &Question) -> Result<(String, Place), String> {
    let [_, chain, address, stated, height, _, _, token, kind, _] = &question.fields;
    if matches!(kind.parse(), Ok(Kind::Custodian | Kind::Bank)) {
        return Err("what a custodian or bank holds stands on no chain".to_owned());
    }
    let name = endpoint_of(chain).ok_or("no node of this chain is asked")?;
    let chain = Chain::parse(&name).ok_or("no node of this chain is asked")?;
    let canonical = |text: &str| chain.canonical_address(text).map_err(|defect| defect.to_string());
    let address = canonical(address)?;
    let token = if token.is_empty() { String::new() } else { canonical(token)? };
    if !token.is_empty() && chain.evm_number().is_none() {
        return Err("no node of this chain is asked about tokens".to_owned());
    }
    let height = match height.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| "its height is no number".to_owned())?),
    };
    let mut sum = ExactSum::default();
    sum.add(stated).map_err(|error| error.to_string())?;
    Ok((name, Place { number, address, place: (token, height), stated: sum }))
}

fn ask_evm(node: &Node, number: u64, places: &[Place], workers: usize, answers: &Answers<'_>, progress: &dyn Progress) {
    let opened = match Evm::open(node, number, places.iter().map(|place| place.place.clone())) {
        Ok(opened) => opened,
        Err(error) => return answers.refuse(places, &error.to_string()),
    };
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..workers.clamp(1, places.len().max(1)) {
            scope.spawn(|| {
                while let Some(place) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = match opened.found(&place.address, &place.place) {
                        Ok((units, decimals, block)) => judge(place, &units, decimals, block),
                        Err(error) => Outcome::Unanswered { reason: error.to_string() },
                    };
                    answers.add(place.number, outcome);
                    progress.advance(1);
                }
            });
        }
    });
}

fn ask_bitcoin(node: &Node, name: &str, places: &[Place], answers: &Answers<'_>, progress: &dyn Progress) {
    let Some(first_block) = bitcoin::first_block(name) else { return };
    let addresses: BTreeSet<&String> = places.iter().map(|place| &place.address).collect();
    let addresses: Vec<String> = addresses.into_iter().cloned().collect();
    let found = match bitcoin::unspent(node, first_block, &addresses) {
        Ok(found) => found,
        Err(error) => return answers.refuse(places, &error.to_string()),
    };
    for place in places {
        if let Some((sum, block)) = found.get(&place.address) {
            let units = units(sum, bitcoin::DECIMALS);
            answers.add(place.number, judge(place, &units, bitcoin::DECIMALS, block.clone()));
        }
        progress.advance(1);
    }
}

fn judge(place: &Place, found: &BigUint, decimals: u8, block: Block) -> Outcome {
    let is_enough = *found >= units(&place.stated, decimals);
    let is_its_block = place.place.1.is_none_or(|height| height == block.height);
    let found = format_digits(&found.to_string(), decimals);
    match (is_enough, is_its_block) {
        (true, true) => Outcome::Held { found, block },
        (false, true) => Outcome::Short { found, block },
        (true, false) => Outcome::HeldAtOtherBlock { found, block },
        (false, false) => Outcome::ShortAtOtherBlock { found, block },
    }
}

/// The answers so far.
struct Answers<'s> {
    all: Mutex<Vec<LineAnswer>>,
    made: AtomicUsize,
    save: &'s (dyn Fn(&[LineAnswer]) -> io::Result<()> + Sync),
    failed: Mutex<Option<io::Error>>,
}

impl Answers<'_> {
    fn add(&self, number: usize, outcome: Outcome) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)[number].outcome = outcome;
        if (self.made.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(SAVED) {
            self.save();
        }
    }

    fn refuse(&self, places: &[Place], reason: &str) {
        for place in places {
            self.add(place.number, Outcome::Unanswered { reason: reason.to_owned() });
        }
    }

    fn save(&self) {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = (self.save)(&all) {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    fn finish(self) -> io::Result<Vec<LineAnswer>> {
        self.save();
        match self.failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(self.all.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}
