//! The relays of a replica.

use std::sync::Arc;

use choreography_core::{
    participant::Participant,
    relay::{Feed, Lane, OutboxStore, Pace, Relay, Relayed},
};
use uuid::Uuid;

use super::{IDLE, LEASE, LIMIT, Stop, droppable};
use crate::{
    core::{Core, sleep},
    database::Model,
    kafka::Producer,
};

/// How long relays wait for more rows: some hardly, some long.
const LINGERS: [usize; 3] = [10, 60, 600];
/// So often a relay that stops sends what is left.
const LAST_STEPS: u32 = 3;

pub(super) async fn relay<P: Participant>(
    core: Arc<Core>,
    model: Model<P>,
    mut producer: Producer,
    (lane, holder, feed): (Lane, Uuid, Arc<Feed>),
    stop: Stop,
) {
    let began = core.now();
    // What the relay does by seconds fits into a schedule of a few thousand milliseconds ten times.
    let clock = || ((core.now() - began) * 10).to_std().unwrap_or_default();
    let pace = Pace::new(LIMIT, usize::MAX, (LEASE * 10).to_std().unwrap_or_default());
    let mut relay = Relay::new(holder, lane, pace, feed.clone());
    let linger = LINGERS[core.pick(LINGERS.len())];
    let mut last_steps = LAST_STEPS;
    loop {
        if core.pick(8) == 0 || relay.ranges().is_empty() || relay.has_lost_leases() {
            let claimed = droppable(&core, relay.claim(&model, LEASE)).await;
            core.report(|| format!("{} {} relay claims: {claimed:?}", model.name(), lane.name()));
        }
        // A poll, or word of another replica.
        if core.pick(4) == 0 || stop.has_begun() {
            feed.look_into_the_table();
        }
        let relayed = droppable(&core, relay.step(&model, &mut producer, &clock)).await;
        core.report(|| format!("{} {} relay: {relayed:?}", model.name(), lane.name()));
        if let Some(Ok(relayed)) = &relayed {
            count_relayed(&core, relayed);
        }
        if stop.has_begun() {
            last_steps -= 1;
            // Whatever is left another relay sends.
            if last_steps == 0 || matches!(relayed, Some(Ok(Relayed::Nothing))) {
                break;
            }
        }
        sleep(&core, core.pick(linger)).await;
    }
    // What is not given back expires.
    let released = droppable(&core, relay.release(&model)).await;
    core.report(|| format!("{} {} relay gives its leases back: {released:?}", model.name(), lane.name()));
}

fn count_relayed(core: &Core, relayed: &Relayed) {
    match relayed {
        Relayed::Nothing => {}
        Relayed::PassedOver { .. } => core.count("relay", "rows are left behind"),
        Relayed::Published { rows, marked } => {
            core.count("relay", "published");
            if *marked < u64::try_from(*rows).unwrap_or(u64::MAX) {
                core.count("relay", "the mark of a lost lease is refused");
            }
        }
        Relayed::Failed { published, stopped, .. } => {
            core.count(
                "relay",
                if *published == 0 { "failed, nothing acknowledged" } else { "failed, some acknowledged" },
            );
            if *stopped > 0 {
                core.count("relay", "a key stops behind what the broker refuses");
            }
        }
    }
}

/// Keeps the leases of both relays alive, whatever these are doing.
pub(super) async fn renew<P: Participant>(core: Arc<Core>, model: Model<P>, holders: [Uuid; 2], stop: Stop) {
    while !stop.has_begun() {
        for holder in holders {
            sleep(&core, core.pick(IDLE)).await;
            let renewed = droppable(&core, model.renew(holder, LEASE)).await;
            core.report(|| format!("{} renews: {renewed:?}", model.name()));
        }
    }
}
