//! Somebody with a database client, who locks rows in an order of their own and thinks for a while.

use engine::participant::Participant;

use super::Shop;
use crate::{
    core::{Core, sleep},
    database::Model,
    replica::Task,
};

const TRANSACTIONS: usize = 12;
const ROWS: usize = 3;

pub fn intruder(shop: &Shop) -> Task {
    match shop.core.pick(4) {
        0 => Task::new(intrude(shop.order.clone())),
        1 => Task::new(intrude(shop.inventory.clone())),
        2 => Task::new(intrude(shop.payment.clone())),
        _ => Task::new(intrude(shop.shipping.clone())),
    }
}

async fn intrude<P: Participant>(model: Model<P>) {
    let core: &Core = &model.core;
    for _ in 0..TRANSACTIONS {
        sleep(core, core.pick(700)).await;
        core.enter("psql");
        let mut tx = model.intrude();
        // Backwards, against everybody else's order, or long.
        let (backwards, long) = (core.pick(2) == 0, core.pick(4) == 0);
        for _ in 0..ROWS {
            let locked = if backwards { tx.lock_before().await } else { tx.lock_any().await };
            if locked.is_err() {
                break;
            }
            sleep(core, core.pick(if long { 600 } else { 60 })).await;
        }
    }
}
