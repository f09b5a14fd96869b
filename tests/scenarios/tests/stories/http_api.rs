//! What clients of the order API rely on.

use harness::story;
use local::shop::{Answer, order};
use serde_json::{Value, json};
use uuid::Uuid;

/// Each request is a trace of its own; all else is the same.
fn said(answer: &Answer) -> Answer {
    Answer { trace_id: None, ..answer.clone() }
}

#[test]
fn the_same_key_and_body_get_the_same_answer_also_at_once() {
    story(|world| async move {
        let chair = world.stocked("chair", 5).await;
        let url = world.system.url("order");
        let body = order(&[(&chair, 1)], "tok_visa", "Vienna");
        let key = Uuid::new_v4().to_string();
        let headers = [("Idempotency-Key", key.as_str()), ("X-Client-Id", "ada")];
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (url, body, key) = (url.clone(), body.clone(), key.clone());
            calls.spawn(async move {
                world.post_order(&url, &body, &[("Idempotency-Key", key.as_str()), ("X-Client-Id", "ada")]).await
            });
        }
        let answers = calls.join_all().await;
        assert!(answers.iter().all(|answer| answer.status == 202 && said(answer) == said(&answers[0])), "{answers:?}");
        let id = answers[0].body["orderId"].as_str().expect("an id").to_owned();
        assert_eq!(answers[0].location, Some(format!("/orders/{id}")));

        world.eventually(&id, "completed").await;
        let again = world.post_order(&url, &body, &headers).await;
        assert_eq!(said(&again), said(&answers[0]), "the answer stays as it was");
        let other = order(&[(&chair, 2)], "tok_visa", "Vienna");
        assert_eq!(world.post_order(&url, &other, &headers).await.status, 409);
        let another_client = [("Idempotency-Key", key.as_str()), ("X-Client-Id", "bob")];
        let answer = world.post_order(&url, &other, &another_client).await;
        assert_eq!(answer.status, 202);
        assert_ne!(answer.body["orderId"].as_str(), Some(id.as_str()));
        assert_eq!(world.events(&id, "order.placed").len(), 1);
    });
}

#[test]
fn bad_input_is_refused_with_the_field() {
    story(|world| async {
        let url = world.system.url("order");
        let mut body = order(&[("chair", 1)], "tok_visa", "Vienna");
        body["items"][0]["quantity"] = json!(-1);
        let answer = world.post_order(&url, &body, &[]).await;
        assert_eq!((answer.status, answer.body["field"].as_str()), (422, Some("items[0].quantity")), "{answer:?}");
        assert_eq!(world.cancel(&Uuid::now_v7().to_string()).await.status, 404);
        assert_eq!(world.status(&Uuid::now_v7().to_string()).await, "unknown");
        let long = "k".repeat(201);
        let good = order(&[("chair", 1)], "tok_visa", "Vienna");
        assert_eq!(world.post_order(&url, &good, &[("Idempotency-Key", &long)]).await.status, 422);
    });
}

#[test]
fn stock_cannot_be_set_below_what_is_set_aside() {
    story(|world| async {
        let chair = world.stocked("chair", 5).await;
        // The order waits for its carrier while it is looked at: its pieces are set aside.
        let order = world.place(&[(&chair, 3)], "tok_visa", "Latetown").await;
        world.appears(&order, "inventory.reserved").await;
        let stock = format!("{}/stock/{chair}", world.system.url("inventory"));
        let answer = world.shop.put(&stock, &json!({"onHand": 2})).await.expect("inventory answers");
        assert_eq!(answer.status, 409, "{answer:?}");
        world.eventually(&order, "completed").await;
        assert_eq!(world.shop.put(&stock, &json!({"onHand": 7})).await.expect("inventory answers").status, 200);
        assert_eq!(world.pieces(&chair).await.available, 7);
    });
}

#[test]
fn a_customers_orders_are_listed_page_by_page_newest_first() {
    story(|world| async {
        let chair = world.stocked("chair", 5).await;
        let (url, customer) = (world.system.url("order"), format!("pager-{}", Uuid::now_v7()));
        let mut body = order(&[(&chair, 1)], "tok_visa", "Vienna");
        body["userId"] = json!(customer);
        let mut placed = Vec::new();
        for _ in 0..3 {
            let answer = world.post_order(&url, &body, &[]).await;
            placed.insert(0, answer.body["orderId"].as_str().expect("an id").to_owned());
        }
        let (mut listed, mut query) = (Vec::new(), format!("userId={customer}&limit=2"));
        loop {
            let page = world.shop.get(&format!("{url}/orders?{query}")).await.expect("order answers").body;
            let orders = page["orders"].as_array().expect("orders");
            listed.extend(orders.iter().map(|order| order["orderId"].as_str().expect("an id").to_owned()));
            let Some(next) = page["next"].as_str() else { break };
            query = format!("userId={customer}&limit=2&cursor={next}");
        }
        assert_eq!(listed, placed);
        let garbage = world.shop.get(&format!("{url}/orders?cursor=garbage")).await.expect("order answers");
        assert_eq!((garbage.status, garbage.body["field"].as_str()), (400, Some("cursor")), "{garbage:?}");
        assert_eq!(garbage.body["traceId"].as_str(), garbage.trace_id.as_deref(), "{garbage:?}");
    });
}

#[test]
fn each_service_serves_the_document_that_is_committed() {
    const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/choreography/openapi");
    story(|world| async {
        let committed = |name: &str| -> Value {
            let text = std::fs::read_to_string(format!("{COMMITTED}/{name}.json")).expect("a document");
            serde_json::from_str(&text).expect("JSON")
        };
        for service in ["order", "inventory", "payment", "shipping"] {
            let url = format!("{}/openapi.json", world.system.url(service));
            let served = world.shop.get(&url).await.expect("it answers").body;
            assert!(served == committed(service), "{url} is another one");
            let url = format!("{}/openapi.json", world.system.admin_url(service));
            let served = world.shop.get(&url).await.expect("it answers").body;
            assert!(served == committed("operators"), "{url} is another one");
        }
    });
}
