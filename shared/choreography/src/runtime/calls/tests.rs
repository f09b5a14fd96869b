//! The call loop on an in-memory store, with a provider that says what it is told to say.

use std::{
    sync::{Mutex, atomic::AtomicBool},
    time::Instant,
};

use choreography_core::{
    calls::{CallError, Claimed, Contradiction, FreshCall, LateAnswer, Postponed},
    participant::Answer,
    store::{PendingCall, StoreError},
    trace::TraceContext,
};
use chrono::{DateTime, TimeDelta};
use uuid::Uuid;

use super::*;

const NEVER: Duration = Duration::from_secs(3_600);

pub(super) fn pending_call(number: u128) -> PendingCall {
    PendingCall {
        id: Uuid::from_u128(number),
        aggregate_id: number.to_string(),
        step: "charge".into(),
        request: "{}".into(),
        correlation_id: number.to_string(),
        causation_id: None,
        trace: TraceContext::default(),
        attempts: 0,
        requested_at: DateTime::UNIX_EPOCH,
    }
}

fn pace(concurrency: usize) -> Pace {
    Pace {
        concurrency,
        time_limit: Duration::from_secs(10),
        lease: Duration::from_secs(60),
        breaker_wait: NEVER,
        poll_interval: NEVER,
    }
}

/// Open calls, and how many claims there were. Clones are the same.
#[derive(Clone, Default)]
struct Memory(Arc<Kept>);

#[derive(Default)]
struct Kept {
    open: Mutex<Vec<PendingCall>>,
    claims: Mutex<Vec<usize>>,
}

impl CallStore for Memory {
    async fn claim(&self, limit: usize, _bytes: usize, _lease: TimeDelta) -> Result<Vec<Claimed>, StoreError> {
        let mut open = self.0.open.lock().unwrap();
        let claimed: Vec<Claimed> =
            (0..limit.min(open.len())).map(|_| Claimed { call: open.remove(0), age: TimeDelta::hours(1) }).collect();
        self.0.claims.lock().unwrap().push(claimed.len());
        Ok(claimed)
    }

    async fn contradictions(&self, _: &[LateAnswer]) -> Result<Vec<Contradiction>, StoreError> {
        Ok(Vec::new())
    }

    async fn postpone(&self, _: &[Postponed]) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Says yes, unless it is down; notes in which order it was called, and how old the calls were said to be.
#[derive(Default)]
struct StandIn {
    down: AtomicBool,
    called: Mutex<Vec<(u128, TimeDelta)>>,
}

impl Provider for StandIn {
    async fn call(&self, call: &PendingCall, age: TimeDelta) -> Result<Answer, CallError> {
        self.called.lock().unwrap().push((call.id.as_u128(), age));
        if call.step == "explode" {
            panic!("on purpose");
        }
        tokio::task::yield_now().await;
        match self.down.load(std::sync::atomic::Ordering::Relaxed) {
            true => Err(CallError::Passing("503".into())),
            false => Ok(Answer::Yes { detail: "ch_1".into() }),
        }
    }
}

struct Running {
    memory: Memory,
    provider: Arc<StandIn>,
    queue: CallQueue,
    answers: mpsc::Receiver<Called>,
    state: Arc<ConsumerState>,
    stop: CancellationToken,
}

fn run(open: impl Iterator<Item = PendingCall>, fresh: Vec<FreshCall>, provider: StandIn, pace: Pace) -> Running {
    let memory = Memory(Arc::new(Kept { open: Mutex::new(open.collect()), claims: Mutex::default() }));
    let (provider, state) = (Arc::new(provider), Arc::new(ConsumerState::default()));
    let (queue, receiver) = call_queue(1_000);
    queue.offer(fresh);
    let (sender, answers) = mpsc::channel(10_000);
    let stop = CancellationToken::new();
    let looping = call_loop(memory.clone(), provider.clone(), receiver, sender, state.clone(), pace, stop.clone());
    tokio::spawn(looping);
    Running { memory, provider, queue, answers, state, stop }
}

fn fresh(number: u128) -> FreshCall {
    FreshCall { call: pending_call(number), since: Instant::now() }
}

impl Running {
    async fn answers(&mut self, count: usize) -> Vec<Called> {
        let mut called = Vec::new();
        while called.len() < count {
            called.push(self.answers.recv().await.expect("the loop goes on"));
        }
        called
    }

    fn order(&self) -> Vec<u128> {
        self.provider.called.lock().unwrap().iter().map(|(number, _)| *number).collect()
    }
}

#[tokio::test]
async fn whatever_is_open_is_called_for_as_fast_as_calls_end_and_not_once_a_poll() {
    let mut running = run((0..1_000).map(pending_call), Vec::new(), StandIn::default(), pace(64));
    running.answers(1_000).await;
    let full = running.memory.0.claims.lock().unwrap().iter().filter(|claimed| **claimed > 0).count();
    assert_eq!(full, 1_000_usize.div_ceil(64));
}

#[tokio::test]
async fn old_calls_and_new_ones_take_turns() {
    let fresh = (1_000..1_050).map(fresh).collect();
    let mut running = run((0..50).map(pending_call), fresh, StandIn::default(), pace(1));
    running.answers(100).await;
    let order = running.order();
    let new_among_the_first = order[..40].iter().filter(|number| **number >= 1_000).count();
    assert!((15..=25).contains(&new_among_the_first), "{order:?}");
}

#[tokio::test]
async fn while_the_breaker_refuses_calls_nothing_is_claimed_in_vain() {
    let provider = StandIn { down: AtomicBool::new(true), ..StandIn::default() };
    let mut running = run((0..1_000).map(pending_call), Vec::new(), provider, pace(64));
    // The breaker opens after 50; what was claimed by then may be refused, and nothing else.
    let called = running.answers(64).await;
    assert!(called.iter().all(|(_, result)| matches!(result, Err(CallError::Passing(_)))));
    running.queue.offer(vec![fresh(5_000)]);
    running.stop.cancel();
    while running.answers.recv().await.is_some() {}
    assert!(running.state.breaker_open.load(std::sync::atomic::Ordering::Relaxed));
    assert!(running.memory.0.open.lock().unwrap().len() >= 1_000 - 3 * 64);
}

#[tokio::test]
async fn once_the_breaker_lets_calls_through_the_rest_is_called_for() {
    let provider = StandIn { down: AtomicBool::new(true), ..StandIn::default() };
    let pace = Pace { breaker_wait: Duration::from_millis(20), ..pace(64) };
    let mut running = run((0..1_000).map(pending_call), Vec::new(), provider, pace);
    running.answers(64).await;
    running.provider.down.store(false, std::sync::atomic::Ordering::Relaxed);
    // Every call is claimed once and comes back, with an answer or without one.
    let called = running.answers(1_000 - 64).await;
    assert!(called.iter().filter(|(_, result)| result.is_ok()).count() > 700);
}

#[tokio::test]
async fn a_call_is_said_to_be_as_old_as_the_database_says_and_what_it_waited_since() {
    let before =
        FreshCall { call: pending_call(2), since: Instant::now().checked_sub(Duration::from_secs(5)).unwrap() };
    let mut running = run([pending_call(1)].into_iter(), vec![before], StandIn::default(), pace(2));
    running.answers(2).await;
    let mut called = running.provider.called.lock().unwrap().clone();
    called.sort();
    assert!((TimeDelta::hours(1)..TimeDelta::minutes(61)).contains(&called[0].1), "{called:?}");
    assert!((TimeDelta::seconds(5)..TimeDelta::minutes(1)).contains(&called[1].1), "{called:?}");
}

#[tokio::test]
async fn a_call_that_waited_until_another_replica_may_have_it_is_left_to_the_poll() {
    let long_ago = Instant::now().checked_sub(Duration::from_secs(51)).unwrap();
    let late = FreshCall { call: pending_call(1), since: long_ago };
    let mut running = run(std::iter::empty(), vec![late, fresh(2)], StandIn::default(), pace(2));
    assert_eq!(running.answers(1).await[0].0.id, Uuid::from_u128(2));
    assert_eq!(running.order(), [2]);
}

#[tokio::test]
async fn a_call_that_panics_stays_open_and_the_others_go_on() {
    let explodes = PendingCall { step: "explode".into(), ..pending_call(1) };
    let mut running = run([explodes, pending_call(2)].into_iter(), Vec::new(), StandIn::default(), pace(1));
    let called = running.answers(2).await;
    assert!(matches!(&called[0].1, Err(CallError::Wrong(why)) if why.contains("panicked")), "{called:?}");
    assert!(called[1].1.is_ok());
}
