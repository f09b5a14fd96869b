//! What traces show, by Jaeger's query API.

use std::{ops::Range, time::Duration};

use serde::Deserialize;

use super::{
    observations::Observations,
    trace::{Trace, Traces, facts},
    window::Window,
};

const REQUEST: Duration = Duration::from_secs(60);
/// So many traces are asked for at once.
const PAGE: usize = 100;
/// No answer is read beyond so many bytes.
const MOST_BYTES: usize = 64 << 20;
/// A time this short is not divided further, in microseconds.
const SHORTEST: i64 = 1_000;

/// Why traces can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ObserveJaegerError {
    /// There is no answer, or none as Jaeger gives it.
    #[error("Jaeger at {url}: {problem}: name its query API, such as http://HOST:16686")]
    Unreachable {
        /// Its address.
        url: String,
        /// What went wrong.
        problem: String,
    },
    /// It knows no service.
    #[error(
        "Jaeger at {url} has traces of no service: see whether OTEL_EXPORTER_OTLP_ENDPOINT of the services leads to it"
    )]
    NoServices {
        /// Its address.
        url: String,
    },
    /// Nothing of the choreography was traced in the window.
    #[error(
        "Jaeger at {url} has no span that takes a message in, or follows from one, {window}: choose an earlier --since"
    )]
    Empty {
        /// Its address.
        url: String,
        /// The time.
        window: Window,
    },
}

struct Jaeger {
    url: String,
    client: reqwest::Client,
}

/// What Jaeger answered, unless it was more than can be taken at once.
enum Page {
    Whole(Vec<Trace>),
    TooMuch,
}

#[derive(Deserialize)]
struct Services {
    #[serde(default)]
    data: Option<Vec<String>>,
}

/// Reads the traces of all services that Jaeger knows, as far as their spans began in this time, and counts what they show.
///
/// # Errors
/// Jaeger does not answer, or has nothing of this time.
pub fn observe(url: &str, window: &Window, seen: &mut Observations) -> Result<(), ObserveJaegerError> {
    // The first call in a process decides; a second one is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let failed = |problem: String| ObserveJaegerError::Unreachable { url: url.to_owned(), problem };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(format!("no runtime to ask it: {error}")))?;
    let client = reqwest::Client::builder().timeout(REQUEST).build().map_err(|error| failed(reasons(&error)))?;
    let jaeger = Jaeger { url: url.trim_end_matches('/').to_owned(), client };
    runtime.block_on(jaeger.observe(window, seen))
}

impl Jaeger {
    async fn observe(&self, window: &Window, seen: &mut Observations) -> Result<(), ObserveJaegerError> {
        let services: Services = self.parsed(&self.get("/api/services", &[]).await?.unwrap_or_default())?;
        let services = services.data.filter(|services| !services.is_empty());
        let services = services.ok_or_else(|| ObserveJaegerError::NoServices { url: self.url.clone() })?;
        let (mut traces, mut spans) = (0, 0);
        for service in &services {
            let (begin, end) = window.microseconds();
            // The later half is divided first: a stack needs no more than one entry for each division.
            let mut times = vec![Range { start: begin, end }];
            while let Some(time) = times.pop() {
                match self.traces(service, &time).await? {
                    Page::TooMuch if time.end - time.start > SHORTEST => {
                        let middle = time.start.midpoint(time.end);
                        times.extend([time.start..middle, middle..time.end]);
                    }
                    Page::TooMuch => seen.note(format!(
                        "{service} has more than {PAGE} traces, or too large ones, within {SHORTEST} µs: these were not read"
                    )),
                    Page::Whole(page) => {
                        traces += page.len();
                        for fact in page.iter().flat_map(|trace| facts(trace, service, &time)) {
                            spans += 1;
                            seen.span(fact);
                        }
                    }
                }
            }
            seen.reads_traces(service);
        }
        if spans == 0 {
            return Err(ObserveJaegerError::Empty { url: self.url.clone(), window: *window });
        }
        seen.has_read(format!("{traces} traces of {}, {window}", services.join(", ")));
        Ok(())
    }

    /// The traces with a span of the service in this time.
    async fn traces(&self, service: &str, time: &Range<i64>) -> Result<Page, ObserveJaegerError> {
        // Jaeger counts its end among the time.
        let (start, end, limit) = (time.start.to_string(), (time.end - 1).to_string(), PAGE.to_string());
        let query = [("service", service), ("start", start.as_str()), ("end", end.as_str()), ("limit", limit.as_str())];
        let Some(body) = self.get("/api/traces", &query).await? else { return Ok(Page::TooMuch) };
        let traces: Traces = self.parsed(&body)?;
        let traces = traces.data.unwrap_or_default();
        Ok(if traces.len() < PAGE { Page::Whole(traces) } else { Page::TooMuch })
    }

    /// `None`: the answer is larger than can be taken.
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<Vec<u8>>, ObserveJaegerError> {
        let failed = |error: reqwest::Error| self.failed(reasons(&error));
        let sent = self.client.get(format!("{}{path}", self.url)).query(query).send().await.map_err(failed)?;
        let mut answer = sent.error_for_status().map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }

    fn parsed<T: serde::de::DeserializeOwned>(&self, body: &[u8]) -> Result<T, ObserveJaegerError> {
        serde_json::from_slice(body).map_err(|error| self.failed(format!("it does not answer as Jaeger does: {error}")))
    }

    fn failed(&self, problem: String) -> ObserveJaegerError {
        ObserveJaegerError::Unreachable { url: self.url.clone(), problem }
    }
}

/// An error with those that it comes from: the outermost says little.
fn reasons(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(error.source(), |error| error.source()).map(ToString::to_string);
    std::iter::once(error.to_string()).chain(chain).collect::<Vec<_>>().join(": ")
}
