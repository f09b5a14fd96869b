use std::sync::Mutex;

use choreography::testing::TraceContext;
use chrono::DateTime;
use rest_client::NoAnswer as Rest;

use super::*;

const NEW: TimeDelta = TimeDelta::zero();

/// A provider that knows what it is told to know, answers what it is told to answer, and notes what it is asked.
struct Scripted {
    found: Option<RefundAnswer>,
    charge: Result<ChargeAnswer, Rest>,
    cancelled: Result<ChargeAnswer, Rest>,
    refund: RefundAnswer,
    asked: Mutex<Vec<String>>,
}

impl Scripted {
    fn new() -> Self {
        let charge = Ok(ChargeAnswer::Succeeded { charge_id: "ch_1".into() });
        let cancelled = Ok(ChargeAnswer::Cancelled);
        Self { found: None, charge, cancelled, refund: refunded(), asked: Mutex::default() }
    }

    fn note(&self, what: &str, key: &str) {
        self.asked.lock().unwrap().push(format!("{what} {key}"));
    }
}

impl Provider for Scripted {
    async fn charge(&self, key: &str, request: &ChargeRequest) -> Result<ChargeAnswer, Rest> {
        assert_eq!((request.order_id.as_str(), request.amount, request.currency.as_str()), ("o1", 200, "EUR"));
        assert_eq!(request.payment_method.as_deref(), Some("tok_visa"));
        self.note("charge", key);
        self.charge.clone()
    }

    async fn find_charge(&self, key: &str) -> Result<Option<ChargeAnswer>, Rest> {
        self.note("find_charge", key);
        Ok(None)
    }

    async fn cancel_charge(&self, key: &str) -> Result<ChargeAnswer, Rest> {
        self.note("cancel_charge", key);
        self.cancelled.clone()
    }

    async fn refund(&self, key: &str, request: &RefundRequest) -> Result<RefundAnswer, Rest> {
        assert_eq!((request.order_id.as_str(), request.charge_id.as_str(), request.amount), ("o1", "ch_1", 200));
        self.note("refund", key);
        Ok(self.refund.clone())
    }

    async fn find_refund(&self, key: &str) -> Result<Option<RefundAnswer>, Rest> {
        self.note("find_refund", key);
        Ok(self.found.clone())
    }
}

fn refunded() -> RefundAnswer {
    RefundAnswer::Succeeded { refund_id: "re_1".into() }
}

fn declined() -> RefundAnswer {
    RefundAnswer::Declined { reason: "no funds".into() }
}

fn intent(step: &str, attempts: u32) -> Intent {
    let request = match step {
        Charge::STEP => r#"{"amount":200,"currency":"EUR","paymentMethod":"tok_visa"}"#,
        _ => r#"{"chargeId":"ch_1","amount":200,"currency":"EUR"}"#,
    };
    Intent {
        id: uuid::Uuid::nil(),
        aggregate_id: "o1".into(),
        step: step.into(),
        request: request.into(),
        correlation_id: "o1".into(),
        causation_id: None,
        trace: TraceContext::default(),
        attempts,
        intended_at: DateTime::UNIX_EPOCH,
    }
}

async fn call(provider: Scripted, intent: &Intent, age: TimeDelta) -> (Result<Answer, NoAnswer>, Vec<String>) {
    let calls = ProviderCalls::new(provider, TimeDelta::hours(1));
    let result = calls.call(intent, age).await;
    (result, calls.provider.asked.into_inner().unwrap())
}

fn yes(detail: &str) -> Result<Answer, NoAnswer> {
    Ok(Answer::Yes { detail: detail.into() })
}

#[tokio::test]
async fn a_charge_is_asked_for_and_resent_under_one_key() {
    let (result, asked) = call(Scripted::new(), &intent(Charge::STEP, 0), NEW).await;
    assert_eq!((result, asked), (yes("ch_1"), vec!["charge o1/charge".into()]));
    let (result, asked) = call(Scripted::new(), &intent(Charge::STEP, 2), NEW).await;
    assert_eq!((result, asked), (yes("ch_1"), vec!["find_charge o1/charge".into(), "charge o1/charge".into()]));
}

#[tokio::test]
async fn a_charge_that_was_declined_or_cancelled_is_a_no() {
    for end in [ChargeAnswer::Declined { reason: "no funds".into() }, ChargeAnswer::Cancelled] {
        let provider = Scripted { charge: Ok(end.clone()), ..Scripted::new() };
        let (result, _) = call(provider, &intent(Charge::STEP, 0), NEW).await;
        assert!(matches!(result, Ok(Answer::No { .. })), "{end:?} is told as {result:?}");
    }
}

fn called_off(attempts: u32) -> Intent {
    let request = r#"{"amount":200,"currency":"EUR","paymentMethod":null,"cancel":true}"#.into();
    Intent { request, ..intent(Charge::STEP, attempts) }
}

#[tokio::test]
async fn a_charge_that_is_called_off_is_cancelled_by_its_key_and_never_sent() {
    for attempts in [0, 2] {
        let (result, asked) = call(Scripted::new(), &called_off(attempts), NEW).await;
        assert!(matches!(result, Ok(Answer::No { .. })), "{result:?}");
        assert_eq!(asked.last().map(String::as_str), Some("cancel_charge o1/charge"));
        assert!(!asked.contains(&"charge o1/charge".into()), "{asked:?}");
    }
}

#[tokio::test]
async fn a_charge_that_was_made_before_it_was_called_off_is_a_yes() {
    let charged = Ok(ChargeAnswer::Succeeded { charge_id: "ch_1".into() });
    let provider = Scripted { cancelled: charged, ..Scripted::new() };
    assert_eq!(call(provider, &called_off(1), NEW).await.0, yes("ch_1"));
}

#[tokio::test]
async fn past_the_keys_lifetime_a_charge_is_not_called_off_either() {
    let (result, asked) = call(Scripted::new(), &called_off(1), TimeDelta::hours(1)).await;
    assert!(matches!(&result, Err(NoAnswer::Wrong(why)) if why.contains("by hand")), "{result:?}");
    assert_eq!(asked, ["find_charge o1/charge"]);
}

#[tokio::test]
async fn no_answer_to_a_charge_is_neither_yes_nor_no() {
    let provider = Scripted { charge: Err(Rest::TimedOut), ..Scripted::new() };
    let (result, _) = call(provider, &intent(Charge::STEP, 0), NEW).await;
    assert!(matches!(result, Err(NoAnswer::Passing(_))), "{result:?}");
}

#[tokio::test]
async fn a_refund_that_was_refused_is_sent_again_under_the_same_key() {
    let provider = Scripted { found: Some(declined()), ..Scripted::new() };
    let (result, asked) = call(provider, &intent(Refund::STEP, 1), NEW).await;
    assert_eq!((result, asked), (yes("re_1"), vec!["find_refund o1/refund".into(), "refund o1/refund".into()]));
    let provider = Scripted { found: Some(declined()), refund: declined(), ..Scripted::new() };
    let (result, _) = call(provider, &intent(Refund::STEP, 1), NEW).await;
    assert_eq!(result, Ok(Answer::No { reason: "no funds".into() }));
}

#[tokio::test]
async fn past_the_keys_lifetime_money_is_only_asked_about() {
    let old = TimeDelta::hours(1);
    for found in [None, Some(declined())] {
        let (result, asked) = call(Scripted { found, ..Scripted::new() }, &intent(Refund::STEP, 1), old).await;
        assert!(matches!(&result, Err(NoAnswer::Wrong(why)) if why.contains("by hand")), "{result:?}");
        assert_eq!(asked, ["find_refund o1/refund"]);
    }
    let provider = Scripted { found: Some(refunded()), ..Scripted::new() };
    assert_eq!(call(provider, &intent(Refund::STEP, 1), old).await.0, yes("re_1"));
    let (_, asked) = call(Scripted::new(), &intent(Charge::STEP, 1), old).await;
    assert_eq!(asked, ["find_charge o1/charge"]);
}

#[tokio::test]
async fn an_intent_that_cannot_be_read_or_is_not_known_calls_nobody() {
    let garbled = Intent { request: "{}".into(), ..intent(Charge::STEP, 0) };
    for wrong in [garbled, intent("bribe", 0)] {
        let (result, asked) = call(Scripted::new(), &wrong, NEW).await;
        assert!(matches!(result, Err(NoAnswer::Wrong(_))), "{result:?}");
        assert!(asked.is_empty(), "{asked:?}");
    }
}
