//! A strict CSV reader. Each line is one record, so line numbers match those of an editor, a malformed line causes one finding, and
//! a stray quote cannot hide the rest of the file.
//!
//! Accepted: UTF-8 without byte order mark; LF or CRLF at the end of every line (so that an incomplete file is detected); fields
//! plain or in double quotes as in RFC 4180, without line breaks. Refused: control characters; a quote inside a plain field or text
//! after a closing quote, which programs interpret differently; too few or too many fields.

use std::io::{self, BufRead};
use std::rc::Rc;

use super::finding::{Environment, Findings};
use super::limits::Limits;
use super::source::{Diagnosis, Disk, Guard, Source, TooMuch, recognised};
use crate::progress::Progress;
use assay_core::text::{difference, fold, shown};

/// Maximum length of a line in a snapshot file.
pub(crate) const SNAPSHOT_LINE_BYTES: usize = 1 << 16;

/// The fields of one line, unquoted.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    text: String,
    ends: Vec<usize>,
}

impl Fields {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Field number `column`; empty if there is none, which the check of the column count excludes.
    pub(crate) fn get(&self, column: usize) -> &str {
        let start = match column.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(self.text.len()),
            None => 0,
        };
        let end = self.ends.get(column).copied().unwrap_or(self.text.len());
        &self.text[start..end]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|column| self.get(column))
    }

    /// Splits a line into fields.
    fn split(&mut self, line: &str) -> Result<(), &'static str> {
        self.text.clear();
        self.ends.clear();
        let mut rest = line;
        loop {
            let behind = match rest.strip_prefix('"') {
                Some(quoted) => self.take_quoted(quoted)?,
                None => {
                    let end = memchr::memchr(b',', rest.as_bytes()).unwrap_or(rest.len());
                    let (field, behind) = rest.split_at(end);
                    if field.contains('"') {
                        return Err("has a quote inside a field that does not begin with one");
                    }
                    self.text.push_str(field);
                    behind
                }
            };
            self.ends.push(self.text.len());
            match behind.strip_prefix(',') {
                Some(next) => rest = next,
                None if behind.is_empty() => return Ok(()),
                None => return Err("has text after a closing quote"),
            }
        }
    }

    fn take_quoted<'l>(&mut self, mut rest: &'l str) -> Result<&'l str, &'static str> {
        loop {
            let Some((inside, behind)) = rest.split_once('"') else {
                return Err("opens a quote but does not close it");
            };
            self.text.push_str(inside);
            match behind.strip_prefix('"') {
                Some(more) => {
                    self.text.push('"');
                    rest = more;
                }
                None => return Ok(behind),
            }
        }
    }
}

/// A CSV file. Malformed lines become findings and are skipped.
pub(crate) struct Table<'p> {
    source: Source,
    bytes: io::BufReader<Guard>,
    disk: Rc<Disk>,
    progress: &'p dyn Progress,
    told: u64,
    max_line_bytes: usize,
    buffer: Vec<u8>,
    fields: Fields,
    line: u64,
    columns: Option<usize>,
    unterminated_allowed: bool,
    unterminated: bool,
    unread: u64,
    finished: bool,
}

enum LineResult {
    Line,
    TooLong,
    Unterminated,
    End,
}

impl<'p> Table<'p> {
    pub(crate) fn open(
        source: &Source,
        max_line_bytes: usize,
        limits: &Limits,
        progress: &'p dyn Progress,
    ) -> Result<Self, Environment> {
        let stream = source.open(limits)?;
        progress.begin(&format!("read {}", source.name), stream.disk_bytes, "bytes");
        Ok(Self {
            source: source.clone(),
            bytes: stream.bytes,
            disk: stream.disk,
            progress,
            told: 0,
            max_line_bytes,
            buffer: Vec::new(),
            fields: Fields::default(),
            line: 0,
            columns: None,
            unterminated_allowed: false,
            unterminated: false,
            unread: 0,
            finished: false,
        })
    }

    /// Reads the first line. `false`, with a finding, if it is not exactly `names`: then the meaning of the columns is unknown, and the
    /// file is not read further.
    pub(crate) fn expect_header(&mut self, names: &[&str], findings: &mut Findings) -> Result<bool, Environment> {
        Ok(self.expect_one_header(&[names], findings)?.is_some())
    }

    /// As [`expect_header`](Self::expect_header) for a file with alternative headers; returns the number of columns.
    pub(crate) fn expect_one_header(
        &mut self,
        headers: &[&[&str]],
        findings: &mut Findings,
    ) -> Result<Option<usize>, Environment> {
        if !self.read_header(findings)? {
            return Ok(None);
        }
        let matching = |header: &&&[&str]| self.fields.iter().eq(header.iter().copied());
        if let Some(header) = headers.iter().find(matching) {
            self.columns = Some(header.len());
            return Ok(self.columns);
        }
        findings.add(&self.source.name, Some(1), header_defect(&self.fields, headers));
        Ok(None)
    }

    /// Reads the first line as the header, whatever its columns are. `false`, with a finding, if it cannot be read.
    pub(crate) fn read_header(&mut self, findings: &mut Findings) -> Result<bool, Environment> {
        let before = findings.total;
        let found = self.next(findings)?;
        if found == Some(1) {
            return Ok(true);
        }
        if findings.total == before {
            findings.add(&self.source.name, None, "is empty; its first line must be the header");
        }
        Ok(false)
    }

    /// Takes a last line without a line end as a line, as published files have it. [`unterminated`](Self::unterminated) tells of it.
    pub(crate) fn allow_unterminated(&mut self) {
        self.unterminated_allowed = true;
    }

    /// Whether the last line had no line end.
    pub(crate) fn unterminated(&self) -> bool {
        self.unterminated
    }

    /// Sets the number of fields of all following lines.
    pub(crate) fn expect_columns(&mut self, columns: usize) {
        self.columns = Some(columns);
    }

    /// Moves to the next well-formed line and returns its number; its fields are then in [`fields`](Self::fields).
    pub(crate) fn next(&mut self, findings: &mut Findings) -> Result<Option<u64>, Environment> {
        while !self.finished {
            let got = match self.read_line() {
                Ok(got) => got,
                Err(source) if self.disk.failed.get() => {
                    let path = self.source.path.clone();
                    return Err(Environment { path, source });
                }
                Err(error) => {
                    self.finished = true;
                    self.unread += 1;
                    findings.add(&self.source.name, Some(self.line + 1), damage(&error));
                    break;
                }
            };
            self.tell_progress();
            self.line += u64::from(!matches!(got, LineResult::End));
            let line = Some(self.line);
            let defect = match got {
                LineResult::End => {
                    self.finished = true;
                    continue;
                }
                LineResult::Unterminated if !self.unterminated_allowed => {
                    self.finished = true;
                    let no_end =
                        "the last line has no line end, so the file may be incomplete; if it is complete, add one";
                    self.other_form().unwrap_or_else(|| no_end.to_owned())
                }
                LineResult::TooLong => format!("is longer than {} bytes", self.max_line_bytes),
                LineResult::Line | LineResult::Unterminated => {
                    self.unterminated |= matches!(got, LineResult::Unterminated);
                    match self.take_apart(findings) {
                        Ok(()) => return Ok(line),
                        Err(defect) => defect,
                    }
                }
            };
            self.unread += 1;
            findings.add(&self.source.name, line, defect);
        }
        Ok(None)
    }

    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Lines that were not well-formed, or could not be read at all.
    pub(crate) fn unread(&self) -> u64 {
        self.unread
    }

    /// Lines below the header so far, malformed ones included.
    pub(crate) fn rows(&self) -> u64 {
        self.line.saturating_sub(1)
    }

    /// What the file is instead of CSV, as its first line shows.
    fn other_form(&self) -> Option<String> {
        let form = recognised(&self.buffer).filter(|_| self.line == 1)?;
        Some(match form {
            "UTF-16" => "the file is UTF-16; save it as UTF-8".to_owned(),
            "gzip" => "the file is compressed with gzip, so its name must end in .gz".to_owned(),
            "zstd" => "the file is compressed with zstd, so its name must end in .zst".to_owned(),
            other => format!("the file is {other}, not CSV"),
        })
    }

    fn take_apart(&mut self, findings: &mut Findings) -> Result<(), String> {
        let mut bytes = self.buffer.strip_suffix(b"\r").unwrap_or(&self.buffer);
        if self.line == 1
            && let Some(behind) = bytes.strip_prefix(b"\xef\xbb\xbf")
        {
            findings.add(
                &self.source.name,
                Some(1),
                "the file begins with a byte order mark; save it as UTF-8 without one",
            );
            bytes = behind;
        }
        if let Some(form) = self.other_form() {
            // no line of it can be read: one finding is enough
            self.finished = true;
            return Err(form);
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| format!("is not UTF-8 from byte {} on", error.valid_up_to() + 1))?;
        match text.chars().find(|c| c.is_control()) {
            Some('\t') => return Err("contains a tab (U+0009); fields are separated by commas".to_owned()),
            Some(control) => return Err(format!("contains the control character U+{:04X}", u32::from(control))),
            None => {}
        }
        self.fields.split(text)?;
        match self.columns {
            Some(columns) if columns > 1 && text.is_empty() => Err("is empty".to_owned()),
            Some(columns) if columns != self.fields.len() => {
                Err(format!("has {} fields, the header has {columns}", self.fields.len()))
            }
            _ => Ok(()),
        }
    }

    /// Reads one line into the buffer, without its line feed. An overlong line is truncated to the limit.
    fn read_line(&mut self) -> io::Result<LineResult> {
        self.buffer.clear();
        let (mut any, mut too_long) = (false, false);
        loop {
            let chunk = match self.bytes.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                return Ok(if any { LineResult::Unterminated } else { LineResult::End });
            }
            any = true;
            let feed = memchr::memchr(b'\n', chunk);
            let kept = &chunk[..feed.unwrap_or(chunk.len())];
            too_long |= self.buffer.len() + kept.len() > self.max_line_bytes;
            if !too_long {
                self.buffer.extend_from_slice(kept);
            }
            let consumed = kept.len() + usize::from(feed.is_some());
            self.bytes.consume(consumed);
            if feed.is_some() {
                return Ok(if too_long { LineResult::TooLong } else { LineResult::Line });
            }
        }
    }

    fn tell_progress(&mut self) {
        let taken = self.disk.taken.get();
        if taken > self.told {
            self.progress.advance(taken - self.told);
            self.told = taken;
        }
    }
}

impl Drop for Table<'_> {
    fn drop(&mut self) {
        self.progress.end();
    }
}

/// In what a header differs from the one that is expected, or from the most similar of several.
fn header_defect(found: &Fields, headers: &[&[&str]]) -> String {
    let found: Vec<&str> = found.iter().collect();
    let same = |header: &&&[&str]| found.iter().zip(header.iter()).filter(|(a, b)| fold(a) == fold(b)).count();
    let expected: &[&str] =
        headers.iter().max_by_key(|header| (same(header), header.len() == found.len())).unwrap_or(&&[][..]);
    let line = found.join(",");
    let wanted = headers.iter().map(|names| names.join(",")).collect::<Vec<_>>().join(" or ");
    format!("the header is {} and must be {wanted}: {}", shown(&line), difference_of(&found, expected))
}

/// The first difference between two headers.
fn difference_of(found: &[&str], expected: &[&str]) -> String {
    if found.first().is_some_and(|first| first.starts_with("sep=")) {
        return "the first line is a hint for spreadsheet programs; remove it".to_owned();
    }
    if let [only] = found {
        if only.contains(';') {
            return "its columns are separated by semicolons, not by commas".to_owned();
        }
        if only.contains('|') {
            return "its columns are separated by bars, not by commas".to_owned();
        }
    }
    let place = found.iter().zip(expected).position(|(a, b)| a != b).unwrap_or(found.len().min(expected.len()));
    match (found.get(place), expected.get(place)) {
        (Some(a), Some(b)) if fold(a) == fold(b) => {
            format!("column {} is {}, which differs from {b} only in {}", place + 1, shown(a), difference(a, b))
        }
        (Some(a), Some(b)) => {
            let known = expected.iter().position(|name| fold(name) == fold(a));
            match known {
                Some(known) => {
                    format!(
                        "column {} is {}, which must be column {}, and {b} must be here",
                        place + 1,
                        shown(a),
                        known + 1
                    )
                }
                None => format!("column {} is {}, not {b}", place + 1, shown(a)),
            }
        }
        (None, Some(b)) => format!("column {}, {b}, is missing", place + 1),
        (Some(a), None) => format!("column {}, {}, is one too many", place + 1, shown(a)),
        (None, None) => "nothing differs".to_owned(),
    }
}

/// A decompression error as a sentence for the person who made the file.
fn damage(error: &io::Error) -> String {
    if let Some(diagnosis) = error.get_ref().and_then(|inner| inner.downcast_ref::<Diagnosis>()) {
        diagnosis.to_string()
    } else if let Some(too_much) = error.get_ref().and_then(|inner| inner.downcast_ref::<TooMuch>()) {
        too_much.to_string()
    } else if error.kind() == io::ErrorKind::UnexpectedEof {
        "the compressed file is incomplete".to_owned()
    } else {
        format!("the compressed file is damaged: {error}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn split(line: &str) -> Result<Vec<String>, &'static str> {
        let mut fields = Fields::default();
        fields.split(line)?;
        Ok(fields.iter().map(str::to_owned).collect())
    }

    #[test]
    fn fields_are_split_at_commas_outside_quotes() {
        assert_eq!(split("a,b,c").unwrap(), ["a", "b", "c"]);
        assert_eq!(split("").unwrap(), [""]);
        assert_eq!(split(",").unwrap(), ["", ""]);
        assert_eq!(split("\"a,b\",\"c\"\"d\",\"\"").unwrap(), ["a,b", "c\"d", ""]);
    }

    #[test]
    fn a_quote_that_programs_disagree_on_is_refused() {
        for line in ["a\"b", "\"a\"b", "\"a", "a,\"", "\"a\"\"", " \"a\""] {
            assert!(split(line).is_err(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_the_csv_crate_writes_is_read_back(fields in prop::collection::vec("[ -~äß€]{0,12}", 1..8)) {
            let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
            writer.write_record(&fields).unwrap();
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            prop_assert_eq!(split(text.trim_end_matches('\n')).unwrap(), fields);
        }
    }
}
