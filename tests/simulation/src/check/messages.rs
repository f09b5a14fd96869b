//! Each customer is told once how the order ended, and told what happened.

use choreography_core::Answer;
use choreography_simulator::core::lock;
use notification::{Notice, State};
use order::order_row::{OrderRow, Status};

use crate::shop::Shop;

pub fn check(shop: &Shop, findings: &mut Vec<String>) {
    for placed in lock(&shop.placed).iter() {
        let id = placed.order_id.to_string();
        let ended = shop.order.row::<OrderRow>(&id).map(|row| row.status);
        let notice = shop.notification.row::<Notice>(&id).unwrap_or_default();
        let ledger = lock(&shop.world.ledger);
        let messages: Vec<_> = ledger.messages.values().filter(|(order, ..)| *order == id).collect();
        let words = if ended == Some(Status::Completed) { "on its way" } else { "cancelled" };
        let right = match messages.as_slice() {
            [(_, message, Answer::Yes { .. })] => notice.state == State::Told && message.text.contains(words),
            [(_, message, Answer::No { .. })] => notice.state == State::Failed && message.text.contains(words),
            _ => false,
        };
        if !right {
            findings.push(format!("order {id} ended as {ended:?}; its customer: {notice:?}, told {messages:?}"));
        }
    }
}
