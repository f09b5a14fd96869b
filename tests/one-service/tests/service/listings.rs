//! What operators list, on a real PostgreSQL: cut short, however large the kept payload is.

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use one_service::{OneService, call};
use payment::{MIGRATIONS, Payment};
use tower::ServiceExt;

const MEGABYTE: usize = 1_000_000;

async fn start() -> OneService<Payment> {
    OneService::start(Payment, &MIGRATIONS).await
}

/// 150 dead messages and 150 deferred events of a megabyte each, that do not compress to nothing.
async fn fill(service: &OneService<Payment>) {
    for statement in [
        "INSERT INTO dead_messages (topic, partition, \"offset\", digest, payload, headers, error_class, error_message, dead_at)
         SELECT 't', 0, n, n, convert_to(rpad(n || E'\\\\é\\n', 999999, md5(n::text)), 'UTF8'), '[]', 'envelope', 'no', now()
         FROM generate_series(1, 150) n",
        "INSERT INTO held_events (key, event_id, event_type, status, topic, partition, \"offset\", payload, headers, attempts,
                                  due_at, held_at)
         SELECT repeat('k', 1000), gen_random_uuid(), 'order.placed', 'parked', 't', 0, n,
                convert_to(rpad(n || ' ', 1000000, md5(n::text)), 'UTF8'), '[]', 1, now(), now()
         FROM generate_series(1, 150) n",
    ] {
        sqlx::query(statement).execute(&service.pool).await.unwrap();
    }
}

#[tokio::test]
async fn a_page_is_small_and_one_whole_payload_has_a_route_of_its_own() {
    let service = start().await;
    fill(&service).await;
    let admin = service.admin();
    for (path, list) in [("deferred", "deferred"), ("dead-messages", "deadMessages")] {
        let answer = call(&admin, "GET", &format!("/{path}"), &[], "").await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let page = answer.body[list].as_array().unwrap();
        assert_eq!(page.len(), 100);
        assert!(answer.body.to_string().len() < MEGABYTE, "{path}: {} bytes", answer.body.to_string().len());
        assert!(page.iter().all(|each| each["payloadLength"] == MEGABYTE), "{path}: {}", page[0]);
        assert!(page[0]["payload"].as_str().unwrap().starts_with('1'));
        let rest = call(&admin, "GET", &format!("/{path}?after={}", page[99]["number"]), &[], "").await;
        assert_eq!(rest.body[list].as_array().unwrap().len(), 50);

        let request = Request::get(format!("/{path}/7/payload")).body(Body::empty()).unwrap();
        let answer = admin.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.headers()["content-length"], MEGABYTE.to_string());
        let payload = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        assert_eq!((payload.len(), payload[0]), (MEGABYTE, b'7'));
        let missing = call(&admin, "GET", &format!("/{path}/151/payload"), &[], "").await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND);
    }
    let key = call(&admin, "GET", "/deferred", &[], "").await.body["deferred"][0]["key"].as_str().unwrap().len();
    assert_eq!(key, 300);
}

#[tokio::test]
async fn a_payload_of_several_parts_comes_whole_and_none_is_told_from_an_empty_one() {
    let service = start().await;
    sqlx::query(
        "INSERT INTO dead_messages (topic, partition, \"offset\", digest, payload, headers, error_class, error_message, dead_at)
         VALUES ('t', 0, 1, '', convert_to(rpad('a', 2500000, 'bc'), 'UTF8'), '[]', 'envelope', 'no', now()),
                ('t', 0, 2, '', NULL, '[]', 'envelope', 'no', now()), ('t', 0, 3, '', '', '[]', 'envelope', 'no', now())",
    )
    .execute(&service.pool)
    .await
    .unwrap();
    let admin = service.admin();
    let large = call(&admin, "GET", "/dead-messages/1/payload", &[], "").await;
    let expected = format!("a{}", "bc".repeat(1_249_999)) + "b";
    assert!(large.body.as_str() == Some(&expected));
    assert_eq!(call(&admin, "GET", "/dead-messages/2/payload", &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(call(&admin, "GET", "/dead-messages/3/payload", &[], "").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_was_settled_counts_no_more_and_is_forgotten_past_the_horizon() {
    let service = start().await;
    let admin = service.admin();
    let insert =
        "INSERT INTO dead_messages (topic, partition, \"offset\", digest, headers, error_class, error_message, dead_at)
         SELECT 't', 0, n, '', '[]', 'envelope', 'no', now() FROM generate_series(1, 3) n";
    sqlx::query(insert).execute(&service.pool).await.unwrap();
    let waiting = async || choreography_postgres::depths(&service.pool).await.unwrap().dead_messages;
    assert_eq!(waiting().await, 3);
    for number in 1..=2 {
        let json = ("content-type", "application/json");
        let path = format!("/dead-messages/{number}/discard");
        assert_eq!(call(&admin, "POST", &path, &[json], r#"{"reason":"junk"}"#).await.status, StatusCode::OK);
    }
    assert_eq!(waiting().await, 1);

    sqlx::query("UPDATE discarded SET discarded_at = now() - interval '31 days' WHERE number = 1")
        .execute(&service.pool)
        .await
        .unwrap();
    let horizon = chrono::TimeDelta::days(30);
    assert_eq!(choreography_postgres::sweep(&service.pool, horizon).await.unwrap(), 2);
    let kept: Vec<i64> =
        sqlx::query_scalar("SELECT number FROM dead_messages ORDER BY 1").fetch_all(&service.pool).await.unwrap();
    assert_eq!((kept, waiting().await), (vec![2, 3], 1));
}
