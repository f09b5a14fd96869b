use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, TimeDelta};
use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    Answer, DecodeError, EventType, Key, Refusal,
    envelope::Envelope,
    given::Given,
    participant::{Participant, Trigger},
    table,
};

#[path = "confused_tests.rs"]
mod confused;
#[path = "moves_tests.rs"]
mod moves;

/// Loyalty points: a visit earns some, and undoing it takes them back.
#[derive(Debug)]
struct Loyalty;

#[derive(Clone, Debug, Default, PartialEq)]
struct Account {
    points: i64,
    told: bool,
}

table!(Account in accounts by order_id: points, told);

#[derive(Clone, Debug, Default, PartialEq)]
struct Pot {
    points: i64,
}

table!(Pot in pots by name: points);

#[derive(Debug)]
struct Line {
    points: i64,
}

crate::records!(Line in lines: points);

const FAMILY: &[EventType] = &[VisitMade::TYPE, VisitUndone::TYPE, PointsEarned::TYPE];

macro_rules! event {
    ($event:ident = $name:literal on $topic:literal of $owner:literal) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        struct $event {
            order: String,
            points: i64,
        }

        impl Event for $event {
            const TYPE: EventType = EventType { name: $name, version: 1, topic: $topic, owner: $owner };
            const FAMILY: &'static [EventType] = FAMILY;

            fn aggregate_id(&self) -> String {
                self.order.clone()
            }

            fn read(version: u32, payload: &str) -> Result<Self, DecodeError> {
                if version != 1 {
                    let event_type = $name.into();
                    return Err(DecodeError::UnknownVersion { event_type, version, known: "1".into() });
                }
                let wrong = |error: serde_json::Error| DecodeError::Payload {
                    path: "payload".into(),
                    problem: error.to_string(),
                };
                serde_json::from_str(payload).map_err(wrong)
            }

            fn write(&self) -> Result<String, Refusal> {
                match self.points {
                    ..0 => Err(Refusal::Permanent("points below zero".into())),
                    _ => serde_json::to_string(self).map_err(|error| Refusal::Permanent(error.to_string())),
                }
            }
        }
    };
}

event!(VisitMade = "visit.made" on "visits" of "desk");
event!(VisitUndone = "visit.undone" on "visits" of "desk");
event!(PointsEarned = "points.earned" on "points" of "loyalty");

#[derive(Debug, Serialize, Deserialize)]
struct Post {
    text: String,
}

impl Call for Post {
    const STEP: &'static str = "post";

    type Request = Self;
    type Answer = Answer;
}

#[derive(Debug)]
struct Fill {
    points: i64,
}

impl Command for Fill {
    type Row = Pot;
    type Reply = i64;

    fn key(&self) -> Key {
        Key::Of("all".into())
    }
}

#[derive(Debug)]
struct Open;

impl Command for Open {
    type Row = Account;
    type Reply = &'static str;

    fn key(&self) -> Key {
        Key::Fresh("new".into())
    }
}

impl Service for Loyalty {
    type Aggregate = Account;

    const NAME: &'static str = "loyalty";

    fn routes(on: &mut Routes<Self>) {
        on.saga(r#"{ "pivot": "points.earned" }"#);
        on.event_naming::<VisitMade, Pot>(|_| vec!["all".into()], placed);
        on.event::<VisitUndone>(cancelled).overtakes();
        on.answer::<Post>(posted);
        on.deadline("thanks", thanks);
        on.command::<Fill>(|fill, pot, at| {
            pot.points += fill.points;
            Ok((pot.points, of_pot(fill.points, at.now)))
        });
        on.command::<Open>(|_, account, at| {
            account.points = 5;
            Ok(("open", publish(PointsEarned { order: at.aggregate_id.into(), points: 5 })))
        });
        on.publishes::<PointsEarned>();
        on.records::<Line>();
    }
}

/// What the points stand for in the tests.
const NO_ROW: i64 = 0;
const OTHER_POT: i64 = 66;
const UNDECLARED: i64 = 77;
const BELOW_ZERO: i64 = -1;

const CALLS: i64 = 101;
const AMENDS: i64 = 102;
const SETS: i64 = 103;
const SETTLES: i64 = 104;

/// What follows when a pot is filled, which is no aggregate.
fn of_pot(points: i64, now: DateTime<chrono::Utc>) -> Reaction {
    match points {
        CALLS => nothing().call::<Post>(Post { text: String::new() }),
        AMENDS => nothing().amend::<Post>(Post { text: String::new() }),
        SETS => nothing().deadline("thanks", now),
        SETTLES => nothing().settle("thanks"),
        _ => nothing(),
    }
}

fn placed(event: &VisitMade, account: &mut Account, pots: &mut Further<Pot>, at: &Moment<'_, Loyalty>) -> Reacts {
    let points = event.points;
    if points == OTHER_POT {
        pots.get_mut("other").points -= 1;
    }
    pots.get_mut("all").points -= points;
    account.points = points;
    if points == UNDECLARED {
        return Ok(publish(VisitUndone { order: event.order.clone(), points }));
    }
    let due = at.now + TimeDelta::days(1);
    Ok(publish(PointsEarned { order: event.order.clone(), points }).record(Line { points }).deadline("thanks", due))
}

fn cancelled(_: &VisitUndone, account: &mut Account, _: &Moment<'_, Loyalty>) -> Reacts {
    *account = Account { points: -1, told: false };
    Ok(nothing().settle("thanks"))
}

fn thanks(account: &mut Account, at: &Moment<'_, Loyalty>) -> Reacts {
    account.told = true;
    Ok(nothing().call::<Post>(Post { text: format!("thanks for {}", at.aggregate_id) }))
}

fn posted(answer: &Answer, account: &mut Account, _: &Moment<'_, Loyalty>) -> Reacts {
    match answer {
        Answer::Yes { .. } => account.points += 1,
        Answer::No { reason } => return Err(Refusal::Transient(reason.clone())),
    }
    Ok(nothing())
}

fn visit(points: i64) -> VisitMade {
    VisitMade { order: "o1".into(), points }
}

fn refused(points: i64) -> String {
    let mut given = Given::nothing(Loyalty).row("all", Pot { points: 10 });
    let refusal = given.event(visit(points)).unwrap_err();
    assert_eq!((given.find::<Account>("o1"), given.find::<Pot>("all")), (Account::default(), Pot { points: 10 }));
    refusal.to_string()
}

#[test]
fn an_event_reaches_its_rule_with_its_rows_and_what_follows_is_said() {
    let mut given = Given::nothing(Loyalty).row("all", Pot { points: 10 });
    let then = given.event(visit(3)).unwrap();
    assert_eq!(then, ["record lines", "points.earned", "deadline thanks"]);
    assert_ne!(then, ["record lines", "points.earned"]);
    let due = ["thanks", "birthday"].map(|name| then.deadline(name));
    assert_eq!(due, [Some(DateTime::UNIX_EPOCH + TimeDelta::days(1)), None]);
    assert_eq!(then.published::<PointsEarned>(), [PointsEarned { order: "o1".into(), points: 3 }]);
    assert_eq!(then.records::<Line>()[0].points, 3);
    assert_eq!((given.find::<Account>("o1").points, given.find::<Pot>("all").points), (3, 7));
    let then = given.deadline("o1", "thanks").unwrap();
    assert_eq!(then.calls::<Post>()[0].text, "thanks for o1");
    given.answer::<Post>("o1", Answer::Yes { detail: String::new() }).unwrap();
    assert_eq!(given.find::<Account>("o1"), Account { points: 4, told: true });
    assert!(given.answer::<Post>("o1", Answer::No { reason: "later".into() }).is_err());
    assert_eq!(given.event(VisitUndone { order: "o1".into(), points: 0 }).unwrap(), ["settle thanks"]);
}

#[test]
fn rows_that_the_event_alone_names_are_locked_with_the_aggregates() {
    let (routed, event) = (Routed::new(Loyalty).unwrap(), Trigger::Event(AnyEvent::new(visit(3))));
    assert!(routed.names(TableId(Pot::TABLE), &event));
    assert!(!routed.names_by_rows(TableId(Pot::TABLE), &event));
}

#[test]
fn a_command_is_about_its_own_row_and_is_replied_to() {
    let mut given = Given::nothing(Loyalty);
    assert_eq!(given.command(Fill { points: 4 }).unwrap().0, 4);
    assert_eq!(given.command(Fill { points: 4 }).unwrap().0, 8);
    let (reply, then) = given.command(Open).unwrap();
    assert_eq!((reply, then.words()), ("open", vec!["points.earned"]));
    assert_eq!(given.find::<Account>("new").points, 5);
}

#[test]
fn a_rule_that_saw_no_row_and_writes_none_leaves_no_trace() {
    assert!(refused(NO_ROW).contains("saw no row o1 in accounts"));
}

#[test]
fn what_the_routes_do_not_declare_is_refused() {
    assert_eq!(refused(UNDECLARED), "visit.undone is not declared in the routes of loyalty: add on.publishes::<…>()");
    assert_eq!(refused(BELOW_ZERO), "points below zero");
    let other = catch_unwind(AssertUnwindSafe(|| Given::nothing(Loyalty).event(visit(OTHER_POT))));
    let panic = other.unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "pots row other was not named by the route's keys");
    assert!(Given::nothing(Loyalty).deadline("o1", "birthday").is_err());
}

#[test]
fn what_would_come_back_about_a_row_that_is_no_aggregates_is_refused() {
    for points in [CALLS, AMENDS, SETS, SETTLES] {
        let mut given = Given::nothing(Loyalty);
        let refused = given.command(Fill { points }).unwrap_err().to_string();
        let rule = "the rule for choreography_core::routes::tests::Fill (";
        assert!(refused.starts_with(rule) && refused.contains("about a row of pots"), "{refused}");
        assert!(refused.contains("routes/tests.rs:"), "{refused}");
        assert_eq!(given.find::<Pot>("all"), Pot::default());
    }
}

fn decode(topic: &str, event_type: &str, version: u32, aggregate: &str) -> Result<Option<String>, DecodeError> {
    let json = format!(
        r#"{{"id":"0198f5c7-0000-7000-8000-000000000001","type":"{event_type}","version":{version},
            "timestamp":"2026-01-01T00:00:00Z","correlationId":"o1","aggregateId":"{aggregate}",
            "payload":{{"order":"o1","points":3}}}}"#
    );
    let envelope = Envelope::parse(None, Some(json.as_bytes())).unwrap();
    let routed = Routed::new(Loyalty).unwrap();
    Ok(routed.decode(topic, &envelope)?.map(|event| format!("{event:?} overtakes: {}", routed.overtakes(&event))))
}

#[test]
fn an_event_is_decoded_by_its_type_from_its_owners_topic() {
    let event =
        |name: &str, overtakes| Ok(Some(format!(r#"{name} {{ order: "o1", points: 3 }} overtakes: {overtakes}"#)));
    assert_eq!(decode("visits", "visit.made", 1, "o1"), event("VisitMade", false));
    assert_eq!(decode("visits", "visit.undone", 1, "o1"), event("VisitUndone", true));
    assert_eq!(decode("visits", "points.earned", 1, "o1"), Ok(None));
    assert!(matches!(decode("points", "visit.made", 1, "o1"), Err(DecodeError::ForeignTopic { .. })));
    assert!(matches!(decode("visits", "visit.made", 2, "o1"), Err(DecodeError::UnknownVersion { .. })));
    assert!(
        matches!(decode("visits", "visit.made", 1, "o2"), Err(DecodeError::Payload { path, .. }) if path == "aggregateId")
    );
}

#[test]
fn events_without_a_route_are_reported_unless_they_are_ignored() {
    let mut unhandled = unhandled::Unhandled::default();
    unhandled.know(FAMILY);
    unhandled.ignore(VisitUndone::TYPE);
    assert_eq!(unhandled.report("loyalty", "visit.made"), Some("visit.made"));
    assert_eq!(unhandled.report("loyalty", "visit.undone"), None);
    assert_eq!(unhandled.report("loyalty", "whatever.came"), Some("other"));
}

#[test]
fn the_choreography_is_told_as_data() {
    let described = Routed::new(Loyalty).unwrap().describe();
    let expected = Description {
        name: "loyalty",
        reads: vec!["visits"],
        handles: vec!["visit.made", "visit.undone"],
        compensates: vec!["visit.undone"],
        ignores: vec![],
        publishes: vec!["points.earned"],
        writes: vec!["points"],
        calls: vec!["post"],
        deadlines: vec!["thanks"],
        tables: vec!["accounts", "pots", "lines"],
        events: vec![
            EventContract::of::<PointsEarned>(),
            EventContract::of::<VisitMade>(),
            EventContract::of::<VisitUndone>(),
        ],
        saga: Some(r#"{ "pivot": "points.earned" }"#),
        owns_keys: vec![],
        reads_keys: vec![],
    };
    assert_eq!(described, expected);
    assert_eq!(Given::nothing(Loyalty).now, DateTime::UNIX_EPOCH);
}
