//! How full the batches were, by the services' own metrics: they show what there is to gain.

use std::collections::BTreeMap;

use anyhow::Result;
use local::System;
use local::shop::Shop;

use crate::phase::is_replica_of;

const SUM: &str = "saga_batch_size_sum{kind=\"";
const COUNT: &str = "saga_batch_size_count{kind=\"";

/// Inputs, and transactions that they took, by service and kind of batch.
pub type Batches = BTreeMap<(&'static str, String), (f64, f64)>;

/// Asks every replica of every service.
pub async fn read(system: &System) -> Result<Batches> {
    let shop = Shop::default();
    let mut batches = Batches::new();
    for (replica, running) in system.running() {
        let Some(service) = system.services().into_iter().find(|service| is_replica_of(&replica, service)) else {
            continue;
        };
        let text = shop.text(&format!("{}/metrics", running.admin)).await?;
        for line in text.lines() {
            if let Some((kind, value)) = sample(line, SUM) {
                batches.entry((service, kind.to_owned())).or_default().0 += value;
            } else if let Some((kind, value)) = sample(line, COUNT) {
                batches.entry((service, kind.to_owned())).or_default().1 += value;
            }
        }
    }
    Ok(batches)
}

/// What has come since `before`: service, kind, and the average size.
pub fn since(now: &Batches, before: &Batches) -> Vec<(&'static str, String, f64)> {
    let averages = now.iter().map(|((service, kind), (inputs, count))| {
        let (inputs_before, count_before) = before.get(&(*service, kind.clone())).copied().unwrap_or_default();
        (*service, kind.clone(), (inputs - inputs_before) / (count - count_before).max(1.0))
    });
    averages.filter(|(_, _, average)| *average > 0.0).collect()
}

fn sample<'a>(line: &'a str, prefix: &str) -> Option<(&'a str, f64)> {
    let (kind, rest) = line.strip_prefix(prefix)?.split_once('"')?;
    Some((kind, rest.rsplit(' ').next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_read_with_its_kind() {
        assert_eq!(sample(r#"saga_batch_size_sum{kind="events"} 12.5"#, SUM), Some(("events", 12.5)));
        assert_eq!(sample(r#"saga_batch_size_bucket{kind="events",le="1"} 3"#, SUM), None);
    }
}
