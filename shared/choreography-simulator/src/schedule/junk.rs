//! Messages that no service wrote: no events at all, events that can't be read, and events that were read before.

use std::sync::Arc;

use choreography_core::{outbox::EVENT_TYPE, store::OutboxMessage, trace::Header};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::{
    core::{Core, lock, sleep},
    kafka::Kafka,
    replica::Task,
    system::{Junk, System},
};

const MESSAGES: usize = 5;

pub fn vandal(system: &System) -> Task {
    let (core, kafka, junk) = (system.core.clone(), system.kafka.clone(), system.junk());
    Task::new(async move {
        for _ in 0..MESSAGES {
            sleep(&core, core.pick(2_000)).await;
            if let Some(junk) = junk.get(core.pick(junk.len())) {
                scribble(&core, &kafka, junk);
            }
        }
    })
}

fn scribble(core: &Arc<Core>, kafka: &Kafka, junk: &Junk) {
    let any = |types: &[&'static str]| types.get(core.pick(types.len())).copied();
    let key = core.uuid();
    let event = |id: Uuid, event_type: &str, version: u32, payload: &str| {
        let (time, source) = (core.now().to_rfc3339(), "stranger");
        let json = format!(
            r#"{{"id":"{id}","type":"{event_type}","version":{version},"timestamp":"{time}","correlationId":"{key}","aggregateId":"{key}","payload":{payload},"source":"{source}"}}"#
        );
        Some(json.into_bytes())
    };
    let own = any(&junk.own).unwrap_or("weather.changed");
    let foreign = any(&junk.foreign).unwrap_or("weather.changed");
    let id = core.uuid();
    let kind = core.pick(10);
    // Every other one. What a header names may be skipped by it, so what it names is handled by some.
    let headers = match kind == 7 && id.as_u128().is_multiple_of(2) {
        true => vec![Header::text(EVENT_TYPE, own)],
        false => Vec::new(),
    };
    let (what, payload) = match kind {
        0 => ("no JSON", Some(b"no event".to_vec())),
        1 => ("no value", None),
        2 => ("a list", Some(b"[]".to_vec())),
        3 => ("an unknown version", event(id, own, 99, "{}")),
        4 => ("another's topic", event(id, foreign, 1, "{}")),
        5 => ("a wrong payload", event(id, own, 1, "{}")),
        6 => ("an id without a time", event(Uuid::nil(), own, 1, "{}")),
        7 if headers.is_empty() => ("a type that no service handles", event(id, "weather.changed", 1, "{}")),
        7 => ("a header that contradicts", event(id, "weather.changed", 1, "{}")),
        8 => return repeat(core, kafka, junk.topic, None),
        _ => {
            let at: DateTime<Utc> = core.now() - TimeDelta::days(40);
            return repeat(core, kafka, junk.topic, Some(core.uuid_at(at)));
        }
    };
    core.count("junk", what);
    let key = Some(key.to_string().into_bytes());
    lock(kafka).append(OutboxMessage { topic: junk.topic.to_owned(), key, payload, headers, nth: None });
}

/// A message of the topic once more, as it was or under another id.
fn repeat(core: &Arc<Core>, kafka: &Kafka, topic: &str, id: Option<Uuid>) {
    let mut broker = lock(kafka);
    let all: Vec<_> = broker.logs.iter().filter(|((of, _), _)| of == topic).flat_map(|(_, log)| log).collect();
    let Some(chosen) = all.get(core.pick(all.len())) else { return };
    let payload = chosen.payload.as_ref().map(|bytes| bytes.to_vec());
    let (key, mut payload, headers) = (chosen.key.clone(), payload, chosen.headers.clone());
    if let (Some(id), Some(bytes)) = (id, &payload) {
        let Ok(mut event) = choreography_core::envelope::Envelope::parse(None, Some(bytes)) else { return };
        event.id = id;
        payload = Some(event.to_bytes());
    }
    core.count("junk", if id.is_some() { "an id of another time" } else { "a repeat" });
    broker.append(OutboxMessage { topic: topic.to_owned(), key, payload, headers, nth: None });
}
