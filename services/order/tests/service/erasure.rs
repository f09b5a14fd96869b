//! A customer's address: sealed in the database, shown while its key is there, and erased once their orders have ended.

use std::time::Duration;

use api::Gate;
use axum::Router;
use choreography_keys::{Fresh, OwnedKey};
use chrono::DateTime;
use one_service::{Answer, OneService, call, served};
use order::{
    MIGRATIONS, Order,
    customers::{Customers, PersonalData},
};

const ORDER: &str = r#"{"userId":"ada","currency":"EUR","items":[{"sku":"chair","quantity":2,"price":100}],
    "shippingAddress":{"name":"Ada","line1":"1 Canary Road","postalCode":"8010","city":"Graz","country":"AT"}}"#;
const ERASURE: &str = "/customers/ada/erasure";
const IN_CLEAR: &str = "SELECT (SELECT count(*) FROM orders WHERE orders::text LIKE '%Canary%')
    + (SELECT count(*) FROM outbox WHERE encode(payload, 'escape') LIKE '%Canary%')";

async fn start() -> (OneService<Order>, Router) {
    start_with(PersonalData::Sealed).await
}

async fn start_with(personal_data: PersonalData) -> (OneService<Order>, Router) {
    let world = OneService::start(Order { deadline: Duration::from_secs(900) }, &MIGRATIONS).await;
    let customers = Customers::new(personal_data);
    let api = served(order::http::routes(world.context(), Gate::open(), customers));
    (world, api)
}

/// Status and state.
async fn erasure(api: &Router, method: &str) -> (u16, String, Answer) {
    let answer = call(api, method, ERASURE, &[], "").await;
    (answer.status.as_u16(), answer.body["state"].as_str().unwrap_or_default().to_owned(), answer)
}

#[tokio::test]
async fn an_address_is_kept_sealed_and_shown_while_its_key_is_there() {
    let (world, api) = start().await;
    let placed = call(&api, "POST", "/orders", &[("Idempotency-Key", "k")], ORDER).await;
    let path = format!("/orders/{}", placed.body["orderId"].as_str().unwrap());
    assert_eq!(call(&api, "GET", &path, &[], "").await.body["shippingAddress"]["line1"], "1 Canary Road");
    assert_eq!(world.count(IN_CLEAR).await, 0);
    assert_eq!(
        world.count("SELECT count(*) FROM owned_keys WHERE key IS NOT NULL AND published <> generation").await,
        1
    );
    assert_eq!(erasure(&api, "GET").await.1, "kept");
}

#[tokio::test]
async fn an_erasure_waits_for_open_orders_and_the_customer_may_come_again() {
    let (world, api) = start().await;
    assert_eq!(erasure(&api, "GET").await.1, "nothing");
    let placed = call(&api, "POST", "/orders", &[("Idempotency-Key", "k")], ORDER).await;
    let path = format!("/orders/{}", placed.body["orderId"].as_str().unwrap());
    let (status, state, answer) = erasure(&api, "POST").await;
    assert_eq!((status, state.as_str(), answer.body["openOrders"].as_i64()), (202, "waiting", Some(1)));
    let refused = call(&api, "POST", "/orders", &[], ORDER).await;
    assert_eq!((refused.status.as_u16(), refused.body["field"].as_str()), (409, Some("userId")), "{}", refused.body);
    assert_eq!(refused.body["type"], "urn:choreography:problem:being-erased");
    assert_eq!(call(&api, "GET", &path, &[], "").await.body["shippingAddress"]["name"], "Ada");

    sqlx::query("UPDATE orders SET status = 'completed'").execute(&world.pool).await.unwrap();
    let (status, state, _) = erasure(&api, "POST").await;
    assert_eq!((status, state.as_str()), (200, "erased"), "no broker took the null yet");
    let shown = call(&api, "GET", &path, &[], "").await.body;
    assert!(shown["status"] == "completed" && shown["shippingAddress"].is_null(), "{shown}");
    let digests = "SELECT count(*) FROM requests WHERE body_hash IS NOT NULL";
    assert_eq!(world.count(digests).await, 0, "nor is there a digest of the address");
    let repeated = call(&api, "POST", "/orders", &[("Idempotency-Key", "k")], ORDER).await;
    assert_eq!(repeated.body["orderId"], placed.body["orderId"], "a late repeat is no second order");
    let erased = world.count("SELECT generation FROM owned_keys WHERE key IS NULL").await;

    let again = call(&api, "POST", "/orders", &[], ORDER).await;
    assert_eq!((again.status.as_u16(), again.body["shippingAddress"]["name"].as_str()), (202, Some("Ada")));
    assert!(world.count("SELECT generation FROM owned_keys WHERE key IS NOT NULL").await > erased);
    assert!(call(&api, "GET", &path, &[], "").await.body["shippingAddress"].is_null(), "what was erased stays so");
    assert_eq!(call(&api, "POST", "/customers/%00/erasure", &[], "").await.status.as_u16(), 400);
}

#[tokio::test]
async fn while_older_readers_run_an_address_stays_in_clear_and_leaves_the_table_with_the_erasure() {
    let (world, api) = start_with(PersonalData::Clear).await;
    let placed = call(&api, "POST", "/orders", &[], ORDER).await;
    let path = format!("/orders/{}", placed.body["orderId"].as_str().unwrap());
    assert_eq!(world.count(IN_CLEAR).await, 2, "the order's row, and the event for the older readers");
    assert_eq!(world.count("SELECT count(*) FROM owned_keys WHERE key IS NOT NULL").await, 0);
    assert_eq!(call(&api, "GET", &path, &[], "").await.body["shippingAddress"]["line1"], "1 Canary Road");

    sqlx::query("UPDATE orders SET status = 'completed'").execute(&world.pool).await.unwrap();
    let (status, state, _) = erasure(&api, "POST").await;
    assert_eq!((status, state.as_str()), (200, "erased"));
    assert_eq!(world.count("SELECT count(*) FROM orders WHERE orders::text LIKE '%Canary%'").await, 0);
}

#[tokio::test]
async fn what_came_in_clear_after_an_erasure_goes_with_the_next() {
    let (world, api) = start_with(PersonalData::Clear).await;
    let in_clear = "SELECT count(*) FROM orders WHERE orders::text LIKE '%Canary%'";
    let mut generation = 0;
    for _ in 0..2 {
        assert_eq!(call(&api, "POST", "/orders", &[], ORDER).await.status.as_u16(), 202);
        sqlx::query("UPDATE orders SET status = 'completed'").execute(&world.pool).await.unwrap();
        assert_eq!(world.count(in_clear).await, 1);
        assert_eq!(erasure(&api, "POST").await.1, "erased");
        assert_eq!(world.count(in_clear).await, 0);
        let now = world.count("SELECT generation FROM owned_keys").await;
        assert!(now > generation, "each is said on the topic: {now} after {generation}");
        generation = now;
    }
}

#[tokio::test]
async fn orders_without_an_address_keep_no_erasure_waiting() {
    let (_world, api) = start().await;
    let without = ORDER.split_once(",\n    \"shippingAddress\"").unwrap().0.to_owned() + "}";
    assert_eq!(call(&api, "POST", "/orders", &[], &without).await.status.as_u16(), 202);
    let (status, state, answer) = erasure(&api, "POST").await;
    assert_eq!((status, state.as_str(), answer.body["openOrders"].as_i64()), (200, "erased", Some(0)));
}

#[tokio::test]
async fn keys_come_back_as_they_were_written() {
    let (world, _) = start().await;
    let key = |generation, erasure_asked_at| OwnedKey { generation, key: Some(Fresh::of(1).key), erasure_asked_at };
    world
        .keeps(vec![
            key(1, None),
            key(2, Some(DateTime::UNIX_EPOCH)),
            OwnedKey { generation: 3, ..OwnedKey::default() },
        ])
        .await;
}
