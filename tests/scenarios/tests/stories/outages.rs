//! Kafka itself dies and comes back, or PostgreSQL.

use harness::{World, story_alone};
use local::shop;
use sqlx::Executor;
use tokio::task::JoinSet;

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

/// Places orders, and kills PostgreSQL once some of them are accepted: the others are in the middle of a batch then, and so is what
/// follows from the first. Those that were accepted, by now or in spite of it.
async fn place_until_postgresql_dies(world: &'static World, chair: &str) -> Vec<String> {
    let mut requests = JoinSet::new();
    for _ in 0..60 {
        let body = shop::order(&[(chair, 1)], "tok_visa", "Vienna");
        requests.spawn(async move { world.post_order(&world.system.url("order"), &body, &[]).await });
    }
    // Numbers that are given out once more: nothing tells the restarted server that a transaction had them.
    let mut never_committed = world.database("order").await;
    never_committed.execute("BEGIN").await.expect("a transaction");
    let mut accepted = Vec::new();
    while let Some(answer) = requests.join_next().await {
        let answer = answer.expect("no request panics");
        if answer.status == 202 {
            accepted.push(answer.body["orderId"].as_str().expect("an order id").to_owned());
        }
        if accepted.len() == 20 {
            let drawn = never_committed.execute("SELECT nextval('outbox_number') FROM generate_series(1, 1000)");
            drawn.await.expect("numbers are drawn");
            world.system.postgres.kill().expect("PostgreSQL is gone");
        }
    }
    accepted
}

/// Waits until the events of these orders that a service wrote down are all on the topics.
async fn has_published_all_of(world: &World, service: &str, orders: &[String]) {
    world
        .until(&format!("all that {service} wrote down is published"), || async {
            let mut database = world.database(service).await;
            let ids: Vec<String> = sqlx::query_scalar(
                "WITH mine AS MATERIALIZED (SELECT payload FROM outbox WHERE key = ANY($1) AND topic NOT LIKE '%.dlq')
                 SELECT convert_from(payload, 'UTF8')::jsonb->>'id' FROM mine",
            )
            .bind(orders.iter().map(|order| order.as_bytes().to_vec()).collect::<Vec<_>>())
            .fetch_all(&mut database)
            .await
            .expect("the outbox can be read");
            let missing = ids.iter().filter(|id| world.log.find(|record| record.event_id() == **id).is_empty()).count();
            if !ids.is_empty() && missing == 0 {
                Ok(())
            } else {
                Err(format!("{missing} of {} are missing", ids.len()))
            }
        })
        .await;
}

#[test]
fn sagas_go_on_and_no_outbox_keeps_anything_each_time_postgresql_was_killed_amid_batches() {
    story_alone(|world| async move {
        let chair = world.stocked("chair", 500).await;
        let mut orders = Vec::new();
        for _ in 0..3 {
            let accepted = place_until_postgresql_dies(world, &chair).await;
            world.system.postgres.restart().await.expect("PostgreSQL is back");
            for order in &accepted {
                world.eventually(order, "completed").await;
            }
            orders.extend(accepted);
        }
        for service in world.system.services() {
            has_published_all_of(world, service, &orders).await;
        }
    });
}
