//! Inputs from a corpus and a seed: the same ones on every machine. An input is a corpus entry, changed at one to eight places:
//! bits and bytes, pieces that are moved, doubled, cut off or taken from another entry, integers and numbers that lie, words of the
//! format, lines, and single values of a JSON document.

use assay_core::canonical;
use assay_programs::testing::TestRandom;
use serde_json::{Map, Value};

/// Longest input, in bytes.
pub const MAX_INPUT_BYTES: usize = 1 << 16;
/// Numbers at which something usually ends.
const EDGES: [u64; 14] =
    [0, 1, 2, 7, 0x7f, 0xff, 0x100, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 53, i64::MAX as u64, u64::MAX];

/// The generator.
pub struct Mutator {
    random: TestRandom,
    corpus: Vec<Vec<u8>>,
    words: &'static [&'static str],
    given: usize,
}

impl Mutator {
    /// A generator of inputs like those of `corpus`, which may be empty.
    pub fn new(seed: u64, mut corpus: Vec<Vec<u8>>, words: &'static [&'static str]) -> Self {
        corpus.push(Vec::new());
        Self { random: TestRandom(seed), corpus, words, given: 0 }
    }

    /// The next input: first each entry of the corpus as it is.
    pub fn next_input(&mut self) -> Vec<u8> {
        if let Some(entry) = self.corpus.get(self.given) {
            self.given += 1;
            return entry.clone();
        }
        let mut input = self.entry();
        if self.random.below(3) == 0
            && let Some(changed) = self.change_json(&input)
        {
            input = changed;
        }
        for _ in 0..=self.random.below(1 << self.random.clone().below(4)) {
            self.change(&mut input);
        }
        input.truncate(MAX_INPUT_BYTES);
        input
    }

    fn entry(&mut self) -> Vec<u8> {
        let entry = self.index(self.corpus.len());
        self.corpus[entry].clone()
    }

    /// A number below `bound`, or 0.
    fn index(&mut self, bound: usize) -> usize {
        if bound == 0 { 0 } else { self.random.below(bound as u64) as usize }
    }

    /// A piece of the input: where it begins and ends. Short pieces are more likely.
    fn piece(&mut self, bytes: &[u8]) -> (usize, usize) {
        let start = self.index(bytes.len());
        let longest = 1 << self.random.below(10);
        (start, (start + 1 + self.index(longest)).min(bytes.len()))
    }

    fn word(&mut self) -> Vec<u8> {
        match self.words.len() {
            0 => vec![b'0'],
            words => self.words[self.index(words)].as_bytes().to_vec(),
        }
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.index(bytes.len());
        match self.random.below(13) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.random.below(8),
            1 if !bytes.is_empty() => bytes[at] = self.random.next_u64() as u8,
            2 => {
                let added = self.random.next_u64().to_le_bytes();
                let length = 1 + self.index(added.len());
                bytes.splice(at..at, added[..length].iter().copied());
            }
            3 => {
                let (start, end) = self.piece(bytes);
                bytes.drain(start..end);
            }
            4 => {
                let (start, end) = self.piece(bytes);
                let piece = bytes[start..end].to_vec();
                bytes.splice(at..at, piece);
            }
            5 => {
                let other = self.entry();
                bytes.truncate(at);
                bytes.extend(&other[self.index(other.len())..]);
            }
            6 => self.lie_about_a_length(bytes, at),
            7 => self.change_number(bytes),
            8 => {
                let word = self.word();
                bytes.splice(at..at, word);
            }
            9 => {
                let word = self.word();
                let end = (at + word.len()).min(bytes.len());
                bytes.splice(at..end, word);
            }
            10 => bytes.truncate(at),
            _ => self.change_lines(bytes),
        }
    }

    /// Overwrites one to eight bytes by an integer of that width, in either order.
    fn lie_about_a_length(&mut self, bytes: &mut [u8], at: usize) {
        let near = (bytes.len() as u64).wrapping_add(self.random.below(5)).wrapping_sub(2);
        let edge = EDGES[self.index(EDGES.len())];
        let value = if self.random.below(3) == 0 { near } else { edge };
        let width = (1usize << self.random.below(4)).min(bytes.len() - at);
        let mut written = value.to_le_bytes();
        if self.random.below(2) == 0 {
            written[..width].reverse();
        }
        bytes[at..at + width].copy_from_slice(&written[..width]);
    }

    /// Puts another number in the place of one that is written in digits.
    fn change_number(&mut self, bytes: &mut Vec<u8>) {
        let from = self.index(bytes.len());
        let Some(start) = bytes[from..].iter().position(u8::is_ascii_digit).map(|at| from + at) else { return };
        let length = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = self.number();
        bytes.splice(start..start + length, number.into_bytes());
    }

    fn number(&mut self) -> String {
        let edge = EDGES[self.index(EDGES.len())];
        match self.random.below(8) {
            0 => format!("-{edge}"),
            1 => format!("{edge}.5"),
            2 => format!("0{edge}"),
            3 => u128::MAX.to_string(),
            4 => format!("{}0", u128::MAX),
            5 => self.random.below(1000).to_string(),
            _ => edge.to_string(),
        }
    }

    /// Leaves out, doubles or moves a line.
    fn change_lines(&mut self, bytes: &mut Vec<u8>) {
        let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        if lines.len() < 2 {
            return;
        }
        let (one, other) = (self.index(lines.len()), self.index(lines.len()));
        match self.random.below(3) {
            0 => drop(lines.remove(one)),
            1 => lines.insert(other, lines[one].clone()),
            _ => lines.swap(one, other),
        }
        *bytes = lines.concat();
    }

    /// The document with one value changed, in canonical form: a change of bytes alone would hardly keep a document canonical.
    fn change_json(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut document: Value = serde_json::from_slice(bytes).ok()?;
        for _ in 0..=self.random.below(3) {
            self.change_value(&mut document);
        }
        canonical::to_bytes(&document).ok()
    }

    fn change_value(&mut self, value: &mut Value) {
        let stays = self.random.below(4) > 0;
        match value {
            Value::Object(map) if stays && !map.is_empty() => self.change_object(map),
            Value::Array(items) if stays && !items.is_empty() => {
                let (one, other) = (self.index(items.len()), self.index(items.len()));
                match self.random.below(8) {
                    0 => drop(items.remove(one)),
                    1 => items.insert(other, items[one].clone()),
                    2 => items.swap(one, other),
                    _ => self.change_value(&mut items[one]),
                }
            }
            Value::String(text) if stays => {
                let mut bytes = std::mem::take(text).into_bytes();
                self.change(&mut bytes);
                *text = String::from_utf8_lossy(&bytes).into_owned();
            }
            _ => {
                *value = match self.random.below(6) {
                    0 => Value::Null,
                    1 => Value::Bool(true),
                    2 => Value::String(self.number()),
                    3 => Value::String(String::new()),
                    _ => Value::from(EDGES[self.index(EDGES.len())]),
                }
            }
        }
    }

    fn change_object(&mut self, map: &mut Map<String, Value>) {
        let at = self.index(map.len());
        let Some(key) = map.keys().nth(at).cloned() else { return };
        match self.random.below(10) {
            0 => drop(map.remove(&key)),
            1 => drop(map.insert(format!("{key}_"), Value::Null)),
            _ => map.get_mut(&key).into_iter().for_each(|value| self.change_value(value)),
        }
    }
}
