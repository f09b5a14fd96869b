//! Which calls are begun when: fresh ones from the queue and old ones from the database take turns, and the database is
//! asked again as soon as all that it gave are begun, for as long as it gives any.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use choreography_core::{
    calls::{CallError, CallStore, Called, Claimed, Provider},
    store::StoreError,
};
use futures::{StreamExt, stream::FuturesUnordered};
use recloser::AsyncRecloser;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    Pace,
    call::{BREAKER_OPEN, PROBES, breaker, call},
    queue::{QUEUE_BYTES, Waiting, left_to_the_poll},
};
use crate::{
    runtime::{ConsumerState, backoff, beat},
    settings::delta,
};

type Claim = Pin<Box<dyn Future<Output = (Instant, Result<Vec<Claimed>, StoreError>)> + Send>>;

pub(super) struct Caller<S, O> {
    store: S,
    provider: Arc<O>,
    pace: Pace,
    breaker: AsyncRecloser,
    calls: FuturesUnordered<Pin<Box<dyn Future<Output = Called> + Send>>>,
    claim: Option<Claim>,
    /// Claimed and not begun yet.
    claimed: VecDeque<Waiting>,
    claimed_room: Arc<Semaphore>,
    /// The last claim found some, or it is time to look.
    may_be_more: bool,
    not_before: Option<Instant>,
    failed_claims: u32,
    /// Whose turn it is when both wait.
    old_next: bool,
    /// The breaker refuses calls until then.
    rest_until: Option<Instant>,
    /// The breaker was open, and no call has shown yet that the provider is well.
    probing: bool,
}

impl<S: CallStore + Clone, O: Provider> Caller<S, O> {
    pub fn new(store: S, provider: Arc<O>, pace: Pace) -> Self {
        Self {
            store,
            provider,
            pace,
            breaker: breaker(pace.breaker_wait),
            calls: FuturesUnordered::new(),
            claim: None,
            claimed: VecDeque::new(),
            claimed_room: Arc::new(Semaphore::new(QUEUE_BYTES)),
            may_be_more: true,
            not_before: None,
            failed_claims: 0,
            old_next: true,
            rest_until: None,
            probing: false,
        }
    }

    pub async fn run(
        mut self,
        mut queue: mpsc::Receiver<Waiting>,
        answers: mpsc::Sender<Called>,
        state: &ConsumerState,
        stop: CancellationToken,
    ) {
        let mut poll = tokio::time::interval(self.pace.poll_interval);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !stop.is_cancelled() {
            beat();
            self.begin_waiting(&mut queue);
            self.claim_ahead();
            let (room, rests_until) = (self.room(), self.rest_until);
            tokio::select! {
                Some(called) = self.calls.next(), if !self.calls.is_empty() => {
                    self.ended(&called, state);
                    hand_on(&answers, called).await;
                }
                Some(waiting) = queue.recv(), if room > 0 => self.begin(waiting),
                Some(claimed) = finished(&mut self.claim) => self.keep(claimed),
                _ = poll.tick() => self.may_be_more = true,
                () = until(rests_until), if rests_until.is_some() => self.rest_until = None,
                () = stop.cancelled() => {}
            }
        }
        self.stop(&answers).await;
    }

    /// Calls under way are waited for; claimed ones that were not begun are given back.
    async fn stop(mut self, answers: &mpsc::Sender<Called>) {
        if let Some(claimed) = finished(&mut self.claim).await {
            self.keep(claimed);
        }
        for Waiting { call, .. } in std::mem::take(&mut self.claimed) {
            hand_on(answers, (call, Err(CallError::Passing("not begun: the service is stopping".into())))).await;
        }
        while let Some(called) = self.calls.next().await {
            hand_on(answers, called).await;
        }
    }

    /// How many calls may be under way.
    fn at_once(&self) -> usize {
        match (self.rest_until, self.probing) {
            (Some(_), _) => 0,
            (None, true) => PROBES.min(self.pace.concurrency),
            (None, false) => self.pace.concurrency,
        }
    }

    fn room(&self) -> usize {
        self.at_once().saturating_sub(self.calls.len())
    }

    fn begin_waiting(&mut self, queue: &mut mpsc::Receiver<Waiting>) {
        while self.room() > 0 {
            let next = if self.old_next {
                self.claimed.pop_front().or_else(|| queue.try_recv().ok())
            } else {
                queue.try_recv().ok().or_else(|| self.claimed.pop_front())
            };
            let Some(next) = next else { return };
            self.old_next = !self.old_next;
            self.begin(next);
        }
    }

    fn begin(&mut self, waiting: Waiting) {
        if waiting.is_in_time(self.pace.time_limit, self.pace.lease) {
            let (provider, breaker) = (self.provider.clone(), self.breaker.clone());
            self.calls.push(Box::pin(call(provider, breaker, waiting, self.pace.time_limit)));
        } else {
            // It waited for so long that another replica may have claimed it; if not, this one will.
            left_to_the_poll();
        }
    }

    /// Also while all calls are under way: else fresh ones would take every place that becomes free.
    fn claim_ahead(&mut self) {
        let bytes = self.claimed_room.available_permits();
        let waits = self.rest_until.is_some() || self.not_before.is_some_and(|not_before| Instant::now() < not_before);
        if self.claim.is_some() || !self.claimed.is_empty() || !self.may_be_more || bytes == 0 || waits {
            return;
        }
        let limit = self.at_once();
        let (store, lease, began) = (self.store.clone(), delta(self.pace.lease), Instant::now());
        self.claim = Some(Box::pin(async move { (began, store.claim(limit, bytes, lease).await) }));
    }

    fn keep(&mut self, (began, claimed): (Instant, Result<Vec<Claimed>, StoreError>)) {
        match claimed {
            Ok(claimed) => {
                self.failed_claims = 0;
                self.may_be_more = !claimed.is_empty();
                let room = &self.claimed_room;
                self.claimed.extend(claimed.into_iter().map(|claimed| Waiting::claimed(claimed, began, room)));
            }
            Err(error) => {
                self.failed_claims += 1;
                self.may_be_more = false;
                self.not_before = Some(Instant::now() + backoff(self.failed_claims));
                warn!(%error, "open external calls could not be claimed");
            }
        }
    }

    /// While the breaker refuses calls nothing is claimed, since each would only be given back, later and later.
    fn ended(&mut self, (_, result): &Called, state: &ConsumerState) {
        match result {
            Err(CallError::Passing(why)) if why == BREAKER_OPEN => {
                self.rest_until.get_or_insert_with(|| Instant::now() + self.pace.breaker_wait);
                self.probing = true;
                state.breaker_open.store(true, Ordering::Relaxed);
            }
            Err(CallError::Passing(_)) => {}
            Ok(_) | Err(CallError::InProgress(_) | CallError::Wrong(_)) => {
                self.probing = false;
                state.breaker_open.store(false, Ordering::Relaxed);
            }
        }
    }
}

/// The claim's outcome; `None`, at once, if there is none under way.
async fn finished(claim: &mut Option<Claim>) -> Option<(Instant, Result<Vec<Claimed>, StoreError>)> {
    let claimed = claim.as_mut()?.await;
    *claim = None;
    Some(claimed)
}

async fn until(moment: Option<Instant>) {
    if let Some(moment) = moment {
        tokio::time::sleep_until(moment.into()).await;
    }
}

async fn hand_on(answers: &mpsc::Sender<Called>, called: Called) {
    // Without a receiver the service is stopping: the call stands in the database and is asked about again.
    let _ = answers.send(called).await;
}
