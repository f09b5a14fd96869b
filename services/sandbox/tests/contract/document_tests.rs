use openapi::{Asked, Document};
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn each_answer_is_as_the_document_says_and_each_refusal_is_a_problem() {
    let world = World::new().await;
    let sandbox = world.sandbox(&[]).await;
    let document = Document::read(sandbox.get("/openapi.json").await);
    let asked = Asked::by(&document);
    let ask = async |method: &str, path: &str, key: Option<&str>, body: &str| {
        let answer = sandbox.ask(method, path, key, body).await;
        asked.hold(method, path, &answer);
        (answer.status.as_u16(), answer.body)
    };
    let charge = json!({"orderId": "o1", "amount": 100, "currency": "EUR", "paymentMethod": "tok_visa"}).to_string();
    let (_, charged) = ask("POST", "/v1/charges", Some("c"), &charge).await;
    let refund =
        json!({"orderId": "o1", "chargeId": charged["chargeId"], "amount": 100, "currency": "EUR"}).to_string();
    let ship =
        json!({"orderId": "o1", "items": [{"sku": "a", "quantity": 1}], "address": {"city": "Graz"}}).to_string();
    let message = json!({"orderId": "o1", "userId": "ada", "text": "hello"}).to_string();
    for (path, body) in
        [("/v1/charges", &charge), ("/v1/refunds", &refund), ("/v1/shipments", &ship), ("/v1/messages", &message)]
    {
        assert_eq!(ask("POST", path, Some("c"), body).await.0, 200, "{path}");
        assert_eq!(ask("POST", path, Some("c"), &body.replace("o1", "o2")).await.0, 409, "{path}");
        let (status, problem) = ask("POST", path, Some("d"), "{}").await;
        assert_eq!((status, &problem["field"]), (422, &problem["error"]["field"]), "{path}: {problem}");
        assert_eq!((&problem["detail"], &problem["instance"]), (&problem["error"]["message"], &json!(path)));
        assert_eq!(ask("GET", &format!("{path}/c"), None, "").await.0, 200, "{path}");
        assert_eq!(ask("GET", &format!("{path}/unknown"), None, "").await.0, 404, "{path}");
        assert_eq!(ask("GET", &format!("{path}/%20"), None, "").await.0, 422, "{path}");
    }
    let declined = charge.replace("tok_visa", "tok_declined");
    assert_eq!(ask("POST", "/v1/charges", Some("e"), &declined).await.1["status"], "declined");
    assert_eq!(ask("POST", "/v1/charges", Some("f"), &charge.replace("visa", "flaky")).await.0, 503);
    assert_eq!(ask("POST", "/v1/charges", Some("g"), &charge.replace("visa", "at_work")).await.0, 409);
    assert_eq!(ask("POST", "/v1/charges/c/cancel", None, "").await.0, 200);
    assert_eq!(ask("POST", "/v1/charges/h/cancel", None, "").await.1["status"], "cancelled");
    assert_eq!(ask("POST", "/v1/charges/%20/cancel", None, "").await.0, 422);
    for path in ["/v1/ledger", "/v1/ledger/o1", "/livez", "/readyz"] {
        assert_eq!(ask("GET", path, None, "").await.0, 200, "{path}");
    }
    assert_eq!(ask("GET", "/v1/ledger/%00", None, "").await.0, 422);
    assert!(document.takes("POST", "/v1/charges", &charge) && !document.takes("POST", "/v1/charges", "{}"));
    // Of a ledger that is away other tests see what comes.
    asked.assert_all_seen(&[" 503", "GET /openapi.json 200"]);

    let nowhere = sandbox.ask("GET", "/v2/charges/k", None, "").await;
    assert_eq!((&nowhere.body["status"], &nowhere.body["error"]["code"]), (&json!(404), &json!("no_such_route")));
    let other_method = sandbox.ask("DELETE", "/v1/charges/k", None, "").await;
    assert_eq!(other_method.body["type"], "urn:choreography:problem:method-not-allowed", "{}", other_method.body);
}
