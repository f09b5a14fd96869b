//! What the tests of payment's rules begin with.

use choreography::{Answer, Json, testing::Given};
use contracts::{Address, InventoryReserved, Item, OrderDetails, ShippingCancelled, ShippingFailed};
use uuid::Uuid;

use crate::{
    Payment,
    payment_row::{OrderToPay, PaymentRow, State},
};

pub const ORDER: Uuid = Uuid::from_u128(1);

/// An order's payment in this state.
pub fn given(state: State) -> Given<Payment> {
    let charged = matches!(state, State::Succeeded | State::Refunding | State::Refunded);
    let details = if matches!(state, State::None | State::Voided) { None } else { details() };
    Given::nothing(Payment).row(ORDER, PaymentRow { state, details, charge_id: charged.then(|| "ch_1".into()) })
}

pub fn row(given: &Given<Payment>) -> PaymentRow {
    given.find(ORDER)
}

pub fn all_but(these: &[State]) -> Vec<State> {
    State::ALL.iter().copied().filter(|state| !these.contains(state)).collect()
}

pub fn details() -> Option<Json<OrderToPay>> {
    Some(Json(OrderToPay {
        amount: 200,
        currency: "EUR".into(),
        items: items(),
        shipping_address: Some(address()),
        sealed_address: Some("sealed".into()),
    }))
}

pub fn reserved() -> InventoryReserved {
    InventoryReserved {
        order_id: ORDER,
        details: OrderDetails {
            user_id: "ada".into(),
            total_amount: 200,
            currency: "EUR".into(),
            items: items(),
            payment_method: Some("tok_visa".into()),
            shipping_address: Some(address()),
            sealed_address: Some("sealed".into()),
        },
    }
}

pub fn failed() -> ShippingFailed {
    ShippingFailed { order_id: ORDER, reason: "refused".into() }
}

pub fn cancelled() -> ShippingCancelled {
    ShippingCancelled { order_id: ORDER, reason: "client".into() }
}

pub fn yes(detail: &str) -> Answer {
    Answer::Yes { detail: detail.into() }
}

pub fn no(reason: &str) -> Answer {
    Answer::No { reason: reason.into() }
}

pub fn address() -> Address {
    Address {
        name: "Ada".into(),
        line1: "1 Road".into(),
        line2: None,
        postal_code: "8010".into(),
        city: "Graz".into(),
        country: "AT".into(),
    }
}

pub fn items() -> Vec<Item> {
    vec![Item { sku: "chair".into(), quantity: 2, price: 100 }]
}
