//! A service's program, put together from what it brings.

use std::{panic::Location, sync::Arc, time::Duration};

use anyhow::Result;
use choreography_core::{
    calls::{NoProvider, Provider},
    routes::{self, Routed},
};
use futures::{FutureExt, future::BoxFuture};
use sqlx::migrate::Migrator;
use tokio_util::sync::CancellationToken;
#[cfg(feature = "http")]
use utoipa_axum::router::OpenApiRouter;

use crate::{
    any_provider::AnyProvider,
    http::Api,
    service::{Context, run_routed},
    settings::EngineSettings,
    shutdown::told_to_stop,
};

/// What a service brings, until it [runs](Runner::run).
///
/// ```no_run
/// # use choreography::{EngineSettings, Runner, Service, table};
/// # #[derive(Clone, Debug, Default, PartialEq)] struct Notice { told: bool }
/// # table!(Notice in notices by order_id: told);
/// # struct Notification;
/// # impl Service for Notification {
/// #     type Aggregate = Notice;
/// #     const NAME: &'static str = "notification";
/// #     fn routes(_: &mut choreography::Routes<Self>) {}
/// # }
/// # async fn start(settings: EngineSettings, migrations: &'static sqlx::migrate::Migrator) -> anyhow::Result<()> {
/// Runner::new(settings, Notification, migrations).run().await
/// # }
/// ```
///
/// A program that does more than this has logs, metrics, signals and a command line of its own, and says when the service
/// ends:
///
/// ```no_run
/// # use choreography::{EngineSettings, Runner, Service, table};
/// # #[derive(Clone, Debug, Default, PartialEq)] struct Notice { told: bool }
/// # table!(Notice in notices by order_id: told);
/// # struct Notification;
/// # impl Service for Notification {
/// #     type Aggregate = Notice;
/// #     const NAME: &'static str = "notification";
/// #     fn routes(_: &mut choreography::Routes<Self>) {}
/// # }
/// # async fn start(migrations: &'static sqlx::migrate::Migrator) -> anyhow::Result<()> {
/// let stop = tokio_util::sync::CancellationToken::new();
/// let service = Runner::new(EngineSettings::from_env()?, Notification, migrations)
///     .until(stop.clone())
///     .without_logs()
///     .without_metrics_recorder();
/// let running = tokio::spawn(service.run());
/// // Whatever else the program does; then:
/// stop.cancel();
/// running.await??;
/// # Ok(())
/// # }
/// ```
pub struct Runner<S> {
    settings: EngineSettings,
    service: S,
    provider: AnyProvider,
    /// Where the provider of the calls is named.
    provider_at: &'static Location<'static>,
    pub(crate) surroundings: Surroundings,
}

/// What a service has beside its rules and its provider.
pub(crate) struct Surroundings {
    pub migrations: &'static Migrator,
    pub api: Api,
    pub jobs: Vec<Job>,
    /// `None`: SIGTERM and SIGINT.
    pub stop: Option<CancellationToken>,
    pub starts_logs: bool,
    pub starts_metrics: bool,
}

impl Surroundings {
    /// Cancelled once the service is to stop.
    pub fn told_to_stop(&self) -> std::io::Result<CancellationToken> {
        self.stop.clone().map_or_else(told_to_stop, Ok)
    }
}

/// Something that a service does from time to time.
#[derive(Clone)]
pub(crate) struct Job {
    pub name: &'static str,
    pub every: Duration,
    pub run: Arc<dyn Fn(Context) -> BoxFuture<'static, Result<()>> + Send + Sync>,
}

impl<S: routes::Service> Runner<S> {
    /// `migrations` are the service's own; the engine's run before them.
    #[track_caller]
    pub fn new(settings: EngineSettings, service: S, migrations: &'static Migrator) -> Self {
        let surroundings = Surroundings {
            migrations,
            #[cfg(feature = "http")]
            api: Box::new(|_| OpenApiRouter::default()),
            #[cfg(not(feature = "http"))]
            api: Api,
            jobs: Vec::new(),
            stop: None,
            starts_logs: true,
            starts_metrics: true,
        };
        let provider = AnyProvider::new(NoProvider);
        Self { settings, service, provider, provider_at: Location::caller(), surroundings }
    }

    /// Sets the provider, which makes the service's external calls.
    #[must_use]
    #[track_caller]
    pub fn provider(self, provider: impl Provider) -> Self {
        Self { provider: AnyProvider::new(provider), provider_at: Location::caller(), ..self }
    }

    /// The service's own HTTP API, beside the probes: an `axum::Router`, or an `OpenApiRouter` of `utoipa_axum`, whose routes then stand
    /// in the document that is served as `/openapi.json`.
    #[cfg(feature = "http")]
    #[must_use]
    pub fn api<R: Into<OpenApiRouter>>(mut self, api: impl FnOnce(Context) -> R + Send + 'static) -> Self {
        self.surroundings.api = Box::new(|context| api(context).into());
        self
    }

    /// Something that every replica does soon after its start and then so often, counted from the end of one run to the begin of the
    /// next. It is watched as the engine's own loops are: `/livez` fails if a run takes longer than `STALL_TIMEOUT`. A run that fails
    /// or panics is logged, counted in `saga_job_failures_total` and comes again in its time. A stopping service waits for a run under way.
    #[must_use]
    pub fn job<F, T>(mut self, name: &'static str, every: Duration, run: F) -> Self
    where
        F: Fn(Context) -> T + Send + Sync + 'static,
        T: Future<Output = Result<()>> + Send + 'static,
    {
        self.surroundings.jobs.push(Job { name, every, run: Arc::new(move |context| run(context).boxed()) });
        self
    }

    /// Stops the service once this is cancelled, in place of SIGTERM and SIGINT. The program goes on once [`run`](Self::run) returns;
    /// if the service does not drain in its time, the process ends, as after a signal.
    #[must_use]
    pub fn until(mut self, stop: CancellationToken) -> Self {
        self.surroundings.stop = Some(stop);
        self
    }

    /// Leaves `tracing`'s subscriber to the program that the service is part of.
    #[must_use]
    pub fn without_logs(mut self) -> Self {
        self.surroundings.starts_logs = false;
        self
    }

    /// Leaves the recorder of `metrics` to the program that the service is part of; `/metrics` has nothing then.
    #[must_use]
    pub fn without_metrics_recorder(mut self) -> Self {
        self.surroundings.starts_metrics = false;
        self
    }

    /// Runs the service until it is told to stop, then drains it: no more intake, the batches under way are finished, the outbox is
    /// flushed, offsets are committed, the group is left. The process ends within `DRAIN_TIMEOUT` and a few seconds, whatever does
    /// not answer; with [`until`](Self::until), only if something does not.
    ///
    /// A database or broker that is down or slow is waited for; meanwhile `/livez` is well and `/readyz` says for what.
    ///
    /// # Errors
    /// The routes contradict each other, or the calls that are made are not those whose answers the routes take; a setting is
    /// wrong, or the service could not go on; a line of the log says which.
    pub async fn run(self) -> Result<()> {
        let Self { settings, service, provider, provider_at, surroundings } = self;
        let routed = Routed::new(service)?;
        routed.calls_by(&provider, provider_at)?;
        run_routed(settings, routed, provider, surroundings).await
    }
}

#[cfg(test)]
mod tests {
    use choreography_core::{routes::RoutesError, table};
    use clap::Parser;
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{Answer, Call, Routes, Service, nothing};

    struct Thanks;

    #[derive(Clone, Debug, Default, PartialEq)]
    struct Account {
        told: bool,
    }

    table!(Account in accounts by order_id: told);

    #[derive(Debug, Serialize, Deserialize)]
    struct Post {}

    impl Call for Post {
        const STEP: &'static str = "post";

        type Request = Self;
        type Answer = Answer;
    }

    impl Service for Thanks {
        type Aggregate = Account;

        const NAME: &'static str = "thanks";

        fn routes(on: &mut Routes<Self>) {
            on.answer::<Post>(|_, _, _| Ok(nothing()));
        }
    }

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        engine: EngineSettings,
    }

    #[tokio::test]
    async fn a_service_whose_calls_have_no_provider_does_not_start() {
        let program = Program::try_parse_from(["thanks", "--database-url", "postgres://nowhere"]).unwrap();
        let migrations: &Migrator = Box::leak(Box::new(Migrator::DEFAULT));
        let error = Runner::new(program.engine, Thanks, migrations).run().await.unwrap_err();
        let RoutesError(wrong) = error.downcast().unwrap();
        assert!(wrong[0].starts_with("the answer to post has a rule"), "{wrong:?}");
        assert_eq!((wrong.len(), wrong[0].matches("runner.rs:").count()), (1, 2), "{wrong:?}");
    }
}
