//! Deadlines: rows with a due time, told to the rules once, by the database's clock, across restarts.

use std::future::Future;

use chrono::{DateTime, Utc};

use crate::{
    door::{Door, Progress},
    event_id::IdSource,
    input::{Input, Source, Work},
    participant::{Participant, What},
    store::{Database, Deadline, StoreError},
};

/// Deadlines as the step needs them.
pub trait DeadlineStore: Send + Sync + 'static {
    /// The first `limit` deadlines that are due, and the moment at which the next one will be.
    fn due(&self, limit: usize) -> impl Future<Output = Result<Due, StoreError>> + Send;
}

/// Deadlines by the database's clock.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    pub now: DateTime<Utc>,
    pub due: Vec<Deadline>,
    /// The earliest that is not due yet.
    pub next: Option<DateTime<Utc>>,
}

/// Hands due deadlines to the rules. Two replicas may read the same one: it is taken under the aggregate's lock, once.
pub async fn step<P: Participant, D: Database<P>, S: DeadlineStore>(
    door: &Door<P, D>,
    store: &S,
    ids: &mut dyn IdSource,
    limit: usize,
) -> Result<(Due, Progress<P::Reply>), StoreError> {
    let mut found = store.due(limit).await?;
    let work: Vec<Work<P>> = std::mem::take(&mut found.due).into_iter().map(input).collect();
    let mut progress = Progress::new(work.len());
    door.handle_isolating(ids, &work, &mut progress).await?;
    Ok((found, progress))
}

fn input<P: Participant>(deadline: Deadline) -> Work<P> {
    Work::Input(Input {
        what: What::Deadline { aggregate_id: deadline.aggregate_id.clone(), name: deadline.name.clone() },
        correlation_id: Some(deadline.correlation_id.clone()),
        trace: deadline.trace.clone(),
        source: Source::Deadline(deadline),
    })
}
