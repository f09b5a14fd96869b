//! Events stand on the topics before any service reads; the services start, and orders come at once.

use std::time::Duration;

use anyhow::{Result, ensure};
use local::System;

use crate::clock;
use crate::latency::Latencies;
use crate::progress::{self, say, say_again};

use super::drain::{self, Drained, Offsets, Watch};
use super::no_ops::{NoOp, NoOps};
use super::window::{Disturbed, Window};

/// Handed to the producer before it is told how far it is.
const STRETCH: usize = 20_000;
const LOOK: Duration = Duration::from_millis(50);
/// Which service reads which of the topics that hold the backlog.
const READERS: [(&str, &[&str]); 3] = [
    ("order", &["shipping-events", "inventory-events"]),
    ("inventory", &["shipping-events"]),
    ("payment", &["shipping-events", "inventory-events"]),
];

/// Events that stand there, while no service runs.
pub struct Heap {
    from: Offsets,
    to: Offsets,
    /// POSTs that went before.
    before: Latencies,
}

/// The services are at it.
pub struct Backlog {
    events: usize,
    before: Latencies,
    watch: Watch,
}

impl Heap {
    /// Stops all services, and puts so many events where they will find them.
    pub async fn pile(system: &System, events: usize, before: Latencies) -> Result<Self> {
        let mut no_ops = NoOps::about_completed_orders(system).await?;
        say("stopping the services");
        system.stop_all().await?;
        let from = drain::ends(system, &NoOp::TOPICS).await?;
        for (number, what) in NoOp::ALL.into_iter().enumerate() {
            let share = (events + number) / NoOp::ALL.len();
            let mut sent = 0;
            while sent < share {
                let stretch = STRETCH.min(share - sent);
                no_ops.send(what, stretch)?;
                sent += stretch;
                say_again(&format!("{}: {sent} of {share} events", what.topic()));
                // So that an interruption is heard.
                tokio::task::yield_now().await;
            }
        }
        no_ops.flush()?;
        progress::close();
        let to = drain::ends(system, &NoOp::TOPICS).await?;
        let there = drain::between(&from, &to);
        ensure!(there == events as u64, "{there} events are there, {events} were sent");
        Ok(Self { from, to, before })
    }

    /// Starts one replica of each service, and begins to watch.
    pub async fn release(self, system: &System) -> Result<Backlog> {
        say("starting the services before their backlog");
        let watch = Watch::start(system, &READERS, &self.from, &self.to)?;
        for service in system.services() {
            system.spawn(service, service, &[])?;
        }
        for service in system.services() {
            system.wait_ready(service).await?;
        }
        let events = usize::try_from(drain::between(&self.from, &self.to))?;
        Ok(Backlog { events, before: self.before, watch })
    }
}

impl Backlog {
    /// Until all have got through it.
    pub async fn run(&self) -> Result<Disturbed> {
        let (begin, at_first) = (clock::now(), self.watch.seen());
        while !self.watch.is_over() {
            tokio::time::sleep(LOOK).await;
        }
        let window = Window { begin, end: clock::now() };
        let mut notes = vec![
            format!(
                "{} events stood on order's topics, half of them shipping.dispatched and half inventory.rejected: \
                 valid events with new ids about orders that were completed before, so each is taken through inbox, \
                 lock and rule, and changes nothing.",
                self.events
            ),
            "Sagas wait behind the backlog: their latency is not of a system that keeps up.".to_owned(),
        ];
        notes.extend(self.watch.seen().iter().zip(&at_first).map(|(drained, at_first)| told(drained, at_first)));
        Ok(Disturbed {
            what: format!("a backlog of {} events", self.events),
            window,
            before: Some(self.before.clone()),
            notes,
        })
    }

    /// Grows as long as something is done.
    pub fn progress(&self) -> u64 {
        self.watch.seen().iter().map(|drained| drained.done).sum()
    }
}

/// How fast a service was, and how much it had left when the first order came.
fn told(drained: &Drained, at_first: &Drained) -> String {
    let Drained { service, events, .. } = drained;
    let rate = drained.rate().map_or_else(String::new, |rate| format!(", {rate:.0} events/s once it had begun"));
    let took = drained.took.unwrap_or_default().as_secs_f64();
    let ignores = if *service == "payment" { " (it ignores these types)" } else { "" };
    format!(
        "{service} had read its {events} events{ignores} {took:.1} s after it was started{rate}; {} were left when \
         orders began to come.",
        events.saturating_sub(at_first.done)
    )
}
