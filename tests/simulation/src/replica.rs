//! A replica of a service: the engine's loops, as tasks that the schedule drives and a crash drops.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
};

use chrono::TimeDelta;
use engine::{
    consumer::{Consumer, Step},
    deadlines,
    door::{Door, Progress},
    intents::{self, IntentStore, Outside},
    log::EventSource,
    participant::Participant,
    relay::{Lane, OutboxStore, Pace, Relay},
    retry::{self, Limits},
    store::Intent,
};

use uuid::Uuid;

use crate::{
    core::{Core, SeededIds, lock, pause},
    database::Model,
    kafka::{Kafka, Sink, Source},
};

pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;
type Calls = Arc<Mutex<Vec<Intent>>>;

const LIMIT: usize = 4;
const LIMITS: Limits = Limits { keys: LIMIT, per_key: LIMIT, bytes: 4_000 };
const CALL_BYTES: usize = 4_000;
const LEASE: TimeDelta = TimeDelta::milliseconds(200);

/// The tasks of one replica.
pub fn tasks<P: Participant, O: Outside>(
    core: &Arc<Core>,
    kafka: &Kafka,
    model: &Model<P>,
    participant: &Arc<P>,
    outside: Arc<O>,
    member: u64,
) -> Vec<Task> {
    let door = Arc::new(Door::new(participant.clone(), model.clone(), model.policy));
    let calls = Calls::default();
    lock(kafka).join(P::NAME, member);
    let source = Source {
        core: core.clone(),
        kafka: kafka.clone(),
        group: P::NAME,
        member,
        topics: P::TOPICS,
        positions: BTreeMap::new(),
        generation: 0,
        commits: Vec::new(),
        confirmed: Vec::new(),
    };
    let sink = || Sink { core: core.clone(), kafka: kafka.clone() };
    let holders = Lane::ALL.map(|_| core.uuid());
    vec![
        Box::pin(consume(core.clone(), door.clone(), source, calls.clone())),
        Box::pin(relay(core.clone(), model.clone(), sink(), Lane::Events, holders[0])),
        Box::pin(relay(core.clone(), model.clone(), sink(), Lane::DeadLetters, holders[1])),
        Box::pin(renew(core.clone(), model.clone(), holders)),
        Box::pin(call(core.clone(), door.clone(), outside, calls)),
        Box::pin(look_back(core.clone(), door.clone())),
        Box::pin(operate(core.clone(), door)),
    ]
}

fn offer<R>(calls: &Calls, progress: &mut Progress<R>) {
    lock(calls).extend(progress.intents.drain(..).map(|call| call.intent));
}

async fn consume<P: Participant>(core: Arc<Core>, door: Arc<Door<P, Model<P>>>, mut source: Source, calls: Calls) {
    let mut consumer = Consumer::default();
    consumer.be_careful(core.pick(2) == 0);
    let mut ids = SeededIds(core.clone());
    loop {
        match consumer.step(&door, &mut source, &mut ids, LIMIT).await {
            Ok(Step::Idle) => pause().await,
            Ok(Step::Handled { mut progress, messages, .. }) => {
                core.tell(|| format!("{} handled {messages}: {:?}", P::NAME, progress.verdicts));
                offer(&calls, &mut progress);
            }
            Err(error) => {
                core.tell(|| format!("{} waits: {error}", P::NAME));
                // A model that keeps the group alive can't fail.
                let _ = source.keep_alive().await;
            }
        }
    }
}

async fn relay<P: Participant>(core: Arc<Core>, model: Model<P>, mut sink: Sink, lane: Lane, holder: Uuid) {
    let began = core.now();
    // What the relay does by seconds fits into a schedule of a few thousand milliseconds ten times.
    let clock = || ((core.now() - began) * 10).to_std().unwrap_or_default();
    let pace = Pace::new(LIMIT, usize::MAX, (LEASE * 10).to_std().unwrap_or_default());
    let mut relay = Relay::new(holder, lane, pace);
    loop {
        if core.pick(8) == 0 || relay.ranges().is_empty() || relay.has_lost_leases() {
            let claimed = relay.claim(&model, LEASE).await;
            core.tell(|| format!("{} {} relay claims: {claimed:?}", P::NAME, lane.name()));
        }
        let relayed = relay.step(&model, &mut sink, &clock).await;
        core.tell(|| format!("{} {} relay: {relayed:?}", P::NAME, lane.name()));
        pause().await;
    }
}

/// Keeps the leases of both relays alive, whatever these are doing.
async fn renew<P: Participant>(core: Arc<Core>, model: Model<P>, holders: [Uuid; 2]) {
    loop {
        for holder in holders {
            pause().await;
            let renewed = model.renew(holder, LEASE).await;
            core.tell(|| format!("{} renews: {renewed:?}", P::NAME));
        }
    }
}

async fn call<P: Participant, O: Outside>(
    core: Arc<Core>,
    door: Arc<Door<P, Model<P>>>,
    outside: Arc<O>,
    calls: Calls,
) {
    let mut ids = SeededIds(core.clone());
    loop {
        pause().await;
        let mut intents = std::mem::take(&mut *lock(&calls));
        if intents.is_empty() {
            let claimed = IntentStore::claim(&door.database, LIMIT, CALL_BYTES, LEASE).await.unwrap_or_default();
            intents = claimed.into_iter().map(|claimed| claimed.intent).collect();
        }
        let mut called = Vec::new();
        for intent in intents {
            let result = outside.call(&intent, core.now() - intent.intended_at).await;
            core.tell(|| format!("{} called {}: {result:?}", P::NAME, intent.idempotency_key()));
            called.push((intent, result));
        }
        if !called.is_empty()
            && let Ok(mut progress) = intents::settle(&door, &door.database, &mut ids, &called).await
        {
            core.tell(|| format!("{} settled: {:?}", P::NAME, progress.verdicts));
            offer(&calls, &mut progress);
        }
    }
}

/// Deadlines and held events.
async fn look_back<P: Participant>(core: Arc<Core>, door: Arc<Door<P, Model<P>>>) {
    let mut ids = SeededIds(core.clone());
    loop {
        for _ in 0..4 {
            pause().await;
        }
        // What fails is looked for again.
        let _ = deadlines::step(&door, &door.database, &mut ids, LIMIT).await;
        let _ = retry::step(&door, &door.database, &mut ids, LIMITS, false).await;
    }
}

/// Somebody who releases what the broker refused and redrives what is parked, through this replica's admin API.
async fn operate<P: Participant>(core: Arc<Core>, door: Arc<Door<P, Model<P>>>) {
    let mut ids = SeededIds(core.clone());
    loop {
        for _ in 0..8 {
            pause().await;
        }
        if door.database.release_stopped() > 0 {
            core.tell(|| format!("{} releases what was stopped", P::NAME));
        }
        let parked = door.database.worth_a_redrive();
        let Some(number) = parked.get(core.pick(parked.len())).copied() else { continue };
        let redriven = retry::redrive(&door, &door.database, &mut ids, number, LIMITS).await;
        core.tell(|| format!("{} redrives {number}: {redriven:?}", P::NAME));
    }
}
