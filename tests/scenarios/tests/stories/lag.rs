//! What was handled counts as handled for Kafka too, whatever became of a commit.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use harness::{PATIENCE, World, story_alone};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use sqlx::Connection;

const REQUEST: Duration = Duration::from_secs(20);

/// Per partition, how much of it a group has not committed.
pub async fn lag(world: &World, group: &'static str, topics: &'static [&'static str]) -> Vec<(String, i64)> {
    let mut config = world.system.broker.connection().config();
    config.set("group.id", group);
    let asked = tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = config.create()?;
        let mut lag = Vec::new();
        for topic in topics {
            let metadata = consumer.fetch_metadata(Some(topic), REQUEST)?;
            for partition in metadata.topics()[0].partitions() {
                let mut list = TopicPartitionList::new();
                list.add_partition(topic, partition.id());
                let (low, high) = consumer.fetch_watermarks(topic, partition.id(), REQUEST)?;
                let committed = match consumer.committed_offsets(list, REQUEST)?.elements()[0].offset() {
                    Offset::Offset(offset) => offset,
                    _ => low,
                };
                if committed < high {
                    lag.push((format!("{topic}[{}]", partition.id()), high - committed));
                }
            }
        }
        Ok::<_, rdkafka::error::KafkaError>(lag)
    });
    asked.await.expect("it ends").expect("Kafka answers")
}

#[test]
fn lag_reaches_zero_after_a_member_died_in_the_middle_of_events() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 20_000).await;
        world.replica("payment", "payment-2", &[]).await;
        let mut orders = Vec::new();
        for round in 0..3 {
            world.system.kill("payment-2").expect("it dies");
            world.system.spawn("payment", "payment-2", &[]).expect("it starts again");
            // Events through all of the rebalances that this means.
            let readiness = format!("{}/readyz", world.system.find("payment-2").expect("it runs").url);
            let since = Instant::now();
            let mut seen = String::new();
            while seen != "200" || orders.len() < 40 * (round + 1) {
                assert!(
                    since.elapsed() < PATIENCE,
                    "payment-2 does not get ready within {PATIENCE:?}; last seen: {seen}"
                );
                let order = world.place(&[(&chair, 1)], "tok_visa", "Vienna").await;
                world.appears(&order, "inventory.reserved").await;
                orders.push(order);
                seen = match world.shop.get(&readiness).await {
                    Ok(answer) => answer.status.to_string(),
                    Err(error) => format!("{error:#}"),
                };
            }
        }
        for order in &orders {
            world.eventually(order, "completed").await;
        }
        // Nothing comes any more.
        world
            .until("payment has committed all that it handled", || async {
                let lag = lag(world, "payment", &["inventory-events", "shipping-events"]).await;
                if lag.is_empty() { Ok(()) } else { Err(format!("{lag:?}")) }
            })
            .await;
        world.system.stop("payment-2").await.expect("it stops");
    });
}

/// Of a replica's metrics: its partitions that are behind, and by how much.
async fn told_lag(world: &World, replica: &str) -> BTreeMap<String, f64> {
    let running = world.system.find(replica).expect("it runs");
    // It may not listen yet.
    let text = world.shop.text(&format!("{}/metrics", running.admin)).await.unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.strip_prefix("saga_consumer_lag_messages")?.rsplit_once(' '));
    let figures = lines.filter_map(|(labels, lag)| Some((labels.to_owned(), lag.parse().ok()?)));
    figures.filter(|(_, lag)| *lag > 0.0).collect()
}

#[test]
fn the_lag_of_a_partition_that_moved_is_told_by_its_owner_alone() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 100).await;
        // Payment gets nowhere while its table is locked.
        let mut session = world.database("payment").await;
        let mut lock = session.begin().await.expect("a transaction");
        sqlx::query("LOCK TABLE payments IN EXCLUSIVE MODE").execute(&mut *lock).await.expect("the table is locked");
        let mut orders = Vec::new();
        for _ in 0..60 {
            orders.push(world.place(&[(&chair, 1)], "tok_visa", "Vienna").await);
        }
        let all = |lag: &BTreeMap<String, f64>| lag.values().sum::<f64>();
        world
            .until("payment tells its lag", || async {
                let lag = told_lag(world, "payment").await;
                if lag.len() > 3 && all(&lag) >= 60.0 { Ok(()) } else { Err(format!("{lag:?}")) }
            })
            .await;
        // It can't get ready before the lock is gone, but it gets its share of the partitions.
        world.system.spawn("payment", "payment-2", &[]).expect("it starts");
        world
            .until("each partition's lag is told once", || async {
                let (first, second) = (told_lag(world, "payment").await, told_lag(world, "payment-2").await);
                let twice = first.keys().any(|partition| second.contains_key(partition));
                let done = !twice && !second.is_empty() && all(&first) + all(&second) == 60.0;
                if done { Ok(()) } else { Err(format!("{first:?} and {second:?}")) }
            })
            .await;
        lock.rollback().await.expect("the lock is let go");
        for order in &orders {
            world.eventually(order, "completed").await;
        }
        world.system.stop("payment-2").await.expect("it stops");
    });
}
