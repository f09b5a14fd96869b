//! Jaeger itself, all in one with its storage in memory, on ports of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::kafka::in_path;
use crate::ports::free_port;
use crate::{LocalError, ProcessSpec, Result, ServiceProcess, cache};

const READY: Duration = Duration::from_secs(60);
const GO_MOD: &str = include_str!("../../jaeger/go.mod");
const GO_SUM: &str = include_str!("../../jaeger/go.sum");
const TOOLS: &str = include_str!("../../jaeger/tools.go");

/// A running Jaeger; dropping it ends it.
#[derive(Debug)]
pub struct Jaeger {
    /// Takes OTLP over gRPC.
    pub otlp: String,
    /// Its query API.
    pub url: String,
    process: ServiceProcess,
}

impl Jaeger {
    /// Whether there is a Jaeger, or a Go to build one.
    #[must_use]
    pub fn can_be_had() -> bool {
        found().is_some() || in_path("go").is_some()
    }

    /// Starts Jaeger: `JAEGER_BIN`, or `jaeger` in `PATH`, or one that is built once with Go. `dir` takes its
    /// configuration and its log.
    ///
    /// # Errors
    /// When there is neither a Jaeger nor a Go to build it, or it does not come up.
    pub async fn start(dir: &Path, progress: impl Fn(&str)) -> Result<Self> {
        let program = match found() {
            Some(program) => program,
            None => {
                progress("building Jaeger from its Go module (once; some minutes)");
                tokio::task::spawn_blocking(build).await.map_err(|error| LocalError::NoJaeger(error.to_string()))??
            }
        };
        let (grpc, query, query_grpc) = (free_port()?, free_port()?, free_port()?);
        let config = dir.join("jaeger.yaml");
        std::fs::create_dir_all(dir).map_err(LocalError::path("creating", dir))?;
        std::fs::write(&config, configuration(grpc, query, query_grpc))
            .map_err(LocalError::path("writing", &config))?;
        let spec = ProcessSpec::new("jaeger", program, dir.join("jaeger.log"))
            .args(["--config".to_owned(), config.display().to_string()]);
        let process = ServiceProcess::spawn(spec)?;
        let url = format!("http://127.0.0.1:{query}");
        process.wait_ready(&format!("{url}/api/services"), READY).await?;
        Ok(Self { otlp: format!("http://127.0.0.1:{grpc}"), url, process })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}

fn found() -> Option<PathBuf> {
    let named = std::env::var_os("JAEGER_BIN").filter(|path| !path.is_empty()).map(PathBuf::from);
    let built = cached().join("jaeger");
    named.or_else(|| in_path("jaeger")).or_else(|| Some(built).filter(|path| path.is_file()))
}

fn cached() -> PathBuf {
    cache::user_cache().join("jaeger-1.76.0")
}

fn build() -> Result<PathBuf> {
    let Some(go) = in_path("go") else {
        return Err(LocalError::NoJaeger(
            "no Go was found to build it: install Go 1.24 or newer, set JAEGER_BIN to a Jaeger v2 binary, or name a \
             running one with --jaeger http://HOST:4317"
                .into(),
        ));
    };
    let dir = cache::fill_once(&cached(), |dir| {
        let files = [("go.mod", GO_MOD), ("go.sum", GO_SUM), ("tools.go", TOOLS)];
        std::fs::create_dir_all(dir).map_err(LocalError::path("creating", dir))?;
        for (name, text) in files {
            std::fs::write(dir.join(name), text).map_err(LocalError::path("writing", dir))?;
        }
        let built = Command::new(&go)
            .args(["build", "-mod=readonly", "-o", "jaeger", "github.com/jaegertracing/jaeger/cmd/jaeger"])
            .current_dir(dir)
            .output()
            .map_err(LocalError::path("running", &go))?;
        if built.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&built.stderr);
        let end: Vec<&str> = said.lines().rev().take(5).collect();
        Err(LocalError::NoJaeger(format!(
            "`go build` failed: {}",
            end.into_iter().rev().collect::<Vec<_>>().join(" / ")
        )))
    })?;
    Ok(dir.join("jaeger"))
}

fn configuration(grpc: u16, query: u16, query_grpc: u16) -> String {
    format!(
        r"service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {{receivers: [otlp], processors: [batch], exporters: [jaeger_storage_exporter]}}
  telemetry:
    metrics: {{level: none}}
    logs: {{level: warn}}
extensions:
  jaeger_query:
    storage: {{traces: memory}}
    http: {{endpoint: '127.0.0.1:{query}'}}
    grpc: {{endpoint: '127.0.0.1:{query_grpc}'}}
  jaeger_storage:
    backends:
      memory: {{memory: {{max_traces: 50000}}}}
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: '127.0.0.1:{grpc}'}}
processors:
  batch:
exporters:
  jaeger_storage_exporter: {{trace_storage: memory}}
"
    )
}
