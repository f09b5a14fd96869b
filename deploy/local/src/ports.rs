//! Free TCP ports on the loopback address.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::{LocalError, Result};

const LOWEST: u16 = 12_000;
const DEFAULT_EPHEMERAL: u16 = 32_768;
const TRIES: u32 = 500;

/// A port on 127.0.0.1 on which no process listens, never the same one twice in this process.
///
/// It lies below the kernel's ephemeral range: a client that keeps dialling a stopped server's
/// port would otherwise be given that very port as its own some day and connect to itself, and
/// the server could not come back on it.
///
/// # Errors
/// [`LocalError::NoPort`] when hundreds in a row were taken.
pub fn free_port() -> Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let highest = ephemeral_start().saturating_sub(1).max(LOWEST + 1000);
    let span = u32::from(highest - LOWEST);
    for _ in 0..TRIES {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = first_offset().wrapping_add(step) % span;
        let port = LOWEST + u16::try_from(offset).unwrap_or(0);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(LocalError::NoPort { tried: TRIES, from: LOWEST, to: highest })
}

/// Processes that start together must not walk the same ports in step.
fn first_offset() -> u32 {
    std::process::id().wrapping_mul(7_919)
}

fn ephemeral_start() -> u16 {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .filter(|start| *start > LOWEST + 2000)
        .unwrap_or(DEFAULT_EPHEMERAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_distinct_and_below_the_ephemeral_range() -> Result<()> {
        let mut ports = (0..50).map(|_| free_port()).collect::<Result<Vec<_>>>()?;
        assert!(ports.iter().all(|port| *port < ephemeral_start()));
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 50);
        Ok(())
    }
}
