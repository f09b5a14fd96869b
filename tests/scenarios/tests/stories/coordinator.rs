//! A replica that can't reach the coordinator of its group goes on handling, and cannot commit. Another that takes over repeats
//! it, and each event has one effect.

use std::time::Duration;

use harness::{KafkaProxy, Loss, OF_THE_COORDINATOR, OFFSET_COMMIT, Pieces, Typed, World, story_behind_proxy, typed};
use local::{shop::Answer, system::Running};
use serde_json::json;
use uuid::Uuid;

use super::lag::lag;

const TOPICS: &[&str] = &["order-events", "payment-events", "shipping-events"];
const EACH_TIME: usize = 6;
const STOCK: i64 = 100;
/// So soon a replica that the coordinator does not hear is out of the group.
const SESSION: Duration = Duration::from_secs(6);

struct Story {
    world: World,
    proxy: KafkaProxy,
    chair: String,
    placed: Vec<Typed>,
}

impl Story {
    async fn begin(world: World, proxy: KafkaProxy) -> Self {
        let by_proxy = proxy.address.to_string();
        replica(&world, "inventory", &[("KAFKA_BROKERS", by_proxy.as_str())]).await;
        let chair = world.stocked("chair", STOCK).await;
        Self { world, proxy, chair, placed: Vec::new() }
    }

    /// Some orders more are placed; waits until the stock of all of them is set aside.
    async fn orders(&mut self) {
        for _ in 0..EACH_TIME {
            let payload = json!({"userId": "ada", "totalAmount": 100, "currency": "EUR",
                                 "items": [{"sku": self.chair, "quantity": 1, "price": 100}]});
            let order = typed("order.placed", &Uuid::now_v7().to_string(), payload);
            self.world.type_in("order-events", &order).await;
            self.placed.push(order);
        }
        let reserved = i64::try_from(self.placed.len()).expect("a small number");
        let expected = Pieces { available: STOCK - reserved, reserved, shipped: 0 };
        self.world
            .until("stock is set aside for all orders", || async {
                let pieces = self.world.pieces(&self.chair).await;
                if pieces == expected { Ok(()) } else { Err(format!("{pieces:?}")) }
            })
            .await;
    }

    async fn uncommitted(&self, expected: usize) {
        self.world
            .until(&format!("{expected} events are not committed"), || async {
                let lag = lag(&self.world, "inventory", TOPICS).await;
                let sum = lag.iter().map(|(_, lag)| lag).sum::<i64>();
                if i64::try_from(expected) == Ok(sum) { Ok(()) } else { Err(format!("{lag:?}")) }
            })
            .await;
    }

    async fn repeats(&self, expected: usize) {
        self.world
            .until(&format!("{expected} repeats were skipped"), || async {
                let seen = self.world.repeats("inventory").await;
                if u64::try_from(expected) == Ok(seen) { Ok(()) } else { Err(format!("{seen}")) }
            })
            .await;
    }

    async fn says(&self, replica: &str, status: u16, what: &str) {
        let url = format!("{}/readyz", self.find(replica).url);
        self.world
            .until(&format!("{replica} says {what}"), || async {
                let text = self.world.shop.text(&url).await.map_err(|error| error.to_string())?;
                let Answer { status: seen, .. } = self.world.shop.get(&url).await.map_err(|error| error.to_string())?;
                if seen == status && text.contains(what) { Ok(()) } else { Err(format!("{seen} {text}")) }
            })
            .await;
    }

    fn find(&self, replica: &str) -> Running {
        self.world.system.find(replica).expect("it runs")
    }

    /// Waits until a metric of a replica, over all its labels, is as it should be.
    async fn tells(&self, replica: &str, metric: &str, fits: impl Fn(f64) -> bool) {
        let url = format!("{}/metrics", self.find(replica).admin);
        self.world
            .until(&format!("{replica} tells {metric}"), || async {
                let text = self.world.shop.text(&url).await.map_err(|error| error.to_string())?;
                let lines = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(metric));
                let sum = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
                if fits(sum) { Ok(()) } else { Err(format!("{sum}")) }
            })
            .await;
    }

    async fn each_has_had_one_effect(&self) {
        for order in &self.placed {
            self.world.appears(&order.key, "inventory.reserved").await;
            assert_eq!(self.world.effects("inventory", order.id()).await, 1, "{}", order.key);
            let events = self.world.events(&order.key, "inventory.reserved");
            assert!(events.iter().all(|event| event.event_id() == events[0].event_id()), "{events:?}");
        }
        let mut db = self.world.database("inventory").await;
        let reserved = sqlx::query_scalar("SELECT count(*) FROM stock_ledger WHERE change = 'reserve' AND sku = $1");
        let reserved: i64 = reserved.bind(&self.chair).fetch_one(&mut db).await.expect("the ledger can be read");
        assert_eq!(usize::try_from(reserved), Ok(self.placed.len()));
    }
}

async fn replica(world: &World, name: &str, env: &[(&str, &str)]) {
    let mut all = vec![("KAFKA_GROUP_PROTOCOL", "consumer")];
    all.extend(env);
    world.replica("inventory", name, &all).await;
}

#[test]
fn what_a_replica_without_its_coordinator_handles_is_repeated_by_another_and_has_one_effect() {
    let milliseconds = |name: &str, time: Duration| (name.to_owned(), time.as_millis().to_string());
    let properties = vec![
        milliseconds("group.consumer.min.session.timeout.ms", SESSION),
        milliseconds("group.consumer.session.timeout.ms", SESSION),
        milliseconds("group.consumer.min.heartbeat.interval.ms", Duration::from_secs(1)),
        milliseconds("group.consumer.heartbeat.interval.ms", Duration::from_secs(1)),
    ];
    story_behind_proxy(&["inventory"], properties, |world, proxy| async move {
        let mut story = Story::begin(world, proxy).await;
        story.orders().await;
        story.uncommitted(0).await;

        story.proxy.hold_back(Loss::Silence, &OF_THE_COORDINATOR);
        story.orders().await;
        story.uncommitted(EACH_TIME).await;
        story.tells("inventory", "saga_consumer_lag_messages", |lag| lag == EACH_TIME as f64).await;
        story.tells("inventory", "saga_consumer_commits_failed_total", |failed| failed > 0.0).await;
        story.says("inventory", 503, "the coordinator of the consumer group").await;
        assert!(story.proxy.held_back(OFFSET_COMMIT) > 0);

        replica(&story.world, "inventory-2", &[]).await;
        story.repeats(EACH_TIME).await;
        story.uncommitted(0).await;
        // From here on both read all partitions.
        story.orders().await;
        story.repeats(2 * EACH_TIME).await;
        for replica in ["inventory", "inventory-2"] {
            story.tells(replica, "saga_consumer_partitions", |partitions| partitions == 18.0).await;
        }
        story.uncommitted(0).await;

        story.proxy.pass();
        for replica in ["inventory", "inventory-2"] {
            story.says(replica, 200, "ready, with 9 partitions").await;
        }
        story.orders().await;
        story.uncommitted(0).await;
        story.repeats(2 * EACH_TIME).await;
        story.each_has_had_one_effect().await;
    });
}
