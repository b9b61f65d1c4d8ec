//! The server process: starts it, waits until it is ready, and stops it.

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

/// The argument that identifies a server as ours.
const MARK: &str = "cluster_name=assay-private";
/// Postgres logs this while processes of a crashed server still hold its memory. They end by themselves.
const STILL_HELD: &str = "pre-existing shared memory block";
/// How long these processes may take to end.
const LEAVING: Duration = Duration::from_secs(15);
/// A number that no process has: Linux assigns only smaller ones, and other systems much smaller ones.
const NO_PROCESS: i32 = 1 << 22;
/// Time between two checks of the process.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a start may take; recovery after a crash takes time.
const START: Duration = Duration::from_secs(300);
/// How long the server may take to close connections and write everything to disk.
const FAST_STOP: Duration = Duration::from_secs(25);
/// How long the server may take to end without writing; the next start recovers.
const QUICK_STOP: Duration = Duration::from_secs(5);

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    binaries: Binaries,
    child: Child,
    /// Dropping it ends the thread that started the server.
    _keeper: Sender<()>,
}

impl Server {
    /// Starts the server and waits until it accepts connections.
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

    /// Starts the server after it has ended.
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
            // the child is not reaped yet, so the number is still its own
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
        // process numbers are below 2^22
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

/// Starts the server on a thread of its own, which lives until the returned sender is dropped: the kernel signals the server when
/// the *thread* that started it ends, and the caller's thread may end earlier.
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
        // only the owner of the socket's directory can connect
        "listen_addresses=".to_owned(),
        format!("unix_socket_directories=\"{}\"", sockets.replace('"', "\"\"")),
        "unix_socket_permissions=0700".to_owned(),
        // statements are short: compiling them costs more than it saves
        "jit=off".to_owned(),
        // statements and details of errors may contain private data
        "log_min_error_statement=panic".to_owned(),
        "log_error_verbosity=terse".to_owned(),
        "logging_collector=off".to_owned(),
    ];
    command.arg("-D").arg(&place.dir).args(["-p", "5432"]);
    command.args(settings.iter().flat_map(|s| ["-c", s.as_str()]));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Ok(command)
}

/// `setpriv`, if this system has one that can set the signal for a parent's death.
fn setpriv() -> Option<PathBuf> {
    ["/usr/bin/setpriv", "/bin/setpriv"].into_iter().map(PathBuf::from).find(|path| {
        let mut command = plain(path);
        command.args(["--pdeathsig", "INT", "--", "true"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|s| s.success())
    })
}

/// The content of `postmaster.pid` that is needed here.
struct PidFile {
    pid: Pid,
    /// The directory of its socket, once there is one.
    sockets: Option<PathBuf>,
    ready: bool,
}

impl PidFile {
    fn path(dir: &Path) -> PathBuf {
        dir.join("postmaster.pid")
    }

    /// The first line is the process number, the fifth the directory of the socket, the eighth the state.
    fn read(dir: &Path) -> Option<Self> {
        let text = fs::read_to_string(Self::path(dir)).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok().filter(|&pid: &i32| pid > 0)?;
        let sockets = lines.nth(3).filter(|line| !line.is_empty()).map(PathBuf::from);
        let ready = lines.nth(2).is_some_and(|line| line.trim() == "ready");
        Some(Self { pid: Pid::from_raw(pid), sockets, ready })
    }

    /// Replaces the number of a process that is not the server. Because of that number Postgres would refuse to start, and a
    /// new server with the same number, as in a container, would look ready at once. The other lines stay, because Postgres
    /// uses them to find processes of the crashed server that still run.
    fn disown(dir: &Path) -> Result<(), ClusterError> {
        let path = Self::path(dir);
        let text = fs::read_to_string(&path).map_err(ClusterError::file(&path))?;
        let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
        fs::write(&path, format!("{NO_PROCESS}\n{rest}")).map_err(ClusterError::file(&path))
    }
}

/// Where the server of the cluster in `dir` says that its socket is, if it runs. A server that has died says so still.
pub(super) fn sockets(dir: &Path) -> Option<PathBuf> {
    PidFile::read(dir)?.sockets
}

/// What the process named in `postmaster.pid` is.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// There is none.
    Nothing,
    /// It has nothing to do with the cluster: the system reused the number after a crash.
    Stranger,
    /// A server that an earlier process of ours left running.
    Ours,
    /// A server of this cluster that assay did not start.
    Foreign,
}

/// Stops a server that an earlier process left running, and makes a stale `postmaster.pid` harmless. The caller holds the lock,
/// so no other process of ours uses that server.
pub(super) fn stop_orphan(dir: &Path) -> Result<(), ClusterError> {
    let Some(PidFile { pid, .. }) = PidFile::read(dir) else {
        // a full disk leaves an empty file, and Postgres would refuse to start because of it
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

/// Identifies a server by its working directory, which is the data directory, and by its arguments. Without `/proc` every living
/// process counts as foreign, and the start is refused.
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
        // a zombie, or ended in between
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Found::Nothing,
        // a process of another user, who cannot run this cluster
        Err(_) => return Found::Stranger,
    }
    let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
    if arguments.split(|&b| b == 0).any(|a| a == MARK.as_bytes()) { Found::Ours } else { Found::Foreign }
}
