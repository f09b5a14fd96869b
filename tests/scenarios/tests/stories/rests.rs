//! A topic of which a service ignores nearly all is read ten times a second at most. Nothing of it is lost, whoever reads it.

use std::time::Instant;

use futures::future::join_all;
use harness::{PATIENCE, World, story_alone};

use crate::lag::lag;

/// Orders that are on their way at once.
const AT_ONCE: usize = 16;

/// How often a replica let a topic rest since it began.
async fn rests(world: &World, replica: &str, topic: &str) -> u64 {
    let running = world.system.find(replica).expect("it runs");
    // It may not listen yet.
    let text = world.shop.text(&format!("{}/metrics", running.admin)).await.unwrap_or_default();
    let begin = format!("saga_consumer_rests_total{{topic=\"{topic}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&begin)?.trim().parse().ok()).unwrap_or_default()
}

async fn place(world: &World, chair: &str) -> Vec<String> {
    join_all((0..AT_ONCE).map(|_| async move { world.place(&[(chair, 1)], "tok_visa", "Vienna").await })).await
}

/// Places orders until the replica has let the topic rest so often again; which.
async fn place_until_it_rests(world: &World, chair: &str, replica: &str, topic: &str) -> Vec<String> {
    let (began, before, mut orders) = (Instant::now(), rests(world, replica, topic).await, Vec::new());
    loop {
        orders.extend(place(world, chair).await);
        let rested = rests(world, replica, topic).await.saturating_sub(before);
        if rested >= 3 {
            return orders;
        }
        assert!(began.elapsed() < PATIENCE, "{replica} let {topic} rest {rested} times beside {} orders", orders.len());
    }
}

#[test]
fn what_is_handled_of_a_resting_topic_is_handled_and_nothing_of_it_is_lost_when_its_partitions_move() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 100_000).await;
        // Of order's events shipping handles the wish to cancel alone.
        let mut orders = place_until_it_rests(world, &chair, "shipping", "order-events").await;
        let wish = world.place(&[(&chair, 1)], "tok_late", "Vienna").await;
        assert_eq!(world.cancel(&wish).await.status, 202);
        world.eventually(&wish, "cancelled").await;

        // Partitions that rest go to another member, and come back when it dies.
        orders.extend(place_until_it_rests(world, &chair, "shipping", "order-events").await);
        world.replica("shipping", "shipping-2", &[]).await;
        for _ in 0..20 {
            orders.extend(place(world, &chair).await);
        }
        world.system.kill("shipping-2").expect("it dies");
        orders.extend(place_until_it_rests(world, &chair, "shipping", "order-events").await);
        let wish = world.place(&[(&chair, 1)], "tok_late", "Vienna").await;
        assert_eq!(world.cancel(&wish).await.status, 202);
        world.eventually(&wish, "cancelled").await;
        for order in &orders {
            world.eventually(order, "completed").await;
        }

        let groups: [(&str, &[&str]); 4] = [
            ("order", &["inventory-events", "shipping-events"]),
            ("inventory", &["order-events", "payment-events", "shipping-events"]),
            ("payment", &["inventory-events", "shipping-events"]),
            ("shipping", &["payment-events", "order-events"]),
        ];
        for (group, topics) in groups {
            world
                .until(&format!("{group} has committed all that it read"), || async {
                    let lag = lag(world, group, topics).await;
                    if lag.is_empty() { Ok(()) } else { Err(format!("{lag:?}")) }
                })
                .await;
        }
    });
}
