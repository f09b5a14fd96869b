//! The engine's settings, all from the environment; `--help` lists them.

mod database;
mod kafka;
mod parse;
pub(crate) mod renamed;
pub(crate) mod table;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use chrono::TimeDelta;
use clap::Args;
use secrecy::SecretString;

pub use database::{DatabaseSettings, Migrations, Pooler};
pub use kafka::{GroupProtocolName, KafkaSettings};
pub use parse::SettingsError;

use choreography_kafka::GroupProtocol;

use crate::archive_command::ArchiveRequest;

use choreography_core::{
    event_id::Window,
    policy::{Policy, RetryPolicy},
    topic_moves::TopicMoves,
};

/// Settings that every service has. Durations are written like `500ms`, `30s`, `15m`, `7d`.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct EngineSettings {
    /// The database's settings.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// Kafka's settings.
    #[command(flatten)]
    pub kafka: KafkaSettings,
    /// How partitions are assigned: by the replicas among themselves (classic), or by the broker (consumer: KIP-848,
    /// Kafka 4.0 and newer).
    #[arg(long, env, default_value = "classic")]
    pub kafka_group_protocol: GroupProtocolName,
    /// A replica that gives no sign of life for this long loses its partitions to the others. With
    /// KAFKA_GROUP_PROTOCOL=consumer the broker's group.consumer.session.timeout.ms decides instead.
    #[arg(long, env, default_value = "10s", value_parser = duration)]
    pub kafka_session_timeout: Duration,
    /// Topics that move, separated by commas: `both:OLD:NEW` has the owner publish on both, `switch:OLD:NEW:OFFSETS` has a reader go on
    /// with the new one once it has handled the old partitions up to these offsets, `moved:OLD:NEW` closes the old one for either.
    #[arg(long, env)]
    pub topic_moves: Option<TopicMoves>,
    /// This replica's name, the same after a restart; by default its host and address.
    #[arg(long, env)]
    pub instance: Option<String>,
    /// Where the API and the probes listen.
    #[arg(long, env, default_value = "127.0.0.1:8080")]
    pub http_addr: SocketAddr,
    /// Where the metrics and the admin routes listen.
    #[arg(long, env, default_value = "127.0.0.1:9464")]
    pub admin_addr: SocketAddr,
    /// The bearer token that opens the admin routes; without it they are closed.
    #[arg(long, env, hide_env_values = true)]
    pub admin_token: Option<SecretString>,
    /// A file with ADMIN_TOKEN.
    #[arg(long, env)]
    pub admin_token_file: Option<PathBuf>,
    /// How often files with secrets are read again.
    #[arg(long, env, default_value = "10s", value_parser = duration)]
    pub secrets_poll_interval: Duration,

    /// Most inputs (commands, answers, deadlines, events) in one transaction.
    #[arg(long, env, default_value_t = 500, value_parser = at_least_one)]
    pub batch_limit: usize,
    /// Most bytes of events that wait for a transaction, as they are in memory; the last event may exceed it. Events
    /// that were set aside may take four times as much.
    #[arg(long, env, default_value_t = 4 << 20, value_parser = at_least_one)]
    pub batch_bytes: usize,
    /// With a backlog, how long a batch waits for more.
    #[arg(long, env, default_value = "5ms", value_parser = duration)]
    pub batch_linger: Duration,
    /// Commands that may wait; clients of further ones get 503 and may try again.
    #[arg(long, env, default_value_t = 10_000, value_parser = at_least_one)]
    pub command_queue: usize,
    /// How long a client waits for its command's commit.
    #[arg(long, env, default_value = "10s", value_parser = duration)]
    pub command_timeout: Duration,

    /// Most messages in one relay step.
    #[arg(long, env, default_value_t = 2_000, value_parser = at_least_one)]
    pub relay_batch: usize,
    /// Most bytes in one relay step, as they are in the outbox; Kafka's client holds them once more. Events and dead
    /// letters have a relay each.
    #[arg(long, env, default_value_t = 8_388_608, value_parser = at_least_one)]
    pub relay_batch_bytes: usize,
    /// If Kafka acknowledges nothing for this long, the relay gives up what is under way and sends it again.
    #[arg(long, env, default_value = "30s", value_parser = duration)]
    pub relay_ack_timeout: Duration,
    /// How long a relay holds a key range without renewing it.
    #[arg(long, env, default_value = "10s", value_parser = duration)]
    pub relay_lease: Duration,
    /// Largest message that may be published, in bytes, with its headers and uncompressed; the topics' max.message.bytes must
    /// allow it. Dead letters that are larger go without their payload.
    #[arg(long, env, default_value_t = 1_000_000, value_parser = message_bytes)]
    pub max_message_bytes: usize,

    /// First wait before an event is tried again; doubles from there, with full jitter.
    #[arg(long, env, default_value = "1s", value_parser = duration)]
    pub retry_base: Duration,
    /// Longest wait between tries.
    #[arg(long, env, default_value = "60s", value_parser = duration)]
    pub retry_cap: Duration,
    /// Failed tries after which an event is parked and dead-lettered.
    #[arg(long, env, default_value_t = 10)]
    pub retry_attempts: u32,

    /// External calls under way at once.
    #[arg(long, env, default_value_t = 64, value_parser = at_least_one)]
    pub call_concurrency: usize,
    /// Time limit of one external call.
    #[arg(long, env, default_value = "5s", value_parser = duration)]
    pub call_timeout: Duration,
    /// How long the circuit breaker stays open.
    #[arg(long, env, default_value = "5s", value_parser = duration)]
    pub breaker_wait: Duration,

    /// How old an event may be. It must cover the topics' retention and segment time, OUTBOX_DELAY and REDRIVE_HORIZON.
    #[arg(long, env, default_value = "30d", value_parser = duration)]
    pub event_horizon: Duration,
    /// How far an event's time may be ahead of the database's clock.
    #[arg(long, env, default_value = "10m", value_parser = duration)]
    pub event_skew: Duration,
    /// How long Kafka may be away: EVENT_HORIZON must leave room for events that wait so long in an outbox.
    #[arg(long, env, default_value = "3d", value_parser = duration)]
    pub outbox_delay: Duration,
    /// Until when a dead letter may be sent to its topic again by hand: EVENT_HORIZON must leave room for it.
    #[arg(long, env, default_value = "7d", value_parser = duration)]
    pub redrive_horizon: Duration,
    /// Check at the start that the topics' real settings fit EVENT_HORIZON (an embedded broker can't tell them).
    #[arg(long, env, default_value_t = true, action = clap::ArgAction::Set)]
    pub check_topic_settings: bool,

    /// How often a replica looks for work that a crash or another replica left behind.
    #[arg(long, env, default_value = "1s", value_parser = duration)]
    pub poll_interval: Duration,
    /// How long one round of a loop may take before /livez fails.
    #[arg(long, env, default_value = "2m", value_parser = duration)]
    pub stall_timeout: Duration,
    /// Most connections to the API at once. Beyond that the one that has been idle longest is closed.
    #[arg(long, env, default_value_t = 1_000, value_parser = at_least_one)]
    pub max_connections: usize,
    /// How long a client may take for the headers of its next request.
    #[arg(long, env, default_value = "30s", value_parser = duration)]
    pub http_idle_timeout: Duration,
    /// How long a stopping service may take to drain; three seconds later the process ends in any case.
    #[arg(long, env, default_value = "20s", value_parser = duration)]
    pub drain_timeout: Duration,
    /// Keep metrics for `/metrics`.
    #[arg(long, env, default_value_t = true, action = clap::ArgAction::Set)]
    pub metrics: bool,
    /// `text` or `json`.
    #[arg(long, env, default_value = "text")]
    pub log_format: LogFormat,

    /// What the program does in place of serving.
    #[arg(skip)]
    pub(crate) task: Option<Task>,
}

/// What a service's program does in place of serving; it ends afterwards.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Task {
    /// Prints what the service takes part in, as JSON. No setting is needed.
    Describe,
    /// Prints all settings as a table (Markdown). No setting is needed.
    Settings,
    Archive(ArchiveRequest),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[non_exhaustive]
pub enum LogFormat {
    Text,
    Json,
}

/// Key ranges of the outbox. Fixed: changing it moves keys between relays.
pub const RANGES: i32 = 12;

/// A duration such as `500ms`, longer than nothing.
pub fn duration(text: &str) -> Result<Duration, String> {
    let duration =
        humantime::parse_duration(text).map_err(|error| format!("{error}; write it like 500ms, 30s or 7d"))?;
    if duration.is_zero() { Err("must be longer than zero".into()) } else { Ok(duration) }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

/// A dead letter without payload, headers and key has some five kilobytes of its own.
fn message_bytes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes @ 16_384..=1_000_000_000) => Ok(bytes),
        Ok(_) => Err("must be 16384 to 1000000000 bytes".into()),
        Err(error) => Err(format!("{error}")),
    }
}

impl EngineSettings {
    /// How the replicas share the topics' partitions.
    pub fn group_protocol(&self) -> GroupProtocol {
        match self.kafka_group_protocol {
            GroupProtocolName::Classic => GroupProtocol::Classic { session_timeout: self.kafka_session_timeout },
            GroupProtocolName::Consumer => GroupProtocol::Consumer,
        }
    }

    /// What this replica is called, also after a restart.
    pub fn instance(&self) -> String {
        self.instance.clone().unwrap_or_else(|| {
            let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_else(|_| "localhost".into());
            format!("{}/{}", host.trim(), self.http_addr)
        })
    }

    /// What the steps go by.
    pub fn policy(&self) -> Policy {
        Policy {
            window: Window { horizon: delta(self.event_horizon), skew: delta(self.event_skew) },
            retry: RetryPolicy {
                base: delta(self.retry_base),
                cap: delta(self.retry_cap),
                max_attempts: self.retry_attempts,
            },
            max_message_bytes: self.max_message_bytes,
            ranges: RANGES,
            call_lease: delta(self.call_lease()),
        }
    }

    /// How long a call is one process's alone: it waits for its turn, then a call and its answer's transaction, with
    /// room to spare.
    pub(crate) fn call_lease(&self) -> Duration {
        self.call_timeout * 2 + Duration::from_secs(10)
    }
}

/// A duration of the settings, which are all far below the limits of a `TimeDelta`.
pub fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Service {
        #[command(flatten)]
        engine: EngineSettings,
    }

    fn parse(arguments: &[&str]) -> Result<EngineSettings, String> {
        let arguments = ["service", "--database-url", "postgres://x"].iter().chain(arguments);
        Service::try_parse_from(arguments).map(|service| service.engine).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_hold_together() {
        let settings = parse(&[]).unwrap();
        let policy = settings.policy();
        assert!(policy.window.horizon > delta(settings.outbox_delay + settings.redrive_horizon));
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", parse(&["--admin-token", "hush"]));
        assert!(shown.contains("admin_token") && !shown.contains("hush") && !shown.contains("postgres://"), "{shown}");
    }

    #[test]
    fn a_wrong_setting_is_refused_with_its_name() {
        assert!(parse(&["--retry-base", "soon"]).unwrap_err().contains("--retry-base"));
        assert!(parse(&["--batch-limit", "0"]).unwrap_err().contains("at least 1"));
        assert!(parse(&["--max-message-bytes", "2000"]).unwrap_err().contains("16384"));
        let twice = ["--topic-moves", "both:a:b,both:a:c"];
        assert!(parse(&twice).unwrap_err().contains("contradict each other"));
        assert!(parse(&["--http-addr", "here"]).unwrap_err().contains("--http-addr"));
        assert!(parse(&["--migrations", "never"]).unwrap_err().contains("--migrations"));
    }

    #[test]
    fn the_rules_of_thumb_are_what_the_settings_say() {
        let given = [
            ["--event-horizon", "20d"],
            ["--event-skew", "5m"],
            ["--retry-base", "2s"],
            ["--retry-cap", "90s"],
            ["--retry-attempts", "7"],
            ["--max-message-bytes", "20000"],
            ["--call-timeout", "4s"],
        ];
        let policy = parse(&given.concat()).unwrap().policy();
        assert_eq!((policy.window.horizon, policy.window.skew), (TimeDelta::days(20), TimeDelta::minutes(5)));
        assert_eq!((policy.retry.base, policy.retry.cap), (TimeDelta::seconds(2), TimeDelta::seconds(90)));
        assert_eq!((policy.retry.max_attempts, policy.max_message_bytes, policy.ranges), (7, 20_000, 12));
        assert_eq!(policy.call_lease, TimeDelta::seconds(18), "a call's turn, the call, and room to spare");
    }

    #[test]
    fn a_replica_is_called_what_it_is_told_or_by_its_host_and_address() {
        assert_eq!(parse(&["--instance", "order-0"]).unwrap().instance(), "order-0");
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        let expected = format!("{}/127.0.0.1:8081", host.trim());
        assert_eq!(parse(&["--http-addr", "127.0.0.1:8081"]).unwrap().instance(), expected);
    }

    #[test]
    fn limits_are_taken_and_what_lies_beyond_is_refused() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("0s").unwrap_err(), "must be longer than zero");
        assert!(duration("soon").unwrap_err().contains("500ms"));
        assert_eq!((at_least_one("1"), at_least_one("0").is_err(), at_least_one("x").is_err()), (Ok(1), true, true));
        assert_eq!((message_bytes("16384"), message_bytes("1000000000")), (Ok(16_384), Ok(1_000_000_000)));
        for wrong in ["16383", "1000000001", "many"] {
            assert!(message_bytes(wrong).is_err(), "{wrong}");
        }
        assert_eq!(delta(Duration::from_millis(1_500)), TimeDelta::milliseconds(1_500));
    }
}
