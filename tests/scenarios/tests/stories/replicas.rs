//! Two of everything.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use harness::{PATIENCE, World, story_alone};

/// Waits until each live relay of a service holds so many of its 12 key ranges as `fits` says, given how many relays hold
/// some and how many this one holds.
async fn ranges_held(world: &World, service: &str, what: &str, fits: impl Fn(usize, i64) -> bool) {
    let mut db = world.database(service).await;
    let db = &mut db;
    let mut seen = Vec::new();
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        seen = sqlx::query_scalar::<_, i64>(
            "SELECT count(*) FROM outbox_ranges WHERE range < 12 AND expires_at > now() GROUP BY holder ORDER BY 1",
        )
        .fetch_all(&mut *db)
        .await
        .expect("the leases can be read");
        if seen.iter().sum::<i64>() == 12 && seen.iter().all(|ranges| fits(seen.len(), *ranges)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{service:?}: {what}: not seen; last: {seen:?}");
}

#[test]
fn two_replicas_of_every_service_keep_key_order_and_one_effect() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 500).await;
        for service in world.system.services() {
            world.replica(service, &format!("{service}-2"), &[]).await;
        }
        for service in world.system.services() {
            let half = |_, ranges| ranges == 6;
            ranges_held(world, service, "both relays have their share", half).await;
        }
        let second = world.system.find("order-2").expect("it runs").url;
        let mut orders = Vec::new();
        for number in 0..60 {
            let city = if number % 4 == 0 { "Nowhere" } else { "Vienna" };
            let url = if number % 2 == 0 { world.system.url("order") } else { second.clone() };
            orders.push(world.place_at(&url, &[(&chair, 1)], "tok_visa", city).await);
        }
        for order in &orders {
            world
                .until(&format!("order {order} ended"), || async {
                    let path = world.log.path_of(order);
                    let ended = path.iter().any(|event| event == "order.completed" || event == "order.cancelled");
                    if ended { Ok(()) } else { Err(format!("{path:?}")) }
                })
                .await;
            // Within a topic, events of an order first appear in the order in which they were committed.
            let mut by_topic: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for record in world.log.find(|record| record.is_keyed(order)) {
                let seen = by_topic.entry(record.topic.clone()).or_default();
                let event_type = record.event_type();
                if !seen.contains(&event_type) {
                    seen.push(event_type);
                }
            }
            let orders = &by_topic["order-events"];
            assert_eq!(orders[0], "order.placed", "{by_topic:?}");
            assert_eq!(orders.len(), 2, "{by_topic:?}");
            assert_eq!(by_topic["inventory-events"][0], "inventory.reserved", "{by_topic:?}");
            assert_eq!(by_topic["payment-events"][0], "payment.succeeded", "{by_topic:?}");
        }
        for service in world.system.services() {
            world.system.kill(&format!("{service}-2")).expect("it dies");
        }
        for service in world.system.services() {
            ranges_held(world, service, "the relay that is left has all ranges", |relays, _| relays == 1).await;
        }
    });
}
