//! One order, and the service that it is to be paid at.

use choreography_core::store::PendingCall;
use contracts::{InventoryReserved, Item, OrderDetails};
use one_service::OneService;
use payment::{MIGRATIONS, Payment};
use uuid::Uuid;

pub const ORDER: Uuid = Uuid::from_u128(1);

pub async fn start() -> OneService<Payment> {
    OneService::start(Payment, &MIGRATIONS).await
}

/// A charge is asked for.
pub async fn charging(service: &OneService<Payment>) -> PendingCall {
    let reserved = InventoryReserved {
        order_id: ORDER,
        details: OrderDetails {
            user_id: "ada".into(),
            total_amount: 200,
            currency: "EUR".into(),
            items: vec![Item { sku: "chair".into(), quantity: 2, price: 100 }],
            payment_method: Some("tok_visa".into()),
            shipping_address: None,
            sealed_address: None,
        },
    };
    service.told(reserved).await.calls.pop().expect("a charge is asked for").call
}

pub async fn state(service: &OneService<Payment>) -> Vec<String> {
    service.texts("SELECT state FROM payments").await
}
