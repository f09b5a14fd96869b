//! A clerk who counts the stock, and says what is on hand.

use std::{future::Future, sync::Arc};

use choreography_simulator::core::sleep;
use inventory::set_stock::{SetStock, StockSet};

use crate::shop::{SKUS, Shop};

const COUNTS: usize = 3;

pub fn stock_taker(shop: &Arc<Shop>) -> impl Future<Output = ()> + Send + 'static {
    let (core, inventory) = (shop.core.clone(), shop.inventory.clone());
    async move {
        for _ in 0..COUNTS {
            sleep(&core, core.pick(2_500)).await;
            let set = SetStock {
                sku: SKUS[core.pick(SKUS.len())].to_owned(),
                on_hand: i64::try_from(core.pick(12)).unwrap_or_default(),
            };
            let answer = inventory.ask(|| set.clone()).await;
            let below = matches!(answer, Some(StockSet::BelowReserved(_)));
            core.count("stock", if below { "below what is reserved" } else { "set" });
        }
    }
}
