//! Somebody who counts the stock, and says what is on hand.

use choreography_core::routes::{AnyCommand, AnyReply};
use inventory::set_stock::{SetStock, StockSet};

use super::{SKUS, Shop, clients::submit};
use crate::{core::sleep, replica::Task};

const COUNTS: usize = 3;

pub fn stock_taker(shop: &Shop) -> Task {
    let core = shop.core.clone();
    let requests = shop.inventory_requests.clone();
    Task::new(async move {
        for _ in 0..COUNTS {
            sleep(&core, core.pick(2_500)).await;
            let set = SetStock {
                sku: SKUS[core.pick(SKUS.len())].to_owned(),
                on_hand: i64::try_from(core.pick(12)).unwrap_or_default(),
            };
            let answer = submit(&core, &requests, || AnyCommand::new(set.clone())).await;
            let below = matches!(answer.and_then(AnyReply::take), Some(StockSet::BelowReserved(_)));
            core.count("stock", if below { "below what is reserved" } else { "set" });
        }
    })
}
