//! What goes to a provider over HTTP, to the byte, and what its answers are read as.

use std::time::Duration;

use choreography::{Answer, Call};
use providers::{HttpProvider, KeyedProvider, ProviderError, Reads, Request};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Charge {
    amount: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_method: Option<String>,
}

impl Call for Charge {
    const STEP: &'static str = "charge";

    type Request = Self;
    type Answer = Answer;
}

impl Request for Charge {
    const PATH: &'static str = "charges";
    const READS: Reads = Reads::new("succeeded", "chargeId", "declined").or_cancelled("cancelled");
}

fn charge(method: Option<&str>) -> Charge {
    Charge { amount: 200, payment_method: method.map(str::to_owned) }
}

fn provider(url: &str) -> HttpProvider {
    HttpProvider::new(url, None, Duration::from_secs(60)).unwrap()
}

#[tokio::test]
async fn requests_are_sent_found_and_cancelled_under_their_key() {
    let (url, asked) = noting_server::start(r#"{"status":"succeeded","chargeId":"ch_1"}"#).await;
    let (provider, yes) = (provider(&url), Answer::Yes { detail: "ch_1".into() });
    assert_eq!(provider.send("o/charge", "o", &charge(Some("tok"))).await, Ok(yes.clone()));
    assert_eq!(provider.send("o/charge", "o", &charge(None)).await, Ok(yes.clone()));
    assert_eq!(provider.find::<Charge>("o/charge").await, Ok(Some(yes.clone())));
    assert_eq!(provider.cancel::<Charge>("o/charge").await, Ok(yes));
    let expected = [
        r#"POST /v1/charges o/charge {"orderId":"o","amount":200,"paymentMethod":"tok"}"#,
        r#"POST /v1/charges o/charge {"orderId":"o","amount":200}"#,
        "GET /v1/charges/o%2Fcharge -",
        "POST /v1/charges/o%2Fcharge/cancel -",
    ];
    assert_eq!(asked.lines(), expected);
}

#[tokio::test]
async fn a_no_is_a_no_wherever_it_is_said() {
    let (url, _) = noting_server::start(r#"{"status":"declined","reason":"no funds"}"#).await;
    let (provider, no) = (provider(&url), Answer::No { reason: "no funds".into() });
    assert_eq!(provider.send("k", "o", &charge(None)).await, Ok(no.clone()));
    assert_eq!(provider.find::<Charge>("k").await, Ok(Some(no.clone())));
    assert_eq!(provider.cancel::<Charge>("k").await, Ok(no));
}

#[tokio::test]
async fn what_is_no_answer_of_the_contract_is_neither_yes_nor_no() {
    for said in [r#"{"status":"accepted"}"#, r#"{"chargeId":"ch_1"}"#, r#"["succeeded","ch_1"]"#, "OK"] {
        let (url, _) = noting_server::start(said).await;
        let provider = provider(&url);
        let sent = provider.send("k", "o", &charge(None)).await;
        assert!(matches!(sent, Err(ProviderError::Malformed(_))), "{said}: {sent:?}");
        let found = provider.find::<Charge>("k").await;
        assert!(matches!(found, Err(ProviderError::Malformed(_))), "{said}: {found:?}");
    }
}
