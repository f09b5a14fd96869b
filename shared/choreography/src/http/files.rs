//! How many connections the process's file descriptors allow.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// For Kafka, PostgreSQL, logs and listeners.
const OTHERS: usize = 200;
/// Probes of monitoring and a few people.
const OPERATORS: usize = 64;

/// Connections for clients, at most `wanted`, and for operators, after raising the limit of open files as far as may be.
pub(super) fn connections(wanted: usize) -> (usize, usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(error) => {
            warn!(%error, "the limit on open files could not be raised");
            limit.current
        }
    };
    // No limit is none.
    let files = files.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    let shared = share(wanted, files);
    if shared.0 < wanted {
        warn!(
            files,
            connections = shared.0,
            "MAX_CONNECTIONS is lowered: the limit on open files has no room for more"
        );
    }
    shared
}

fn share(wanted: usize, files: usize) -> (usize, usize) {
    let left = files.saturating_sub(OTHERS).max(2);
    let operators = OPERATORS.min(left / 2);
    (wanted.min(left - operators), operators)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_everything_else() {
        assert_eq!(share(1_000, usize::MAX), (1_000, 64));
        assert_eq!(share(1_000, 1_024), (760, 64));
        assert_eq!(share(1_000, 256), (28, 28));
        assert_eq!(share(1_000, 10), (1, 1));
    }
}
