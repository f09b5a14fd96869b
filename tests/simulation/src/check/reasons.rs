//! Why an order was cancelled: what clients read is what happened.

use choreography_core::Answer;
use inventory::reservation::{Reservation, State as ReservationState};
use order::order_row::{HistoryEntry, Status};
use payment::payment_row::{PaymentRow, State as PaymentState};
use shipping::shipment::{Shipment, State as ShippingState};

use choreography_simulator::core::lock;

use crate::{
    clients::{CUSTOMERS, Placed},
    shop::Shop,
};

pub fn check(shop: &Shop, findings: &mut Vec<String>) {
    for placed in lock(&shop.placed).iter() {
        let id = placed.order_id.to_string();
        let history = history(shop, &id);
        let requested = history.iter().find(|entry| entry.status == Status::Cancelling);
        if let Some(requested) = requested {
            check_request(shop, placed, &history, requested, findings);
        }
        let Some(end) = history.iter().find(|entry| entry.status == Status::Cancelled) else { continue };
        match cause(shop, &id, requested) {
            Some(cause) if end.reason.contains(&cause) => {}
            cause => {
                findings.push(format!("order {id} was cancelled for {cause:?}, its history says {:?}", end.reason))
            }
        }
    }
}

fn history(shop: &Shop, id: &str) -> Vec<HistoryEntry> {
    let mut history: Vec<HistoryEntry> = shop.order.records();
    history.retain(|entry| entry.order_id == id);
    history
}

/// A client's request was the client's; a deadline's came when it was due.
fn check_request(
    shop: &Shop,
    placed: &Placed,
    history: &[HistoryEntry],
    requested: &HistoryEntry,
    findings: &mut Vec<String>,
) {
    let began = history.iter().find(|entry| entry.status == Status::Pending).map(|entry| entry.at);
    let took = began.and_then(|began| (requested.at - began).to_std().ok()).unwrap_or_default();
    let told = &requested.reason;
    let right = if told.contains("client") { placed.cancels } else { took >= shop.deadline };
    if !right {
        findings
            .push(format!("order {}: {told:?} after {took:?}, client cancels: {}", placed.order_id, placed.cancels));
    }
}

/// What made it impossible, by the services' rows and the provider's ledger.
fn cause(shop: &Shop, id: &str, requested: Option<&HistoryEntry>) -> Option<String> {
    let reservation = shop.inventory.row::<Reservation>(id);
    if reservation.is_some_and(|row| row.state == ReservationState::Rejected) {
        return Some("out of stock".into());
    }
    let state = shop.payment.row::<PaymentRow>(id).map(|row| row.state);
    if state == Some(PaymentState::Refunded) {
        return Some("payment refunded".into());
    }
    if state == Some(PaymentState::Failed) {
        let ledger = lock(&shop.world.ledger);
        let mut charges = ledger.charges.iter().filter(|(key, _)| key.starts_with(id)).map(|(_, charge)| &charge.2);
        return match charges.next() {
            Some(Answer::No { reason }) => Some(reason.clone()),
            _ => None,
        };
    }
    match shop.shipping.row::<Shipment>(id).map(|row| row.state) {
        Some(ShippingState::Failed) => {
            let placed = lock(&shop.placed);
            let details = &placed.iter().find(|placed| placed.order_id.to_string() == id)?.details;
            let erased = details.shipping_address.is_some() && details.user_id == CUSTOMERS[2];
            Some(if erased { "the customer's address was erased".into() } else { "no address".into() })
        }
        // The two reasons of a cancellation, in shipping's words.
        Some(ShippingState::Cancelled) => {
            let client = requested?.reason.contains("client");
            Some(if client { "cancelled by the client".into() } else { "the order took too long".into() })
        }
        _ => None,
    }
}
