//! A target in a loop. A panic is caught; an input that ends the process or never ends is found by the process that started it, since
//! each input stands in a file while it is tried.

use std::{
    cell::RefCell,
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

use crate::{
    mutate::Mutator,
    targets::{Target, Verdict},
};

/// How long and with what.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long to go on.
    pub seconds: u64,
    /// What all inputs are drawn from.
    pub seed: u64,
    /// How long one input may take, in seconds.
    pub limit_seconds: u64,
    /// The folder of the corpus; it has one folder for each target.
    pub corpus: PathBuf,
    /// Where inputs that fail are kept.
    pub crashes: PathBuf,
}

/// A run without a failure.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    /// Inputs tried.
    pub executions: u64,
    /// Inputs that were accepted.
    pub accepted: u64,
    /// What it took.
    pub time: Duration,
}

impl Counts {
    /// Inputs tried in a second.
    pub fn per_second(&self) -> u128 {
        u128::from(self.executions) * 1000 / self.time.as_millis().max(1)
    }
}

/// What a run ended with instead.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An input failed.
    #[error("{target} fails: {reason}\n  seed {seed}, execution {execution}, input {}", input.display())]
    Failed {
        /// The target.
        target: &'static str,
        /// What the panic said.
        reason: String,
        /// The seed.
        seed: u64,
        /// Which input it was, counted from 1.
        execution: u64,
        /// Where it is kept.
        input: PathBuf,
    },
    /// A file of the runner itself cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> RunError + '_ {
    move |source| RunError::File { path: path.to_owned(), source }
}

/// The exit code of a process whose input took too long.
const TOO_SLOW: i32 = 9;

/// Tries inputs until the time is over.
///
/// # Errors
/// [`RunError::Failed`] with the first input on which the target panics.
pub fn run(target: &Target, options: &Options) -> Result<Counts, RunError> {
    silence_panics();
    let corpus = read_corpus(&options.corpus.join(target.name))?;
    let mut inputs = Mutator::new(options.seed, corpus, target.words);
    let current = current_path(target, options);
    fs::create_dir_all(&options.crashes).map_err(at(&options.crashes))?;
    let file = File::create(&current).map_err(at(&current))?;
    let begun = Instant::now();
    let watch = Watch::begin(begun, Duration::from_secs(options.limit_seconds));
    let mut counts = Counts { executions: 0, accepted: 0, time: Duration::ZERO };
    while counts.executions == 0 || begun.elapsed() < Duration::from_secs(options.seconds) {
        let input = inputs.next_input();
        file.set_len(0).and_then(|()| file.write_all_at(&input, 0)).map_err(at(&current))?;
        watch.input_begins();
        let verdict = attempt(target, &input);
        watch.input_ends();
        counts.executions += 1;
        match verdict {
            Ok(verdict) => counts.accepted += u64::from(verdict == Verdict::Accepted),
            Err(reason) => {
                let input = keep(target, options, &current)?;
                let (target, seed, execution) = (target.name, options.seed, counts.executions);
                return Err(RunError::Failed { target, reason, seed, execution, input });
            }
        }
    }
    counts.time = begun.elapsed();
    fs::remove_file(&current).map_err(at(&current))?;
    Ok(counts)
}

/// Tries one input.
///
/// # Errors
/// What the panic said, and where.
pub fn attempt(target: &Target, input: &[u8]) -> Result<Verdict, String> {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    outcome.map_err(|_| LAST_PANIC.with_borrow_mut(std::mem::take))
}

thread_local! {
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Notes panics instead of printing them: code under test may catch its own.
fn silence_panics() {
    panic::set_hook(Box::new(|info| LAST_PANIC.set(info.to_string())));
}

/// Runs `command`, which must end in [`run`] for the same target and options, and finds the input on which it died.
///
/// # Errors
/// [`RunError::Failed`] if the process was ended by an input.
pub fn supervise(target: &Target, options: &Options, command: &mut Command) -> Result<ExitStatus, RunError> {
    let current = current_path(target, options);
    let status = command.status().map_err(at(Path::new(command.get_program())))?;
    let reason = match status.code() {
        Some(TOO_SLOW) => format!("one input took more than {} seconds", options.limit_seconds),
        None => format!("one input ended the process ({status})"),
        Some(_) => return Ok(status),
    };
    let input = keep(target, options, &current)?;
    Err(RunError::Failed { target: target.name, reason, seed: options.seed, execution: 0, input })
}

fn current_path(target: &Target, options: &Options) -> PathBuf {
    options.crashes.join(format!(".{}-{}", target.name, options.seed))
}

/// Gives the current input a name that lasts.
fn keep(target: &Target, options: &Options, current: &Path) -> Result<PathBuf, RunError> {
    let input = fs::read(current).map_err(at(current))?;
    let digest = hex::encode(Sha256::digest(&input));
    let path = options.crashes.join(format!("{}-{}", target.name, &digest[..16]));
    fs::rename(current, &path).map_err(at(&path))?;
    Ok(path)
}

/// The entries of a corpus by name; none where there is no folder.
fn read_corpus(folder: &Path) -> Result<Vec<Vec<u8>>, RunError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(at(folder)(error)),
    };
    let paths: Result<Vec<PathBuf>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(at(folder))?;
    paths.sort();
    paths.iter().map(|path| fs::read(path).map_err(at(path))).collect()
}

/// Ends the process when one input takes too long: nothing else can stop it.
struct Watch {
    begun: Instant,
    /// Milliseconds after `begun` at which the input began; 0 between inputs.
    input_begun: Arc<AtomicU64>,
}

impl Watch {
    fn begin(begun: Instant, limit: Duration) -> Self {
        let input_begun = Arc::new(AtomicU64::new(0));
        let watched = Arc::clone(&input_begun);
        thread::spawn(move || {
            loop {
                thread::sleep(Duration::from_millis(100));
                let input_begun = watched.load(Ordering::Relaxed);
                if input_begun > 0 && begun.elapsed() > Duration::from_millis(input_begun) + limit {
                    std::process::exit(TOO_SLOW);
                }
            }
        });
        Self { begun, input_begun }
    }

    fn input_begins(&self) {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.input_begun.store(now.max(1), Ordering::Relaxed);
    }

    fn input_ends(&self) {
        self.input_begun.store(0, Ordering::Relaxed);
    }
}
