//! What the tests of inventory's rules begin with.

use choreography::{
    Json, Refusal,
    testing::{Given, Then},
};
use contracts::{Item, OrderDetails, OrderPlaced, PaymentFailed, PaymentRefunded, PaymentVoided, ShippingDispatched};
use uuid::Uuid;

use crate::{
    Inventory,
    reservation::{Reservation, State},
    stock::{Change, LedgerEntry, Stock},
};

pub const ORDER: Uuid = Uuid::from_u128(1);

/// The ways in which payment says that no money is held.
#[derive(Clone, Copy, Debug)]
pub enum Undo {
    Failed,
    Refunded,
    Voided,
}

pub const UNDOS: [Undo; 3] = [Undo::Failed, Undo::Refunded, Undo::Voided];

/// So many pieces available of each SKU.
pub fn given_stock(available: &[(&str, i64)]) -> Given<Inventory> {
    let stock = |available| Stock { available, reserved: 0, shipped: 0 };
    available.iter().fold(Given::nothing(Inventory), |given, (sku, pieces)| given.row(sku, stock(*pieces)))
}

pub fn reservation(state: State, pieces: &[(&str, u32)]) -> Reservation {
    Reservation { state, items: Json(items(pieces)) }
}

pub fn placed(pieces: &[(&str, u32)]) -> OrderPlaced {
    let items = items(pieces);
    OrderPlaced {
        order_id: ORDER,
        details: OrderDetails {
            user_id: "ada".into(),
            total_amount: contracts::total_amount(&items).unwrap(),
            currency: "EUR".into(),
            items,
            payment_method: Some("tok_visa".into()),
            shipping_address: None,
            sealed_address: None,
        },
    }
}

pub fn no_money_held(given: &mut Given<Inventory>, undo: Undo) -> Result<Then, Refusal> {
    // As long as an event allows: the text that is made of it must still fit.
    let (order_id, reason) = (ORDER, "x".repeat(500));
    match undo {
        Undo::Failed => given.event(PaymentFailed { order_id, reason }),
        Undo::Refunded => {
            given.event(PaymentRefunded { order_id, amount: 200, currency: "EUR".into(), refund_id: "re_1".into() })
        }
        Undo::Voided => given.event(PaymentVoided { order_id, reason }),
    }
}

pub fn dispatched() -> ShippingDispatched {
    ShippingDispatched { order_id: ORDER, tracking_number: "T1".into() }
}

pub fn state(given: &Given<Inventory>) -> State {
    given.find::<Reservation>(ORDER).state
}

/// Available, reserved, shipped.
pub fn counts(given: &Given<Inventory>, sku: &str) -> (i64, i64, i64) {
    let stock: Stock = given.find(sku);
    (stock.available, stock.reserved, stock.shipped)
}

/// What was written to the ledger, in order.
pub fn ledger(then: &Then) -> Vec<(&str, Change)> {
    then.records::<LedgerEntry>().into_iter().map(|entry| (entry.sku.as_str(), entry.change)).collect()
}

fn items(pieces: &[(&str, u32)]) -> Vec<Item> {
    pieces.iter().map(|(sku, quantity)| Item { sku: (*sku).to_owned(), quantity: *quantity, price: 100 }).collect()
}
