//! Kafka itself dies and comes back.

use harness::{World, story_alone};

/// Waits until a service has noticed that Kafka is away.
async fn notices(world: &World, service: &str) {
    let url = format!("{}/readyz", world.system.url(service));
    world
        .until(&format!("{service} is not ready"), || async {
            let answer = world.shop.get(&url).await.map_err(|error| error.to_string())?;
            if answer.status == 503 { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
}

#[test]
fn sagas_go_on_by_themselves_each_time_kafka_was_killed_and_is_back() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 50).await;
        let kafka = world.system.broker.kafka().expect("this world has its own Kafka");
        // Whether partitions are taken away while they are paused is chance, so it is tried again.
        for _ in 0..3 {
            let mut orders = Vec::new();
            for city in ["Vienna", "Nowhere"] {
                orders.push((world.place(&[(&chair, 1)], "tok_visa", city).await, city));
            }
            kafka.kill().expect("Kafka is gone");
            // Placing an order takes no Kafka.
            orders.push((world.place(&[(&chair, 1)], "tok_visa", "Vienna").await, "Vienna"));
            for service in world.system.services() {
                notices(world, service).await;
            }
            kafka.restart().await.expect("Kafka is back");
            for (order, city) in &orders {
                world.eventually(order, if *city == "Nowhere" { "cancelled" } else { "completed" }).await;
            }
        }
    });
}
