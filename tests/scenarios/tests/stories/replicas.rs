//! Two of everything.

use std::collections::BTreeMap;

use harness::{Service, story_alone};

/// With few ranges each, both relays of a service have some.
const HALF: [(&str, &str); 1] = [("RELAY_RANGES", "6")];

#[test]
fn two_replicas_of_every_service_keep_key_order_and_one_effect() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 500).await;
        for service in Service::SHOP {
            world.system.stop(service.name()).await.expect("it drains");
            world.replica(service, service.name(), &HALF).await;
            world.replica(service, &format!("{}-2", service.name()), &HALF).await;
        }
        let second = world.system.find("order-2").expect("it runs").url;
        let mut orders = Vec::new();
        for number in 0..60 {
            let city = if number % 4 == 0 { "Nowhere" } else { "Vienna" };
            let url = if number % 2 == 0 { world.system.url(Service::Order) } else { second.clone() };
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
            // Within a topic, facts of an order first appear in the order in which they were committed.
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
        // Alone, a relay has to hold all ranges again.
        for service in Service::SHOP {
            world.system.stop(&format!("{}-2", service.name())).await.expect("it drains");
            world.system.stop(service.name()).await.expect("it drains");
            world.replica(service, service.name(), &[]).await;
        }
    });
}
