use std::sync::Mutex;

use choreography::{Call, testing::TraceContext};
use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::*;
use crate::Reads;

const RESEND_WITHIN: TimeDelta = TimeDelta::hours(1);
const NEW: TimeDelta = TimeDelta::zero();
const OLD: TimeDelta = RESEND_WITHIN;

#[derive(Debug, Serialize, Deserialize)]
struct Charge {
    amount: i64,
    #[serde(default)]
    cancel: bool,
}

impl Call for Charge {
    const STEP: &'static str = "charge";

    type Request = Self;
    type Answer = Answer;
}

impl Request for Charge {
    const PATH: &'static str = "charges";
    const READS: Reads = Reads::new("succeeded", "chargeId", "declined").or_cancelled("cancelled");

    fn is_cancelled(&self) -> bool {
        self.cancel
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Refund {
    amount: i64,
}

impl Call for Refund {
    const STEP: &'static str = "refund";

    type Request = Self;
    type Answer = Answer;
}

impl Request for Refund {
    const PATH: &'static str = "refunds";
    const READS: Reads = Reads::new("succeeded", "refundId", "declined");
    const INSISTS: bool = true;
}

#[derive(Debug, Serialize, Deserialize)]
struct Parcel {
    amount: i64,
}

impl Call for Parcel {
    const STEP: &'static str = "parcel";

    type Request = Self;
    type Answer = Answer;
}

impl Request for Parcel {
    const PATH: &'static str = "parcels";
    const READS: Reads = Reads::new("accepted", "number", "refused");
    const CONFIDENTIAL: bool = true;
}

/// A provider that knows what it is told to know, answers what it is told to answer, and notes what it is asked.
struct Scripted {
    found: Option<Answer>,
    answer: Result<Answer, ProviderError>,
    asked: Mutex<Vec<String>>,
}

impl Scripted {
    fn note(&self, what: &str, path: &str, key: &str) {
        self.asked.lock().unwrap().push(format!("{what} {path} {key}"));
    }
}

impl KeyedProvider for Scripted {
    async fn send<R: Request>(&self, key: &str, order_id: &str, request: &R) -> Result<Answer, ProviderError> {
        let request = serde_json::to_value(request).unwrap();
        assert_eq!((order_id, request["amount"].as_i64()), ("o1", Some(200)));
        self.note("send", R::PATH, key);
        self.answer.clone()
    }

    async fn find<R: Request>(&self, key: &str) -> Result<Option<Answer>, ProviderError> {
        self.note("find", R::PATH, key);
        Ok(self.found.clone())
    }

    async fn cancel<R: Request>(&self, key: &str) -> Result<Answer, ProviderError> {
        self.note("cancel", R::PATH, key);
        self.answer.clone()
    }
}

fn pending_call(step: &str, attempts: u32) -> PendingCall {
    PendingCall {
        id: uuid::Uuid::nil(),
        aggregate_id: "o1".into(),
        step: step.into(),
        request: r#"{"amount":200}"#.into(),
        correlation_id: "o1".into(),
        causation_id: None,
        trace: TraceContext::default(),
        attempts,
        requested_at: DateTime::UNIX_EPOCH,
    }
}

type Came = (Result<Answer, choreography::CallError>, Vec<String>);

async fn call(
    found: Option<Answer>,
    answer: Result<Answer, ProviderError>,
    call: &PendingCall,
    age: TimeDelta,
) -> Came {
    let calls = Calls::at(Scripted { found, answer, asked: Mutex::default() }, RESEND_WITHIN);
    let calls = calls.to::<Charge>().to::<Refund>().to::<Parcel>();
    let result = calls.call(call, age).await;
    (result, calls.provider.asked.into_inner().unwrap())
}

fn yes() -> Answer {
    Answer::Yes { detail: "p_1".into() }
}

fn no() -> Answer {
    Answer::No { reason: "no funds".into() }
}

fn by_hand(result: &Result<Answer, choreography::CallError>) -> bool {
    matches!(result, Err(choreography::CallError::Wrong(why)) if why.contains("by hand"))
}

#[tokio::test]
async fn a_first_call_is_sent_without_asking() {
    for answer in [yes(), no()] {
        let (result, asked) = call(Some(yes()), Ok(answer.clone()), &pending_call("charge", 0), NEW).await;
        assert_eq!((result, asked), (Ok(answer), vec!["send charges o1/charge".into()]));
    }
}

#[tokio::test]
async fn a_repeated_call_asks_first_and_is_sent_again_under_its_key_where_nothing_is_found() {
    let (result, asked) = call(None, Ok(yes()), &pending_call("charge", 2), NEW).await;
    let expected = ["find charges o1/charge", "send charges o1/charge"].map(str::to_owned);
    assert_eq!((result, asked), (Ok(yes()), expected.into()));
    for found in [yes(), no()] {
        let (result, asked) =
            call(Some(found.clone()), Err(ProviderError::TimedOut), &pending_call("charge", 1), NEW).await;
        assert_eq!((result, asked), (Ok(found), vec!["find charges o1/charge".into()]));
    }
}

#[tokio::test]
async fn an_undo_that_was_refused_is_sent_again_under_the_same_key() {
    let asks_and_sends = ["find refunds o1/refund", "send refunds o1/refund"].map(str::to_owned);
    for answer in [yes(), no()] {
        let (result, asked) = call(Some(no()), Ok(answer.clone()), &pending_call("refund", 1), NEW).await;
        assert_eq!((result, asked), (Ok(answer), asks_and_sends.clone().into()));
    }
    let (result, asked) = call(Some(yes()), Ok(no()), &pending_call("refund", 1), NEW).await;
    assert_eq!((result, asked), (Ok(yes()), vec!["find refunds o1/refund".into()]));
}

#[tokio::test]
async fn past_the_keys_lifetime_is_only_asked() {
    for attempts in [0, 3] {
        let (result, asked) = call(None, Ok(yes()), &pending_call("charge", attempts), OLD).await;
        assert!(by_hand(&result), "{result:?}");
        assert_eq!(asked, ["find charges o1/charge"]);
        assert_eq!(call(Some(no()), Ok(yes()), &pending_call("charge", attempts), OLD).await.0, Ok(no()));
    }
    let (result, asked) = call(Some(no()), Ok(yes()), &pending_call("refund", 1), OLD).await;
    assert!(by_hand(&result), "{result:?}");
    assert_eq!(asked, ["find refunds o1/refund"]);
    assert_eq!(call(Some(yes()), Ok(no()), &pending_call("refund", 1), OLD).await.0, Ok(yes()));
    let almost = RESEND_WITHIN - TimeDelta::milliseconds(1);
    assert_eq!(call(None, Ok(yes()), &pending_call("charge", 1), almost).await.0, Ok(yes()));
}

fn called_off(attempts: u32) -> PendingCall {
    PendingCall { request: r#"{"amount":200,"cancel":true}"#.into(), ..pending_call("charge", attempts) }
}

#[tokio::test]
async fn a_call_that_is_called_off_is_cancelled_by_its_key_and_never_sent() {
    let (result, asked) = call(None, Ok(no()), &called_off(0), NEW).await;
    assert_eq!((result, asked), (Ok(no()), vec!["cancel charges o1/charge".into()]));
    // One that came first is answered.
    let (result, asked) = call(None, Ok(yes()), &called_off(2), NEW).await;
    let expected = ["find charges o1/charge", "cancel charges o1/charge"].map(str::to_owned);
    assert_eq!((result, asked), (Ok(yes()), expected.into()));
    let (result, asked) = call(None, Ok(no()), &called_off(1), OLD).await;
    assert!(by_hand(&result), "{result:?}");
    assert_eq!(asked, ["find charges o1/charge"]);
}

#[tokio::test]
async fn only_a_refused_request_needs_a_person() {
    let server = ProviderError::Server { status: 503, body: String::new() };
    let (reset, html) = (ProviderError::Unreachable("reset".into()), ProviderError::Malformed("html".into()));
    for passing in [ProviderError::TimedOut, reset, server, html] {
        let (result, _) = call(None, Err(passing), &pending_call("charge", 0), NEW).await;
        assert!(matches!(result, Err(choreography::CallError::Passing(_))), "{result:?}");
    }
    let refused = ProviderError::Refused { status: 409, message: "key_conflict".into() };
    let (result, _) = call(None, Err(refused), &pending_call("charge", 0), NEW).await;
    assert!(matches!(&result, Err(choreography::CallError::Wrong(why)) if why.contains("key_conflict")), "{result:?}");
    let at_work = ProviderError::InProgress { message: "a moment".into() };
    let (result, _) = call(None, Err(at_work), &pending_call("charge", 0), NEW).await;
    assert!(matches!(result, Err(choreography::CallError::InProgress(_))), "{result:?}");
}

#[tokio::test]
async fn an_intent_that_cannot_be_read_or_is_not_known_calls_no_provider() {
    let garbled = PendingCall { request: "{}".into(), ..pending_call("charge", 0) };
    for wrong in [garbled, pending_call("bribe", 0)] {
        let (result, asked) = call(None, Ok(yes()), &wrong, NEW).await;
        assert!(matches!(result, Err(choreography::CallError::Wrong(_))), "{result:?}");
        assert!(asked.is_empty(), "{asked:?}");
    }
}

#[tokio::test]
async fn of_a_confidential_request_no_words_of_the_providers_are_kept() {
    let words = || "Ada Lovelace of 12 Main Street is unknown".to_owned();
    let errors = [
        ProviderError::Server { status: 503, body: words() },
        ProviderError::InProgress { message: words() },
        ProviderError::Refused { status: 422, message: words() },
        ProviderError::Malformed(words()),
    ];
    for error in errors {
        let quoting = call(None, Err(error.clone()), &pending_call("charge", 0), NEW).await.0.unwrap_err();
        assert!(quoting.to_string().contains("Ada"), "{quoting}");
        let silent = call(None, Err(error), &pending_call("parcel", 0), NEW).await.0.unwrap_err();
        assert_eq!(std::mem::discriminant(&silent), std::mem::discriminant(&quoting));
        assert!(!silent.to_string().contains("Ada"), "{silent}");
    }
    let no = || Answer::No { reason: words() };
    for (found, answer, attempts) in [(None, no(), 0), (Some(no()), yes(), 1)] {
        let result = call(found, Ok(answer), &pending_call("parcel", attempts), NEW).await.0;
        assert!(matches!(&result, Ok(Answer::No { reason }) if !reason.contains("Ada")), "{result:?}");
    }
    let error = call(None, Err(ProviderError::TimedOut), &pending_call("parcel", 0), NEW).await.0.unwrap_err();
    assert!(error.to_string().contains("time limit"), "what the client says itself is kept: {error}");
}
