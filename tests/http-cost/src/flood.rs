//! A closed loop: each asks again as soon as it is answered.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use load::latency::Latencies;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

/// Asks one thing after another.
pub trait Ask: Send + 'static {
    /// Returns once it is answered as it must be.
    fn ask(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// What a round showed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Round {
    /// How many were answered.
    pub answers: u64,
    pub seconds: f64,
    /// Of the process that is measured.
    pub cpu_seconds: f64,
    /// In milliseconds.
    pub p50: f64,
    pub p99: f64,
}

impl Round {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.answers as f64 / self.seconds
    }

    /// Microseconds of processor time an answer.
    pub fn cost(&self) -> f64 {
        self.cpu_seconds * 1e6 / self.answers as f64
    }
}

/// Lets all ask for so long. `measured`: the process whose processor time counts.
pub async fn flood(asks: Vec<impl Ask>, lasting: Duration, measured: u32) -> Result<Round> {
    let cpu = || local::cpu::cpu_seconds(measured).with_context(|| format!("process {measured} has ended"));
    let (begin, before) = (Instant::now(), cpu()?);
    let mut asking = JoinSet::new();
    for mut ask in asks {
        asking.spawn(async move {
            let mut took = Vec::new();
            while begin.elapsed() < lasting {
                let asked = Instant::now();
                ask.ask().await?;
                took.push(load::clock::micros(asked.elapsed()));
            }
            anyhow::Ok(took)
        });
    }
    let mut latencies = Latencies::default();
    while let Some(asked) = asking.join_next().await {
        asked.context("a client panicked")??.into_iter().for_each(|micros| latencies.record(micros));
    }
    let (p50, p99) = (latencies.percentile(50.0), latencies.percentile(99.0));
    let (seconds, cpu_seconds) = (begin.elapsed().as_secs_f64(), cpu()? - before);
    Ok(Round { answers: latencies.count(), seconds, cpu_seconds, p50, p99 })
}
