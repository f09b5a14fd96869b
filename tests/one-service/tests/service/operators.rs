//! The OpenAPI document of what operators ask of any service: the committed one, and that of its routes and their answers.

use axum::Router;
use choreography::server::as_served;
use choreography_core::store::{DeferredStatus, OutboxMessage, Writing};
use one_service::{Answer, OneService};
use openapi::{Asked, Document};
use payment::Payment;
use uuid::Uuid;

use crate::events::{arrive, defer, reserved, start};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
const REASON: &str = r#"{"reason": "ticket 4711"}"#;

/// The operators' routes of a payment service, each answer held against the document.
struct Operator<'a> {
    api: Router,
    asked: Asked<'a>,
}

impl<'a> Operator<'a> {
    fn of(world: &OneService<Payment>, document: &'a Document) -> Self {
        Self { api: as_served(world.operators()), asked: Asked::by(document) }
    }

    async fn get(&self, path: &str) -> Answer {
        self.asked.ask(&self.api, "GET", path, &[], "").await
    }

    async fn post(&self, path: &str, body: &str) -> Answer {
        self.asked.ask(&self.api, "POST", path, &JSON, body).await
    }

    /// What comes of each of these, in a word: its status.
    async fn posts(&self, requests: &[(&str, &str, u16)]) {
        for (path, body, status) in requests {
            let answer = self.post(path, body).await;
            assert_eq!(answer.status.as_u16(), *status, "POST {path} {body}: {}", answer.body);
        }
    }

    async fn gets(&self, requests: &[(&str, u16)]) {
        for (path, status) in requests {
            let answer = self.get(path).await;
            assert_eq!(answer.status.as_u16(), *status, "GET {path}: {}", answer.body);
        }
    }

    /// What a route that takes a body refuses of it.
    async fn refuses_bodies(&self, path: &str) {
        let untyped = self.asked.ask(&self.api, "POST", path, &[], "{}").await;
        assert_eq!(untyped.status.as_u16(), 415, "{path}");
        let long = format!("\"{}\"", "x".repeat(1 << 20));
        self.posts(&[(path, "{", 400), (path, "{}", 422), (path, &long, 413)]).await;
    }
}

#[tokio::test]
async fn the_document_is_the_committed_one_and_has_the_routes() {
    let world = start().await;
    let document = Document::of(&as_served(world.operators())).await;
    document.assert_is_right("operators", &world.operators()).await;
}

async fn dead_messages(world: &OneService<Payment>) {
    let (_, good) = reserved(5, 9);
    sqlx::query(
        "INSERT INTO dead_messages (topic, partition, \"offset\", digest, message_key, payload, headers, error_class, error_message,
                                    dead_at)
         VALUES ('inventory-events', 3, 1, '', $1, $2, '[]', 'envelope', 'no', now()),
                ('inventory-events', 3, 2, '', NULL, 'x', '[]', 'envelope', 'no', now()),
                ('inventory-events', 3, 3, '', NULL, NULL, '[]', 'envelope', 'no', now())",
    )
    .bind(good.key)
    .bind(good.payload.map(|payload| payload.to_vec()))
    .execute(&world.pool)
    .await
    .unwrap();
}

async fn stopped_keys(world: &OneService<Payment>) {
    let message = |topic: &str| OutboxMessage {
        topic: topic.into(),
        key: Some(b"key".to_vec()),
        payload: Some(b"x".to_vec()),
        headers: Vec::new(),
        nth: None,
    };
    let messages = vec![message("payment-events"), message("a"), message("a.dlq")];
    world.write(Writing { messages, ..Writing::default() }).await.unwrap();
    sqlx::raw_sql(
        "WITH left_behind AS (INSERT INTO outbox_left_behind SELECT number, range, topic, key FROM outbox)
         INSERT INTO stopped_keys (number, range, topic, key, error, stopped_at)
         SELECT number, range, topic, key, 'MessageSizeTooLarge', now() FROM outbox",
    )
    .execute(&world.pool)
    .await
    .unwrap();
}

async fn settles_calls(world: &OneService<Payment>, operator: &Operator<'_>) {
    let open: Vec<String> = world.texts("SELECT id::text FROM intents ORDER BY aggregate_id").await;
    let [first, second] = open.as_slice() else { panic!("two charges are open: {open:?}") };
    // What the rules refuse.
    sqlx::raw_sql("UPDATE payments SET state = 'voided' WHERE order_id LIKE '%5'").execute(&world.pool).await.unwrap();
    let (first, second) = (format!("/admin/calls/{first}"), format!("/admin/calls/{second}"));
    operator.gets(&[("/admin/calls", 200), (&first, 200), ("/admin/calls/7", 400)]).await;
    let unknown = format!("/admin/calls/{}", Uuid::nil());
    let done = r#"{"outcome": "done", "detail": "ch_1", "reason": "seen"}"#;
    operator.refuses_bodies(&format!("{first}/settle")).await;
    operator
        .posts(&[
            (&format!("{first}/settle"), &done.replace("ch_1", ""), 422),
            (&format!("{first}/settle"), done, 200),
            (&format!("{second}/settle"), done, 409),
            (&format!("{unknown}/settle"), done, 404),
        ])
        .await;
    operator.gets(&[(&unknown, 404), ("/admin/settled-calls", 200), ("/admin/settled-calls?after=x", 400)]).await;
}

#[tokio::test]
async fn each_answer_is_as_the_document_says() {
    let world = start().await;
    let document = Document::of(&as_served(world.operators())).await;
    let operator = Operator::of(&world, &document);
    stopped_keys(&world).await;
    for (order, status) in [(1, DeferredStatus::Parked), (2, DeferredStatus::Parked), (2, DeferredStatus::Queued)] {
        defer(&world, order, status).await;
    }
    dead_messages(&world).await;
    for list in ["deferred", "dead-messages", "stopped", "calls"] {
        operator.gets(&[(&format!("/admin/{list}"), 200), (&format!("/admin/{list}?after=x"), 400)]).await;
    }
    for kept in ["deferred", "dead-messages"] {
        let payload = |number: &str| format!("/admin/{kept}/{number}/payload");
        operator.gets(&[(&payload("1"), 200), (&payload("99"), 404), (&payload("x"), 400)]).await;
        let redrive = |number: &str| format!("/admin/{kept}/{number}/redrive");
        operator.posts(&[(&redrive("1"), "", 200), (&redrive("99"), "", 404), (&redrive("x"), "", 400)]).await;
    }
    operator.posts(&[("/admin/deferred/3/redrive", "", 409), ("/admin/dead-messages/2/redrive", "", 409)]).await;
    sqlx::raw_sql("UPDATE held_events SET payload = NULL WHERE number = 3").execute(&world.pool).await.unwrap();
    operator.gets(&[("/admin/deferred/3/payload", 204), ("/admin/dead-messages/3/payload", 204)]).await;
    for (kept, number) in [("deferred", 2), ("dead-messages", 2), ("stopped", 1)] {
        let discard = format!("/admin/{kept}/{number}/discard");
        operator.refuses_bodies(&discard).await;
        operator
            .posts(&[(&discard, r#"{"reason": " "}"#, 422), (&discard, REASON, 200), (&discard, REASON, 404)])
            .await;
    }
    operator.refuses_bodies("/admin/stopped/release").await;
    let (of_three, of_x) = ("/admin/stopped/3/release", "/admin/stopped/x/release");
    let topic = r#"{"topic": "a"}"#;
    operator
        .posts(&[("/admin/stopped/release", topic, 200), (of_three, "", 200), (of_three, "", 404), (of_x, "", 400)])
        .await;
    settles_calls(&world, &operator).await;
    operator.gets(&[("/metrics", 200), ("/openapi.json", 200)]).await;

    world.pool.close().await;
    for list in ["deferred", "dead-messages", "stopped", "calls", "settled-calls"] {
        operator.gets(&[(&format!("/admin/{list}"), 503)]).await;
    }
    for kept in ["deferred", "dead-messages"] {
        operator.gets(&[(&format!("/admin/{kept}/1/payload"), 503)]).await;
        operator.posts(&[(&format!("/admin/{kept}/1/redrive"), "", 503)]).await;
        operator.posts(&[(&format!("/admin/{kept}/1/discard"), REASON, 503)]).await;
    }
    let settlement = r#"{"outcome": "not-done", "reason": "seen"}"#;
    let call = format!("/admin/calls/{}", Uuid::nil());
    operator.gets(&[(&call, 503)]).await;
    operator
        .posts(&[
            (of_three, "", 503),
            ("/admin/stopped/1/discard", REASON, 503),
            ("/admin/stopped/release", topic, 503),
            (&format!("{call}/settle"), settlement, 503),
        ])
        .await;
    // A redrive that is tried again by itself is told like one that is done; those of the token are seen at running services.
    operator.asked.assert_all_seen(&["redrive 202", " 401", " 403", " 500", " 504"]);
}

#[tokio::test]
async fn an_event_that_is_typed_in_and_dead_is_shown_as_the_document_says() {
    let world = start().await;
    let document = Document::of(&as_served(world.operators())).await;
    let operator = Operator::of(&world, &document);
    let mut junk = reserved(7, 1).1;
    junk.payload = Some(b"{}"[..].into());
    arrive(&world, &[junk]).await;
    let dead = operator.get("/admin/dead-messages").await.body;
    assert_eq!(dead["deadMessages"][0]["errorClass"], "envelope", "{dead}");
}
