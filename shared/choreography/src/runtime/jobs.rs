//! What a service does from time to time, beside its sagas.

use std::{panic::AssertUnwindSafe, time::Duration};

use anyhow::{Result, bail};
use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{beat, idle};
use crate::{runner::Job, service::Context};

/// Soon after the start: a service that is restarted every half hour must do what it does hourly as well.
const FIRST: Duration = Duration::from_secs(60);

pub(crate) async fn job_loop(job: Job, context: Context, stop: CancellationToken) {
    let mut wait = job.every.min(FIRST);
    loop {
        let is_time = idle(async {
            tokio::select! {
                () = tokio::time::sleep(wait) => true,
                () = stop.cancelled() => false,
            }
        });
        if !is_time.await {
            return;
        }
        if let Err(error) = run(&job, context.clone()).await {
            metrics::counter!("saga_job_failures_total", "job" => job.name).increment(1);
            warn!(error = format!("{error:#}"), job = job.name, "a job failed; it runs again after its period");
        }
        beat();
        wait = job.every;
    }
}

/// One run. A panic fails it as an error does: the service's sagas have nothing to do with it.
async fn run(job: &Job, context: Context) -> Result<()> {
    let run = AssertUnwindSafe(async { (job.run)(context).await });
    let Ok(outcome) = run.catch_unwind().await else { bail!("it panicked; a line above says where") };
    outcome
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    };

    use choreography_core::commands;
    use choreography_postgres::{Limits, Pool};
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_job_that_panicked_or_failed_comes_again_until_the_service_stops() {
        let (began, mut runs) = mpsc::unbounded_channel();
        let is_first = AtomicBool::new(true);
        let run = move |_| {
            began.send(()).unwrap();
            assert!(!is_first.swap(false, Relaxed), "the first run panics");
            async move { bail!("the others fail") }.boxed()
        };
        let job = Job { name: "job", every: Duration::from_millis(1), run: Arc::new(run) };
        let (commands, _queue) = commands::queue(1, Duration::from_secs(1));
        let pool = Pool::new("postgres://user@127.0.0.1:1/none".parse().unwrap(), Limits::default());
        let kafka = choreography_kafka::Connection::plain("127.0.0.1:1");
        let stop = CancellationToken::new();
        let looping = tokio::spawn(job_loop(job, Context { commands, pool, kafka }, stop.clone()));
        for _ in 0..3 {
            runs.recv().await.unwrap();
        }
        stop.cancel();
        looping.await.unwrap();
    }
}
