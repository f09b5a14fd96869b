//! Shipping's OpenAPI document: the committed one, and that of its routes and their answers.

use api::Gate;
use choreography::testing::whole_api;
use one_service::{OneService, served};
use openapi::{Asked, Document, SEEN_ELSEWHERE};
use shipping::{MIGRATIONS, Shipping};

#[tokio::test]
async fn the_document_is_the_committed_one_and_that_of_routes_and_answers() {
    let world = OneService::start(Shipping, &MIGRATIONS).await;
    let routes = || shipping::http::routes(world.context(), Gate::open());
    let api = served(routes());
    let document = Document::of(&api).await;
    document.assert_is_right("shipping", &whole_api(routes())).await;

    let insert =
        "INSERT INTO shipments (order_id, state) VALUES ('01890a5d-ac96-774b-bcce-b302099a8057', 'dispatching')";
    sqlx::raw_sql(insert).execute(&world.pool).await.unwrap();
    let asked = Asked::by(&document);
    let ask = async |path: &str| asked.ask(&api, "GET", path, &[], "").await.status.as_u16();
    assert_eq!(ask("/shipments/01890a5d-ac96-774b-bcce-b302099a8057").await, 200);
    assert_eq!(ask("/shipments/01890a5d-ac96-774b-bcce-b302099a8058").await, 404);
    assert_eq!(ask("/shipments/7").await, 400);
    for probe in ["/livez", "/readyz", "/openapi.json"] {
        ask(probe).await;
    }
    world.pool.close().await;
    assert_eq!(ask("/shipments/01890a5d-ac96-774b-bcce-b302099a8057").await, 503);
    asked.assert_all_seen(&SEEN_ELSEWHERE);
}
