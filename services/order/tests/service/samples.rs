//! What is ordered where it does not matter.

use contracts::{Item, OrderDetails};

pub fn details() -> OrderDetails {
    OrderDetails {
        user_id: "ada".into(),
        total_amount: 100,
        currency: "EUR".into(),
        items: vec![Item { sku: "chair".into(), quantity: 1, price: 100 }],
        payment_method: None,
        shipping_address: None,
        sealed_address: None,
    }
}
