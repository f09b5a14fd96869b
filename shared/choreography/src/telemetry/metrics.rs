//! What `/metrics` tells: names with their units, no ids as labels.

use std::{sync::OnceLock, time::Duration};

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;

use choreography_core::input::VERDICTS;

/// Several times the interval in which gauges are set.
const GAUGES_LAST: Duration = Duration::from_secs(60);
const SAGA_SECONDS: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0, 3_600.0];
const STEP_SECONDS: [f64; 8] = [0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0];
const BATCH_SIZES: [f64; 6] = [1.0, 5.0, 20.0, 100.0, 500.0, 2_000.0];

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// Metrics are kept from here on; what was counted before is lost.
pub(crate) fn start() {
    METRICS.get_or_init(|| {
        let recorder = PrometheusBuilder::new()
            // A gauge that is no longer set, as the lag of a partition that moved, would report its last value for ever.
            .idle_timeout(MetricKindMask::GAUGE, Some(GAUGES_LAST))
            .set_buckets_for_metric(Matcher::Full("saga_duration_seconds".into()), &SAGA_SECONDS)
            .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("seconds".into()), &STEP_SECONDS))
            .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("size".into()), &BATCH_SIZES))
            .map(PrometheusBuilder::build_recorder);
        // The buckets above are constants that are not empty.
        let recorder = recorder.expect("metric buckets");
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is in place; /metrics stays empty");
        }
        describe();
        handle
    });
}

/// Folds what was recorded since the last scrape together; without it, a service that is not scraped would keep it all.
pub(crate) fn fold() {
    if let Some(metrics) = METRICS.get() {
        metrics.run_upkeep();
    }
}

#[cfg(feature = "http")]
pub(crate) fn render() -> String {
    METRICS.get().map(PrometheusHandle::render).unwrap_or_default()
}

/// A counter that was never counted is there as 0, so that its first increase is seen.
fn describe() {
    describe_counter!("saga_inputs_total", "Inputs by what became of them: events, commands, deadlines, answers");
    VERDICTS.iter().for_each(|verdict| metrics::counter!("saga_inputs_total", "verdict" => *verdict).increment(0));
    for (name, what) in [
        ("saga_published_total", "Messages that Kafka acknowledged"),
        ("saga_retries_total", "Deferred events that were tried again"),
        ("saga_http_connections_refused_total", "Connections refused, because all others were answering a request"),
        ("saga_consumer_rebalances_total", "Partitions assigned or taken away"),
        ("saga_consumer_rejoins_total", "Kafka clients that were replaced, because Kafka had not answered for long"),
        (
            "saga_consumer_rests_total",
            "Times a topic of which hardly anything is handled was left unread for a tenth of a second",
        ),
        ("saga_consumer_commits_failed_total", "Offset commits that Kafka refused or lost; they are made again"),
        ("saga_calls_contradicted_total", "Providers' answers that contradict what an operator settled"),
        (
            "saga_calls_left_to_the_poll_total",
            "External calls that found the queue full, or waited in it for too long; the next poll takes them",
        ),
    ] {
        describe_counter!(name, what);
        metrics::counter!(name).increment(0);
    }
    describe_counter!(
        "saga_unhandled_events_total",
        "Events that came and have neither a route nor are declared as ignored, by type"
    );
    describe_counter!(
        "saga_transactions_done_anew_total",
        "Small batches that were tried without locks and done anew with them, by why"
    );
    for why in ["not plain", "not read", "refused"] {
        metrics::counter!("saga_transactions_done_anew_total", "why" => why).increment(0);
    }
    describe_counter!("saga_secret_failures_total", "Reads of a secret's file or of keys that found nothing usable");
    for secret in ["ADMIN_TOKEN", "DATABASE_URL", "KAFKA_PASSWORD"] {
        metrics::counter!("saga_secret_failures_total", "secret" => secret).increment(0);
    }
    describe_counter!("saga_consumer_errors_total", "Errors that librdkafka reported, by its name for them");
    // Counted from 0, so that the first one is seen: topics that are gone.
    for code in ["UnknownTopicOrPartition", "UnknownTopicId", "UnknownTopic", "UnknownPartition"] {
        metrics::counter!("saga_consumer_errors_total", "code" => code).increment(0);
    }
    describe_counter!("saga_consumer_partition_stops_total", "Partitions that stopped, by reason");
    describe_counter!("saga_calls_settled_by_hand_total", "External calls that an operator settled, by step");
    describe_counter!("saga_calls_total", "External calls by step and answer");
    for (name, unit, what) in [
        ("saga_duration_seconds", Unit::Seconds, "From the saga's beginning to its end, by outcome"),
        (
            "saga_batch_seconds",
            Unit::Seconds,
            "One batch, from the beginning of its transaction to what follows the commit",
        ),
        ("saga_relay_seconds", Unit::Seconds, "One step of the relay, from the outbox to the mark"),
        ("saga_call_seconds", Unit::Seconds, "One external call"),
        ("saga_batch_size", Unit::Count, "Inputs or messages handled together"),
    ] {
        describe_histogram!(name, unit, what);
    }
    for (name, unit, what) in [
        (
            "saga_consumer_lag_messages",
            Unit::Count,
            "Messages not consumed yet, of the partitions that this replica has",
        ),
        (
            "saga_consumer_stopped_partition",
            Unit::Count,
            "1 for a partition that has stopped until an operator acts, by reason",
        ),
        ("saga_consumer_partitions", Unit::Count, "Partitions that this replica has"),
        ("saga_outbox_messages", Unit::Count, "Messages not published yet"),
        ("saga_outbox_oldest_age_seconds", Unit::Seconds, "Age of the oldest message that is not published yet"),
        ("saga_stopped_keys", Unit::Count, "Keys whose next message Kafka refuses, and which wait for a decision"),
        ("saga_topic_failing", Unit::Count, "1 while Kafka takes nothing from this service on a topic, by topic"),
        ("saga_deferred_events", Unit::Count, "Events that wait, by status"),
        (
            "saga_retrying_oldest_age_seconds",
            Unit::Seconds,
            "Time since the first failure of the event that has been retried for longest",
        ),
        ("saga_parked_keys", Unit::Count, "Aggregates that wait for an operator's decision"),
        (
            "saga_dead_messages",
            Unit::Count,
            "Messages that can't be handled as they are, and wait for an operator's decision",
        ),
        ("saga_deadlines_due", Unit::Count, "Deadlines that have passed and are not handled yet"),
        ("saga_deadlines_refused", Unit::Count, "Deadlines that were refused and are tried again"),
        ("saga_inbox_events", Unit::Count, "Events in the inbox, estimated"),
        ("saga_calls_unresolved", Unit::Count, "External calls without an answer, by step"),
        ("saga_call_oldest_age_seconds", Unit::Seconds, "Age of the oldest external call without an answer, by step"),
        ("saga_ready", Unit::Count, "1 while /readyz says ready"),
        ("saga_topic_missing", Unit::Count, "1 while a topic that this service reads is not there, by topic"),
        ("saga_loops_stalled", Unit::Count, "1 while a loop does not move: /livez names it"),
        ("saga_partition_missing", Unit::Count, "1 while a day's partition is missing: events of that day wait"),
        ("saga_breaker_open", Unit::Count, "1 while the circuit breaker refuses external calls"),
    ] {
        describe_gauge!(name, unit, what);
    }
}
