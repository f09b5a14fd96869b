//! The keys as their owner keeps them: published as soon as they are there, and erased once nothing needs them any more.

mod erasure;
mod publishing;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use choreography::{Runner, Service};
use choreography_kafka::KafkaProducer;
use tokio::sync::{Mutex, Notify};

pub use erasure::Erasure;

use crate::{retry_pause, topic::Topic};

/// How often erasures that wait for open sagas are looked at.
const LOOK_AT_ERASURES: Duration = Duration::from_secs(1);

/// How often its own topic is read. Nothing waits for that, so one transaction takes what many orders brought.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

/// Publishes the keys of the table `owned_keys`, and erases them. Clones are the same.
#[derive(Clone)]
pub struct KeyOwner(Arc<Shared>);

/// What the owner has of a subject elsewhere, as statements with the subject as `$1`.
#[derive(Clone, Copy, Debug)]
pub struct OwnedData {
    /// Counts their open sagas (`bigint`): until there are none, nothing is erased.
    pub open_sagas: &'static str,
    /// What else goes with the key, in its transaction.
    pub forget: &'static [&'static str],
}

struct Shared {
    service: &'static str,
    topic: &'static str,
    data: OwnedData,
    told: Notify,
    publishing: Mutex<Publishing>,
    followed: Mutex<Topic>,
}

struct Publishing {
    producer: Option<KafkaProducer>,
    rests_until: Instant,
}

impl KeyOwner {
    /// The keys that `service` publishes on `topic`.
    #[must_use]
    pub fn new(service: &'static str, topic: &'static str, data: OwnedData) -> Self {
        Self(Arc::new(Shared {
            service,
            topic,
            data,
            told: Notify::new(),
            publishing: Mutex::new(Publishing { producer: None, rests_until: Instant::now() }),
            followed: Mutex::new(Topic::new(service, topic)),
        }))
    }

    /// Has keys published and erased for as long as the service runs.
    #[must_use]
    pub fn kept_by<S: Service>(&self, runner: Runner<S>) -> Runner<S> {
        let at_once = Duration::from_millis(1);
        let (publishes, follows, erases) = (self.clone(), self.clone(), self.clone());
        runner
            .job("publish keys", at_once, move |context| {
                let keys = publishes.clone();
                async move { retry_pause::or_wait(keys.publish(&context).await).await }
            })
            .job("follow keys", FOLLOW_EVERY, move |context| {
                let keys = follows.clone();
                async move { retry_pause::or_wait(keys.follow(&context).await).await }
            })
            .job("erase keys", LOOK_AT_ERASURES, move |context| {
                let keys = erases.clone();
                async move { Ok(keys.erase_what_can_be(&context.pool).await?) }
            })
    }

    /// Says that there may be a new key: it is published at once, not at the next look.
    pub fn tell(&self) {
        self.0.told.notify_one();
    }
}
