//! The whole system: database, broker, sandbox, and the services as processes, ready to be used.

mod broker;
mod env;
mod left_out;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

pub use broker::{Broker, BrokerChoice};
pub use left_out::LeftOut;
pub use provision::choreography::topics;

use provision::choreography::SHOP;
use provision::databases::{self, Login, owner_of};
use provision::secrets::Addresses;

use crate::ports::free_port;
use crate::{Jaeger, Postgres, PostgresOptions, ProcessSpec, Result, RunDir, ServiceProcess, binaries};

/// A cold start of a service on a busy machine: migrations, partitions, the first rebalance.
const READY: Duration = Duration::from_secs(90);
/// https://www.jaegertracing.io/docs/latest/deployment/
const JAEGER_QUERY_PORT: u16 = 16_686;
const STOP: Duration = Duration::from_secs(30);
/// The databases are private to this run or named by the user; their roles need a password, not a secret one.
const PASSWORD: &str = "local-only";
/// Opens the admin routes of a local run's services.
pub const ADMIN_TOKEN: &str = "local-only";

/// What to start.
#[derive(Debug, Clone, Default)]
pub struct SystemOptions {
    pub broker: BrokerChoice,
    /// The broker that is started here makes the best of its code ([`KafkaOptions`](crate::KafkaOptions::runs_for_long)).
    pub broker_runs_for_long: bool,
    /// Of each topic; `None`: as many as topics have that are there already, or as `provision` makes them.
    pub partitions: Option<i32>,
    /// Which services; `None`: all that take part.
    pub services: Option<Vec<&'static str>>,
    /// An administrator's URL of a server that runs already; `None`: a private one.
    pub database_url: Option<String>,
    pub traces: TracesTo,
    /// As compose runs it: Kafka with TLS, users and ACLs, APIs that ask for tokens. Of the broker that is started here.
    pub secured: bool,
    /// Environment for every service, over the defaults.
    pub env: Vec<(String, String)>,
    /// Environment for one service, over that.
    pub service_env: BTreeMap<&'static str, Vec<(String, String)>>,
    /// The folder of the services' programs, as of another build; `None`: where this program lies.
    pub programs: Option<PathBuf>,
}

/// Every service that takes part and whose program is this workspace's. Another team's is that team's to run.
#[must_use]
pub fn services() -> Vec<&'static str> {
    provision::choreography::services().into_iter().filter(|service| binaries::is_here(service)).collect()
}

/// Those among them whose events others may wait for: without one of them an order does not end.
#[must_use]
pub fn publishers() -> Vec<&'static str> {
    provision::choreography::publishers().into_iter().filter(|service| binaries::is_here(service)).collect()
}

impl SystemOptions {
    fn services(&self) -> Vec<&'static str> {
        self.services.clone().unwrap_or_else(services)
    }
}

/// Where the services send their spans.
#[derive(Debug, Clone, Default)]
pub enum TracesTo {
    /// Nowhere, unless the environment has OpenTelemetry's own variables.
    #[default]
    Nowhere,
    /// A Jaeger that is started with the system.
    Jaeger,
    /// An OTLP endpoint over gRPC, such as `http://127.0.0.1:4317`.
    Endpoint(String),
}

/// A running process of the system, and where it answers.
#[derive(Debug, Clone)]
pub struct Running {
    pub process: Arc<ServiceProcess>,
    /// Its API's base URL.
    pub url: String,
    /// The base URL of its metrics and admin routes.
    pub admin: String,
}

/// What a service listens on.
#[derive(Debug, Clone, Copy)]
struct Ports {
    api: u16,
    admin: u16,
}

impl Ports {
    fn url_of_api(self) -> String {
        format!("http://127.0.0.1:{}", self.api)
    }

    fn url_of_admin(self) -> String {
        format!("http://127.0.0.1:{}", self.admin)
    }
}

/// Everything that runs. Dropping it ends all of it.
#[derive(Debug)]
pub struct System {
    // Dropped in this order: the services before what they use.
    running: Mutex<BTreeMap<String, Running>>,
    sandbox: Running,
    pub postgres: Postgres,
    pub broker: Broker,
    /// The Jaeger that was started with it.
    pub jaeger: Option<Jaeger>,
    options: SystemOptions,
    secrets: Option<PathBuf>,
    run: RunDir,
}

impl System {
    /// Starts database, broker, topics and sandbox, then one replica of each service. `progress` is told each step.
    ///
    /// # Errors
    /// Whatever part could not be brought up, with the end of its log.
    pub async fn start(options: SystemOptions, progress: impl Fn(&str)) -> Result<Self> {
        let system = Self::start_parts(options, &progress).await?;
        let services = system.services();
        progress(&format!("starting {}", services.join(", ")));
        for service in &services {
            system.spawn(service, service, &[])?;
        }
        for service in &services {
            system.wait_ready(service).await?;
        }
        Ok(system)
    }

    /// Starts everything but the services.
    ///
    /// # Errors
    /// Like [`System::start`].
    pub async fn start_parts(options: SystemOptions, progress: &impl Fn(&str)) -> Result<Self> {
        let run = RunDir::create()?;
        for wrong in &SHOP.refused {
            progress(&format!("takes no part: {wrong}"));
        }
        progress("starting PostgreSQL (the first time it is fetched, 15 MB)");
        let postgres = match &options.database_url {
            Some(url) => Postgres::external(url)?,
            None => Postgres::start(&run.path().join("postgres"), PostgresOptions::default()).await?,
        };
        for service in options.services.clone().unwrap_or_else(provision::choreography::services) {
            make_database(&postgres, service).await?;
        }
        databases::create_database(postgres.admin_url(), "sandbox", &Login::new("sandbox", PASSWORD)).await?;
        let secrets = options.secured.then(|| run.path().join("secrets"));
        if let Some(secrets) = &secrets {
            provision::secrets::provide(secrets.clone(), &Addresses::default(), false)?;
        }
        progress("starting the broker (the first time Apache Kafka is fetched, 43 MB)");
        let broker = Broker::start(&options, run.path(), secrets.as_deref()).await?;
        progress(&format!("broker: {}", broker.description()));
        let jaeger = match options.traces {
            TracesTo::Jaeger => {
                progress("starting Jaeger");
                Some(Jaeger::start(&run.path().join("jaeger"), progress).await?)
            }
            TracesTo::Nowhere | TracesTo::Endpoint(_) => None,
        };
        let sandbox = start_sandbox(&run, &postgres)?;
        sandbox.process.wait_ready(&format!("{}/readyz", sandbox.url), READY).await?;
        Ok(Self { running: Mutex::default(), sandbox, postgres, broker, jaeger, options, secrets, run })
    }

    /// The services that it was started with.
    #[must_use]
    pub fn services(&self) -> Vec<&'static str> {
        self.options.services()
    }

    /// Adds a service to these: its database and role, and a ready replica.
    ///
    /// # Errors
    /// Like [`System::start`].
    pub async fn add(&self, service: &str) -> Result<()> {
        make_database(&self.postgres, service).await?;
        self.spawn(service, service, &[])?;
        self.wait_ready(service).await
    }

    /// Starts a replica of a service without waiting for it. `env` is added to what the options say.
    ///
    /// # Errors
    /// When the program is not built or cannot be started.
    pub fn spawn(&self, service: &str, replica: &str, env: &[(&str, &str)]) -> Result<Running> {
        match &self.options.programs {
            Some(folder) => self.spawn_from(folder, service, replica, env),
            None => self.start_program(binaries::sibling(service)?, service, replica, env),
        }
    }

    /// As [`spawn`](Self::spawn), with the program of another build, which lies in `folder`.
    ///
    /// # Errors
    /// When the program is not there or cannot be started.
    pub fn spawn_from(&self, folder: &Path, service: &str, replica: &str, env: &[(&str, &str)]) -> Result<Running> {
        self.start_program(folder.join(service), service, replica, env)
    }

    fn start_program(&self, program: PathBuf, service: &str, replica: &str, env: &[(&str, &str)]) -> Result<Running> {
        let ports = Ports { api: free_port()?, admin: free_port()? };
        let log = self.logs().join(format!("{replica}.log"));
        let mut spec = ProcessSpec::new(replica, program, log);
        spec.env = self.environment(service, replica, ports);
        spec.env.extend(env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let process = Arc::new(ServiceProcess::spawn(spec)?);
        let running = Running { process, url: ports.url_of_api(), admin: ports.url_of_admin() };
        self.lock().insert(replica.to_owned(), running.clone());
        Ok(running)
    }

    /// What a replica is started with, over this process's own environment.
    fn environment(&self, service: &str, replica: &str, ports: Ports) -> Vec<(String, String)> {
        let mut env = env::of_service(self, service, ports);
        // Ports differ from start to start; the name stays.
        env.push(("INSTANCE".to_owned(), replica.to_owned()));
        env.extend(self.options.env.iter().cloned());
        env.extend(self.options.service_env.get(service).into_iter().flatten().cloned());
        env
    }

    /// Waits until a replica says that it is ready.
    ///
    /// # Errors
    /// When it ends or is not ready in time, with the end of its log.
    pub async fn wait_ready(&self, replica: &str) -> Result<()> {
        let Some(running) = self.find(replica) else { return Ok(()) };
        running.process.wait_ready(&format!("{}/readyz", running.url), READY).await
    }

    /// A replica by its name; the first of each service has the service's name.
    #[must_use]
    pub fn find(&self, replica: &str) -> Option<Running> {
        self.lock().get(replica).cloned()
    }

    /// The base URL of a service's first replica; empty if it does not run.
    #[must_use]
    pub fn url(&self, service: &str) -> String {
        self.find(service).map(|running| running.url).unwrap_or_default()
    }

    /// The base URL of a service's metrics and admin routes, like [`System::url`].
    #[must_use]
    pub fn admin_url(&self, service: &str) -> String {
        self.find(service).map(|running| running.admin).unwrap_or_default()
    }

    #[must_use]
    pub fn sandbox(&self) -> &Running {
        &self.sandbox
    }

    /// All service replicas that were started and not taken away.
    #[must_use]
    pub fn running(&self) -> Vec<(String, Running)> {
        self.lock().iter().map(|(name, running)| (name.clone(), running.clone())).collect()
    }

    /// Stops a replica with SIGTERM, waits for its drain, and forgets it.
    ///
    /// # Errors
    /// When it did not drain in time: it is killed then.
    pub async fn stop(&self, replica: &str) -> Result<()> {
        let running = self.lock().remove(replica);
        match running {
            Some(running) => running.process.stop(STOP).await.map(drop),
            None => Ok(()),
        }
    }

    /// Kills a replica with -9 and forgets it.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn kill(&self, replica: &str) -> Result<()> {
        let running = self.lock().remove(replica);
        running.map_or(Ok(()), |running| running.process.kill().map(drop))
    }

    /// Stops all services, draining them together.
    ///
    /// # Errors
    /// When one did not drain in time.
    pub async fn stop_all(&self) -> Result<()> {
        let running = self.running();
        for (_, each) in &running {
            // One that ended already has nothing to drain.
            let _ = each.process.terminate();
        }
        for (name, _) in running {
            self.stop(&name).await?;
        }
        Ok(())
    }

    /// The directory with the secrets of a secured system, as `provision secrets` makes it.
    #[must_use]
    pub fn secrets(&self) -> Option<&Path> {
        self.secrets.as_deref()
    }

    /// The URL of a service's database, with the role that owns it.
    #[must_use]
    pub fn owner_url(&self, service: &str) -> String {
        self.postgres.url(service, &owner_of(service), PASSWORD)
    }

    /// The URL of a service's database, with its own role.
    #[must_use]
    pub fn database_url(&self, service: &str) -> String {
        self.postgres.url(service, service, PASSWORD)
    }

    /// The OTLP endpoint that the services send their spans to.
    #[must_use]
    pub fn traces_endpoint(&self) -> Option<&str> {
        match (&self.jaeger, &self.options.traces) {
            (Some(jaeger), _) => Some(&jaeger.otlp),
            (None, TracesTo::Endpoint(endpoint)) => Some(endpoint),
            (None, _) => None,
        }
    }

    /// Where traces are to be seen: of a Jaeger that runs elsewhere, by its usual port.
    #[must_use]
    pub fn jaeger_url(&self) -> Option<String> {
        match (&self.jaeger, &self.options.traces) {
            (Some(jaeger), _) => Some(jaeger.url.clone()),
            (None, TracesTo::Endpoint(endpoint)) => {
                let host = endpoint.rsplit_once(':').map_or(endpoint.as_str(), |(host, _)| host);
                Some(format!("{host}:{JAEGER_QUERY_PORT}"))
            }
            (None, _) => None,
        }
    }

    /// Where logs are, for a look while it runs.
    #[must_use]
    pub fn logs(&self) -> std::path::PathBuf {
        self.run.path().join("logs")
    }

    /// Keeps data and logs after the end, for a look at what went wrong.
    pub fn keep_files(&self) -> &Path {
        self.run.keep();
        self.run.path()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn make_database(postgres: &Postgres, service: &str) -> Result<()> {
    let (owner, service_role) = (Login::new(owner_of(service), PASSWORD), Login::new(service, PASSWORD));
    Ok(databases::create_service_database(postgres.admin_url(), service, &owner, &service_role).await?)
}

fn start_sandbox(run: &RunDir, postgres: &Postgres) -> Result<Running> {
    let port = free_port()?;
    let log = run.path().join("logs").join("sandbox.log");
    let spec = ProcessSpec::new("sandbox", binaries::sibling("sandbox")?, log)
        .env("DATABASE_URL", postgres.url("sandbox", "sandbox", PASSWORD))
        .env(env::WORKER_THREADS.0, env::WORKER_THREADS.1)
        .env("HTTP_ADDR", format!("127.0.0.1:{port}"));
    let url = format!("http://127.0.0.1:{port}");
    Ok(Running { process: Arc::new(ServiceProcess::spawn(spec)?), admin: url.clone(), url })
}
