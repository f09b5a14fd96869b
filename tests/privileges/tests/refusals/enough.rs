//! What the services may do is enough: orders end well and badly, and what is no event is dead-lettered.

use local::producer::Producer;
use local::shop::order;
use provision::choreography::PARTS;
use uuid::Uuid;

use crate::world::{World, test};

async fn ends(world: &World, token: &str, city: &str, status: &str) {
    let customer = world.customer("ada");
    let mut order = order(&[("stool", 1)], token, city);
    order["userId"] = "ada".into();
    let id = world.place(&customer, &order).await;
    let url = format!("{}/{id}", world.orders());
    world
        .until(&format!("{id} is {status}"), || async {
            // The clerk is not held up by the customers' rate.
            let answer = world.back_office.get(&url).await.map_err(|error| error.to_string())?;
            if answer.body["status"] == status { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
}

#[test]
fn orders_are_completed_and_compensated() {
    test(|world| async {
        world.stock("stool").await;
        ends(world, "tok_visa", "Vienna", "completed").await;
        ends(world, "tok_declined", "Vienna", "cancelled").await;
        ends(world, "tok_visa", "Nowhere", "cancelled").await;
    });
}

#[test]
fn each_reader_may_dead_letter_what_is_no_event() {
    test(|world| async {
        let producer = Producer::connect(&world.system.broker.connection()).expect("a producer");
        let running = world.system.services();
        for &topic in contracts::topic::ALL {
            let key = Uuid::now_v7().to_string();
            producer.send(topic, &key, b"no event", &[]).await.expect("Kafka takes it from its administrator");
            let readers = PARTS.iter().filter(|part| running.contains(&part.service.as_str()));
            let readers = readers.filter(|part| part.reads.iter().any(|read| read == topic)).count();
            world
                .until(&format!("{readers} dead letters of {topic}"), || async {
                    let dead = world.log.find(|record| record.topic.ends_with(".dlq") && record.is_keyed(&key));
                    if dead.len() == readers { Ok(()) } else { Err(format!("{} of {readers}", dead.len())) }
                })
                .await;
        }
    });
}
