//! What the program is asked.

use std::path::PathBuf;

use choreography_check::{LIMIT, observed::REMEMBERED};
use clap::{Args, Parser};

/// Reads what all services of a choreography describe, and says what will go wrong: where, by which shortest order of events,
/// and what to do. With --observed it says instead what happened that nobody described, and what is described and never
/// happened.
///
/// Ends with 0 if nothing was found, with 1 if something was, with 2 if the input can't be checked. With --observed only what
/// was seen and not declared counts as found, unless --require-exercised is given.
#[derive(Parser)]
#[command(version)]
pub struct Arguments {
    /// Folders of descriptions, or files. An owners.json among them says who owns which topic.
    #[arg(default_value = "deploy/choreography")]
    pub paths: Vec<PathBuf>,
    /// Prints the report as JSON.
    #[arg(long)]
    pub json: bool,
    /// Prints the choreography as a page instead: a table, the way of the events, and each service's states (Markdown, Mermaid).
    #[arg(long, conflicts_with = "json")]
    pub draw: bool,
    /// Says what a kind of findings means, why it hurts and what to do; `all` for every kind.
    #[arg(long, value_name = "KIND")]
    pub explain: Option<String>,
    /// How many states to explore at most, of each group of services whose events meet.
    #[arg(long, default_value_t = LIMIT)]
    pub limit: usize,
    #[command(flatten, next_help_heading = "What happened")]
    pub observe: Observe,
}

/// Where it is seen what happened.
#[derive(Args)]
pub struct Observe {
    /// Holds what happened against the descriptions: kafka://HOST:PORT (the topics; kafka:// takes KAFKA_BROKERS), or
    /// http://HOST:16686 (a Jaeger's query API). Both may be given.
    #[arg(long, value_name = "SOURCE", conflicts_with = "draw")]
    pub observed: Vec<String>,
    /// From when on: how long ago (90m, 12h, 7d), or a moment (2026-08-01T10:00:00Z).
    #[arg(long, value_name = "TIME", default_value = "1h", requires = "observed")]
    pub since: String,
    /// Until when, likewise; by default now.
    #[arg(long, value_name = "TIME", requires = "observed")]
    pub until: Option<String>,
    /// Ends with 1 also if something is declared and was never exercised.
    #[arg(long, requires = "observed")]
    pub require_exercised: bool,
    /// Of how many events the types are remembered, to tell what led to what.
    #[arg(long, value_name = "EVENTS", default_value_t = REMEMBERED, requires = "observed")]
    pub remember: usize,
    #[cfg(feature = "observe")]
    #[command(flatten, next_help_heading = "Kafka, as for the services")]
    pub kafka: choreography::KafkaSettings,
}
