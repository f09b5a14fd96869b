use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn what_is_malformed_is_refused_with_422_and_the_fields_name() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let cases = [
        ("/v1/charges", json!({"amount": 1, "currency": "EUR"}), "orderId"),
        ("/v1/charges", json!({"orderId": "o\u{0}", "amount": 1, "currency": "EUR"}), "orderId"),
        ("/v1/charges", json!({"orderId": "o1", "currency": "EUR"}), "amount"),
        ("/v1/charges", json!({"orderId": "o1", "amount": 0, "currency": "EUR"}), "amount"),
        ("/v1/charges", json!({"orderId": "o1", "amount": 1.5, "currency": "EUR"}), "amount"),
        ("/v1/charges", json!({"orderId": "o1", "amount": "1", "currency": "EUR"}), "amount"),
        ("/v1/charges", json!({"orderId": "o1", "amount": 1, "currency": "eur"}), "currency"),
        ("/v1/charges", json!({"orderId": "o1", "amount": 1, "currency": "EUR", "paymentMethod": ""}), "paymentMethod"),
        ("/v1/charges", json!(["o1", 1, "EUR"]), "body"),
        ("/v1/refunds", json!({"orderId": "o1", "amount": 1, "currency": "EUR"}), "chargeId"),
        ("/v1/shipments", json!({"orderId": "o1", "items": []}), "items"),
        ("/v1/shipments", json!({"orderId": "o1", "items": [{"sku": "a", "quantity": 0}]}), "items[0].quantity"),
        ("/v1/shipments", json!({"orderId": "o1", "items": [{"sku": 7}]}), "items[0].sku"),
        ("/v1/shipments", json!({"orderId": "o1", "items": [{"sku": "a", "quantity": 1}], "address": "x"}), "address"),
        ("/v1/messages", json!({"userId": "ada", "text": "hello"}), "orderId"),
        ("/v1/messages", json!({"orderId": "o1", "text": "hello"}), "userId"),
        ("/v1/messages", json!({"orderId": "o1", "userId": "ada", "text": ""}), "text"),
        ("/v1/messages", json!({"orderId": "o1", "userId": "ada", "text": "x".repeat(2001)}), "text"),
    ];
    for (path, body, field) in cases {
        let (status, _, problem) = sandbox.post(path, Some("k"), &body.to_string()).await;
        assert_eq!((status, problem["error"]["field"].as_str()), (422, Some(field)), "{path} {body}: {problem}");
    }
}

#[tokio::test]
async fn a_wrong_key_or_a_body_that_is_no_json_is_refused_with_422() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let good = json!({"orderId": "o1", "amount": 1, "currency": "EUR"}).to_string();
    for key in [None, Some(""), Some(".."), Some("a b"), Some("ö")] {
        let (status, _, problem) = sandbox.post("/v1/charges", key, &good).await;
        assert_eq!((status, problem["error"]["field"].as_str()), (422, Some("Idempotency-Key")), "{key:?}: {problem}");
    }
    for body in ["", "{", "{} {}"] {
        let (status, _, problem) = sandbox.post("/v1/charges", Some("k"), body).await;
        assert_eq!((status, problem["error"]["field"].as_str()), (422, Some("body")), "{body:?}: {problem}");
    }
}

#[tokio::test]
async fn a_wrong_route_is_not_taken_for_an_unknown_key() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    assert_eq!(sandbox.get("/v1/charges/k").await["error"]["code"], "not_found");
    assert_eq!(sandbox.get("/v2/charges/k").await["error"]["code"], "no_such_route");
}
