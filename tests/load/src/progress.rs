//! What is going on, on standard error: a line each, and while orders are under way one that is written anew where
//! standard error is a terminal.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::latency::Latencies;
use crate::ledger::Counts;

static START: OnceLock<Instant> = OnceLock::new();
/// The last line is one that is written anew.
static OPEN: AtomicBool = AtomicBool::new(false);

/// Says what is done now, with the seconds since the first word.
pub fn say(what: &str) {
    close();
    eprintln!("{}", line(what));
}

/// Says how far it is: over what was said so before, on a terminal.
pub fn say_again(what: &str) {
    if stderr().is_terminal() {
        eprint!("\r\x1b[K{}", line(what));
        let _ = stderr().flush();
        OPEN.store(true, Ordering::Relaxed);
    } else {
        say(what);
    }
}

/// What follows stands on a line of its own.
pub fn close() {
    if OPEN.swap(false, Ordering::Relaxed) {
        eprintln!();
    }
}

/// How often it is worth saying.
pub fn pause() -> Duration {
    if stderr().is_terminal() { Duration::from_millis(500) } else { Duration::from_secs(5) }
}

fn line(what: &str) -> String {
    let seconds = START.get_or_init(Instant::now).elapsed().as_secs_f64();
    format!("[{seconds:6.1}s] {what}")
}

/// How far a run is, in one line that a terminal of 80 columns holds. `lately` are those of the last `seconds`.
pub fn status(counts: &Counts, goal: Option<usize>, lately: &Latencies, seconds: f64) -> String {
    let ended = counts.completed + counts.cancelled;
    let goal = goal.map_or(String::new(), |goal| format!("/{goal}"));
    let mut line = format!("{ended}{goal} ended");
    if counts.cancelled > 0 {
        line.push_str(&format!(", {} cancelled", counts.cancelled));
    }
    line.push_str(&format!(", {} under way", counts.accepted.saturating_sub(counts.measured)));
    if lately.count() > 0 {
        let rate = lately.count() as f64 / seconds.max(f64::MIN_POSITIVE);
        let (p50, p99) = (lately.percentile(50.0), lately.percentile(99.0));
        line.push_str(&format!("; {rate:.0}/s, p50 {p50:.1} p99 {p99:.1} ms"));
    }
    if counts.refused > 0 {
        line.push_str(&format!("; {} refused", counts.refused));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_how_far_and_how_fast_lately() {
        let counts = Counts { accepted: 60, measured: 40, completed: 30, cancelled: 10, refused: 0 };
        let mut lately = Latencies::default();
        assert_eq!(status(&counts, Some(200), &lately, 2.0), "40/200 ended, 10 cancelled, 20 under way");
        (0..20).for_each(|_| lately.record(2_000));
        let said = status(&Counts { cancelled: 0, refused: 3, ..counts }, None, &lately, 2.0);
        assert_eq!(said, "30 ended, 20 under way; 10/s, p50 2.0 p99 2.0 ms; 3 refused");
    }
}
