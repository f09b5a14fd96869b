//! Inventory's OpenAPI document: the committed one, and that of its routes and their answers.

use api::Gate;
use choreography::testing::whole_api;
use inventory::{Inventory, MIGRATIONS};
use one_service::{OneService, served};
use openapi::{Asked, Document, SEEN_ELSEWHERE};

#[tokio::test]
async fn the_document_is_the_committed_one_and_that_of_routes_and_answers() {
    let world = OneService::start(Inventory, &MIGRATIONS).await;
    let routes = || inventory::http::routes(world.context(), Gate::open());
    let api = served(routes());
    let document = Document::of(&api).await;
    document.assert_is_right("inventory", &whole_api(routes())).await;

    let asked = Asked::by(&document);
    let ask = async |method: &str, path: &str, body: &str| asked.ask(&api, method, path, &[], body).await;
    ask("PUT", "/stock/chair", r#"{"onHand":5}"#).await;
    sqlx::query("UPDATE stock SET available = 0, reserved = 5").execute(&world.pool).await.unwrap();
    for (path, body) in [
        ("/stock/chair", r#"{"onHand":4}"#),
        ("/stock/chair", r#"{"onHand":-1}"#),
        ("/stock/chair", &" ".repeat(5_000)),
        ("/stock/%ff", "{}"),
    ] {
        ask("PUT", path, body).await;
    }
    for path in ["/stock", "/stock/chair", "/stock/lamp", "/stock/%00", "/stock/%ff"] {
        ask("GET", path, "").await;
    }
    for probe in ["/livez", "/readyz", "/openapi.json"] {
        ask("GET", probe, "").await;
    }
    world.pool.close().await;
    for path in ["/stock", "/stock/chair"] {
        assert_eq!(ask("GET", path, "").await.status.as_u16(), 503);
    }
    asked.assert_all_seen(&[&["PUT /stock/{sku} 503"][..], &SEEN_ELSEWHERE].concat());
    assert!(document.takes("PUT", "/stock/chair", r#"{"onHand":0}"#));
    for body in [r#"{"onHand":-1}"#, r#"{"onHand":1.5}"#, "{}", r#"{"onHand":1,"reserved":0}"#] {
        assert!(!document.takes("PUT", "/stock/chair", body), "{body}");
    }
}
