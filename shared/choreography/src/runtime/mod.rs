//! The loops that drive the engine's steps with real Kafka and PostgreSQL, and the service around them.

mod answers;
mod calls;
mod deadlines;
mod gauges;
mod intake;
mod jobs;
mod maintenance;
mod post_commit;
mod readiness;
mod relay_loop;
mod retry_loop;
pub(crate) mod secrets;
mod side_loops;
mod wake_ups;

pub(crate) use answers::answer_loop;
pub(crate) use calls::{CallQueue, Pace, Waiting, call_loop, call_queue};
pub(crate) use choreography_core::progress::{Progress, beat, idle};
pub(crate) use deadlines::deadline_loop;
pub(crate) use gauges::gauge_loop;
pub(crate) use intake::{Arrivals, ConsumerState, IntakeLoop};
pub(crate) use jobs::job_loop;
pub(crate) use maintenance::maintenance_loop;
pub(crate) use post_commit::PostCommit;
pub(crate) use readiness::{Seen, readiness};
pub(crate) use relay_loop::RelayLoop;
pub(crate) use retry_loop::retry_loop;
pub(crate) use side_loops::beside_loop;
pub(crate) use wake_ups::{Wakes, listen_loop};

use std::time::Duration;

use choreography_core::{handler::Handler, policy::RetryPolicy, routes::Routed};
use choreography_postgres::Postgres;

/// The handler of a running service.
pub(crate) type ServiceHandler = Handler<Routed, Postgres>;

/// Backoff while the database or Kafka is away.
pub(crate) fn backoff(failures: u32) -> Duration {
    let policy = RetryPolicy {
        base: chrono::TimeDelta::milliseconds(200),
        cap: chrono::TimeDelta::seconds(10),
        max_attempts: u32::MAX,
    };
    policy.wait(failures, uuid::Uuid::new_v4().as_u64_pair().0).to_std().unwrap_or(Duration::from_secs(1))
}
