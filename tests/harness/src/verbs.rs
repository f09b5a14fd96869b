//! What a story can do and see.

use std::sync::atomic::{AtomicU32, Ordering};

use local::shop::{Answer, order};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use crate::{Record, Typed, World};

static SKUS: AtomicU32 = AtomicU32::new(0);

/// Of one order, in the currency's minor unit, by the provider's ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    pub captured: i64,
    pub refunded: i64,
}

/// Of one SKU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pieces {
    pub available: i64,
    pub reserved: i64,
    pub shipped: i64,
}

impl World {
    /// A SKU of this story's own with so many pieces on hand.
    pub async fn stocked(&self, name: &str, on_hand: i64) -> String {
        let sku = format!("{name}-{}", SKUS.fetch_add(1, Ordering::Relaxed));
        let url = format!("{}/stock/{sku}", self.system.url("inventory"));
        let answer = self.shop.put(&url, &json!({ "onHand": on_hand })).await.expect("inventory answers");
        assert_eq!(answer.status, 200, "{answer:?}");
        sku
    }

    pub async fn pieces(&self, sku: &str) -> Pieces {
        let url = format!("{}/stock/{sku}", self.system.url("inventory"));
        let body = self.shop.get(&url).await.expect("inventory answers").body;
        let count = |name: &str| body[name].as_i64().unwrap_or(-1);
        Pieces { available: count("available"), reserved: count("reserved"), shipped: count("shipped") }
    }

    /// Places an order with the first order replica; the id.
    pub async fn place(&self, items: &[(&str, u32)], token: &str, city: &str) -> String {
        self.place_at(&self.system.url("order"), items, token, city).await
    }

    pub async fn place_at(&self, url: &str, items: &[(&str, u32)], token: &str, city: &str) -> String {
        let answer = self.post_order(url, &order(items, token, city), &[]).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.body["orderId"].as_str().expect("an order id").to_owned()
    }

    pub async fn post_order(&self, url: &str, body: &Value, headers: &[(&str, &str)]) -> Answer {
        self.shop.post(&format!("{url}/orders"), body, headers).await.expect("order answers")
    }

    pub async fn cancel(&self, id: &str) -> Answer {
        let url = format!("{}/orders/{id}/cancel", self.system.url("order"));
        self.shop.post(&url, &Value::Null, &[]).await.expect("order answers")
    }

    pub async fn status(&self, id: &str) -> String {
        let url = format!("{}/orders/{id}", self.system.url("order"));
        match self.shop.get(&url).await {
            Ok(answer) => answer.body["status"].as_str().unwrap_or("unknown").to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// Waits until the order has this status and its terminal event stands on the topic.
    pub async fn eventually(&self, id: &str, status: &str) {
        self.until(&format!("order {id} is {status}"), || async {
            let seen = self.status(id).await;
            let path = self.log.path_of(id);
            let terminal = format!("order.{status}");
            if seen == status && path.contains(&terminal) { Ok(()) } else { Err(format!("{seen}, {path:?}")) }
        })
        .await;
    }

    /// Waits until an event of this type stands under the key.
    pub async fn appears(&self, id: &str, event_type: &str) -> Record {
        self.until(&format!("{event_type} of {id}"), || async {
            let found =
                self.log.find(|record| record.is_keyed(id) && record.event_type() == event_type && !is_dead(record));
            found.into_iter().next().ok_or_else(|| format!("{:?}", self.log.path_of(id)))
        })
        .await
    }

    /// How often each event of a type stands under the key, by event id.
    pub fn events(&self, id: &str, event_type: &str) -> Vec<Record> {
        self.log.find(|record| record.is_keyed(id) && record.event_type() == event_type && !is_dead(record))
    }

    pub async fn money(&self, id: &str) -> Money {
        let url = format!("{}/v1/ledger/{id}", self.system.sandbox().url);
        let body = self.shop.get(&url).await.expect("the sandbox answers").body;
        let sum = |name: &str| {
            let entries = body[name].as_array().cloned().unwrap_or_default();
            let done = entries.iter().filter(|entry| entry["status"] == "succeeded");
            done.filter_map(|entry| entry["amount"].as_i64()).sum()
        };
        Money { captured: sum("charges"), refunded: sum("refunds") }
    }

    pub async fn type_in(&self, topic: &str, message: &Typed) {
        self.producer.send(topic, &message.key, &message.bytes(), &[]).await.expect("Kafka takes it");
    }

    /// The dead letters under a key that a consumer group gave up.
    pub fn dead_letters(&self, key: &str, group: &str) -> Vec<Record> {
        self.log.find(|record| {
            is_dead(record) && record.is_keyed(key) && record.header("dead-letter-consumer-group") == Some(group)
        })
    }

    pub async fn dead_lettered(&self, key: &str, group: &str) -> Record {
        self.until(&format!("a dead letter of {group} under {key}"), || async {
            let found = self.dead_letters(key, group);
            found.into_iter().next().ok_or_else(|| "none".to_owned())
        })
        .await
    }

    /// What a service defers under a key, oldest first.
    pub async fn deferred(&self, service: &str, key: &str) -> Vec<Value> {
        let mut deferred = Vec::new();
        let mut after = 0;
        loop {
            let url = format!("{}/admin/deferred?after={after}", self.system.admin_url(service));
            let body = self.operator.get(&url).await.expect("the admin API answers").body;
            let page = body["deferred"].as_array().cloned().unwrap_or_default();
            let Some(last) = page.last() else { return deferred };
            after = last["number"].as_i64().unwrap_or(i64::MAX);
            deferred.extend(page.into_iter().filter(|each| each["key"] == key));
        }
    }

    pub async fn admin(&self, service: &str, path: &str, body: &Value) -> Answer {
        let url = format!("{}/admin/{path}", self.system.admin_url(service));
        self.operator.post(&url, body, &[]).await.expect("the admin API answers")
    }

    pub async fn database(&self, service: &str) -> PgConnection {
        PgConnection::connect(&self.system.database_url(service)).await.expect("the database answers")
    }

    /// How many inbox rows a service has of an event: its one effect.
    pub async fn effects(&self, service: &str, event_id: &str) -> i64 {
        let mut db = self.database(service).await;
        sqlx::query_scalar("SELECT count(*) FROM inbox WHERE event_id = $1::uuid")
            .bind(event_id)
            .fetch_one(&mut db)
            .await
            .expect("the inbox can be read")
    }

    /// How many messages of this key a service has given up as dead, by its own word: a topic of dead letters may have been made anew.
    pub async fn dead_messages(&self, service: &str, key: &str) -> i64 {
        let mut db = self.database(service).await;
        sqlx::query_scalar("SELECT count(*) FROM dead_messages WHERE message_key = $1")
            .bind(key.as_bytes())
            .fetch_one(&mut db)
            .await
            .expect("the dead messages can be counted")
    }

    /// How many repeats all replicas of a service have counted.
    pub async fn repeats(&self, service: &str) -> u64 {
        let mut sum = 0;
        for (name, running) in self.system.running() {
            if name.starts_with(service) {
                let metrics = self.shop.text(&format!("{}/metrics", running.admin)).await.unwrap_or_default();
                let line = metrics.lines().find(|line| line.starts_with("saga_inputs_total{verdict=\"repeated\"}"));
                sum += line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).unwrap_or(0);
            }
        }
        sum
    }

    /// Starts another replica and waits until it is ready.
    pub async fn replica(&self, service: &str, name: &str, env: &[(&str, &str)]) -> String {
        let running = self.system.spawn(service, name, env).expect("the replica starts");
        self.system.wait_ready(name).await.expect("the replica gets ready");
        running.url
    }
}

fn is_dead(record: &Record) -> bool {
    record.topic.ends_with(".dlq")
}
