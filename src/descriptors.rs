//! The limit on open files. Each connection takes one; a process that runs out of them can answer nobody.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What a service needs besides connections to callers and to the database: listeners, files, a private cluster's sockets.
const OTHERS: u64 = 96;

/// How many files this process may open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptors {
    /// The limit that holds now.
    pub soft: u64,
    /// The limit up to which the process itself can raise it.
    pub hard: u64,
}

impl Descriptors {
    /// How many connections of callers the higher limit leaves room for, beside those to the database.
    pub fn for_connections(self, database_connections: usize) -> u64 {
        self.hard.saturating_sub(OTHERS).saturating_sub(database_connections as u64)
    }
}

/// The limits of this process.
///
/// # Errors
/// Those of the system.
pub fn limits() -> std::io::Result<Descriptors> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(Descriptors { soft, hard })
}

/// Raises the limit as far as the system lets this process raise it.
///
/// # Errors
/// Those of the system.
pub fn raise() -> std::io::Result<Descriptors> {
    let found = limits()?;
    if found.soft < found.hard {
        setrlimit(Resource::RLIMIT_NOFILE, found.hard, found.hard)?;
    }
    limits()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_it_can_be() {
        let raised = raise().unwrap();
        assert_eq!(raised.soft, raised.hard);
        assert_eq!(limits().unwrap(), raised);
    }

    #[test]
    fn connections_leave_room_for_the_rest() {
        let few = Descriptors { soft: 1024, hard: 1024 };
        assert_eq!(few.for_connections(16), 1024 - 96 - 16);
        assert_eq!(Descriptors { soft: 10, hard: 10 }.for_connections(16), 0);
    }
}
