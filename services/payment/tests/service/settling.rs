//! External calls that an operator settles by hand, on a real PostgreSQL.

use axum::{Router, http::StatusCode};
use choreography_core::{input::Verdict, participant::Answer};
use contracts::ShippingCancelled;
use one_service::{OneService, call};
use payment::Payment;
use serde_json::Value;
use uuid::Uuid;

use crate::samples::{self, ORDER, charging, state};

const REASON: &str = "ticket 4711: their log shows no such charge";

struct World {
    service: OneService<Payment>,
    admin: Router,
}

impl World {
    async fn new() -> Self {
        let service = samples::start().await;
        Self { admin: service.admin(), service }
    }

    /// Shipping is off, so the charge is to be undone.
    async fn cancelled(&self) {
        self.service.told(ShippingCancelled { order_id: ORDER, reason: "client".into() }).await;
    }

    async fn open_calls(&self) -> Vec<Value> {
        call(&self.admin, "GET", "/calls", &[], "").await.body["calls"].as_array().unwrap().clone()
    }

    async fn settled_calls(&self) -> Vec<Value> {
        call(&self.admin, "GET", "/settled-calls", &[], "").await.body["settledCalls"].as_array().unwrap().clone()
    }

    async fn settle(&self, id: Uuid, body: &str) -> (StatusCode, Value) {
        let json = ("content-type", "application/json");
        let answer = call(&self.admin, "POST", &format!("/calls/{id}/settle"), &[json], body).await;
        (answer.status, answer.body)
    }

    async fn state_and_published(&self) -> (Vec<String>, Vec<String>) {
        (state(&self.service).await, self.service.published().await)
    }
}

fn not_done() -> String {
    format!(r#"{{"outcome":"not-done","reason":"{REASON}"}}"#)
}

fn done(detail: &str) -> String {
    format!(r#"{{"outcome":"done","detail":"{detail}","reason":"{REASON}"}}"#)
}

#[tokio::test]
async fn a_call_is_listed_and_settled_as_not_done_like_by_the_providers_no() {
    let world = World::new().await;
    let charge = charging(&world.service).await;
    let open = world.open_calls().await;
    assert_eq!(open.len(), 1);
    let shown = |field: &str| open[0][field].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (shown("id"), shown("step"), shown("aggregateId")),
        (charge.id.to_string(), "charge".into(), ORDER.to_string())
    );
    assert_eq!(shown("request"), charge.request);
    assert!(open[0]["ageSeconds"].as_f64().is_some_and(|age| (0.0..3_600.0).contains(&age)), "{open:?}");
    let one = call(&world.admin, "GET", &format!("/calls/{}", charge.id), &[], "").await;
    assert_eq!((one.status, &one.body["request"]), (StatusCode::OK, &open[0]["request"]));

    let (status, body) = world.settle(charge.id, &not_done()).await;
    assert_eq!((status, body["outcome"].as_str()), (StatusCode::OK, Some("applied")), "{body}");
    assert_eq!(world.state_and_published().await, (vec!["failed".into()], vec!["payment.failed".into()]));
    assert!(world.open_calls().await.is_empty());

    let settled = world.settled_calls().await;
    let said = |field: &str| settled[0][field].as_str().unwrap_or_default();
    assert_eq!((said("callId"), said("step"), said("outcome")), (charge.id.to_string().as_str(), "charge", "not-done"));
    assert_eq!((said("reason"), said("result"), &settled[0]["contradiction"]), (REASON, "applied", &Value::Null));
    // Once is enough.
    assert_eq!(world.settle(charge.id, &not_done()).await.0, StatusCode::NOT_FOUND);
    assert_eq!(world.settled_calls().await.len(), 1);
}

#[tokio::test]
async fn a_call_is_settled_as_done_under_the_providers_name_for_it() {
    let world = World::new().await;
    let charge = charging(&world.service).await;
    world.cancelled().await;
    assert_eq!(world.settle(charge.id, &done("ch_77")).await.0, StatusCode::OK);
    // With the undo mark what was taken goes back at once.
    assert_eq!(state(&world.service).await, ["refunding"]);
    assert_eq!(world.service.texts("SELECT kind || ' ' || provider_id FROM payment_ledger").await, ["captured ch_77"]);
    let open = world.open_calls().await;
    assert_eq!((open.len(), open[0]["step"].as_str()), (1, Some("refund")));

    // Money that is owed can't be declared given back.
    let refund = open[0]["id"].as_str().unwrap().parse().unwrap();
    let (status, body) = world.settle(refund, &not_done()).await;
    assert_eq!(status, StatusCode::CONFLICT, "{body}");
    assert_eq!((state(&world.service).await, world.open_calls().await.len()), (vec!["refunding".into()], 1));
    assert_eq!(world.settle(refund, &done("re_77")).await.0, StatusCode::OK);
    assert_eq!(world.state_and_published().await, (vec!["refunded".into()], vec!["payment.refunded".into()]));
    let results: Vec<bool> = world
        .settled_calls()
        .await
        .iter()
        .map(|settled| settled["result"].as_str().is_some_and(|result| result == "applied"))
        .collect();
    assert_eq!(results, [true, false, true]);
}

#[tokio::test]
async fn a_late_answer_that_says_something_else_is_written_down() {
    let world = World::new().await;
    let charge = charging(&world.service).await;
    assert_eq!(world.settle(charge.id, &not_done()).await.0, StatusCode::OK);
    let no = Answer::No { reason: "declined".into() };
    assert!(matches!(world.service.answered(&charge, no).await, Verdict::Gone));
    assert_eq!(world.settled_calls().await[0]["contradiction"], Value::Null);
    let yes = Answer::Yes { detail: "ch_1".into() };
    assert!(matches!(world.service.answered(&charge, yes).await, Verdict::Gone));
    assert_eq!(world.settled_calls().await[0]["contradiction"], "done: ch_1");
    // It changes nothing here: the books have to be put right at the provider.
    assert_eq!(world.state_and_published().await, (vec!["failed".into()], vec!["payment.failed".into()]));
}

#[tokio::test]
async fn what_does_not_say_what_was_found_and_why_settles_nothing() {
    let world = World::new().await;
    let charge = charging(&world.service).await;
    for wrong in [
        r#"{"outcome":"not-done","reason":" "}"#.to_owned(),
        r#"{"outcome":"not-done"}"#.to_owned(),
        r#"{"outcome":"done","reason":"seen"}"#.to_owned(),
        r#"{"outcome":"maybe","reason":"seen"}"#.to_owned(),
        done(""),
        done("a\\u0000b"),
        done(&"x".repeat(201)),
    ] {
        let (status, body) = world.settle(charge.id, &wrong).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {body}");
    }
    assert_eq!(world.settle(Uuid::from_u128(9), &not_done()).await.0, StatusCode::NOT_FOUND);
    assert_eq!((state(&world.service).await, world.open_calls().await.len()), (vec!["capturing".into()], 1));
    assert!(world.settled_calls().await.is_empty());
}

#[tokio::test]
async fn a_charge_that_is_called_off_asks_for_its_cancellation_from_then_on() {
    let world = World::new().await;
    let charge = charging(&world.service).await;
    world.cancelled().await;
    let open = world.service.texts("SELECT request FROM intents WHERE not_before <= now()").await;
    assert_eq!(open, [r#"{"amount":200,"currency":"EUR","cancel":true}"#]);
    // The charge that was under way meanwhile answers for the call as well.
    assert!(matches!(
        world.service.answered(&charge, Answer::Yes { detail: "ch_1".into() }).await,
        Verdict::Applied(None)
    ));
    assert_eq!(state(&world.service).await, ["refunding"]);
}
