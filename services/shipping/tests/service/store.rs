//! Shipping's rows on a real PostgreSQL.

use choreography_keys::{Fresh, HeldKey};
use one_service::OneService;
use shipping::{
    MIGRATIONS, Shipping,
    shipment::{Shipment, State},
};

#[tokio::test]
async fn rows_come_back_as_they_were_written() {
    let service = OneService::start(Shipping, &MIGRATIONS).await;
    let row = |state: &State| Shipment {
        state: *state,
        tracking_number: (*state == State::Dispatched).then(|| "T\"1".into()),
    };
    service.keeps(State::ALL.iter().map(row).collect()).await;
    service.keeps(vec![HeldKey::of(1, Fresh::of(1).key), HeldKey { generation: 2, key: None }]).await;
}
