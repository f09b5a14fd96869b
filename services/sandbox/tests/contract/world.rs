//! A ledger's database and sandboxes on it.

use std::{
    fmt::Debug,
    future::Future,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use local::{
    Postgres, PostgresOptions, ProcessSpec, RunDir, ServiceProcess,
    databases::{self, Login},
    ports,
};
use openapi::Answer;
use providers::HttpProvider;
use serde_json::Value;
use tokio::sync::Mutex;
use uuid::Uuid;

/// Far more than anything here takes; what fails fails by saying what it saw last.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// One server for all tests that run at the same time; it ends with the last of them.
static SERVER: Mutex<Weak<Server>> = Mutex::const_new(Weak::new());

struct Server {
    postgres: Postgres,
    dir: RunDir,
}

/// A ledger's database.
pub struct World {
    server: Arc<Server>,
    pub database_url: String,
}

impl World {
    pub async fn new() -> Self {
        let server = server().await;
        let name = format!("sandbox_{}", Uuid::now_v7().simple());
        databases::create_database(server.postgres.admin_url(), &name, &Login::new(&name, "secret")).await.unwrap();
        let database_url = server.postgres.url(&name, &name, "secret");
        World { server, database_url }
    }

    /// A sandbox on this ledger; any number can run at once.
    pub async fn sandbox(&self, env: &[(&str, &str)]) -> Sandbox {
        let address = format!("127.0.0.1:{}", ports::free_port().unwrap());
        let log = self.server.dir.path().join(format!("{}.log", Uuid::now_v7().simple()));
        let mut spec = ProcessSpec::new("sandbox", env!("CARGO_BIN_EXE_sandbox"), log)
            .env("DATABASE_URL", &self.database_url)
            .env("HTTP_ADDR", &address);
        for (name, value) in env {
            spec = spec.env(*name, *value);
        }
        Sandbox::start(spec, format!("http://{address}")).await
    }
}

async fn server() -> Arc<Server> {
    let mut running = SERVER.lock().await;
    if let Some(server) = running.upgrade() {
        return server;
    }
    let dir = RunDir::create().unwrap();
    let postgres = Postgres::start(&dir.path().join("postgres"), PostgresOptions::default()).await.unwrap();
    let server = Arc::new(Server { postgres, dir });
    *running = Arc::downgrade(&server);
    server
}

/// A running sandbox.
pub struct Sandbox {
    pub process: ServiceProcess,
    url: String,
    http: reqwest::Client,
}

impl Sandbox {
    async fn start(spec: ProcessSpec, url: String) -> Self {
        local::tls::install_provider();
        let process = ServiceProcess::spawn(spec).unwrap();
        process.wait_ready(&format!("{url}/readyz"), PATIENCE).await.unwrap();
        Sandbox { process, url, http: reqwest::Client::new() }
    }

    /// Kills it with -9 and starts it again on the same ledger.
    pub async fn crash_and_restart(self) -> Self {
        self.process.kill().unwrap();
        Self::start(self.process.spec().clone(), self.url).await
    }

    pub fn provider(&self) -> HttpProvider {
        self.impatient_provider(PATIENCE)
    }

    pub fn impatient_provider(&self, timeout: Duration) -> HttpProvider {
        HttpProvider::new(&self.url, None, timeout).unwrap()
    }

    pub async fn get(&self, path: &str) -> Value {
        let response = self.http.get(format!("{}{path}", self.url)).send().await.unwrap();
        response.json().await.unwrap()
    }

    /// An answer as it came, to a request with a body and a key or without.
    pub async fn ask(&self, method: &str, path: &str, key: Option<&str>, body: &str) -> Answer {
        let method = method.parse().unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.url)).body(body.to_owned());
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    /// A raw POST: its status, whether it says when to come again, and its body.
    pub async fn post(&self, path: &str, key: Option<&str>, body: &str) -> (u16, bool, Value) {
        let mut request = self.http.post(format!("{}{path}", self.url)).body(body.to_owned());
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let response = request.send().await.unwrap();
        let (status, retry) = (response.status().as_u16(), response.headers().contains_key("retry-after"));
        (status, retry, response.json().await.unwrap_or_default())
    }
}

/// Asks until there is an answer.
pub async fn found<A, E: Debug, F: Future<Output = Result<Option<A>, E>>>(what: &str, ask: impl Fn() -> F) -> A {
    let start = Instant::now();
    loop {
        let seen = match ask().await {
            Ok(Some(answer)) => return answer,
            Ok(None) => "nothing under the key".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        assert!(start.elapsed() < PATIENCE, "{what} was not found in {PATIENCE:?}; seen last: {seen}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
