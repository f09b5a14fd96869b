//! Both addresses of a service, open from its start: what stands behind them comes later.

use std::{
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;

use super::{
    Bounded, admin_router, api_router,
    server::{ServerLimits, serve},
    starting_admin_router, starting_router,
};
use crate::{
    health::Health,
    runtime::{PostCommit, Progress, ServiceHandler},
    secret::LiveSecret,
    service::Context as ServiceContext,
    settings::EngineSettings,
};

/// Enough for any measurement.
const MEASURED_CONNECTIONS: usize = 1_000;

/// The service's own API.
pub(crate) type Api = Box<dyn FnOnce(ServiceContext) -> OpenApiRouter + Send>;

/// The routes at one address.
#[derive(Clone)]
struct Site(Arc<RwLock<Bounded>>);

impl Site {
    fn new(routes: Bounded) -> Self {
        Self(Arc::new(RwLock::new(routes)))
    }

    fn routes(&self) -> Bounded {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn open(&self, routes: Bounded) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = routes;
    }
}

/// The API's address and the operators'.
pub(crate) struct Front {
    api: Site,
    admin: Site,
    stop: CancellationToken,
    servers: JoinSet<()>,
}

impl Front {
    /// Listens at both addresses: with the probes, and the metrics. The operators' has connections of its own, which clients cannot
    /// use up.
    pub async fn open(settings: &EngineSettings, health: &Health) -> Result<Self> {
        let limits = |connections| limits(connections, settings.http_idle_timeout);
        let (clients, operators) = super::files::connections(settings.max_connections);
        let mut front = Self {
            api: Site::new(starting_router(health.clone())),
            admin: Site::new(starting_admin_router()),
            stop: CancellationToken::new(),
            servers: JoinSet::new(),
        };
        front.listen("HTTP_ADDR", settings.http_addr, front.api.clone(), limits(clients)).await?;
        front.listen("ADMIN_ADDR", settings.admin_addr, front.admin.clone(), limits(operators)).await?;
        Ok(front)
    }

    async fn listen(
        &mut self,
        variable: &'static str,
        address: SocketAddr,
        site: Site,
        limits: ServerLimits,
    ) -> Result<()> {
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("{variable}: can't listen on {address}"))?;
        self.servers.spawn(serve(listener, move || site.routes(), limits, self.stop.clone()));
        Ok(())
    }

    /// From here on the API and the admin routes answer.
    pub fn show(
        &self,
        name: &str,
        api: Api,
        context: ServiceContext,
        health: &Health,
        (handler, post_commit, token): (Arc<ServiceHandler>, PostCommit, Option<LiveSecret>),
    ) {
        self.api.open(api_router(name, api(context), health.clone()));
        self.admin.open(admin_router(handler, post_commit, token));
    }

    /// Takes no further connections and ends the requests under way.
    pub async fn close(&mut self) {
        self.stop.cancel();
        while self.servers.join_next().await.is_some() {}
    }
}

fn limits(connections: usize, idle: Duration) -> ServerLimits {
    ServerLimits { connections, idle, request: super::TIMEOUT * 2 }
}

/// Serves an API as a service does once it is up, and nothing else of the service: for measuring what that costs.
pub async fn serve_api(listener: TcpListener, api: impl Into<OpenApiRouter>, stop: CancellationToken) {
    let health = Health::new(Progress::new(super::TIMEOUT));
    let site = Site::new(api_router("", api.into(), health));
    serve(listener, move || site.routes(), limits(MEASURED_CONNECTIONS, super::TIMEOUT), stop).await;
}
