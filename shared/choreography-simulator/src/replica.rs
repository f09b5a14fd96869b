//! A replica of a service: the engine's loops, as tasks that the schedule drives and a crash drops.

mod feed;
mod relay_loop;

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use choreography_core::{
    broker::EventConsumer,
    calls::{self, CallStore, Provider},
    deadlines,
    handler::Handler,
    input::Verdict,
    intake::{self, Beside, Found, Handled, Intake, Kind, Search, Turn},
    participant::{Answer, Participant},
    relay::{Feed, Lane},
    retry::{self, Limits},
    store::{Deadline, PendingCall},
};
use chrono::TimeDelta;
use feed::Following;
use relay_loop::{relay, renew};

use crate::{
    core::{Core, SeededIds, lock, sleep},
    database::Model,
    faults::Fault,
    kafka::{Consumer, Kafka, Producer},
    requests::{Request, Requests},
};

/// A loop, and the call that it has begun last.
pub struct Task {
    future: Pin<Box<dyn Future<Output = ()> + Send>>,
    pub at: &'static str,
    /// It does nothing before this step.
    pub wakes_at: u64,
}

impl Task {
    pub fn new(future: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { future: Box::pin(future), at: "", wakes_at: 0 }
    }

    /// Lets it go on up to its next pause; whether it has ended.
    pub fn poll(&mut self, core: &Core, context: &mut Context<'_>) -> bool {
        core.resume(self.at);
        let ended = self.future.as_mut().poll(context).is_ready();
        (self.at, self.wakes_at) = (core.at(), core.wakes_at());
        ended
    }
}

type Calls = Arc<Mutex<Vec<PendingCall>>>;

const LIMIT: usize = 4;
const LIMITS: Limits = Limits { keys: LIMIT, per_key: LIMIT, bytes: 4_000 };
const CALL_BYTES: usize = 4_000;
/// Rows that wait for a relay in memory.
const FED: usize = 6;
const LEASE: TimeDelta = TimeDelta::milliseconds(200);
/// Longest times, in steps, until a loop that found nothing looks again, until deadlines and deferred events are looked for
/// again, and until an operator decides about a parked event.
const IDLE: usize = 40;
const LOOKS: usize = 80;
const DECISIONS: usize = 1_500;

/// Whether a replica is to stop in good order. Clones are the same.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// One run of a replica.
#[derive(Clone)]
pub struct Run {
    pub member: u64,
    /// Its last run crashed.
    pub guarded: bool,
    pub stop: Stop,
}

/// The tasks of one replica.
pub fn tasks<P: Participant, O: Provider>(
    core: &Arc<Core>,
    kafka: &Kafka,
    model: &Model<P>,
    provider: Arc<O>,
    requests: &Requests<P>,
    Run { member, guarded, stop }: Run,
) -> Vec<Task> {
    let handler = Arc::new(Handler::new(model.participant.clone(), model.clone(), model.policy));
    let after = Following::new(Feed::new(FED, CALL_BYTES));
    lock(kafka).join(model.name(), member);
    let consumer = Consumer {
        core: core.clone(),
        kafka: kafka.clone(),
        group: model.name(),
        member,
        topics: model.participant.reads().to_vec(),
        positions: BTreeMap::new(),
        generation: 0,
        commits: Vec::new(),
        confirmed: Vec::new(),
    };
    let producer = || Producer { core: core.clone(), kafka: kafka.clone() };
    let holders = Lane::ALL.map(|_| core.uuid());
    let nothing_fed = Arc::new(Feed::new(0, 0));
    let (intake, aside) = Intake::new(intake::Limits { inputs: LIMIT, bytes: CALL_BYTES });
    let beside = |turn| Beside::new(aside.clone(), turn);
    let (answers, due) = (Mutex::default(), Mutex::default());
    let arrivals = Arc::new(Arrivals { requests: requests.clone(), answers, due });
    vec![
        Task::new(take_in(
            core.clone(),
            handler.clone(),
            consumer,
            (intake, guarded),
            arrivals.clone(),
            after.clone(),
            stop.clone(),
        )),
        Task::new(stand_beside(core.clone(), handler.clone(), beside(Turn::Quick), after.clone(), stop.clone())),
        Task::new(stand_beside(core.clone(), handler.clone(), beside(Turn::Slow), after.clone(), stop.clone())),
        Task::new(stand_beside(core.clone(), handler.clone(), beside(Turn::Slow), after.clone(), stop.clone())),
        Task::new(relay(
            core.clone(),
            model.clone(),
            producer(),
            (Lane::Events, holders[0], after.feed.clone()),
            stop.clone(),
        )),
        Task::new(relay(
            core.clone(),
            model.clone(),
            producer(),
            (Lane::DeadLetters, holders[1], nothing_fed),
            stop.clone(),
        )),
        Task::new(renew(core.clone(), model.clone(), holders, stop.clone())),
        Task::new(call(core.clone(), handler.clone(), provider, arrivals.clone(), after.calls.clone(), stop.clone())),
        Task::new(look_back(core.clone(), handler.clone(), arrivals, (after.clone(), guarded), stop.clone())),
        Task::new(operate(core.clone(), handler, stop)),
    ]
}

/// Drives a step; now and then it is dropped in the middle, as by a time limit or a shutdown.
async fn droppable<T>(core: &Core, step: impl Future<Output = T>) -> Option<T> {
    let mut step = pin!(step);
    poll_fn(|context| match step.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if core.is_aimed(Fault::Dropped) || core.would_strike(Fault::Dropped) => {
            core.count_fault(Fault::Dropped, core.at());
            Poll::Ready(None)
        }
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// Counts what became of inputs of one kind.
fn count<R>(core: &Core, section: &'static str, verdicts: &[Option<Verdict<R>>]) {
    verdicts.iter().flatten().for_each(|verdict| core.count(section, verdict.name()));
}

fn count_kinds<R>(core: &Core, handled: &Handled<R>) {
    for (kind, verdict) in handled.kinds.iter().zip(&handled.progress.verdicts) {
        let section = match kind {
            Kind::Command => continue,
            Kind::Answer => "answer",
            Kind::Deadline => "deadline",
            Kind::Event => "arrival",
        };
        count(core, section, std::slice::from_ref(verdict));
    }
}

/// What waits for the loop in memory.
struct Arrivals<P: Participant> {
    requests: Requests<P>,
    answers: Mutex<Vec<(PendingCall, Answer)>>,
    due: Mutex<Vec<(Vec<Deadline>, Found)>>,
}

impl<P: Participant> Arrivals<P> {
    fn gather(&self, intake: &mut Intake<P>) {
        intake.ask(self.requests.take(LIMIT).into_iter().map(Request::into_asked));
        lock(&self.answers).drain(..).for_each(|(call, answer)| intake.answered(&call, answer));
        lock(&self.due).drain(..).for_each(|(due, found)| intake.due(due, &found));
    }
}

/// The one loop.
async fn take_in<P: Participant>(
    core: Arc<Core>,
    handler: Arc<Handler<P, Model<P>>>,
    mut consumer: Consumer,
    (mut intake, guarded): (Intake<P>, bool),
    arrivals: Arc<Arrivals<P>>,
    after: Following,
    stop: Stop,
) {
    let mut ids = SeededIds(core.clone());
    let (mut waits, mut uncommitted, mut idle) = (false, false, 0);
    while !stop.has_begun() {
        sleep(&core, idle).await;
        // Once there are no more faults, nothing ends the process any more, as if another build were running.
        intake.set_guarded(guarded && core.has_faults());
        arrivals.gather(&mut intake);
        let room = intake.room().min(LIMIT);
        if waits || room == 0 {
            // A model that keeps the group alive can't fail.
            let _ = consumer.keep_alive().await;
        } else if let Some(Ok(messages)) = droppable(&core, consumer.poll(room)).await {
            let mut basket = intake.basket();
            basket.add(&handler.participant, messages, &mut consumer);
            intake.messages(basket);
        }
        arrivals.gather(&mut intake);
        idle =
            if intake.prepare(|topic, partition| consumer.owned_since(topic, partition)) { 0 } else { core.pick(IDLE) };
        let step = intake.step(&handler, &mut ids);
        let Some(step) = droppable(&core, step).await else { continue };
        match step {
            Ok(handled) => {
                if std::mem::take(&mut waits) {
                    core.count("consumer", "a batch that waited is handled");
                }
                if let Some(mut handled) = handled {
                    core.report(|| format!("{} handled {:?}", handler.participant.name(), handled.progress.verdicts));
                    count_kinds(&core, &handled);
                    if handled.kinds.windows(2).any(|pair| pair[0] != pair[1]) {
                        core.count("intake", "kinds share a transaction");
                    }
                    if handled.progress.verdicts.iter().any(Option::is_none) {
                        core.count("intake", "what is locked is left");
                    }
                    after.offer(&core, &mut handled.progress);
                }
            }
            Err(error) => {
                core.report(|| format!("{} waits: {error}", handler.participant.name()));
                waits = true;
                core.count("consumer", "a batch waits for another try");
            }
        }
        let Some(offsets) = droppable(&core, intake.commit_offsets(&mut consumer)).await else { continue };
        if std::mem::replace(&mut uncommitted, offsets.is_err()) && offsets.is_ok() {
            core.count("consumer", "offsets are not committed, and later are");
        }
    }
    intake.give_up("the service is stopping");
    consumer.leave();
}

/// What could not be done at once.
async fn stand_beside<P: Participant>(
    core: Arc<Core>,
    handler: Arc<Handler<P, Model<P>>>,
    mut beside: Beside<P>,
    after: Following,
    stop: Stop,
) {
    let mut ids = SeededIds(core.clone());
    while !stop.has_begun() {
        match droppable(&core, beside.step(&handler, &mut ids)).await {
            Some(Ok(Some(mut handled))) => {
                core.report(|| {
                    format!("{} handled beside {:?}", handler.participant.name(), handled.progress.verdicts)
                });
                count_kinds(&core, &handled);
                core.count("intake", "handled beside");
                after.offer(&core, &mut handled.progress);
            }
            Some(Ok(None) | Err(_)) => sleep(&core, core.pick(IDLE)).await,
            None => {}
        }
    }
}

async fn call<P: Participant, O: Provider>(
    core: Arc<Core>,
    handler: Arc<Handler<P, Model<P>>>,
    provider: Arc<O>,
    arrivals: Arc<Arrivals<P>>,
    calls: Calls,
    stop: Stop,
) {
    let mut ids = SeededIds(core.clone());
    let mut idle = 0;
    while !stop.has_begun() {
        sleep(&core, idle).await;
        let mut calls = std::mem::take(&mut *lock(&calls));
        if calls.is_empty() {
            let claimed = droppable(&core, CallStore::claim(&handler.database, LIMIT, CALL_BYTES, LEASE)).await;
            let claimed = claimed.and_then(Result::ok).unwrap_or_default();
            calls = claimed.into_iter().map(|claimed| claimed.call).collect();
        }
        idle = if calls.is_empty() { core.pick(IDLE) } else { 0 };
        let mut called = Vec::new();
        for call in calls {
            let age = core.now() - call.requested_at;
            let Some(result) = droppable(&core, provider.call(&call, age)).await else { continue };
            core.report(|| format!("{} called {}: {result:?}", handler.participant.name(), call.idempotency_key()));
            called.push((call, result));
        }
        let mut unanswered = Vec::new();
        for (call, result) in called {
            match result {
                Ok(answer) => lock(&arrivals.answers).push((call, answer)),
                Err(no_answer) => unanswered.push((call, no_answer)),
            }
        }
        // What is not given back is claimed once its lease is over.
        let retry = &handler.policy.retry;
        droppable(&core, calls::give_back(&handler.database, retry, &mut ids, &unanswered)).await;
    }
}

/// Deadlines and deferred events.
async fn look_back<P: Participant>(
    core: Arc<Core>,
    handler: Arc<Handler<P, Model<P>>>,
    arrivals: Arc<Arrivals<P>>,
    (after, guarded): (Following, bool),
    stop: Stop,
) {
    let mut ids = SeededIds(core.clone());
    let mut search: Option<Search> = None;
    while !stop.has_begun() {
        sleep(&core, core.pick(LOOKS)).await;
        // What fails is looked for again; what was found is waited for.
        if search.as_ref().is_none_or(Search::is_over)
            && let Some(Ok(looked)) =
                droppable(&core, deadlines::look(&handler.database, LIMIT, handler.policy.retry.cap)).await
        {
            let (found, begun) = intake::search();
            search = Some(begun);
            lock(&arrivals.due).push((looked.due, found));
        }
        let retried = retry::step(&handler, &handler.database, &mut ids, LIMITS, guarded);
        if let Some(Ok(mut retried)) = droppable(&core, retried).await {
            count(&core, "retry", &retried.verdicts);
            after.offer(&core, &mut retried);
        }
    }
}

/// An operator who releases what the broker refused and redrives what is parked, through this replica's admin API.
async fn operate<P: Participant>(core: Arc<Core>, handler: Arc<Handler<P, Model<P>>>, stop: Stop) {
    let mut ids = SeededIds(core.clone());
    while !stop.has_begun() {
        sleep(&core, core.pick(DECISIONS)).await;
        if handler.database.release_stopped() > 0 {
            core.report(|| format!("{} releases what was stopped", handler.participant.name()));
        }
        let parked = handler.database.worth_a_redrive();
        let Some(number) = parked.get(core.pick(parked.len())).copied() else { continue };
        let redriven = droppable(&core, retry::redrive(&handler, &handler.database, &mut ids, number, LIMITS)).await;
        let verdict = redriven.map(|redriven| {
            redriven.map(|deferred| {
                deferred.map(|read| read.map(|progress| progress.verdicts.into_iter().next().flatten()))
            })
        });
        if let Some(Ok(Some(Ok(Some(verdict))))) = &verdict {
            core.count("redrive", verdict.name());
        }
        core.report(|| format!("{} redrives {number}: {verdict:?}", handler.participant.name()));
    }
}
