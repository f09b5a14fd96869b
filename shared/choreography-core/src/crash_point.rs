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
pub fn reached_of(step: &str, aggregate_id: &str) {
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

#[cfg(test)]
mod tests {
    use std::{
        os::unix::process::ExitStatusExt,
        process::{Command, Stdio},
    };

    use super::*;

    /// What the other test starts as a process of its own, with a step to crash at.
    #[test]
    fn a_process_passes_its_steps() {
        reached("one");
        reached_of("two", "a");
    }

    /// The signal that ended such a process.
    fn ended_by(crash_at: &str) -> Option<i32> {
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.args(["--exact", "crash_point::tests::a_process_passes_its_steps"]).env(CRASH_AT, crash_at);
        process.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().signal()
    }

    #[test]
    fn a_process_ends_at_the_step_that_was_asked_for_and_nowhere_else() {
        for step in ["one", "two:a"] {
            assert!(ended_by(step).is_some(), "{step}");
        }
        for step in ["", "three", "one:a", "two", "two:b", "one:two"] {
            assert_eq!(ended_by(step), None, "{step}");
        }
    }
}
