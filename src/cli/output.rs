//! Standard output and standard error. A closed pipe is not an error and never makes a command panic.

use std::fmt::Display;
use std::io::{self, Write};

use assay_core::text::spelled_out;
use serde::Serialize;

use super::exit::{Exit, Failure};
use crate::ledger::Findings;

/// Writes lines to standard output. Whatever text of a file or a service is in them, no character of it acts on the terminal.
///
/// # Errors
/// If it cannot be written. A reader that closed the pipe, such as `head`, is no error; the exit code still gives the verdict.
pub(super) fn lines<L: Display>(lines: impl IntoIterator<Item = L>) -> Result<(), Failure> {
    to_stdout(|out| lines.into_iter().try_for_each(|line| writeln!(out, "{}", harmless(&line.to_string()))))
}

/// Writes one indented JSON document and a newline to standard output.
///
/// # Errors
/// As [`lines`].
pub(super) fn json(document: &impl Serialize) -> Result<(), Failure> {
    to_stdout(|out| {
        serde_json::to_writer_pretty(&mut *out, document)?;
        writeln!(out)
    })
}

/// The result of a command without one: with `--json`, findings are its one JSON object.
///
/// # Errors
/// The failure itself where it has no findings or JSON was not asked for; as [`lines`].
pub(super) fn refused(failure: Failure, json: bool) -> Result<Exit, Failure> {
    match &failure.findings {
        Some(findings) if json => {
            self::json(&Refusal::of(findings))?;
            complain(&failure.sentence);
            Ok(failure.exit)
        }
        _ => Err(failure),
    }
}

/// Why a ledger is refused, as JSON.
#[derive(Serialize)]
struct Refusal<'a> {
    valid: bool,
    #[serde(flatten)]
    findings: &'a Findings,
}

impl<'a> Refusal<'a> {
    fn of(findings: &'a Findings) -> Self {
        Self { valid: false, findings }
    }
}

/// Writes bytes to standard output as they are.
///
/// # Errors
/// As [`lines`].
pub(super) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    to_stdout(|out| out.write_all(bytes))
}

/// Writes a sentence of one or several lines to standard error. Whatever text of the input is in it, no character of it acts on the
/// terminal.
pub(super) fn note(sentence: &str) {
    // If standard error is closed, there is nowhere to report it.
    let _ = writeln!(io::stderr().lock(), "{}", harmless(sentence));
}

/// The lines of a sentence, each with its hidden characters spelled out.
fn harmless(sentence: &str) -> String {
    sentence.split('\n').map(spelled_out).collect::<Vec<_>>().join("\n")
}

/// Writes an error sentence to standard error.
pub(super) fn complain(sentence: &str) {
    note(&format!("assay: {sentence}"));
}

fn to_stdout(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    judge(write_all(io::stdout().lock(), write))
}

fn write_all(sink: impl Write, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut buffered = io::BufWriter::new(sink);
    write(&mut buffered)?;
    buffered.flush()
}

fn judge(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::environment(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Exit;

    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_path_or_a_name_in_a_sentence_does_not_act_on_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2J\u{202e}.csv: is odd\nand 3 more"), "aU+001B[2JU+202E.csv: is odd\nand 3 more");
    }

    #[test]
    fn a_reader_that_stops_reading_is_no_failure() {
        let written = write_all(Failing(io::ErrorKind::BrokenPipe), |out| writeln!(out, "line"));
        assert_eq!(judge(written), Ok(()));
    }

    #[test]
    fn a_full_disk_behind_standard_output_is_a_failure_of_the_environment() {
        let written = write_all(Failing(io::ErrorKind::StorageFull), |out| {
            serde_json::to_writer_pretty(out, &["a document"])?;
            Ok(())
        });
        assert_eq!(judge(written).map_err(|failure| failure.exit), Err(Exit::Environment));
    }

    #[test]
    fn a_refused_ledger_has_these_fields() {
        let mut findings = Findings::new(1);
        findings.add("balances.csv", Some(7), "is odd");
        findings.add("manifest.toml", None, "is only counted");
        assert_eq!(
            serde_json::to_string(&Refusal::of(&findings)).unwrap(),
            r#"{"valid":false,"findings":[{"file":"balances.csv","line":7,"reason":"is odd"}],"total":2}"#
        );
    }
}
