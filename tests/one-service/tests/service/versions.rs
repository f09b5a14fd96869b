//! Two builds of a service on one database, as while it is upgraded or rolled back. The newer one has added a column and a state.

use choreography_core::{
    DecodeError, Event, EventType, Json, Refusal,
    delivery::Delivery,
    event_id::Ids,
    input::Verdict,
    retry::{self, Limits},
    routes::{Reacts, Routes, Service, nothing},
    table, words,
};
use one_service::OneService;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::migrate::Migrator;
use uuid::Uuid;

use crate::events::{arrive, published};

static MIGRATIONS: Migrator = sqlx::migrate!("tests/cards");

/// Points were earned with a customer's card.
#[derive(Debug)]
struct Earned {
    card: String,
    points: i64,
}

impl Event for Earned {
    const TYPE: EventType = EventType { name: "till.earned", version: 1, topic: "till-events", owner: "till" };
    const FAMILY: &'static [EventType] = &[Self::TYPE];

    fn aggregate_id(&self) -> String {
        self.card.clone()
    }

    fn read(_: u32, payload: &str) -> Result<Self, DecodeError> {
        let wrong = |problem: String| DecodeError::Payload { path: "payload".into(), problem };
        let read: Value = serde_json::from_str(payload).map_err(|error| wrong(error.to_string()))?;
        match (read["card"].as_str(), read["points"].as_i64()) {
            (Some(card), Some(points)) => Ok(Self { card: card.to_owned(), points }),
            _ => Err(wrong(format!("{read} has no card or no points"))),
        }
    }

    fn write(&self) -> Result<String, Refusal> {
        Ok(json!({"card": self.card, "points": self.points}).to_string())
    }
}

fn earned(card: &str, points: i64, offset: i64) -> Delivery {
    published(Uuid::now_v7(), &Earned { card: card.into(), points }, offset)
}

mod older {
    use super::*;

    words! {
        pub enum State {
            #[default]
            None = "none",
            Used = "used",
        }
    }

    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct Card {
        pub state: State,
        pub points: i64,
        pub holder: Json<Holder>,
    }

    table!(Card in cards by card: state, points, holder);

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    pub struct Holder {
        name: String,
    }

    pub struct Cards;

    impl Service for Cards {
        type Aggregate = Card;

        const NAME: &'static str = "cards";

        fn routes(on: &mut Routes<Self>) {
            on.event::<Earned>(|earned, card, _| earn(earned, card));
        }
    }

    fn earn(earned: &Earned, card: &mut Card) -> Reacts {
        (card.state, card.points) = (State::Used, card.points + earned.points);
        Ok(nothing())
    }
}

mod newer {
    use super::*;

    words! {
        pub enum State {
            #[default]
            None = "none",
            Used = "used",
            Gold = "gold",
        }
    }

    #[derive(Clone, Debug, Default, PartialEq)]
    pub struct Card {
        pub state: State,
        pub points: i64,
        pub holder: Json<Holder>,
        pub colour: String,
    }

    table!(Card in cards by card: state, points, holder, colour);

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    pub struct Holder {
        name: String,
        phone: Option<String>,
    }

    pub struct Cards;

    impl Service for Cards {
        type Aggregate = Card;

        const NAME: &'static str = "cards";

        fn routes(on: &mut Routes<Self>) {
            on.event::<Earned>(|earned, card, _| earn(earned, card));
        }
    }

    fn earn(earned: &Earned, card: &mut Card) -> Reacts {
        card.points += earned.points;
        card.holder.0.phone = Some("555".to_owned());
        card.state = if card.points < 100 { State::Used } else { State::Gold };
        card.colour = if card.points < 100 { "red" } else { "yellow" }.to_owned();
        Ok(nothing())
    }
}

/// Both builds on a database that the newer one has migrated.
async fn both() -> (OneService<newer::Cards>, OneService<older::Cards>) {
    let newer = OneService::start(newer::Cards, &MIGRATIONS).await;
    let older = newer.of_another_build(older::Cards);
    (newer, older)
}

async fn cards<S: Service>(world: &OneService<S>) -> Vec<String> {
    world.texts("SELECT concat_ws(' ', card, state, points, colour) FROM cards ORDER BY card").await
}

/// What the build does with what comes.
async fn takes<S: Service>(world: &OneService<S>, deliveries: &[Delivery]) -> Vec<&'static str> {
    arrive(world, deliveries).await.iter().map(Verdict::name).collect()
}

/// What the build does with deferred events, whose time has come.
async fn tries_again<S: Service>(world: &OneService<S>) -> Vec<&'static str> {
    sqlx::query("UPDATE held_events SET due_at = now()").execute(&world.pool).await.expect("their time has come");
    let (handler, limits) = (world.handler(), Limits { keys: 10, per_key: 10, bytes: 1_000_000 });
    let tried = retry::step(&handler, &handler.database, &mut Ids::new(), limits, false).await;
    tried.expect("the database is there").verdicts.iter().flatten().map(Verdict::name).collect()
}

#[tokio::test]
async fn a_column_that_an_older_build_does_not_know_keeps_its_value() {
    let (newer, older) = both().await;
    assert_eq!(takes(&newer, &[earned("ada", 5, 1)]).await, ["applied"]);
    assert_eq!(takes(&older, &[earned("ada", 3, 2), earned("eve", 1, 3)]).await, ["applied", "applied"]);
    assert_eq!(cards(&older).await, ["ada used 8 red", "eve used 1 white"]);
    takes(&newer, &[earned("eve", 1, 4)]).await;
    assert_eq!(cards(&newer).await, ["ada used 8 red", "eve used 2 red"]);
}

#[tokio::test]
async fn a_field_within_json_is_lost_where_an_older_build_writes_the_row() {
    let (newer, older) = both().await;
    takes(&newer, &[earned("ada", 5, 1)]).await;
    let phone = "SELECT coalesce(holder ->> 'phone', 'none') FROM cards";
    assert_eq!(older.texts(phone).await, ["555"]);
    assert_eq!(takes(&older, &[earned("ada", 3, 2)]).await, ["applied"]);
    assert_eq!(older.texts(phone).await, ["none"], "such a field needs a column of its own");
}

#[tokio::test]
async fn a_state_that_an_older_build_does_not_know_waits_for_a_newer_one_and_stops_no_other() {
    let (newer, older) = both().await;
    takes(&newer, &[earned("bob", 100, 1)]).await;
    let batch = [earned("ada", 1, 2), earned("bob", 7, 3), earned("bob", 2, 4), earned("eve", 1, 5)];
    assert_eq!(takes(&older, &batch).await, ["applied", "retrying", "queued", "applied"]);
    assert_eq!(cards(&older).await, ["ada used 1 white", "bob gold 100 yellow", "eve used 1 white"]);
    let why = older.texts("SELECT coalesce(error_message, '') FROM held_events ORDER BY number").await;
    assert!(["cards", "state", "gold"].iter().all(|part| why[0].contains(part)), "{why:?}");

    assert_eq!(tries_again(&older).await[0], "retrying", "still the older build: it is tried again");
    assert_eq!(older.count("SELECT count(*) FROM outbox").await, 0, "no dead letter, since a newer build may read it");
    assert_eq!(tries_again(&newer).await, ["applied", "applied"]);
    assert_eq!(cards(&newer).await[1], "bob gold 109 yellow");
    assert_eq!(newer.count("SELECT count(*) FROM held_events").await, 0);
}

#[tokio::test]
async fn a_state_that_nobody_knows_is_parked_once_its_attempts_are_spent_and_keeps_its_bytes() {
    let (newer, older) = both().await;
    takes(&newer, &[earned("bob", 100, 1)]).await;
    takes(&older, &[earned("bob", 7, 2)]).await;
    for _ in 1..older.handler().policy.retry.max_attempts {
        tries_again(&older).await;
    }
    let parked = "SELECT concat_ws(' ', status, attempts, convert_from(payload, 'UTF8')::jsonb #>> '{payload,points}')
                  FROM held_events";
    assert_eq!(older.texts(parked).await, ["parked 10 7"]);
    assert_eq!(older.texts("SELECT topic FROM outbox").await, ["till-events.dlq"]);
}
