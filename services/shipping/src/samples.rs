//! What the tests of shipping's rules begin with.

use choreography::{Answer, testing::Given};
use choreography_keys::{Fresh, OwnedKey};
use chrono::DateTime;
use contracts::{Address, CancellationReason, Item, OrderCancellationRequested, PaymentSucceeded};
use uuid::Uuid;

use crate::{
    Shipping,
    shipment::{Shipment, State},
};

pub const ORDER: Uuid = Uuid::from_u128(1);

/// An order's shipment in this state.
pub fn given(state: State) -> Given<Shipping> {
    Given::nothing(Shipping).row(ORDER, Shipment { state, tracking_number: None })
}

pub fn shipment(given: &Given<Shipping>) -> Shipment {
    given.find(ORDER)
}

pub fn all_but(these: &[State]) -> Vec<State> {
    State::ALL.iter().copied().filter(|state| !these.contains(state)).collect()
}

pub fn paid() -> PaymentSucceeded {
    PaymentSucceeded {
        order_id: ORDER,
        items: vec![Item { sku: "chair".into(), quantity: 2, price: 100 }],
        amount: 200,
        currency: "EUR".into(),
        charge_id: "ch_1".into(),
        shipping_address: None,
        sealed_address: None,
    }
}

/// Paid, to an address that is sealed.
pub fn paid_to(sealed: &str) -> PaymentSucceeded {
    PaymentSucceeded { sealed_address: Some(sealed.into()), ..paid() }
}

/// Ada's address, sealed for the order under `Fresh::of(1).key`, the first generation of her key.
pub fn sealed_for_ada() -> String {
    let address = r#"{"name":"Ada","line1":"1 Road","postalCode":"8010","city":"Graz","country":"AT"}"#;
    let address: Address = serde_json::from_str(address).unwrap();
    shop::sealed_address::seal(&mut OwnedKey::default(), "ada", ORDER, &address, (&Fresh::of(1), DateTime::UNIX_EPOCH))
        .unwrap()
}

pub fn cancellation_requested() -> OrderCancellationRequested {
    OrderCancellationRequested { order_id: ORDER, reason: CancellationReason::Client }
}

pub fn yes(detail: &str) -> Answer {
    Answer::Yes { detail: detail.into() }
}

pub fn no() -> Answer {
    Answer::No { reason: "not served".into() }
}
