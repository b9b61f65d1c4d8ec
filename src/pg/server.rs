//! The server process: how it starts, how one knows that it is ready, and how it ends.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    binaries::Binaries,
    command::{last_line, plain},
    error::ClusterError,
    place::Place,
    user::User,
};

/// By this argument a server that was left behind is known as ours.
const MARK: &str = "cluster_name=assay-private";
/// What Postgres says while processes of a crashed server still hold its memory; they leave by themselves.
const STILL_HELD: &str = "pre-existing shared memory block";
/// How long they may take.
const LEAVING: Duration = Duration::from_secs(15);
/// A number that no process has: Linux gives out smaller ones only, and other systems much smaller ones.
const NO_PROCESS: i32 = 1 << 22;
/// How often it is looked whether something has happened.
const PAUSE: Duration = Duration::from_millis(10);
/// Recovery after a crash can take its time; as long as the process lives it is waited for.
const START: Duration = Duration::from_secs(300);
/// For closing connections and writing everything.
const FAST_STOP: Duration = Duration::from_secs(25);
/// For leaving without writing; the next start recovers.
const QUICK_STOP: Duration = Duration::from_secs(5);

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    binaries: Binaries,
    child: Child,
    /// Its end ends the thread that is the server's parent.
    _keeper: Sender<()>,
}

impl Server {
    /// Starts the server and waits until it takes connections.
    pub(super) fn start(binaries: Binaries, place: &Place, user: &User) -> Result<Self, ClusterError> {
        let began = Instant::now();
        loop {
            let (child, keeper) = spawn(&binaries, place, user)?;
            let mut server = Self { binaries: binaries.clone(), child, _keeper: keeper };
            match server.wait_until_ready(place) {
                Ok(()) => return Ok(server),
                Err(ClusterError::Program { reason, .. })
                    if reason.contains(STILL_HELD) && began.elapsed() < LEAVING =>
                {
                    thread::sleep(PAUSE * 10);
                }
                Err(other) => return Err(other),
            }
        }
    }

    /// Starts the server after [`Server::stop`].
    pub(super) fn start_again(&mut self, place: &Place, user: &User) -> Result<(), ClusterError> {
        *self = Self::start(self.binaries.clone(), place, user)?;
        Ok(())
    }

    pub(super) fn programs(&self) -> &Path {
        &self.binaries.dir
    }

    fn wait_until_ready(&mut self, place: &Place) -> Result<(), ClusterError> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.ended()? {
                let log = fs::read_to_string(&place.log).unwrap_or_default();
                // the last line is often "database system is shut down"
                let reason = log.lines().find(|l| l.contains("FATAL:")).map(str::to_owned).or_else(|| last_line(&log));
                return Err(failed(reason.unwrap_or_else(|| status.to_string())));
            }
            let running = PidFile::read(&place.dir);
            if running.is_some_and(|r| r.pid == self.pid() && r.ready) {
                return Ok(());
            }
            if began.elapsed() > START {
                return Err(failed(format!("not ready after {} seconds", START.as_secs())));
            }
            thread::sleep(PAUSE);
        }
    }

    /// Whether the process has ended.
    pub(super) fn has_ended(&mut self) -> Result<bool, ClusterError> {
        Ok(self.ended()?.is_some())
    }

    /// Stops the server, if it runs.
    pub(super) fn stop(&mut self) -> Result<(), ClusterError> {
        for (signal, patience) in [(Signal::SIGINT, FAST_STOP), (Signal::SIGQUIT, QUICK_STOP)] {
            if self.ended()?.is_some() {
                return Ok(());
            }
            // not waited for yet, so the number is still its own
            let _ = kill(self.pid(), signal);
            let began = Instant::now();
            while began.elapsed() < patience {
                if self.ended()?.is_some() {
                    return Ok(());
                }
                thread::sleep(PAUSE);
            }
        }
        Err(failed(format!("process {} does not stop", self.pid())))
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, ClusterError> {
        self.child.try_wait().map_err(|e| failed(e.to_string()))
    }

    fn pid(&self) -> Pid {
        // numbers of processes are below 2^22
        Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            tracing::error!(%error, "the private Postgres was not stopped");
        }
    }
}

fn failed(reason: String) -> ClusterError {
    ClusterError::Program { program: "postgres", reason }
}

/// The kernel signals the server when the *thread* that started it ends. So it is started by a thread that lives as long as
/// the server is wanted, not by whichever thread the caller is on.
fn spawn(binaries: &Binaries, place: &Place, user: &User) -> Result<(Child, Sender<()>), ClusterError> {
    let mut command = command(binaries, place, user)?;
    let (started, child): (Sender<_>, Receiver<std::io::Result<Child>>) = channel();
    let (keeper, wanted) = channel::<()>();
    thread::Builder::new()
        .name("postgres-keeper".to_owned())
        .spawn(move || {
            let _ = started.send(command.spawn());
            // until the sender is dropped
            let _ = wanted.recv();
        })
        .map_err(|e| failed(e.to_string()))?;
    match child.recv() {
        Ok(Ok(child)) => Ok((child, keeper)),
        Ok(Err(e)) => Err(failed(e.to_string())),
        Err(_) => Err(failed("the thread that starts it has died".to_owned())),
    }
}

fn command(binaries: &Binaries, place: &Place, user: &User) -> Result<Command, ClusterError> {
    let postgres = binaries.program("postgres");
    let mut command = match (setpriv(), user) {
        (Some(setpriv), user) => {
            let mut command = plain(&setpriv);
            command.args(["--pdeathsig", "INT"]);
            if let User::Other { uid, gid } = user {
                command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups");
            }
            command.arg("--").arg(postgres);
            command
        }
        (None, User::Own { .. }) => plain(&postgres),
        (None, User::Other { uid, gid }) => {
            let mut command = plain(&postgres);
            command.uid(*uid).gid(*gid);
            command
        }
    };
    let log = File::create(&place.log).map_err(ClusterError::file(&place.log))?;
    let sockets = place
        .sockets
        .to_str()
        .ok_or_else(|| ClusterError::Place(format!("{}: PostgreSQL needs a path in UTF-8", place.sockets.display())))?;
    let settings = [
        MARK.to_owned(),
        // nobody but the owner of the socket's directory can connect
        "listen_addresses=".to_owned(),
        format!("unix_socket_directories=\"{}\"", sockets.replace('"', "\"\"")),
        "unix_socket_permissions=0700".to_owned(),
        // short statements only; compiling them costs more than it saves
        "jit=off".to_owned(),
        // statements and details of errors could hold what is private
        "log_min_error_statement=panic".to_owned(),
        "log_error_verbosity=terse".to_owned(),
        "logging_collector=off".to_owned(),
    ];
    command.arg("-D").arg(&place.dir).args(["-p", "5432"]);
    command.args(settings.iter().flat_map(|s| ["-c", s.as_str()]));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Ok(command)
}

/// The program that sets what the kernel does when a parent dies, if it can.
fn setpriv() -> Option<PathBuf> {
    ["/usr/bin/setpriv", "/bin/setpriv"].into_iter().map(PathBuf::from).find(|path| {
        let mut command = plain(path);
        command.args(["--pdeathsig", "INT", "--", "true"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|s| s.success())
    })
}

/// What the server writes about itself.
struct PidFile {
    pid: Pid,
    ready: bool,
}

impl PidFile {
    fn path(dir: &Path) -> PathBuf {
        dir.join("postmaster.pid")
    }

    /// First line: the process. Eighth line: its state.
    fn read(dir: &Path) -> Option<Self> {
        let text = fs::read_to_string(Self::path(dir)).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok().filter(|&pid: &i32| pid > 0)?;
        Some(Self { pid: Pid::from_raw(pid), ready: lines.nth(6).is_some_and(|l| l.trim() == "ready") })
    }

    /// Takes away the number of a process that is not the server: Postgres would refuse to start because of it, and a new
    /// server that got the same number, as in a container, would look ready at once. The rest stays, because by it Postgres
    /// knows whether processes of the crashed server are still there.
    fn disown(dir: &Path) -> Result<(), ClusterError> {
        let path = Self::path(dir);
        let text = fs::read_to_string(&path).map_err(ClusterError::file(&path))?;
        let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
        fs::write(&path, format!("{NO_PROCESS}\n{rest}")).map_err(ClusterError::file(&path))
    }
}

/// What the process named in `postmaster.pid` is.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// There is none.
    Nothing,
    /// It has nothing to do with the cluster: the number was given away again after a crash.
    Stranger,
    /// A server that an earlier process of ours has left behind.
    Ours,
    /// A server of this cluster that somebody else has started.
    Foreign,
}

/// Gets whatever still runs from an earlier life out of the way. The caller holds the lock, so no process of ours wants it.
pub(super) fn stop_orphan(dir: &Path) -> Result<(), ClusterError> {
    let Some(PidFile { pid, .. }) = PidFile::read(dir) else {
        // a full disk leaves an empty file, because of which Postgres would refuse to start
        let path = PidFile::path(dir);
        if fs::metadata(&path).is_ok_and(|file| file.len() == 0) {
            fs::remove_file(&path).map_err(ClusterError::file(&path))?;
        }
        return Ok(());
    };
    match look_at(pid, dir) {
        Found::Nothing | Found::Stranger => return PidFile::disown(dir),
        Found::Foreign => {
            let by = format!("PostgreSQL's process {pid}, which assay has not started");
            return Err(ClusterError::InUse { dir: dir.to_owned(), by });
        }
        Found::Ours => {}
    }
    tracing::warn!(%pid, "a Postgres that was left behind is stopped");
    for (signal, patience) in [(Signal::SIGINT, FAST_STOP), (Signal::SIGQUIT, QUICK_STOP)] {
        let _ = kill(pid, signal);
        let began = Instant::now();
        while began.elapsed() < patience {
            if look_at(pid, dir) != Found::Ours {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
    }
    Err(ClusterError::InUse { dir: dir.to_owned(), by: format!("PostgreSQL's process {pid}, which does not stop") })
}

/// A server works in its data directory and keeps its arguments. Without `/proc` every living process is taken for foreign,
/// which is a refusal and no harm.
fn look_at(pid: Pid, dir: &Path) -> Found {
    if kill(pid, None) == Err(nix::errno::Errno::ESRCH) {
        return Found::Nothing;
    }
    let process = Path::new("/proc").join(pid.to_string());
    if !Path::new("/proc/self").exists() {
        return Found::Foreign;
    }
    match fs::read_link(process.join("cwd")) {
        Ok(cwd) if cwd == dir => {}
        Ok(_) => return Found::Stranger,
        // a zombie, or gone in between
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Found::Nothing,
        // of another user, who cannot run this cluster
        Err(_) => return Found::Stranger,
    }
    let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
    if arguments.split(|&b| b == 0).any(|a| a == MARK.as_bytes()) { Found::Ours } else { Found::Foreign }
}
