use std::sync::Mutex;

use choreography::testing::TraceContext;
use chrono::DateTime;
use rest_client::NoAnswer as Rest;

use super::*;

const NEW: TimeDelta = TimeDelta::zero();

/// A carrier that answers what it is told to answer, and notes what it is asked.
struct Scripted {
    found: Option<ShipmentAnswer>,
    ship: Result<ShipmentAnswer, Rest>,
    asked: Mutex<Vec<String>>,
}

impl Carrier for Scripted {
    async fn ship(&self, key: &str, request: &ShipmentRequest) -> Result<ShipmentAnswer, Rest> {
        assert_eq!((request.order_id.as_str(), request.items.len(), request.items[0].quantity), ("o1", 1, 2));
        let city = request.address.as_ref().and_then(|address| address.get("city"));
        assert_eq!(city.and_then(|city| city.as_str()), Some("Graz"));
        self.asked.lock().unwrap().push(format!("ship {key}"));
        self.ship.clone()
    }

    async fn find_shipment(&self, key: &str) -> Result<Option<ShipmentAnswer>, Rest> {
        self.asked.lock().unwrap().push(format!("find {key}"));
        Ok(self.found.clone())
    }
}

fn accepted() -> ShipmentAnswer {
    ShipmentAnswer::Accepted { tracking_number: "T1".into() }
}

fn refused() -> ShipmentAnswer {
    ShipmentAnswer::Refused { reason: "not served".into() }
}

fn intent(attempts: u32) -> Intent {
    let address = r#"{"name":"Ada","line1":"1 Road","postalCode":"8010","city":"Graz","country":"AT"}"#;
    Intent {
        id: uuid::Uuid::nil(),
        aggregate_id: "o1".into(),
        step: Ship::STEP.into(),
        request: format!(r#"{{"items":[{{"sku":"chair","quantity":2}}],"address":{address}}}"#),
        correlation_id: "o1".into(),
        causation_id: None,
        trace: TraceContext::default(),
        attempts,
        intended_at: DateTime::UNIX_EPOCH,
    }
}

async fn call(
    found: Option<ShipmentAnswer>,
    ship: Result<ShipmentAnswer, Rest>,
    intent: &Intent,
    age: TimeDelta,
) -> (Result<Answer, NoAnswer>, Vec<String>) {
    let calls = CarrierCalls::new(Scripted { found, ship, asked: Mutex::default() }, TimeDelta::hours(1));
    let result = calls.call(intent, age).await;
    (result, calls.carrier.asked.into_inner().unwrap())
}

#[tokio::test]
async fn a_shipment_is_asked_for_and_resent_under_one_key() {
    let yes = Ok(Answer::Yes { detail: "T1".into() });
    let (result, asked) = call(None, Ok(accepted()), &intent(0), NEW).await;
    assert_eq!((result, asked), (yes.clone(), vec!["ship o1/ship".into()]));
    let (result, asked) = call(None, Ok(accepted()), &intent(1), NEW).await;
    assert_eq!((result, asked), (yes, vec!["find o1/ship".into(), "ship o1/ship".into()]));
}

#[tokio::test]
async fn a_refused_parcel_is_a_no_also_when_it_is_asked_about() {
    let no = Ok(Answer::No { reason: "not served".into() });
    assert_eq!(call(None, Ok(refused()), &intent(0), NEW).await.0, no);
    let (result, asked) = call(Some(refused()), Ok(accepted()), &intent(1), NEW).await;
    assert_eq!((result, asked), (no, vec!["find o1/ship".into()]));
}

#[tokio::test]
async fn no_answer_of_the_carrier_is_neither_yes_nor_no() {
    let (result, _) = call(None, Err(Rest::TimedOut), &intent(0), NEW).await;
    assert!(matches!(result, Err(NoAnswer::Passing(_))), "{result:?}");
}

#[tokio::test]
async fn past_the_keys_lifetime_a_parcel_is_only_asked_about() {
    let (result, asked) = call(None, Ok(accepted()), &intent(1), TimeDelta::hours(1)).await;
    assert!(matches!(&result, Err(NoAnswer::Wrong(why)) if why.contains("by hand")), "{result:?}");
    assert_eq!(asked, ["find o1/ship"]);
}

#[tokio::test]
async fn an_intent_that_cannot_be_read_or_is_not_known_calls_nobody() {
    let sound = intent(0);
    for wrong in [Intent { request: "{}".into(), ..sound.clone() }, Intent { step: "fly".into(), ..sound }] {
        let (result, asked) = call(None, Ok(accepted()), &wrong, NEW).await;
        assert!(matches!(result, Err(NoAnswer::Wrong(_))), "{result:?}");
        assert!(asked.is_empty(), "{asked:?}");
    }
}
