//! What must hold once every order has ended.

use std::collections::{BTreeMap, BTreeSet};

use harness::World;
use local::audit;
use provision::choreography::PARTS;

use crate::clients::Kind;

/// What keeps something that is not done with, or waits for an operator.
const WAITING: [(&str, &str); 6] = [
    ("deferred events", "SELECT count(*) FROM held_events"),
    ("dead messages", "SELECT count(*) FROM dead_messages"),
    ("keys that Kafka refuses", "SELECT count(*) FROM stopped_keys"),
    ("calls without an answer", "SELECT count(*) FROM intents"),
    ("deadlines", "SELECT count(*) FROM deadlines"),
    (
        "messages that are not published",
        "SELECT count(*) FROM outbox o JOIN outbox_ranges r USING (range) WHERE o.number > r.published_through
         AND NOT EXISTS (SELECT FROM outbox_blocks b WHERE b.range = o.range AND o.number = ANY(b.numbers))",
    ),
];

/// Waits until everything has ended, and holds the whole against what must be so then.
pub async fn check(world: &World, placed: &[(String, Kind)]) {
    world
        .until("nothing is under way, and all adds up", || async {
            let mut found = audit::check(&world.system).await.map_err(|error| error.to_string())?;
            found.extend(waiting(world).await);
            if found.is_empty() { Ok(()) } else { Err(found.join("; ")) }
        })
        .await;
    each_order_ended_as_it_must(world, placed).await;
    let published = published(world).await;
    each_event_is_on_its_topic(world, &published).await;
    each_reader_took_each_event(world).await;
    events_appeared_in_order(world, &published);
    let dead = world.log.find(|record| record.topic.ends_with(".dlq"));
    assert!(dead.is_empty(), "dead letters: {dead:?}");
}

async fn waiting(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for service in world.system.services() {
        let mut database = world.database(service).await;
        for (what, count) in WAITING {
            let count: i64 = sqlx::query_scalar(count).fetch_one(&mut database).await.expect(what);
            if count > 0 {
                found.push(format!("{service} has {count} {what}"));
            }
        }
    }
    found
}

async fn each_order_ended_as_it_must(world: &World, placed: &[(String, Kind)]) {
    let ended: BTreeMap<String, String> = sqlx::query_as("SELECT order_id, status FROM orders")
        .fetch_all(&mut world.database("order").await)
        .await
        .expect("the orders can be read")
        .into_iter()
        .collect();
    assert_eq!(ended.len(), placed.len(), "each request made one order, however often it was sent");
    for (id, kind) in placed {
        let end = ended.get(id).map(String::as_str);
        assert!(kind.ends.is_none() || end == kind.ends, "order {id} is {end:?}: {kind:?}");
    }
}

/// A topic, a key, and an event's id.
type Published = (String, String, String);

/// What the services' outboxes have, service by service in the order of their numbers.
async fn published(world: &World) -> Vec<Published> {
    let mut all = Vec::new();
    for service in world.system.services() {
        let rows: Vec<Published> = sqlx::query_as(
            "SELECT topic, convert_from(key, 'UTF8'), convert_from(payload, 'UTF8')::jsonb ->> 'id' FROM outbox ORDER BY number",
        )
        .fetch_all(&mut world.database(service).await)
        .await
        .expect("the outbox can be read");
        all.extend(rows);
    }
    all
}

async fn each_event_is_on_its_topic(world: &World, published: &[Published]) {
    let committed: BTreeSet<(&str, &str)> =
        published.iter().map(|(topic, _, id)| (topic.as_str(), id.as_str())).collect();
    world
        .until("the topics hold what the outboxes hold", || async {
            let seen = world.log.find(|_| true);
            let seen: BTreeSet<(String, String)> =
                seen.into_iter().map(|record| (record.topic.clone(), record.event_id())).collect();
            let seen: BTreeSet<(&str, &str)> = seen.iter().map(|(topic, id)| (topic.as_str(), id.as_str())).collect();
            let differing: Vec<_> = committed.symmetric_difference(&seen).take(5).collect();
            if differing.is_empty() { Ok(()) } else { Err(format!("{differing:?}")) }
        })
        .await;
}

/// One effect: a row of the inbox for each event that a service handles, whichever build handled it.
async fn each_reader_took_each_event(world: &World) {
    for part in PARTS.iter() {
        let rows: Vec<String> = sqlx::query_scalar("SELECT event_id::text FROM inbox")
            .fetch_all(&mut world.database(&part.service).await)
            .await
            .expect("the inbox can be read");
        let inbox: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
        assert_eq!(inbox.len(), rows.len(), "{} took an event twice", part.service);
        let handled = world.log.find(|record| part.handles.contains(&record.event_type()));
        let handled: BTreeSet<String> = handled.iter().map(|record| record.event_id()).collect();
        let handled: BTreeSet<&str> = handled.iter().map(String::as_str).collect();
        let differing: Vec<_> = handled.symmetric_difference(&inbox).take(5).collect();
        assert!(differing.is_empty(), "{}: in its inbox or on the topics alone: {differing:?}", part.service);
    }
}

/// Of each key on each topic, events first appear in the order in which they were committed.
fn events_appeared_in_order(world: &World, published: &[Published]) {
    let mut seen = BTreeSet::new();
    let appeared = world.log.find(|_| true).into_iter().filter_map(|record| {
        let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned();
        let event = (record.topic.clone(), key, record.event_id());
        seen.insert(event.clone()).then_some(event)
    });
    let (appeared, committed) = (by_key(appeared), by_key(published.iter().cloned()));
    for (key, events) in &committed {
        assert_eq!(appeared.get(key), Some(events), "the order of the events of {key:?}");
    }
}

fn by_key(events: impl Iterator<Item = Published>) -> BTreeMap<(String, String), Vec<String>> {
    let mut keys: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for (topic, key, id) in events {
        keys.entry((topic, key)).or_default().push(id);
    }
    keys
}
