//! Tells when the next order is due: from a thread of its own, since the runtime's timers know only whole milliseconds.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::clock::{self, Micros};
use crate::schedule::Schedule;

use super::Limit;

/// Begins now. Each item is the moment at which an order is due; no order waits for those before it.
pub fn start(schedule: Schedule, limit: Limit) -> Result<UnboundedReceiver<Micros>> {
    let (tell, told) = unbounded_channel();
    let (begin, at) = (Instant::now(), clock::now());
    let arrivals = schedule.arrivals().take(limit.orders);
    let arrivals = arrivals.take_while(move |offset| limit.time.is_none_or(|time| *offset < time));
    std::thread::Builder::new().name("pacer".into()).spawn(move || {
        for offset in arrivals {
            let early = offset.saturating_sub(begin.elapsed());
            if early > Duration::ZERO {
                std::thread::sleep(early);
            }
            if tell.send(at + clock::micros(offset)).is_err() {
                return;
            }
        }
    })?;
    Ok(told)
}
