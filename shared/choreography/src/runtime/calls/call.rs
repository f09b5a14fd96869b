//! One external call: a time limit, the circuit breaker, its span, and what is told of it.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use choreography_core::{
    intents::{Called, NoAnswer, Outside},
    participant::Answer,
    spans::{SagaSpan, Telling},
    store::Intent,
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

pub(super) async fn call<O: Outside>(
    outside: Arc<O>,
    breaker: AsyncRecloser,
    waiting: Waiting,
    time_limit: Duration,
) -> Called {
    let age = waiting.age();
    let Waiting { mut intent, room: _room, .. } = waiting;
    let mut span = asked(&intent);
    let began = Instant::now();
    // The breaker counts what is the provider's trouble; a wrong request is ours.
    let guarded = breaker.call_with(|error: &NoAnswer| matches!(error, NoAnswer::Passing(_)), async {
        let answered = AssertUnwindSafe(outside.call(&intent, age)).catch_unwind();
        match tokio::time::timeout(time_limit, answered).await {
            Ok(Ok(result)) => result,
            // What it was doing is not known, so the call stays open; others go on.
            Ok(Err(_)) => Err(NoAnswer::Wrong("the call panicked; see the log".into())),
            Err(_) => Err(NoAnswer::Passing(format!("no answer within {time_limit:?}"))),
        }
    });
    let result = match guarded.await {
        Ok(answer) => Ok(answer),
        Err(Error::Inner(no_answer)) => Err(no_answer),
        Err(Error::Rejected) => Err(NoAnswer::Passing(BREAKER_OPEN.into())),
    };
    metrics::histogram!("saga_call_seconds", "step" => intent.step.clone()).record(began.elapsed().as_secs_f64());
    report(&intent, &result);
    // The answer's consequences follow from this call.
    intent.trace = span.context().clone();
    match &result {
        Ok(_) => {}
        Err(NoAnswer::Passing(_) | NoAnswer::InProgress(_)) => span.fail("no-answer"),
        Err(NoAnswer::Wrong(_)) => span.fail("wrong-request"),
    }
    span.end();
    (intent, result)
}

/// The span of one try of an external call.
fn asked(intent: &Intent) -> SagaSpan {
    SagaSpan::child(&intent.trace, &[], || Telling {
        kind: SpanKind::Client,
        name: format!("call {}", intent.step).into(),
        attributes: vec![
            KeyValue::new("saga.correlation_id", intent.correlation_id.clone()),
            KeyValue::new("saga.attempts", i64::from(intent.attempts)),
        ],
    })
}

fn report(intent: &Intent, result: &Result<Answer, NoAnswer>) {
    let outcome = match result {
        Ok(Answer::Yes { .. }) => "yes",
        Ok(Answer::No { .. }) => "no",
        Err(no_answer) => report_no_answer(intent, no_answer),
    };
    metrics::counter!("saga_calls_total", "step" => intent.step.clone(), "answer" => outcome).increment(1);
}

fn report_no_answer(intent: &Intent, no_answer: &NoAnswer) -> &'static str {
    macro_rules! log {
        ($level:ident, $message:literal) => {
            $level!(
                correlation_id = intent.correlation_id,
                aggregate_id = intent.aggregate_id,
                trace_id = intent.trace.trace_id(),
                step = intent.step,
                call = %intent.id,
                attempts = intent.attempts,
                why = %no_answer,
                $message
            )
        };
    }
    match no_answer {
        NoAnswer::Passing(_) => {
            log!(warn, "no answer; the provider is asked again later");
            "none"
        }
        NoAnswer::InProgress(_) => {
            log!(warn, "the provider is still at work on it; it is asked again soon");
            "in-progress"
        }
        NoAnswer::Wrong(_) => {
            log!(
                error,
                "the provider refuses the request itself: an operator has to look at it, and may settle it by hand"
            );
            "wrong"
        }
    }
}
