//! Two services in one file and in memory: a bar makes the coffee that is ordered, a till takes the money once it is ready.

use choreography::{DecodeError, Event, EventType, Moment, Reacts, Refusal, Routes, Service};
use choreography::{nothing, publish, table, testing::InMemory};
use serde::{Deserialize, Serialize};

macro_rules! event {
    ($event:ident = $name:literal on $topic:literal of $owner:literal) => {
        #[derive(Debug, Serialize, Deserialize)]
        struct $event {
            cup: String,
        }
        impl Event for $event {
            const TYPE: EventType = EventType { name: $name, version: 1, topic: $topic, owner: $owner };
            const FAMILY: &'static [EventType] = &[Ordered::TYPE, Ready::TYPE];
            fn aggregate_id(&self) -> String {
                self.cup.clone()
            }
            fn read(_version: u32, payload: &str) -> Result<Self, DecodeError> {
                let wrong =
                    |e: serde_json::Error| DecodeError::Payload { path: "payload".into(), problem: e.to_string() };
                serde_json::from_str(payload).map_err(wrong)
            }
            fn write(&self) -> Result<String, Refusal> {
                serde_json::to_string(self).map_err(|error| Refusal::Permanent(error.to_string()))
            }
        }
    };
}

event!(Ordered = "coffee.ordered" on "web-events" of "web");
event!(Ready = "coffee.ready" on "bar-events" of "bar");

/// What each service remembers of a cup, in a table of its own.
#[derive(Clone, Debug, Default, PartialEq)]
struct Cup {
    done: bool,
}
table!(Cup in cups by cup: done);

struct Bar;
impl Service for Bar {
    type Aggregate = Cup;
    const NAME: &'static str = "bar";
    fn routes(on: &mut Routes<Self>) {
        on.event(brew);
        on.publishes::<Ready>();
    }
}

fn brew(ordered: &Ordered, cup: &mut Cup, _at: &Moment<'_, Bar>) -> Reacts {
    let brewed = std::mem::replace(&mut cup.done, true);
    Ok(if brewed { nothing() } else { publish(Ready { cup: ordered.cup.clone() }) })
}

struct Till;
impl Service for Till {
    type Aggregate = Cup;
    const NAME: &'static str = "till";
    fn routes(on: &mut Routes<Self>) {
        on.event(take_money);
    }
}

fn take_money(_ready: &Ready, cup: &mut Cup, _at: &Moment<'_, Till>) -> Reacts {
    cup.done = true;
    Ok(nothing())
}

pub fn main() {
    let mut cafe = InMemory::default().with(Bar).with(Till);
    // A guest who orders twice gets one coffee.
    for _ in 0..2 {
        cafe.event(Ordered { cup: "ada's".into() }).expect("the bar takes it");
    }
    assert_eq!(cafe.published(), ["coffee.ordered", "coffee.ready", "coffee.ordered"]);
    assert_eq!(cafe.find::<Till, Cup>("ada's"), Cup { done: true });
    println!("ada's coffee is ready, and paid for");
}
