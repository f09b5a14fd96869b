//! Each customer is told once how the order ended, and told what happened.

use choreography_simulator::core::lock;
use notification::{Notice, State, mailer::MessageAnswer};
use order::order_row::{OrderRow, Status};

use crate::shop::Shop;

pub fn check(shop: &Shop, findings: &mut Vec<String>) {
    for placed in lock(&shop.placed).iter() {
        let id = placed.order_id.to_string();
        let ended = shop.order.row::<OrderRow>(&id).map(|row| row.status);
        let notice = shop.notification.row::<Notice>(&id).unwrap_or_default();
        let ledger = lock(&shop.world.ledger);
        let messages: Vec<_> = ledger.messages.values().filter(|(message, _)| message.order_id == id).collect();
        let words = if ended == Some(Status::Completed) { "on its way" } else { "cancelled" };
        let right = match messages.as_slice() {
            [(message, MessageAnswer::Sent { .. })] => notice.state == State::Told && message.text.contains(words),
            [(message, MessageAnswer::Refused { .. })] => notice.state == State::Failed && message.text.contains(words),
            _ => false,
        };
        if !right {
            findings.push(format!("order {id} ended as {ended:?}; its customer: {notice:?}, told {messages:?}"));
        }
    }
}
