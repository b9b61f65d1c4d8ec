//! Finds the installed PostgreSQL and runs its programs.

use std::{
    ffi::OsStr,
    fs,
    io::Write,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    command::{last_line, plain},
    error::{ClusterError, OLDEST},
    user::User,
};

/// The programs of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    /// The directory of `initdb` and `postgres`.
    pub dir: PathBuf,
    /// Its major version.
    pub version: u32,
}

/// All installations that are new enough: first those on PATH and from `pg_config`, then the usual directories, newest first.
pub(super) fn installed() -> Vec<Binaries> {
    let on_path = std::env::var_os("PATH").map(|p| std::env::split_paths(&p).collect()).unwrap_or_default();
    let configured = Command::new("pg_config").arg("--bindir").stderr(Stdio::null()).output().ok();
    let configured = configured.and_then(|o| String::from_utf8(o.stdout).ok()).map(|s| PathBuf::from(s.trim()));
    let usual = [("/usr/lib/postgresql", ""), ("/usr", "pgsql-"), ("/opt/homebrew/opt", "postgresql@")];
    found_in(on_path, configured, &usual)
}

fn found_in(on_path: Vec<PathBuf>, configured: Option<PathBuf>, usual: &[(&str, &str)]) -> Vec<Binaries> {
    let mut of_systems: Vec<(u32, PathBuf)> = Vec::new();
    for (parent, prefix) in usual {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let number = name.to_str().and_then(|n| n.strip_prefix(prefix)).and_then(|n| n.parse().ok());
            of_systems.extend(number.map(|n| (n, entry.path().join("bin"))));
        }
    }
    of_systems.sort_by(|a, b| b.cmp(a));
    let dirs = on_path.into_iter().chain(configured).chain(of_systems.into_iter().map(|(_, dir)| dir));
    let mut found: Vec<Binaries> = Vec::new();
    for dir in dirs.filter(|d| d.is_absolute() && d.join("initdb").is_file()) {
        // resolves links: the installation's other programs are beside the real file
        let Some(dir) = fs::canonicalize(dir.join("postgres")).ok().and_then(|p| p.parent().map(Path::to_owned)) else {
            continue;
        };
        let version = version_of(&dir.join("postgres")).filter(|&v| v >= OLDEST);
        let new = version.map(|version| Binaries { dir, version }).filter(|b| !found.contains(b));
        found.extend(new);
    }
    found
}

/// The major version, from `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` or `postgres (PostgreSQL) 18beta1`.
fn version_of(postgres: &Path) -> Option<u32> {
    let output = Command::new(postgres).arg("--version").stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let number = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().ok()
}

/// [`ClusterError::NotInstalled`] with the command that installs PostgreSQL on this system.
pub(super) fn not_installed() -> ClusterError {
    let install = match fs::read_to_string("/etc/debian_version") {
        Ok(version) if version.starts_with("12") => "apt-get install postgresql-15",
        Ok(_) => "apt-get install postgresql",
        Err(_) => "install PostgreSQL 15 or later",
    };
    ClusterError::NotInstalled { install }
}

impl Binaries {
    /// The installation of the version that made the cluster in `dir`; no other version can read it.
    pub(super) fn of_cluster(dir: &Path, installed: &[Self]) -> Result<Self, ClusterError> {
        let file = dir.join("PG_VERSION");
        let made_by = fs::read_to_string(&file).map_err(ClusterError::file(&file))?;
        let made_by: u32 =
            made_by.trim().parse().map_err(|_| ClusterError::Place(format!("{}: not a version", file.display())))?;
        let same = installed.iter().find(|b| b.version == made_by).cloned();
        match same {
            Some(same) => Ok(same),
            None if installed.is_empty() => Err(not_installed()),
            None => Err(ClusterError::OtherVersion { dir: dir.to_owned(), made_by }),
        }
    }

    /// The path of a program of this installation.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Runs a program as `user`, with `input` on its standard input, and waits until it ends.
    pub(super) fn run(
        &self,
        name: &'static str,
        user: &User,
        arguments: &[&OsStr],
        input: &str,
    ) -> Result<(), ClusterError> {
        let failed = |reason: String| ClusterError::Program { program: name, reason };
        let mut command = plain(&self.program(name));
        if let User::Other { uid, gid } = *user {
            command.uid(uid).gid(gid);
        }
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| failed(e.to_string()))?;
        if let Some(mut stdin) = child.stdin.take() {
            // a program that ends early reports why itself
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().map_err(|e| failed(e.to_string()))?;
        if output.status.success() {
            return Ok(());
        }
        Err(failed(last_line(&String::from_utf8_lossy(&output.stderr)).unwrap_or_else(|| output.status.to_string())))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn installation(root: &Path, name: &str, says: &str) -> PathBuf {
        let bin = root.join(name).join("bin");
        fs::create_dir_all(&bin).unwrap();
        for program in ["initdb", "postgres"] {
            let path = bin.join(program);
            fs::write(&path, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {says}'\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        bin
    }

    #[test]
    fn the_newest_of_the_system_is_taken_unless_path_names_another() {
        let root = tempfile::tempdir().unwrap();
        let old = installation(root.path(), "14", "14.9");
        let nine = installation(root.path(), "9", "9.6.24");
        let fifteen = installation(root.path(), "15", "15.14 (Debian 15.14-0+deb12u1)");
        let eighteen = installation(root.path(), "18", "18beta1");
        let usual = [(root.path().to_str().unwrap(), "")];
        let versions = |found: Vec<Binaries>| found.iter().map(|b| b.version).collect::<Vec<_>>();
        assert_eq!(versions(found_in(Vec::new(), None, &usual)), [18, 15]);
        assert_eq!(versions(found_in(vec![old, fifteen.clone()], Some(nine), &usual)), [15, 18]);
        assert_eq!(versions(found_in(Vec::new(), Some(eighteen), &[])), [18]);
        assert_eq!(found_in(vec![fifteen.clone(), fifteen], None, &[]).len(), 1);
    }

    #[test]
    fn without_an_installation_the_sentence_says_how_to_get_one() {
        assert!(found_in(vec![PathBuf::from("/nonexistent"), PathBuf::from("relative")], None, &[]).is_empty());
        let sentence = not_installed().to_string();
        assert!(sentence.contains("install") && !sentence.contains('\n'), "{sentence}");
    }

    #[test]
    fn a_cluster_is_run_by_the_version_that_made_it() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("PG_VERSION"), "16\n").unwrap();
        let of = |v| Binaries { dir: PathBuf::from("/x"), version: v };
        assert_eq!(Binaries::of_cluster(root.path(), &[of(17), of(16)]).unwrap(), of(16));
        let error = Binaries::of_cluster(root.path(), &[of(17)]).unwrap_err();
        assert!(matches!(error, ClusterError::OtherVersion { made_by: 16, .. }), "{error}");
    }
}
