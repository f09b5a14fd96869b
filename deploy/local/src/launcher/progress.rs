//! What the user sees while it works.

use std::{sync::OnceLock, time::Instant};

static START: OnceLock<Instant> = OnceLock::new();

/// Says what is done now, with the seconds since the first word.
pub fn say(what: &str) {
    let seconds = START.get_or_init(Instant::now).elapsed().as_secs_f64();
    eprintln!("[{seconds:6.1}s] {what}");
}
