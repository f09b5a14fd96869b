//! Order's OpenAPI document: the committed one, and that of its routes and their answers.

use std::time::Duration;

use api::Gate;
use axum::{Router, body::Body, http::Request};
use choreography::testing::whole_api;
use one_service::{OneService, call, served};
use openapi::{Asked, Document, SEEN_ELSEWHERE};
use order::{
    MIGRATIONS, Order,
    customers::{Customers, PersonalData},
};
use tower::ServiceExt;

use crate::owners::Guarded;

const ORDER: &str = r#"{"userId":"ada","currency":"EUR","items":[{"sku":"chair","quantity":2,"price":100}],
    "totalAmount":200,"paymentMethod":"tok_visa","shippingAddress":{"name":"Ada","line1":"1 Road",
        "postalCode":"8010","city":"Graz","country":"AT"}}"#;
const ERASURE: &str = "/customers/ada/erasure";
const UNKNOWN: &str = "/orders/01890a5d-ac96-774b-bcce-b302099a8057";

struct World {
    service: OneService<Order>,
    api: Router,
    document: Document,
}

fn customers() -> Customers {
    Customers::new(PersonalData::Sealed)
}

async fn start() -> World {
    let service = OneService::start(Order { deadline: Duration::from_secs(900) }, &MIGRATIONS).await;
    let api = served(order::http::routes(service.context(), Gate::open(), customers()));
    let document = Document::of(&api).await;
    World { service, api, document }
}

#[tokio::test]
async fn the_document_is_the_committed_one_and_has_the_routes() {
    let world = start().await;
    let routes = whole_api(order::http::routes(world.service.context(), Gate::open(), customers()));
    world.document.assert_is_right("order", &routes).await;
}

#[tokio::test]
async fn each_answer_is_as_the_document_says() {
    let world = start().await;
    let asked = Asked::by(&world.document);
    let ask = async |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        asked.ask(&world.api, method, path, headers, body).await
    };
    let key = [("Idempotency-Key", "k")];
    let placed = ask("POST", "/orders", &key, ORDER).await;
    let path = format!("/orders/{}", placed.body["orderId"].as_str().unwrap());
    ask("POST", "/orders", &key, &ORDER.replace("ada", "bob")).await;
    ask("POST", "/orders", &[], "{").await;
    ask("POST", "/orders", &[], &" ".repeat(64 * 1024 + 1)).await;
    let not_utf8 = Request::post("/orders").body(Body::from(vec![0xff])).unwrap();
    assert_eq!(world.api.clone().oneshot(not_utf8).await.unwrap().status().as_u16(), 400);
    for at in [path.as_str(), UNKNOWN, "/orders/7"] {
        ask("GET", at, &[], "").await;
        ask("POST", &format!("{at}/cancel"), &[], "").await;
    }
    for query in ["", "?limit=1&status=cancelling&userId=ada", "?cursor=x"] {
        ask("GET", &format!("/orders{query}"), &[], "").await;
    }
    for (method, at) in [("GET", ERASURE), ("POST", ERASURE), ("POST", "/orders"), ("GET", "/customers/%00/erasure")] {
        ask(method, at, &[], if at == "/orders" { ORDER } else { "" }).await;
    }
    ask("POST", "/customers/%00/erasure", &[], "").await;
    sqlx::query("UPDATE orders SET status = 'completed'").execute(&world.service.pool).await.unwrap();
    ask("POST", &format!("{path}/cancel"), &[], "").await;
    ask("GET", &path, &[], "").await;
    ask("POST", ERASURE, &[], "").await;
    for probe in ["/livez", "/readyz", "/openapi.json"] {
        ask("GET", probe, &[], "").await;
    }
    world.service.pool.close().await;
    for (method, at) in [("GET", "/orders"), ("GET", &path), ("GET", ERASURE), ("POST", ERASURE)] {
        assert_eq!(ask(method, at, &[], "").await.status.as_u16(), 503);
    }
    // Those of the gate are seen below; of the rest the engine's tests see each.
    asked.assert_all_seen(
        &[&["POST /orders 400", "POST /orders 503", "cancel 422", "cancel 503"][..], &SEEN_ELSEWHERE].concat(),
    );
}

#[tokio::test]
async fn what_the_gate_refuses_is_as_the_document_says() {
    let shop = Guarded::with(&["--rate-per-caller", "1", "--rate-burst", "1"]).await;
    let document = Document::of(&shop.api).await;
    let asked = Asked::by(&document);
    let refused = async |method: &str, path: &str, token: &str, body: &str| {
        asked.ask(&shop.api, method, path, &[("Authorization", token)], body).await.status.as_u16()
    };
    let cancel = format!("{UNKNOWN}/cancel");
    let operations = [
        ("POST", "/orders", ORDER),
        ("GET", "/orders?userId=ada", ""),
        ("GET", UNKNOWN, ""),
        ("POST", &cancel, ""),
        ("GET", ERASURE, ""),
        ("POST", ERASURE, ""),
    ];
    for (method, path, body) in operations {
        assert_eq!(refused(method, path, "", body).await, 401, "{method} {path}");
        let bob = shop.customer(&format!("bob {method} {path}"));
        let first = refused(method, path, &bob, body).await;
        assert_eq!(first, if path.starts_with("/orders/") { 404 } else { 403 }, "{method} {path}");
        // The burst is one; a machine that stands still for a second gives one more.
        let mut next = first;
        for _ in 0..20 {
            next = refused(method, path, &bob, body).await;
            if next == 429 {
                break;
            }
        }
        assert_eq!(next, 429, "{method} {path}");
    }
}

#[tokio::test]
async fn the_document_takes_the_bodies_that_the_service_takes() {
    let world = start().await;
    assert!(world.document.takes("POST", "/orders", ORDER));
    for (from, to) in [
        (r#""quantity":2"#, r#""quantity":0"#),
        (r#""quantity":2"#, r#""quantity":2.5"#),
        (r#""currency":"EUR","#, ""),
        ("EUR", "euro"),
        (r#""currency""#, r#""coupon":"x","currency""#),
        (r#""price":100"#, r#""price":-1"#),
        ("chair", "c h"),
        (r#""totalAmount":200"#, r#""totalAmount":0"#),
        (r#""paymentMethod":"tok_visa""#, r#""paymentMethod":"""#),
        (r#""country":"AT""#, r#""country":"Austria""#),
        (r#""line1":"1 Road","#, ""),
    ] {
        let body = ORDER.replacen(from, to, 1);
        assert!(!world.document.takes("POST", "/orders", &body), "{to}");
        assert_eq!(call(&world.api, "POST", "/orders", &[], &body).await.status.as_u16(), 422, "{to}");
    }
    // Where an optional field is null, it is as if it were missing.
    let body = ORDER.replace("\"1 Road\",", "\"1 Road\",\"line2\":null,").replace("200", "null");
    assert!(world.document.takes("POST", "/orders", &body));
    assert_eq!(call(&world.api, "POST", "/orders", &[], &body).await.status.as_u16(), 202);
}
