//! Gauges of what only the database knows. Every replica reports them all, so take their maximum, not their sum.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use choreography_postgres::{Depths, Pool, depths, stopped_keys};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{ConsumerState, idle};
use crate::health::Health;

const EVERY: Duration = Duration::from_secs(5);

pub(crate) async fn gauge_loop(pool: Pool, state: Arc<ConsumerState>, health: Health, stop: CancellationToken) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut steps = Steps::default();
    loop {
        let ticked = idle(async {
            tokio::select! {
                _ = every.tick() => true,
                () = stop.cancelled() => false,
            }
        });
        if !ticked.await {
            return;
        }
        metrics::gauge!("saga_loops_stalled").set(f64::from(u8::from(health.progress.stalled().is_some())));
        metrics::gauge!("saga_ready").set(f64::from(u8::from(health.readiness().await.is_ok())));
        metrics::gauge!("saga_partition_missing").set(f64::from(u8::from(pool.lacks_partition())));
        crate::telemetry::fold_metrics();
        metrics::gauge!("saga_consumer_partitions").set(state.kafka.partitions() as f64);
        match depths(&pool).await {
            Ok(depths) => {
                report(&depths);
                report_breaker(state.breaker_open.load(Ordering::Relaxed), &depths);
                steps.report_of(&depths.calls).iter().for_each(report_step);
            }
            Err(error) => warn!(%error, "the gauges of the database could not be read"),
        }
        match stopped_keys(&pool).await {
            Ok(stopped) => metrics::gauge!("saga_stopped_keys").set(stopped as f64),
            Err(error) => warn!(%error, "the stopped keys could not be counted"),
        }
    }
}

fn report(depths: &Depths) {
    metrics::gauge!("saga_outbox_messages").set(depths.outbox as f64);
    metrics::gauge!("saga_outbox_oldest_age_seconds").set(depths.outbox_age);
    metrics::gauge!("saga_deferred_events", "status" => "retrying").set(depths.retrying as f64);
    metrics::gauge!("saga_deferred_events", "status" => "queued").set(depths.queued as f64);
    metrics::gauge!("saga_deferred_events", "status" => "parked").set(depths.parked as f64);
    metrics::gauge!("saga_retrying_oldest_age_seconds").set(depths.retrying_age);
    metrics::gauge!("saga_parked_keys").set(depths.parked_keys as f64);
    metrics::gauge!("saga_dead_messages").set(depths.dead_messages as f64);
    metrics::gauge!("saga_deadlines_due").set(depths.deadlines_due as f64);
    metrics::gauge!("saga_deadlines_refused").set(depths.deadlines_refused as f64);
    metrics::gauge!("saga_inbox_events").set(depths.inbox as f64);
}

/// Where no call is left to make, another replica or an operator has settled it: the breaker keeps none waiting.
fn report_breaker(is_open: bool, depths: &Depths) {
    metrics::gauge!("saga_breaker_open").set(f64::from(u8::from(is_open && !depths.calls.is_empty())));
}

/// A step of external calls: how many are open, and the seconds since the oldest was written down.
type Open = (String, i64, f64);

fn report_step((step, open, age): &Open) {
    metrics::gauge!("saga_calls_unresolved", "step" => step.clone()).set(*open as f64);
    metrics::gauge!("saga_call_oldest_age_seconds", "step" => step.clone()).set(*age);
}

/// Steps that were ever told. A gauge keeps its last value, so one whose last call was answered has to be told as well.
#[derive(Default)]
struct Steps(BTreeSet<String>);

impl Steps {
    fn report_of(&mut self, open: &[Open]) -> Vec<Open> {
        let ended = self.0.iter().filter(|step| open.iter().all(|(other, ..)| other != *step));
        let all = open.iter().cloned().chain(ended.map(|step| (step.clone(), 0, 0.0))).collect();
        self.0.extend(open.iter().map(|(step, ..)| step.clone()));
        all
    }
}

#[cfg(all(test, feature = "prometheus"))]
mod tests {
    use std::collections::BTreeMap;

    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    /// What is scraped afterwards, by name and labels.
    fn scraped(report: impl FnOnce()) -> BTreeMap<String, String> {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, report);
        let text = recorder.handle().render();
        let values = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
        values.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn every_depth_is_told_under_its_own_name() {
        let depths = Depths {
            outbox: 1,
            outbox_age: 2.5,
            retrying: 3,
            retrying_age: 4.5,
            queued: 5,
            parked: 6,
            parked_keys: 7,
            dead_messages: 8,
            deadlines_due: 9,
            deadlines_refused: 10,
            inbox: 11,
            calls: vec![("charge".into(), 12, 13.5)],
        };
        let told = scraped(|| {
            report(&depths);
            depths.calls.iter().for_each(report_step);
            report_breaker(true, &depths);
        });
        let expected = [
            ("saga_breaker_open", "1"),
            ("saga_dead_messages", "8"),
            ("saga_deadlines_due", "9"),
            ("saga_deadlines_refused", "10"),
            (r#"saga_deferred_events{status="parked"}"#, "6"),
            (r#"saga_deferred_events{status="queued"}"#, "5"),
            (r#"saga_deferred_events{status="retrying"}"#, "3"),
            ("saga_inbox_events", "11"),
            (r#"saga_call_oldest_age_seconds{step="charge"}"#, "13.5"),
            (r#"saga_calls_unresolved{step="charge"}"#, "12"),
            ("saga_outbox_messages", "1"),
            ("saga_outbox_oldest_age_seconds", "2.5"),
            ("saga_parked_keys", "7"),
            ("saga_retrying_oldest_age_seconds", "4.5"),
        ];
        assert_eq!(told, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn an_open_breaker_is_told_while_there_is_something_to_call_for() {
        let waits = Depths { calls: vec![("charge".into(), 1, 5.0)], ..Depths::default() };
        for (is_open, depths, value) in
            [(true, Depths::default(), "0"), (false, waits.clone(), "0"), (true, waits, "1")]
        {
            assert_eq!(
                scraped(|| report_breaker(is_open, &depths))["saga_breaker_open"],
                value,
                "{is_open} {depths:?}"
            );
        }
    }

    #[test]
    fn a_step_whose_last_call_was_answered_is_told_as_empty() {
        let mut steps = Steps::default();
        let (charge, refund) = (("charge".to_owned(), 3, 920.0), ("refund".to_owned(), 1, 5.0));
        assert_eq!(steps.report_of(&[]), []);
        assert_eq!(steps.report_of(std::slice::from_ref(&charge)), std::slice::from_ref(&charge));
        assert_eq!(steps.report_of(std::slice::from_ref(&refund)), [refund, ("charge".to_owned(), 0, 0.0)]);
    }
}
