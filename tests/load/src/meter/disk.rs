//! How long this machine's disk takes to make a page of WAL durable: no commit is quicker.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::clock;
use crate::latency::Latencies;

const PAGE: [u8; 8 * 1024] = [0x5a; 8 * 1024];
const TIMES: usize = 100;

/// Writes a page and has it synced, again and again, in a file that is long enough already. Call it at rest.
pub fn sync_time(dir: &Path) -> Result<Latencies> {
    let path = dir.join("sync-time");
    let times = measure(&path).with_context(|| format!("writing {}", path.display()))?;
    fs::remove_file(&path)?;
    Ok(times)
}

fn measure(path: &Path) -> std::io::Result<Latencies> {
    let mut file = File::create(path)?;
    for _ in 0..TIMES {
        file.write_all(&PAGE)?;
    }
    file.sync_all()?;
    let mut file = File::options().write(true).open(path)?;
    let mut times = Latencies::default();
    for _ in 0..TIMES {
        let began = Instant::now();
        file.write_all(&PAGE)?;
        file.sync_data()?;
        times.record(clock::micros(began.elapsed()));
    }
    Ok(times)
}
