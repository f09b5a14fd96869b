//! One external call: a time limit, the circuit breaker, its span, and what is reported of it.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use choreography_core::{
    calls::{CallError, Called, Provider},
    participant::Answer,
    spans::{SagaSpan, SpanStart},
    store::PendingCall,
};
use futures::FutureExt;
use opentelemetry::{KeyValue, trace::SpanKind};
use recloser::{AsyncRecloser, Error, Recloser};
use tracing::{error, warn};

use super::queue::Waiting;

pub(super) const BREAKER_OPEN: &str = "the circuit breaker is open";

/// So many calls tell the breaker whether the provider is well again.
pub(super) const PROBES: usize = 5;

pub(super) fn breaker(open_wait: Duration) -> AsyncRecloser {
    Recloser::custom().error_rate(0.5).closed_len(50).half_open_len(PROBES).open_wait(open_wait).build().into()
}

pub(super) async fn call<O: Provider>(
    provider: Arc<O>,
    breaker: AsyncRecloser,
    waiting: Waiting,
    time_limit: Duration,
) -> Called {
    let age = waiting.age();
    let Waiting { mut call, room: _room, .. } = waiting;
    let mut span = asked(&call);
    let began = Instant::now();
    // The breaker counts what is the provider's trouble; a wrong request is ours.
    let guarded = breaker.call_with(|error: &CallError| matches!(error, CallError::Passing(_)), async {
        let answered = AssertUnwindSafe(provider.call(&call, age)).catch_unwind();
        match tokio::time::timeout(time_limit, answered).await {
            Ok(Ok(result)) => result,
            // What it was doing is not known, so the call stays open; others go on.
            Ok(Err(_)) => Err(CallError::Wrong("the call panicked; see the log".into())),
            Err(_) => Err(CallError::Passing(format!("no answer within {time_limit:?}"))),
        }
    });
    let result = match guarded.await {
        Ok(answer) => Ok(answer),
        Err(Error::Inner(no_answer)) => Err(no_answer),
        Err(Error::Rejected) => Err(CallError::Passing(BREAKER_OPEN.into())),
    };
    metrics::histogram!("saga_call_seconds", "step" => call.step.clone()).record(began.elapsed().as_secs_f64());
    report(&call, &result);
    // The answer's consequences follow from this call.
    call.trace = span.context().clone();
    match &result {
        Ok(_) => {}
        Err(CallError::Passing(_) | CallError::InProgress(_)) => span.fail("no-answer"),
        Err(CallError::Wrong(_)) => span.fail("wrong-request"),
    }
    span.end();
    (call, result)
}

/// The span of one try of an external call.
fn asked(call: &PendingCall) -> SagaSpan {
    SagaSpan::child(&call.trace, &[], || SpanStart {
        kind: SpanKind::Client,
        name: format!("call {}", call.step).into(),
        attributes: vec![
            KeyValue::new("saga.correlation_id", call.correlation_id.clone()),
            KeyValue::new("saga.attempts", i64::from(call.attempts)),
        ],
    })
}

fn report(call: &PendingCall, result: &Result<Answer, CallError>) {
    let outcome = match result {
        Ok(Answer::Yes { .. }) => "yes",
        Ok(Answer::No { .. }) => "no",
        Err(no_answer) => report_no_answer(call, no_answer),
    };
    metrics::counter!("saga_calls_total", "step" => call.step.clone(), "answer" => outcome).increment(1);
}

fn report_no_answer(call: &PendingCall, no_answer: &CallError) -> &'static str {
    macro_rules! log {
        ($level:ident, $message:literal) => {
            $level!(
                correlation_id = call.correlation_id,
                aggregate_id = call.aggregate_id,
                trace_id = call.trace.trace_id(),
                step = call.step,
                call = %call.id,
                attempts = call.attempts,
                why = %no_answer,
                $message
            )
        };
    }
    match no_answer {
        CallError::Passing(_) => {
            log!(warn, "no answer; the provider is asked again later");
            "none"
        }
        CallError::InProgress(_) => {
            log!(warn, "the provider is still at work on it; it is asked again soon");
            "in-progress"
        }
        CallError::Wrong(_) => {
            log!(
                error,
                "the provider refuses the request itself: an operator has to look at it, and may settle it by hand"
            );
            "wrong"
        }
    }
}
