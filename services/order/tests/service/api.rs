//! Order's API over its real rules and a real PostgreSQL.

use std::time::Duration;

use api::Gate;
use axum::{Router, http::StatusCode};
use choreography_core::{
    event_id::Ids,
    handler::Progress,
    input::{Inbound, Input, Origin},
    participant::Trigger,
    routes::{AnyCommand, Routed},
    trace::TraceContext,
};
use futures::future::join_all;
use one_service::{Answer, OneService, call, served};
use order::{
    MIGRATIONS, Order,
    customers::{Customers, PersonalData},
};

use crate::samples::details;

type World = OneService<Order>;

async fn start() -> World {
    OneService::start(Order { deadline: Duration::from_secs(900) }, &MIGRATIONS).await
}

fn customers() -> Customers {
    Customers::new(PersonalData::Sealed)
}

fn replica(world: &World) -> Router {
    served(order::http::routes(world.context(), Gate::open(), customers()))
}

const ORDER: &str = r#"{"userId":"ada","currency":"EUR","items":[{"sku":"chair","quantity":2,"price":100}],
    "paymentMethod":"tok_visa","shippingAddress":{"name":"Ada","line1":"1 Road",
        "postalCode":"8010","city":"Graz","country":"AT"}}"#;
const KEY: (&str, &str) = ("Idempotency-Key", "k1");

async fn place(api: &Router, headers: &[(&str, &str)], body: &str) -> Answer {
    call(api, "POST", "/orders", headers, body).await
}

async fn orders(world: &World) -> i64 {
    world.count("SELECT count(*) FROM orders").await
}

#[tokio::test]
async fn an_order_is_accepted_with_its_place_and_shown_there() {
    let world = start().await;
    let api = replica(&world);
    let placed = place(&api, &[], ORDER).await;
    assert_eq!(placed.status, StatusCode::ACCEPTED, "{}", placed.body);
    let id = placed.body["orderId"].as_str().unwrap().to_owned();
    assert_eq!(placed.headers["location"], format!("/orders/{id}"));
    assert_eq!((placed.body["status"].as_str(), placed.body["totalAmount"].as_i64()), (Some("pending"), Some(200)));
    let shown = call(&api, "GET", &format!("/orders/{id}"), &[], "").await;
    assert_eq!((shown.status, &shown.body), (StatusCode::OK, &placed.body));
    assert_eq!(world.count("SELECT count(*) FROM outbox").await, 1);
    assert_eq!(world.count("SELECT count(*) FROM deadlines").await, 1);
}

#[tokio::test]
async fn repeats_at_two_replicas_at_once_are_one_order_with_one_answer() {
    let world = start().await;
    let apis = [replica(&world), replica(&world)];
    let repeats = (0..40).map(|index| place(&apis[index % 2], &[KEY], ORDER));
    let answers = join_all(repeats).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (StatusCode::ACCEPTED, &answers[0].body));
        assert_eq!(answer.headers["location"], answers[0].headers["location"]);
    }
    assert_eq!((orders(&world).await, world.count("SELECT count(*) FROM outbox").await), (1, 1));
    assert_eq!(world.count("SELECT count(*) FROM order_history").await, 1);
}

#[tokio::test]
async fn repeats_within_one_batch_are_one_order_with_one_answer() {
    use order::place_order::{PlaceOrder, Placed};
    let world = start().await;
    let details = Box::new(details());
    let command = |_| {
        let order_id = uuid::Uuid::now_v7();
        let (request_key, body_hash) = (Some("k".to_owned()), vec![1]);
        let place = PlaceOrder { order_id, request_key, body_hash, details: details.clone(), fresh: None };
        let trigger = Trigger::Command(AnyCommand::new(place));
        Inbound::Input(Input { trigger, correlation_id: None, trace: TraceContext::default(), origin: Origin::Client })
    };
    let mut inbound: Vec<Inbound<Routed>> = (0..3).map(command).collect();
    let first = match &inbound[0] {
        Inbound::Input(Input { trigger: Trigger::Command(command), .. }) => command.key.text().to_owned(),
        other => panic!("{other:?}"),
    };
    let mut answers = Vec::new();
    // Once more as a whole: the second time nothing is fresh.
    for _ in 0..2 {
        let mut progress = Progress::new(inbound.len());
        world.handler().handle_isolating(&mut Ids::new(), &mut inbound, &mut progress).await.unwrap();
        answers.extend(progress.verdicts.into_iter().map(|verdict| match verdict {
            Some(choreography_core::input::Verdict::Applied(Some(reply))) => reply.take::<Placed>().unwrap(),
            other => panic!("{other:?}"),
        }));
    }
    let Placed::Now(_) = answers[0] else { panic!("{answers:?}") };
    assert!(answers[1..].iter().all(|answer| *answer == Placed::Before(first.clone())), "{answers:?}");
    assert_eq!((orders(&world).await, world.count("SELECT count(*) FROM outbox").await), (1, 1));
}

#[tokio::test]
async fn a_repeat_is_answered_as_at_first_however_far_the_order_came() {
    let world = start().await;
    let api = replica(&world);
    let first = place(&api, &[KEY], ORDER).await;
    let id = first.body["orderId"].as_str().unwrap();
    call(&api, "POST", &format!("/orders/{id}/cancel"), &[], "").await;
    let spelled_otherwise =
        ORDER.replace("\n", " ").replace(r#""userId":"ada","#, "").replace("}}", r#"},"userId":"ada"}"#);
    let repeated = place(&api, &[KEY], &spelled_otherwise).await;
    assert_eq!((repeated.status, repeated.body), (StatusCode::ACCEPTED, first.body));
}

#[tokio::test]
async fn a_key_is_the_callers_own_and_for_one_body_only() {
    let world = start().await;
    let api = replica(&world);
    let first = place(&api, &[KEY, ("X-Client-Id", "shop-a")], ORDER).await;
    let other_body = place(&api, &[KEY, ("X-Client-Id", "shop-a")], &ORDER.replace("ada", "bob")).await;
    assert_eq!(other_body.status, StatusCode::CONFLICT);
    assert_eq!(other_body.body["field"], "Idempotency-Key");
    let other_caller = place(&api, &[KEY, ("X-Client-Id", "shop-b")], ORDER).await;
    assert_eq!(other_caller.status, StatusCode::ACCEPTED);
    assert_ne!(other_caller.body["orderId"], first.body["orderId"]);
    let unnamed = place(&api, &[KEY], ORDER).await;
    assert_ne!(unnamed.body["orderId"], first.body["orderId"]);
    assert_eq!(orders(&world).await, 3);
    for key in ["", "with space", &"x".repeat(201)] {
        let refused = place(&api, &[("Idempotency-Key", key)], ORDER).await;
        assert_eq!((refused.status.as_u16(), refused.body["field"].as_str()), (422, Some("Idempotency-Key")), "{key}");
    }
}

#[tokio::test]
async fn a_key_past_its_retention_is_free_again() {
    let world = start().await;
    let api = replica(&world);
    let first = place(&api, &[KEY], ORDER).await;
    sqlx::query("UPDATE requests SET at = at - interval '8 days'").execute(&world.pool).await.unwrap();
    place(&api, &[("Idempotency-Key", "k2")], ORDER).await;
    let week = std::time::Duration::from_secs(7 * 24 * 3600);
    order::store::forget_requests(&world.pool, week).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM requests").await, 1);
    let again = place(&api, &[KEY], ORDER).await;
    assert_eq!(again.status, StatusCode::ACCEPTED);
    assert_ne!(again.body["orderId"], first.body["orderId"]);
}

#[tokio::test]
async fn a_cancellation_is_requested_once_and_too_late_is_a_conflict() {
    let world = start().await;
    let api = replica(&world);
    let placed = place(&api, &[], ORDER).await;
    let path = format!("/orders/{}", placed.body["orderId"].as_str().unwrap());
    let cancel = format!("{path}/cancel");
    for _ in 0..2 {
        let cancelling = call(&api, "POST", &cancel, &[], "").await;
        assert_eq!((cancelling.status, cancelling.body["status"].as_str()), (StatusCode::ACCEPTED, Some("cancelling")));
    }
    assert_eq!(world.count("SELECT count(*) FROM outbox").await, 2);
    sqlx::query("UPDATE orders SET status = 'completed'").execute(&world.pool).await.unwrap();
    let late = call(&api, "POST", &cancel, &[], "").await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.body["detail"].as_str().unwrap().contains("too late"), "{}", late.body);
}

#[tokio::test]
async fn what_is_unknown_or_malformed_is_a_problem_and_leaves_no_row() {
    let world = start().await;
    let api = replica(&world);
    let unknown = "/orders/01890a5d-ac96-774b-bcce-b302099a8057";
    sqlx::query("INSERT INTO orders (order_id, status, created_at, updated_at) VALUES ('none', 'none', now(), now())")
        .execute(&world.pool)
        .await
        .unwrap();
    let requests = [
        ("GET", unknown.to_owned(), String::new(), 404),
        ("POST", format!("{unknown}/cancel"), String::new(), 404),
        ("GET", "/orders/7".to_owned(), String::new(), 400),
        ("POST", "/orders/7/cancel".to_owned(), String::new(), 400),
        ("POST", "/orders".to_owned(), "{".to_owned(), 422),
        ("POST", "/orders".to_owned(), ORDER.replace("chair", "c h"), 422),
        ("POST", "/orders".to_owned(), " ".repeat(64 * 1024 + 1), 413),
    ];
    for (method, path, body, status) in requests {
        let answer = call(&api, method, &path, &[], &body).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {}", answer.body);
        assert!(answer.body["detail"].is_string(), "{method} {path}: {}", answer.body);
    }
    assert_eq!(orders(&world).await, 1);
}
