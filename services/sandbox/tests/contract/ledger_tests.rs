use choreography::Answer;
use providers::KeyedProvider;
use serde_json::json;

use crate::{
    requests::{charge, refund},
    world::World,
};

#[tokio::test]
async fn an_orders_ledger_holds_its_charges_refunds_shipments_and_messages_and_no_others() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let provider = sandbox.provider();
    let Ok(Answer::Yes { detail: charge_id }) = provider.send("o1/capture", "o1", &charge(100, "tok_visa")).await
    else {
        panic!("not charged");
    };
    provider.send("o2/capture", "o2", &charge(5, "tok_visa")).await.unwrap();
    let Ok(Answer::Yes { detail: refund_id }) = provider.send("o1/refund", "o1", &refund(&charge_id, 40)).await else {
        panic!("not refunded");
    };
    let parcel = json!({"orderId": "o1", "items": [{"sku": "chair", "quantity": 2}], "address": {"city": "Nowhere"}});
    sandbox.post("/v1/shipments", Some("o1/dispatch"), &parcel.to_string()).await;

    let message = json!({"orderId": "o1", "userId": "ada", "text": "hello"});
    let (_, _, sent) = sandbox.post("/v1/messages", Some("o1/tell"), &message.to_string()).await;

    let expected = json!({
        "orderId": "o1",
        "charges": [{"key": "o1/capture", "status": "succeeded", "amount": 100, "currency": "EUR",
                     "paymentMethod": "tok_visa", "chargeId": charge_id}],
        "refunds": [{"key": "o1/refund", "status": "succeeded", "amount": 40, "currency": "EUR",
                     "chargeId": charge_id, "refundId": refund_id}],
        "shipments": [{"key": "o1/dispatch", "status": "refused", "items": [{"sku": "chair", "quantity": 2}],
                       "address": {"city": "Nowhere"}, "reason": "no carrier delivers to Nowhere"}],
        "messages": [{"key": "o1/tell", "status": "sent", "userId": "ada", "text": "hello", "messageId": sent["messageId"]}],
    });
    assert_eq!(sandbox.get("/v1/ledger/o1").await, expected);
    let totals = json!({
        "currencies": {"EUR": {"captured": 105, "refunded": 40, "charges": 2, "refunds": 1}},
        "shipments": 0,
        "messages": 1,
    });
    assert_eq!(sandbox.get("/v1/ledger").await, totals);
    let nothing = json!({"orderId": "o9", "charges": [], "refunds": [], "shipments": [], "messages": []});
    assert_eq!(sandbox.get("/v1/ledger/o9").await, nothing);
}
