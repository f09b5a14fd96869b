//! How a service is: do its loops move, and may work be sent to it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use choreography_postgres::Pool;
use tracing::warn;

use crate::runtime::{ConsumerState, Progress, Seen, readiness};

/// So long the database's answer holds: asking often costs it nothing.
const ANSWER_LASTS: Duration = Duration::from_secs(1);

/// How a service is, from its start on.
#[derive(Clone)]
pub struct Health {
    pub progress: Progress,
    stage: Arc<Mutex<Stage>>,
}

enum Stage {
    /// What it waits for.
    Starting(String),
    Running(Arc<Signs>),
    Stopping,
}

/// What readiness depends on.
pub struct Signs {
    /// Connections of the probes' own: when all others are in use, the database does not look away.
    database: Pool,
    consumer: Arc<ConsumerState>,
    answered: tokio::sync::Mutex<Option<(Instant, bool)>>,
}

impl Health {
    pub fn new(progress: Progress) -> Self {
        Self { progress, stage: Arc::new(Mutex::new(Stage::Starting("nothing yet".into()))) }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the start waits for.
    pub fn starts(&self, what: &str) {
        *self.stage() = Stage::Starting(what.to_owned());
    }

    pub fn runs(&self, database: Pool, consumer: Arc<ConsumerState>) {
        *self.stage() = Stage::Running(Arc::new(Signs { database, consumer, answered: tokio::sync::Mutex::new(None) }));
    }

    pub fn stops(&self) {
        self.progress.stop();
        *self.stage() = Stage::Stopping;
    }

    /// What `/readyz` answers: whether the service takes part in sagas now, and how it stands or why not.
    pub(crate) async fn readiness(&self) -> Result<String, String> {
        let signs = match &*self.stage() {
            Stage::Starting(what) => return Err(format!("starting: waits for {what}")),
            Stage::Running(signs) => signs.clone(),
            Stage::Stopping => return Err("stopping".into()),
        };
        readiness(Seen {
            stalled: self.progress.stalled(),
            database_answers: signs.database_answers().await,
            day_missing: signs.database.lacks_partition(),
            consumer: standing(&signs.consumer),
        })
    }
}

impl Signs {
    /// Probes that ask at once wait for one answer.
    async fn database_answers(&self) -> bool {
        let mut answered = self.answered.lock().await;
        if let Some((at, answer)) = *answered
            && at.elapsed() < ANSWER_LASTS
        {
            return answer;
        }
        let asked = sqlx::query("SELECT 1").execute(&self.database).await;
        if let Err(error) = &asked {
            warn!(%error, "not ready: the database does not answer");
        }
        *answered = Some((Instant::now(), asked.is_ok()));
        asked.is_ok()
    }
}

fn standing(consumer: &ConsumerState) -> Result<String, String> {
    let kafka = consumer.kafka.snapshot();
    match kafka.problem() {
        Some(problem) => Err(problem),
        None if !consumer.well.load(Ordering::Relaxed) => {
            Err("the consumer's last batch waits for the database".into())
        }
        None => Ok(kafka.standing()),
    }
}
