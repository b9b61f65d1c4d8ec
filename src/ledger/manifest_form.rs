//! The form of the manifest: which keys there are and what kind of value each has. Everything that is wrong is a finding with the
//! line, the value and what was meant; the library's own sentences are kept to errors of TOML itself.

use std::collections::HashMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::Findings;
use assay_core::text::{fold, shown};

/// Name of the manifest.
pub(crate) const MANIFEST: &str = "manifest.toml";

/// Line of each key, by its path such as `snapshot.taken_at`.
pub(crate) type Lines = HashMap<String, u64>;

/// What a key may hold.
#[derive(Clone, Copy)]
enum Form {
    Text,
    /// An integer from 0 to the maximum.
    Count(u64),
    OneOf(&'static [&'static str]),
    Table(&'static [Key]),
    /// A table with names of the exchange's own.
    Named(&'static Form),
}

#[derive(Clone, Copy)]
struct Key {
    name: &'static str,
    form: Form,
    required: bool,
}

const fn key(name: &'static str, form: Form) -> Key {
    Key { name, form, required: false }
}

const fn required(name: &'static str, form: Form) -> Key {
    Key { name, form, required: true }
}

const COUNT: Form = Form::Count(i64::MAX as u64);
const SMALL_COUNT: Form = Form::Count(u32::MAX as u64);

const MANIFEST_FORM: &[Key] = &[
    required(
        "exchange",
        Form::Table(&[required("name", Form::Text), key("lei", Form::Text), required("domain", Form::Text)]),
    ),
    required(
        "snapshot",
        Form::Table(&[
            required("id", Form::Text),
            key("series", Form::Text),
            required("taken_at", Form::Text),
            key("block_heights", Form::Named(&COUNT)),
        ]),
    ),
    key(
        "rows",
        Form::Table(&[
            key("accounts", COUNT),
            key("balances", COUNT),
            key("reserves", COUNT),
            key("classes", COUNT),
            key("instruments", COUNT),
            key("limits", COUNT),
            key("tiers", COUNT),
            key("positions", COUNT),
            key("collateral", COUNT),
        ]),
    ),
    key(
        "policy",
        Form::Table(&[
            key("coverage_bps", SMALL_COUNT),
            key("coverage_basis", Form::OneOf(&["gross", "net"])),
            key("below_margin_max", COUNT),
            key("equity_ratio_bps", SMALL_COUNT),
            key("owned_bps", SMALL_COUNT),
        ]),
    ),
    key("privacy", Form::Table(&[key("pages_at_least", COUNT)])),
    key(
        "reserves",
        Form::Table(&[
            key("challenge", Form::Text),
            key("custodians", Form::Text),
            key("custodian_keys", Form::Text),
            key(
                "anchor",
                Form::Table(&[required("chain", Form::Text), required("height", COUNT), required("hash", Form::Text)]),
            ),
        ]),
    ),
    key("totals", Form::Named(&Form::Table(&[required("equity", Form::Text), required("debt", Form::Text)]))),
];

/// Compares a manifest with its form and returns the line of every key. `None`, with findings, if it has another form.
pub(crate) fn lines(text: &str, findings: &mut Findings) -> Option<Lines> {
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            let line = error
                .span()
                .map(|span| text.get(..span.start).map_or(0, |before| before.matches('\n').count()) as u64 + 1);
            let found = line.and_then(|line| text.lines().nth(line as usize - 1)).map_or("", str::trim);
            let message = error.message().replace('\n', ", ");
            findings.add(MANIFEST, line, format_args!("is not TOML at {}: {message}", shown(found)));
            return None;
        }
    };
    let before = findings.total;
    let feeds = memchr::memchr_iter(b'\n', text.as_bytes()).collect();
    let mut walk = Walk { text, feeds, found: Vec::new(), lines: Lines::new() };
    walk.table("", None, &table, MANIFEST_FORM);
    let Walk { mut found, lines, .. } = walk;
    // the parser gives the keys by name, a reader looks for them from the top
    found.sort_by_key(|(line, _)| line.unwrap_or(u64::MAX));
    for (line, reason) in found {
        findings.add(MANIFEST, line, reason);
    }
    (findings.total == before).then_some(lines)
}

struct Walk<'w> {
    text: &'w str,
    /// Where each line ends.
    feeds: Vec<usize>,
    found: Vec<(Option<u64>, String)>,
    lines: Lines,
}

impl Walk<'_> {
    fn add(&mut self, line: Option<u64>, reason: String) {
        self.found.push((line, reason));
    }

    /// The line of a byte of the text, from 1.
    fn line_at(&self, byte: usize) -> u64 {
        self.feeds.partition_point(|feed| *feed < byte) as u64 + 1
    }

    fn table(&mut self, path: &str, line: Option<u64>, table: &DeTable<'_>, keys: &[Key]) {
        for (name, value) in table {
            let line = self.line_at(name.span().start);
            let name = name.get_ref().as_ref();
            match keys.iter().find(|key| key.name == name) {
                Some(key) => self.value(&join(path, name), line, value, key.form),
                None => {
                    let here = if path.is_empty() { "the manifest".to_owned() } else { format!("[{path}]") };
                    let known: Vec<_> = keys.iter().map(|key| key.name).collect();
                    let meant = match known.iter().find(|known| is_near(known, name)) {
                        Some(near) => format!("; {near} may be meant"),
                        None => String::new(),
                    };
                    self.add(
                        Some(line),
                        format!("{} is no key of {here}{meant}. Its keys are {}", shown(name), known.join(", ")),
                    );
                }
            }
        }
        // a key that is there under a wrong name is one mistake
        let misspelled = |name: &str| {
            let unknown = |found: &str| !keys.iter().any(|key| key.name == found);
            table.keys().any(|found| unknown(found.get_ref()) && is_near(name, found.get_ref()))
        };
        for key in keys.iter().filter(|key| key.required && !table.contains_key(key.name) && !misspelled(key.name)) {
            self.add(line, format!("{} is missing", join(path, key.name)));
        }
    }

    fn value(&mut self, path: &str, line: u64, value: &Spanned<DeValue<'_>>, form: Form) {
        self.lines.insert(path.to_owned(), line);
        let written = self.text.get(value.span()).unwrap_or_default().trim().to_owned();
        match (form, value.get_ref()) {
            (Form::Text, DeValue::String(_)) => {}
            (Form::Count(max), DeValue::Integer(number)) => {
                if !u64::from_str_radix(number.as_str(), number.radix()).is_ok_and(|number| number <= max) {
                    self.add(Some(line), format!("{path} is {written}, not an integer from 0 to {max}"));
                }
            }
            (Form::OneOf(words), DeValue::String(word)) if words.contains(&word.as_ref()) => {}
            (Form::OneOf(words), _) => {
                self.add(Some(line), format!("{path} is {written}, not \"{}\"", words.join("\" or \"")));
            }
            (Form::Table(keys), DeValue::Table(table)) => self.table(path, Some(line), table, keys),
            (Form::Named(form), DeValue::Table(table)) => {
                for (name, value) in table {
                    let line = self.line_at(name.span().start);
                    self.named(path, name.get_ref(), line, value, *form);
                }
            }
            (Form::Text, DeValue::Datetime(_)) => {
                self.add(
                    Some(line),
                    format!("{path} is the date-time {written} of TOML; put it in quotes: \"{written}\""),
                );
            }
            (Form::Text, DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_)) => {
                self.add(Some(line), format!("{path} is {written} without quotes; put it in quotes: \"{written}\""));
            }
            (Form::Count(_), DeValue::String(_)) => {
                self.add(
                    Some(line),
                    format!("{path} is the text {}; write the number without quotes", shown(&written)),
                );
            }
            (Form::Table(_) | Form::Named(_), _) => {
                self.add(Some(line), format!("{path} is {}, not a table", shown(&written)));
            }
            (_, other) => {
                let wanted = if matches!(form, Form::Text) { "a text in quotes" } else { "a number" };
                self.add(
                    Some(line),
                    format!("{path} is {} {}, not {wanted}", article(other.type_str()), other.type_str()),
                );
            }
        }
    }

    /// A name of the exchange's own. A dot in it that is not in quotes makes a table of its second half.
    fn named(&mut self, path: &str, name: &str, line: u64, value: &Spanned<DeValue<'_>>, form: Form) {
        let inner = value.get_ref().as_table().and_then(|table| table.iter().next());
        let split = match (form, inner) {
            (Form::Table(keys), Some((second, value))) => (value.get_ref().is_table()
                && !keys.iter().any(|key| key.name == second.get_ref().as_ref()))
            .then(|| format!("[{path}.\"{name}.{}\"]", second.get_ref())),
            (Form::Count(_), Some((second, _))) => Some(format!("\"{name}.{}\"", second.get_ref())),
            _ => None,
        };
        match split {
            Some(quoted) => {
                self.add(
                    Some(line),
                    format!("{path}.{name} has a table in it; a name with a dot must be in quotes: {quoted}"),
                );
            }
            None => self.value(&join(path, name), line, value, form),
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" }
}

/// Whether a key is another one with a mistake: another case, `-` for `_`, or one or two letters wrong.
fn is_near(known: &str, found: &str) -> bool {
    let found = fold(found).replace(['-', ' '], "_");
    known == found
        || known.replace('_', "") == found.replace('_', "")
        || distance(known, &found) <= 2.min(known.len() / 3)
}

/// The number of letters to insert, delete or replace.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
