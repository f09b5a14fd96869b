//! Crash points: where a test can end the process as kill -9 would, at the named step and nowhere else.

use std::sync::OnceLock;

/// The environment variable that names the step. For crash tests only; unset, a crash point costs one load.
pub const CRASH_AT: &str = "SAGA_CRASH_AT";

static WANTED: OnceLock<Option<String>> = OnceLock::new();

/// Ends the process here if a crash test asked for it.
pub fn reached(step: &str) {
    let wanted = WANTED.get_or_init(|| std::env::var(CRASH_AT).ok());
    if wanted.as_deref() == Some(step) {
        eprintln!("{CRASH_AT}={step}: ending here");
        std::process::abort();
    }
}
