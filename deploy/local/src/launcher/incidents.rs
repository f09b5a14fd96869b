//! What goes wrong between the services: a duplicate, and a message that is no event.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use local::{EventLog, System, producer::Producer, shop::Shop};
use provision::choreography::PARTS;

use super::outcomes::Report;

const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

pub async fn run(system: &System, shop: &Shop, log: &EventLog, reports: &[Report]) -> Result<Vec<Report>> {
    let producer = Producer::connect(&system.broker.connection())?;
    let completed = &reports.first().context("an order was placed")?.id;
    Ok(vec![
        duplicate(system, shop, log, &producer, completed).await?,
        poison(system, log, &producer, completed).await?,
    ])
}

/// Sends an order's `order.placed` once more, as it stands on the topic.
async fn duplicate(system: &System, shop: &Shop, log: &EventLog, producer: &Producer, id: &str) -> Result<Report> {
    let at = Instant::now();
    let original = log.find(|record| record.is_keyed(id) && record.event_type() == "order.placed");
    let original = original.first().context("the order was placed")?;
    let before = repeats(system, shop).await?;
    producer.send_again(original).await?;
    while repeats(system, shop).await? == before {
        ensure!(at.elapsed() < PATIENCE, "inventory did not count the repeat within {PATIENCE:?}: still {before}");
        tokio::time::sleep(LOOK).await;
    }
    Ok(Report {
        title: "duplicate event",
        id: original.event_id(),
        expected: "skipped",
        outcome: "skipped".into(),
        path: vec!["order.placed".into(), "(again)".into()],
        took: at.elapsed(),
        trace_id: None,
    })
}

async fn repeats(system: &System, shop: &Shop) -> Result<String> {
    let metrics = shop.text(&format!("{}/metrics", system.admin_url("inventory"))).await?;
    let line = metrics.lines().find(|line| line.starts_with("saga_inputs_total{verdict=\"repeated\"}"));
    Ok(line.unwrap_or("none").to_owned())
}

/// Sends bytes that are no event, under the key of a real order.
async fn poison(system: &System, log: &EventLog, producer: &Producer, id: &str) -> Result<Report> {
    let at = Instant::now();
    producer.send("order-events", id, b"this is no event", &[]).await?;
    let dead = || {
        log.find(|record| record.topic == "order-events.dlq" && record.payload.as_deref() == Some(b"this is no event"))
    };
    // Each reader of the topic gives it up.
    let running = system.services();
    let reading = PARTS.iter().filter(|part| running.contains(&part.service.as_str()));
    let reading = reading.filter(|part| part.reads.iter().any(|topic| topic == "order-events")).count();
    while dead().len() < reading {
        ensure!(at.elapsed() < PATIENCE, "the poison message was not dead-lettered within {PATIENCE:?}: {:?}", dead());
        tokio::time::sleep(LOOK).await;
    }
    let readers =
        dead().iter().filter_map(|record| record.header("dead-letter-consumer-group").map(str::to_owned)).collect();
    Ok(Report {
        title: "poison message",
        id: id.to_owned(),
        expected: "dead-lettered",
        outcome: "dead-lettered".into(),
        path: readers,
        took: at.elapsed(),
        trace_id: None,
    })
}
