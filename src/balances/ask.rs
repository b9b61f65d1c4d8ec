//! Which node is asked about which line.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use assay_core::decimal::{ExactSum, format_digits};
use assay_core::lines::LineFields;
use assay_core::text::{shown, symbol_key};
use assay_ownership::{Chain, Kind};
use num_bigint::BigUint;
use sha2::{Digest, Sha256};

use super::amount::units;
use super::answer::{Block, LineAnswer, Outcome};
use super::bitcoin;
use super::endpoint::Endpoint;
use super::evm::{Evm, Where};
use super::node::{Node, NodeError};
use crate::progress::Progress;

/// Answers are saved so often.
const SAVED: Duration = Duration::from_secs(5);

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
    /// What a node is asked about: an address, or a script in hexadecimal digits.
    subject: String,
    place: Where,
    /// What all lines of this place state together.
    stated: ExactSum,
}

/// The one name under which a chain's node is looked for; `None` where no node is asked.
pub fn endpoint_of(chain: &str) -> Option<String> {
    let chain = Chain::parse(&symbol_key(chain))?;
    let name = chain.name();
    (chain.evm_number().is_some() || bitcoin::is_known(&name)).then_some(name)
}

/// SHA-256 over the lines with all their fields, 64 hexadecimal digits.
pub fn digest(questions: &[Question]) -> String {
    let mut digest = Sha256::new();
    for Question { line, fields } in questions {
        digest.update(line.to_be_bytes());
        for field in fields {
            digest.update((field.len() as u64).to_be_bytes());
            digest.update(field);
        }
    }
    hex::encode(digest.finalize())
}

/// Asks about all lines. Of `known`, answers about the same lines or none, those at the lines' own blocks are not asked for again. `save` is
/// given all answers so far, every few seconds and at the end.
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
    let mut prepared: Vec<LineAnswer> = questions.iter().map(blank).collect();
    let mut chains: BTreeMap<String, Vec<Place>> = BTreeMap::new();
    for (number, question) in questions.iter().enumerate() {
        match place(number, question) {
            Err(reason) => prepared[number].outcome = Outcome::NotCheckable { reason },
            Ok((name, place)) => chains.entry(name).or_default().push(place),
        }
    }
    for places in chains.values_mut() {
        add_up(places, questions);
        places.retain(|place| match known.get(place.number) {
            Some(known) if known.outcome.is_final() => {
                prepared[place.number].outcome = known.outcome.clone();
                false
            }
            _ => true,
        });
    }
    let answers =
        Answers { all: Mutex::new(prepared), saved: Mutex::new(Instant::now()), save, failed: Mutex::new(None) };
    for (name, places) in chains.iter().filter(|(_, places)| !places.is_empty()) {
        let Some(endpoint) = endpoints.get(name) else { continue };
        let interval = Duration::from_secs(1) / options.per_second.max(1);
        let node = Node::new(endpoint.clone(), interval);
        progress.begin(&format!("asking the node of {name}"), places.len() as u64, "lines");
        match Chain::parse(name).and_then(|chain| chain.evm_number()) {
            Some(number) => ask_evm(&node, number, places, options.concurrency, &answers, progress),
            None => ask_bitcoin(&node, name, places, &answers, progress),
        }
        progress.end();
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
    let [asset, chain, address, stated, height, _, _, token, kind, _] = &question.fields;
    if matches!(kind.parse(), Ok(Kind::Custodian | Kind::Bank)) {
        return Err("what a custodian or bank holds stands on no chain".to_owned());
    }
    let name = endpoint_of(chain).ok_or("no node of this chain is asked")?;
    let chain = Chain::parse(&name).ok_or("no node of this chain is asked")?;
    let canonical = |text: &str| chain.canonical_address(text).map_err(|defect| defect.to_string());
    let address = canonical(address)?;
    let token = if token.is_empty() { String::new() } else { canonical(token)? };
    if token.is_empty() && !chain.counts_in(asset) {
        return Err(format!("{name} is not known to count in {}, and the line names no token", shown(asset)));
    }
    if !token.is_empty() && chain.evm_number().is_none() {
        return Err("no node of this chain is asked about tokens".to_owned());
    }
    let height = match height.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| "its height is no number".to_owned())?),
    };
    ExactSum::default().add(stated).map_err(|error| error.to_string())?;
    let subject = chain.script(&address).map_or(address, hex::encode);
    Ok((name, Place { number, subject, place: (token, height), stated: ExactSum::default() }))
}

/// Coins that two lines state must be there twice, under whatever names.
fn add_up(places: &mut [Place], questions: &[Question]) {
    let mut sums: BTreeMap<(String, Where), ExactSum> = BTreeMap::new();
    for own in places.iter() {
        let sum = sums.entry((own.subject.clone(), own.place.clone())).or_default();
        // it was read once already
        let _ = sum.add(&questions[own.number].fields[3]);
    }
    for own in places {
        own.stated = sums.get(&(own.subject.clone(), own.place.clone())).cloned().unwrap_or_default();
    }
}

fn ask_evm(node: &Node, number: u64, places: &[Place], workers: usize, answers: &Answers<'_>, progress: &dyn Progress) {
    let opened = match Evm::open(node, number, places.iter().map(|place| place.place.clone())) {
        Ok(opened) => opened,
        Err(error) => return places.iter().for_each(|place| answers.refuse(place, &error)),
    };
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..workers.clamp(1, places.len()) {
            scope.spawn(|| {
                while let Some(place) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match opened.found(&place.subject, &place.place) {
                        Ok((units, decimals, block)) => answers.add(place, &units, decimals, block),
                        Err(error) => answers.refuse(place, &error),
                    }
                    progress.advance(1);
                }
            });
        }
    });
}

fn ask_bitcoin(node: &Node, name: &str, places: &[Place], answers: &Answers<'_>, progress: &dyn Progress) {
    if let Err(error) = bitcoin::check_chain(node, name) {
        return places.iter().for_each(|place| answers.refuse(place, &error));
    }
    let mut scripts: BTreeMap<&String, Vec<&Place>> = BTreeMap::new();
    places.iter().for_each(|place| scripts.entry(&place.subject).or_default().push(place));
    let all: Vec<String> = scripts.keys().map(|script| (*script).clone()).collect();
    for chunk in all.chunks(bitcoin::CHUNK) {
        let found = bitcoin::unspent(node, chunk);
        for place in chunk.iter().filter_map(|script| scripts.get(script)).flatten() {
            match &found {
                Ok((block, sums)) => {
                    let sum = sums.get(&place.subject).cloned().unwrap_or_default();
                    answers.add(place, &units(&sum, bitcoin::DECIMALS), bitcoin::DECIMALS, block.clone());
                }
                Err(error) => answers.refuse(place, error),
            }
            progress.advance(1);
        }
    }
}

/// A place is judged at its own block alone.
fn judge(place: &Place, found: &BigUint, decimals: u8, block: Block) -> Outcome {
    let is_enough = *found >= units(&place.stated, decimals);
    let is_its_block = place.place.1 == Some(block.height);
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
    saved: Mutex<Instant>,
    save: &'s (dyn Fn(&[LineAnswer]) -> io::Result<()> + Sync),
    failed: Mutex<Option<io::Error>>,
}

impl Answers<'_> {
    fn add(&self, place: &Place, found: &BigUint, decimals: u8, block: Block) {
        self.set(place, judge(place, found, decimals, block));
    }

    fn refuse(&self, place: &Place, error: &NodeError) {
        self.set(place, Outcome::Unanswered { reason: error.to_string() });
    }

    fn set(&self, place: &Place, outcome: Outcome) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)[place.number].outcome = outcome;
        // one thread writes, and the others go on
        if let Ok(mut saved) = self.saved.try_lock()
            && saved.elapsed() >= SAVED
        {
            self.save();
            *saved = Instant::now();
        }
    }

    fn save(&self) {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner).clone();
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
