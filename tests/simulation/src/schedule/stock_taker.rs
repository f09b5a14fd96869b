//! Somebody who counts the stock, and says what is on hand.

use engine::door::Door;
use inventory::set_stock::{SetStock, StockSet};

use super::{POLICY, SKUS, Shop, clients::submit};
use crate::{core::sleep, replica::Task};

const COUNTS: usize = 3;

pub fn stock_taker(shop: &Shop) -> Task {
    let core = shop.core.clone();
    let participant = shop.inventory.participant.clone();
    let door = Door::new(participant, shop.inventory.clone(), POLICY);
    Task::new(async move {
        for _ in 0..COUNTS {
            sleep(&core, core.pick(2_500)).await;
            let set = SetStock {
                sku: SKUS[core.pick(SKUS.len())].to_owned(),
                on_hand: i64::try_from(core.pick(12)).unwrap_or_default(),
            };
            let answer = submit(&core, &door, || set.clone()).await;
            let below = matches!(answer, Some(StockSet::BelowReserved(_)));
            core.count("stock", if below { "below what is reserved" } else { "set" });
        }
    })
}
