//! Another database client, who locks rows in an order of their own and thinks for a while.

use choreography_core::participant::Participant;

use crate::{
    core::{Core, sleep},
    database::{Model, Order},
    probe::Probe,
    replica::Task,
    system::System,
};

/// What they are like.
#[derive(Clone, Copy)]
struct Habit {
    transactions: usize,
    rows: usize,
    /// Longest pauses before a transaction, and between its locks.
    pause: usize,
    thinks: usize,
    /// Now and then they think for longer.
    long: usize,
}

const NOW_AND_THEN: Habit = Habit { transactions: 12, rows: 3, pause: 700, thinks: 60, long: 600 };
const BUSY: Habit = Habit { transactions: 80, rows: 6, pause: 60, thinks: 60, long: 600 };

/// Mostly against all others'.
const ORDERS: [Order; 6] =
    [Order::Any, Order::Backwards, Order::WaitingFirst, Order::WaitingFirst, Order::Crossing, Order::Crossing];

pub fn intruder(system: &System) -> Task {
    let busy = system.core.focus.profile.locks;
    let habit = if busy { BUSY } else { NOW_AND_THEN };
    let models: Vec<&Model<Probe>> = system.services.iter().map(|service| &service.handle.model).collect();
    // Most often one that locks rows of several tables.
    let most = models.iter().max_by_key(|model| model.participant.tables().len());
    let chosen = system.core.pick(models.len() + if busy { 3 } else { 1 });
    match models.get(chosen).or(most) {
        Some(model) => Task::new(intrude((*model).clone(), habit)),
        None => Task::new(async {}),
    }
}

async fn intrude<P: Participant>(model: Model<P>, habit: Habit) {
    let core: &Core = &model.core;
    for _ in 0..habit.transactions {
        sleep(core, core.pick(habit.pause)).await;
        if !core.has_faults() {
            return;
        }
        let mut tx = model.by_hand();
        let (order, long) = (ORDERS[core.pick(ORDERS.len())], core.pick(4) == 0);
        for _ in 0..habit.rows {
            if tx.intrude(order).await.is_err() {
                break;
            }
            sleep(core, core.pick(if long { habit.long } else { habit.thinks })).await;
        }
    }
}
