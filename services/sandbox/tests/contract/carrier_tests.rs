use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use crate::{
    carrier::{Carrier, NoAnswer, ShipmentAnswer, ShipmentItem, ShipmentRequest},
    world::{World, found},
};

fn parcel(order: &str, city: Option<&str>) -> ShipmentRequest {
    let address = city.and_then(|city| json!({"street": "Gasse 1", "city": city}).as_object().cloned());
    let items = vec![ShipmentItem { sku: "chair".into(), quantity: 2 }];
    ShipmentRequest { order_id: order.into(), items, address }
}

#[tokio::test]
async fn the_same_key_from_many_callers_at_once_ships_once() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let carrier = sandbox.carrier();
    let request = parcel("o1", Some("Graz"));
    let answers = join_all((0..20).map(|_| carrier.ship("o1/dispatch", &request))).await;
    assert!(matches!(answers[0], Ok(ShipmentAnswer::Accepted { .. })), "{:?}", answers[0]);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(carrier.find_shipment("o1/dispatch").await, answers[0].clone().map(Some));
    let other = carrier.ship("o1/dispatch", &parcel("o1", Some("Wien"))).await;
    assert!(matches!(other, Err(NoAnswer::Refused { status: 409, .. })), "{other:?}");
    assert_eq!(sandbox.get("/v1/ledger").await["shipments"], 1);
}

#[tokio::test]
async fn without_an_address_or_to_nowhere_it_is_refused() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let carrier = sandbox.carrier();
    for (key, city) in [("k1", None), ("k2", Some("Nowhere"))] {
        let answer = carrier.ship(key, &parcel("o1", city)).await;
        assert!(matches!(answer, Ok(ShipmentAnswer::Refused { .. })), "{answer:?}");
    }
    assert_eq!(sandbox.get("/v1/ledger").await["shipments"], 0);
}

#[tokio::test]
async fn flakytown_fails_twice_and_then_accepts_and_latetown_accepts() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[("SANDBOX_LATE_MS", "50")]).await;
    let carrier = sandbox.carrier();
    for _ in 0..2 {
        let failed = carrier.ship("k1", &parcel("o1", Some("Flakytown"))).await;
        assert!(matches!(failed, Err(NoAnswer::Server { status: 503, .. })), "{failed:?}");
        assert_eq!(carrier.find_shipment("k1").await, Ok(None));
    }
    for (key, city) in [("k1", "Flakytown"), ("k2", "Latetown")] {
        let answer = carrier.ship(key, &parcel("o1", Some(city))).await;
        assert!(matches!(answer, Ok(ShipmentAnswer::Accepted { .. })), "{answer:?}");
    }
}

#[tokio::test]
async fn silentville_is_no_answer_and_is_found_by_its_key() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let impatient = sandbox.impatient_carrier(Duration::from_millis(300));
    let silent = impatient.ship("k", &parcel("o1", Some("Silentville"))).await;
    assert_eq!(silent, Err(NoAnswer::TimedOut));
    let carrier = sandbox.carrier();
    let truth = found("the silent shipment", || carrier.find_shipment("k")).await;
    assert_eq!(carrier.ship("k", &parcel("o1", Some("Silentville"))).await, Ok(truth));
}
