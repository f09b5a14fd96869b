//! Crash points: where a test can end the process as kill -9 would, at the named step and nowhere else.

use std::sync::OnceLock;

/// The environment variable that names the step. For crash tests only; unset, a crash point costs one load.
pub const CRASH_AT: &str = "SAGA_CRASH_AT";

static WANTED: OnceLock<Option<String>> = OnceLock::new();

/// Ends the process here if a crash test asked for it.
pub fn reached(step: &str) {
    if wanted() == Some(step) {
        end_here(step);
    }
}

/// Ends the process at a step of one aggregate, asked for as `step:aggregate`.
pub(crate) fn reached_of(step: &str, aggregate_id: &str) {
    if let Some((at, of)) = wanted().and_then(|wanted| wanted.split_once(':'))
        && at == step
        && of == aggregate_id
    {
        end_here(step);
    }
}

fn wanted() -> Option<&'static str> {
    WANTED.get_or_init(|| std::env::var(CRASH_AT).ok()).as_deref()
}

fn end_here(step: &str) -> ! {
    eprintln!("{CRASH_AT}={step}: ending here");
    std::process::abort();
}
