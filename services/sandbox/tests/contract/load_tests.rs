use futures::{StreamExt, stream::FuturesUnordered};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::world::World;

#[tokio::test]
async fn calls_beyond_the_queue_are_answered_503_with_retry_after_and_charge_nothing() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[("SANDBOX_QUEUE", "1"), ("SANDBOX_BATCH", "1")]).await;
    let mut ledger = PgConnection::connect(&world.database_url).await.unwrap();
    // The ledger stands still while this holds its table: one call is being written, one waits.
    let mut standing = ledger.begin().await.unwrap();
    sqlx::query("LOCK TABLE charge").execute(&mut *standing).await.unwrap();
    let body = json!({"orderId": "o1", "amount": 10, "currency": "EUR", "paymentMethod": "tok_visa"}).to_string();
    let sandbox = &sandbox;
    let mut calls: FuturesUnordered<_> = (0..6)
        .map(|i| {
            let body = &body;
            async move { sandbox.post("/v1/charges", Some(&format!("k{i}")), body).await }
        })
        .collect();
    for _ in 0..4 {
        let (status, retry_after, problem) = calls.next().await.unwrap();
        assert_eq!((status, retry_after), (503, true), "{problem}");
        assert_eq!(problem["error"]["code"], "busy");
    }
    standing.rollback().await.unwrap();
    let rest: Vec<_> = calls.collect().await;
    let charged = rest.iter().filter(|(status, ..)| *status == 200).count();
    assert!(charged > 0, "{rest:?}");
    assert_eq!(sandbox.get("/v1/ledger").await["currencies"]["EUR"]["charges"], charged);
}
