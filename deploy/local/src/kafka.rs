//! Apache Kafka itself: one node in KRaft mode, as a child process on loopback ports.

mod config;
mod jars;
mod java;
mod probe;
mod security;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use choreography_kafka::Connection;
use config::{Files, Ports};
pub(crate) use java::in_path;
pub use java::{HowKafka, Jars, KafkaUnavailableError, can_run_apache_kafka};

use crate::ports::free_port;
use crate::{LocalError, ProcessSpec, Result, ServiceProcess};

/// A cold JVM on a busy machine takes a while; a broker that replays a log takes longer.
const UP: Duration = Duration::from_secs(120);
const DOWN: Duration = Duration::from_secs(60);

/// How the broker is run.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// Broker properties by name, over those this library sets.
    pub properties: Vec<(String, String)>,
    /// The JVM's largest heap in MiB.
    pub max_heap_mib: u32,
    /// The JVM makes the best of its code, which takes a good part of a processor for some minutes; else it compiles it once, quickly.
    pub runs_for_long: bool,
    /// Below this directory are `kafka` and `kafka-setup` with secrets: the broker lets only known users in, and each user do
    /// only what they were granted.
    pub secrets: Option<PathBuf>,
    /// The address of a proxy that leads to [`Kafka::behind_proxy`]: clients that ask there are told to come by the proxy. Only for
    /// a broker without secrets.
    pub proxy: Option<SocketAddr>,
}

impl Default for KafkaOptions {
    fn default() -> Self {
        Self { properties: Vec::new(), max_heap_mib: 1024, runs_for_long: false, secrets: None, proxy: None }
    }
}

/// A running broker. Dropping it kills it; its data stay in its directory.
#[derive(Debug)]
pub struct Kafka {
    connection: Connection,
    behind_proxy: Option<String>,
    spec: ProcessSpec,
    process: Mutex<Arc<ServiceProcess>>,
}

impl Kafka {
    /// Formats `dir` if it is new, starts a broker on free ports and waits until it answers.
    /// Fetches the jars first if this machine has none.
    ///
    /// # Errors
    /// [`LocalError::NoKafka`] when Java, jars or Maven are missing; otherwise with the log's end.
    pub async fn start(dir: &Path, options: KafkaOptions) -> Result<Self> {
        let (dir, secrets) = (dir.to_owned(), options.secrets.clone());
        let prepared = tokio::task::spawn_blocking(move || prepare(&dir, &options)).await;
        let (ports, spec) =
            prepared.map_err(std::io::Error::other).map_err(LocalError::io("preparing Apache Kafka"))??;
        let process = ServiceProcess::spawn(spec.clone())?;
        let connection = security::connection(ports.clients, secrets.as_deref())?;
        let behind_proxy = ports.behind_proxy.map(|port| format!("127.0.0.1:{port}"));
        let kafka = Self { connection, behind_proxy, spec, process: Mutex::new(Arc::new(process)) };
        kafka.wait_up().await?;
        Ok(kafka)
    }

    /// `host:port` for `bootstrap.servers`; the same across restarts.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        self.connection.brokers()
    }

    /// Where the proxy of [`KafkaOptions::proxy`] is to lead, if there is one.
    #[must_use]
    pub fn behind_proxy(&self) -> Option<&str> {
        self.behind_proxy.as_deref()
    }

    /// As its administrator, where it asks clients to log in.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The JVM's process id; another one after a restart.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process().pid()
    }

    /// The process that is running, or ran last.
    #[must_use]
    pub fn process(&self) -> Arc<ServiceProcess> {
        Arc::clone(&self.current())
    }

    /// Shuts it down in order (SIGTERM) and waits; -9 if that takes more than a minute.
    ///
    /// # Errors
    /// [`LocalError::NotInTime`] when it had to be killed: it is gone all the same.
    pub async fn stop(&self) -> Result<()> {
        self.process().stop(DOWN).await.map(drop)
    }

    /// kill -9. What it acknowledged is in the kernel's page cache and so survives this.
    ///
    /// # Errors
    /// [`LocalError::Io`] when the kernel refuses.
    pub fn kill(&self) -> Result<()> {
        self.process().kill().map(drop)
    }

    /// Starts it again on the same port and data, after stopping it in order if it still runs, and
    /// waits until it answers.
    ///
    /// # Errors
    /// With the end of its log when it does not come up.
    pub async fn restart(&self) -> Result<()> {
        self.stop().await?;
        *self.current() = Arc::new(ServiceProcess::spawn(self.spec.clone())?);
        self.wait_up().await
    }

    /// Freezes it (SIGSTOP): connections stay open and the broker does not answer.
    ///
    /// # Errors
    /// [`LocalError::Gone`] when it does not run.
    pub fn pause(&self) -> Result<()> {
        self.process().freeze()
    }

    /// Lets it go on after [`Self::pause`].
    ///
    /// # Errors
    /// [`LocalError::Gone`] when it does not run.
    pub fn resume(&self) -> Result<()> {
        self.process().thaw()
    }

    async fn wait_up(&self) -> Result<()> {
        let connection = &self.connection;
        self.process().wait_until("answering", UP, || probe::answers(connection.clone())).await
    }

    fn current(&self) -> MutexGuard<'_, Arc<ServiceProcess>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn prepare(dir: &Path, options: &KafkaOptions) -> Result<(Ports, ProcessSpec)> {
    let how = can_run_apache_kafka()?;
    let libs = how.provide()?;
    std::fs::create_dir_all(dir).map_err(LocalError::path("creating", dir))?;
    let files = Files::below(dir);
    let behind_proxy = options.proxy.map(|_| free_port()).transpose()?;
    let ports = Ports { clients: free_port()?, controller: free_port()?, behind_proxy };
    files.write(&ports, options)?;
    let base = jvm_arguments(&libs, &files);
    if !files.data.join("meta.properties").exists() {
        format(&how.java, &base, &files)?;
    }
    let login = options.secrets.as_deref().map(security::login);
    let spec = ProcessSpec::new("kafka", how.java, &files.log)
        .args(login)
        .args(["-Xms256m".into(), format!("-Xmx{}m", options.max_heap_mib)])
        .args(performance(options.runs_for_long))
        .args(base)
        .arg("kafka.Kafka")
        .arg(files.properties.display().to_string());
    Ok((ports, spec))
}

/// As Kafka's own scripts take them. For a broker that lives for minutes its code is compiled once, quickly, since making the best of it
/// takes more than it gives until then.
fn performance(runs_for_long: bool) -> Vec<String> {
    let given = std::env::var("KAFKA_JVM_PERFORMANCE_OPTS").unwrap_or_default();
    let options = match given.trim() {
        "" if runs_for_long => "-XX:+UseSerialGC",
        "" => "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        given => given,
    };
    options.split_whitespace().map(str::to_owned).collect()
}

fn jvm_arguments(libs: &Path, files: &Files) -> Vec<String> {
    vec![format!("-Dlog4j2.configurationFile={}", files.log4j.display()), "-cp".into(), format!("{}/*", libs.display())]
}

fn format(java: &Path, base: &[String], files: &Files) -> Result<()> {
    // A cluster id is 16 bytes in URL-safe base64: 22 characters, of which the last carries 2 bits.
    let random = uuid::Uuid::now_v7().simple().to_string();
    let cluster = format!("{}A", random.get(11..32).unwrap_or_default());
    let mut command = Command::new(java);
    command.args(base).args(["kafka.tools.StorageTool", "format", "-t", &cluster, "-c"]).arg(&files.properties);
    jars::run(&mut command, "formatting the broker's storage")
}
