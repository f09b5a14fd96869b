//! The call loop: intents are called for with bounded concurrency, a time limit and a circuit breaker.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use futures::{StreamExt, stream::FuturesUnordered};
use opentelemetry::{KeyValue, trace::SpanKind};
use recloser::{AsyncRecloser, Error, Recloser};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{ConsumerState, backoff, beat};
use crate::{
    intents::{Called, IntentStore, NoAnswer, Outside},
    postgres::{Postgres, Tables},
    settings::{EngineSettings, delta},
    store::Intent,
    telemetry::spans::{SagaSpan, Telling},
};

const BREAKER_OPEN: &str = "the circuit breaker is open";

/// Hands intents from the transactions that wrote them to the call loop.
#[derive(Clone)]
pub struct CallQueue(mpsc::Sender<Intent>);

impl CallQueue {
    /// Takes what there is room for; the rest stands in the database and is claimed when its time comes.
    pub fn offer(&self, intents: Vec<Intent>) {
        for intent in intents {
            if self.0.try_send(intent).is_err() {
                metrics::counter!("saga_intents_left_to_the_poll_total").increment(1);
            }
        }
    }
}

pub(crate) fn call_queue(capacity: usize) -> (CallQueue, mpsc::Receiver<Intent>) {
    let (sender, receiver) = mpsc::channel(capacity);
    (CallQueue(sender), receiver)
}

/// Makes calls until told to stop, then waits for those under way.
pub(crate) async fn call_loop<P: Tables, O: Outside>(
    store: Postgres<P>,
    outside: Arc<O>,
    mut queue: mpsc::Receiver<Intent>,
    answers: mpsc::Sender<Called>,
    state: Arc<ConsumerState>,
    settings: Arc<EngineSettings>,
    stop: CancellationToken,
) {
    let breaker: AsyncRecloser = Recloser::custom()
        .error_rate(0.5)
        .closed_len(50)
        .half_open_len(5)
        .open_wait(settings.breaker_wait)
        .build()
        .into();
    let permits = Arc::new(Semaphore::new(settings.call_concurrency));
    let mut calls = FuturesUnordered::new();
    let mut poll = tokio::time::interval(settings.slow_poll);
    poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut failures = 0;
    while !stop.is_cancelled() {
        beat();
        let room = settings.call_concurrency.saturating_sub(calls.len());
        tokio::select! {
            Some(intent) = queue.recv(), if room > 0 => {
                calls.push(call(outside.clone(), breaker.clone(), permits.clone(), intent, settings.call_timeout));
            }
            Some(called) = calls.next(), if !calls.is_empty() => {
                hand_on(&answers, &state, called).await;
            }
            _ = poll.tick(), if room > 0 => match store.claim(room, store_lease(&settings)).await {
                Ok(claimed) => {
                    failures = 0;
                    for intent in claimed {
                        calls.push(call(outside.clone(), breaker.clone(), permits.clone(), intent, settings.call_timeout));
                    }
                }
                Err(error) => {
                    failures += 1;
                    warn!(%error, "open intents could not be claimed");
                    tokio::time::sleep(backoff(failures)).await;
                }
            },
            () = stop.cancelled() => {}
        }
    }
    while let Some(called) = calls.next().await {
        hand_on(&answers, &state, called).await;
    }
}

fn store_lease(settings: &EngineSettings) -> chrono::TimeDelta {
    delta(settings.call_timeout * 2 + Duration::from_secs(10))
}

async fn hand_on(answers: &mpsc::Sender<Called>, state: &ConsumerState, called: Called) {
    match &called.1 {
        Ok(_) => state.breaker_open.store(false, Ordering::Relaxed),
        Err(NoAnswer::Passing(why)) if why == BREAKER_OPEN => state.breaker_open.store(true, Ordering::Relaxed),
        Err(_) => {}
    }
    // Without a receiver the service is stopping: the intent stands in the database and is asked about again.
    let _ = answers.send(called).await;
}

async fn call<O: Outside>(
    outside: Arc<O>,
    breaker: AsyncRecloser,
    permits: Arc<Semaphore>,
    mut intent: Intent,
    time_limit: Duration,
) -> Called {
    let Ok(_permit) = permits.acquire().await else {
        return (intent, Err(NoAnswer::Passing("the service is stopping".into())));
    };
    let mut span = asked(&intent);
    let began = Instant::now();
    // The breaker counts what is the provider's trouble; a wrong request is ours.
    let guarded = breaker.call_with(|error: &NoAnswer| matches!(error, NoAnswer::Passing(_)), async {
        match tokio::time::timeout(time_limit, outside.call(&intent)).await {
            Ok(result) => result,
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
        Err(NoAnswer::Passing(_)) => span.fail("no-answer"),
        Err(NoAnswer::Wrong(_)) => span.fail("wrong-request"),
    }
    span.end();
    (intent, result)
}

/// The span of one try of an outside call.
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

fn report(intent: &Intent, result: &Result<crate::participant::Answer, NoAnswer>) {
    let outcome = match result {
        Ok(crate::participant::Answer::Yes { .. }) => "yes",
        Ok(crate::participant::Answer::No { .. }) => "no",
        Err(NoAnswer::Passing(why)) => {
            warn!(
                correlation_id = intent.correlation_id,
                aggregate_id = intent.aggregate_id,
                trace_id = intent.trace.trace_id(),
                step = intent.step,
                attempts = intent.attempts,
                why,
                "no answer; asked again later"
            );
            "none"
        }
        Err(NoAnswer::Wrong(why)) => {
            error!(
                correlation_id = intent.correlation_id,
                aggregate_id = intent.aggregate_id,
                trace_id = intent.trace.trace_id(),
                step = intent.step,
                attempts = intent.attempts,
                why,
                "the provider refuses the request itself; somebody has to look"
            );
            "wrong"
        }
    };
    metrics::counter!("saga_calls_total", "step" => intent.step.clone(), "answer" => outcome).increment(1);
}
