//! Inventory's API and its events over its real rules and a real PostgreSQL.

use api::Gate;
use axum::{Router, http::StatusCode};
use choreography_core::{
    event_id::Ids,
    handler::Progress,
    input::{Inbound, Input, Origin},
    participant::Trigger,
    routes::AnyEvent,
    trace::TraceContext,
};
use contracts::{Item, OrderDetails, OrderPlaced, PaymentVoided, ShippingDispatched};
use inventory::{Inventory, MIGRATIONS};
use one_service::{OneService, ServiceHandler, call, served};
use serde_json::json;
use uuid::Uuid;

type World = OneService<Inventory>;

async fn start() -> World {
    OneService::start(Inventory, &MIGRATIONS).await
}

fn replica(world: &World) -> Router {
    served(inventory::http::routes(world.context(), Gate::open()))
}

/// Rows whose pieces are not what the ledger adds up to: none, ever.
const OFF: &str = "SELECT count(*) FROM stock s
    LEFT JOIN (SELECT sku, sum(available) AS available, sum(reserved) AS reserved, sum(shipped) AS shipped
               FROM stock_ledger GROUP BY sku) l ON l.sku = s.sku
    WHERE (s.available, s.reserved, s.shipped)
          IS DISTINCT FROM (coalesce(l.available, 0), coalesce(l.reserved, 0), coalesce(l.shipped, 0))";
/// SKUs whose pieces are not those that were set by hand.
const LOST: &str = "SELECT count(*) FROM stock s WHERE s.available + s.reserved + s.shipped
    <> coalesce((SELECT sum(l.available) FROM stock_ledger l WHERE l.sku = s.sku AND l.change = 'set'), 0)";

fn placed(order_id: u128, items: &[(&str, u32)]) -> AnyEvent {
    let items: Vec<Item> =
        items.iter().map(|(sku, quantity)| Item { sku: (*sku).into(), quantity: *quantity, price: 100 }).collect();
    let (payment_method, shipping_address) = (None, None);
    AnyEvent::new(OrderPlaced {
        order_id: Uuid::from_u128(order_id),
        details: OrderDetails {
            user_id: "ada".into(),
            total_amount: contracts::total_amount(&items).unwrap(),
            currency: "EUR".into(),
            items,
            payment_method,
            shipping_address,
            sealed_address: None,
        },
    })
}

fn voided(order_id: u128) -> AnyEvent {
    AnyEvent::new(PaymentVoided { order_id: Uuid::from_u128(order_id), reason: "cancelled".into() })
}

fn dispatched(order_id: u128) -> AnyEvent {
    AnyEvent::new(ShippingDispatched { order_id: Uuid::from_u128(order_id), tracking_number: "T1".into() })
}

/// Hands events in as one batch. As if typed in by hand: the inbox is not what is tried here.
async fn hand_in(handler: &ServiceHandler, events: Vec<AnyEvent>) {
    let mut inbound: Vec<_> = events
        .into_iter()
        .map(|event| {
            let (trigger, trace) = (Trigger::Event(event), TraceContext::default());
            Inbound::Input(Input { trigger, correlation_id: None, trace, origin: Origin::Client })
        })
        .collect();
    let mut progress = Progress::new(inbound.len());
    handler.handle_isolating(&mut Ids::new(), &mut inbound, &mut progress).await.unwrap();
}

#[tokio::test]
async fn stock_is_set_shown_and_never_set_below_what_is_reserved() {
    let world = start().await;
    let api = replica(&world);
    let set = call(&api, "PUT", "/stock/chair", &[], r#"{"onHand":5}"#).await;
    let expected = json!({ "sku": "chair", "onHand": 5, "available": 5, "reserved": 0, "shipped": 0 });
    assert_eq!((set.status, set.body), (StatusCode::OK, expected));
    hand_in(&world.handler(), vec![placed(1, &[("chair", 2)])]).await;
    let below = call(&api, "PUT", "/stock/chair", &[], r#"{"onHand":1}"#).await;
    assert_eq!(below.status, StatusCode::CONFLICT);
    let shown = call(&api, "GET", "/stock/chair", &[], "").await;
    assert_eq!(shown.body, json!({ "sku": "chair", "onHand": 5, "available": 3, "reserved": 2, "shipped": 0 }));
    assert_eq!(call(&api, "PUT", "/stock/chair", &[], r#"{"onHand":2}"#).await.body["available"], 0);
    assert_eq!(world.count(OFF).await, 0);
}

#[tokio::test]
async fn an_order_for_an_unknown_sku_does_not_make_it_known() {
    let world = start().await;
    let api = replica(&world);
    hand_in(&world.handler(), vec![placed(1, &[("ghost", 2)])]).await;
    assert_eq!(call(&api, "GET", "/stock/ghost", &[], "").await.status, StatusCode::NOT_FOUND);
    assert_eq!(call(&api, "GET", "/stock", &[], "").await.body, json!([]));
    assert_eq!(call(&api, "PUT", "/stock/ghost", &[], r#"{"onHand":0}"#).await.status, StatusCode::OK);
    assert_eq!(call(&api, "GET", "/stock", &[], "").await.body[0]["sku"], "ghost");
}

#[tokio::test]
async fn what_is_malformed_is_named_and_leaves_no_row() {
    let world = start().await;
    let api = replica(&world);
    let requests = [
        ("/stock/chair", r#"{"onHand":-1}"#, "onHand"),
        ("/stock/chair", r#"{"onHand":1.5}"#, "onHand"),
        ("/stock/chair", "{}", "onHand"),
        ("/stock/chair", r#"{"onHand":1,"reserved":0}"#, "reserved"),
        ("/stock/chair", "[1]", "(body)"),
        ("/stock/ch%00air", r#"{"onHand":1}"#, "sku"),
    ];
    for (path, body, field) in requests {
        let answer = call(&api, "PUT", path, &[], body).await;
        assert_eq!((answer.status.as_u16(), answer.body["field"].as_str()), (422, Some(field)), "{body}");
    }
    assert_eq!(call(&api, "GET", "/stock/ch%00air", &[], "").await.body["field"], "sku");
    assert_eq!(world.count("SELECT count(*) FROM stock").await, 0);
}

#[tokio::test]
async fn an_order_and_its_undo_share_a_batch_in_either_order() {
    let world = start().await;
    let api = replica(&world);
    call(&api, "PUT", "/stock/chair", &[], r#"{"onHand":7}"#).await;
    hand_in(&world.handler(), vec![placed(1, &[("chair", 2)]), voided(1)]).await;
    hand_in(&world.handler(), vec![voided(2), placed(2, &[("chair", 2)])]).await;
    assert_eq!(world.count("SELECT count(*) FROM reservations WHERE state = 'released'").await, 2);
    assert_eq!(world.count("SELECT available FROM stock").await, 7);
    let published: Vec<String> =
        sqlx::query_scalar("SELECT convert_from(payload, 'UTF8')::jsonb->>'type' FROM outbox ORDER BY number")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(published, ["inventory.reserved", "inventory.released", "inventory.released"]);
    assert_eq!(world.count(OFF).await, 0);
}

#[tokio::test]
async fn batches_of_everything_at_once_leave_stock_and_ledger_in_balance() {
    let world = start().await;
    let api = replica(&world);
    for sku in ["chair", "lamp", "table"] {
        call(&api, "PUT", &format!("/stock/{sku}"), &[], r#"{"onHand":7}"#).await;
    }
    let skus = ["table", "chair", "lamp"];
    let orders = |from: u128| {
        let handler = world.handler();
        async move {
            for order in from..from + 20 {
                let items = [(skus[(order % 3) as usize], 1), (skus[((order + 1) % 3) as usize], 2)];
                hand_in(&handler, vec![placed(order, &items)]).await;
                let end = if order % 4 == 0 { voided(order) } else { dispatched(order) };
                hand_in(&handler, vec![end, placed(order, &items)]).await;
            }
        }
    };
    // Two replicas with overlapping orders: each event is handed in twice, at the same time.
    tokio::join!(orders(1), orders(11));
    assert_eq!(world.count(OFF).await, 0);
    assert_eq!(world.count("SELECT sum(reserved)::bigint FROM stock").await, 0);
    assert_eq!(world.count("SELECT sum(available + reserved + shipped)::bigint FROM stock").await, 21);
    assert_eq!(world.count("SELECT count(*) FROM reservations WHERE state IN ('none', 'reserved')").await, 0);
    assert!(world.count("SELECT sum(shipped)::bigint FROM stock").await > 0);
    assert_eq!(world.count(LOST).await, 0);
    sqlx::query("UPDATE stock SET shipped = shipped + 1 WHERE sku = 'lamp'").execute(&world.pool).await.unwrap();
    assert_eq!(
        (world.count(OFF).await, world.count(LOST).await),
        (1, 1),
        "the checks see a piece that came from nowhere"
    );
}
