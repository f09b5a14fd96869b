//! What a rule may answer, which rows it gets, and how services and their inputs are shown.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    Answer, AnyRow, DecodeError, EventType, Key, Refusal,
    effects::SagaEnd,
    given::{Given, Then},
    participant::{Participant, Trigger},
    records,
    rows::{Rows, Touch},
    table,
};

/// Beds of a garden, watered from tanks.
#[derive(Debug)]
struct Garden;

#[derive(Clone, Debug, Default, PartialEq)]
struct Bed {
    tank: String,
    litres: i64,
}

table!(Bed in beds by bed: tank, litres);

#[derive(Clone, Debug, Default, PartialEq)]
struct Tank {
    litres: i64,
}

table!(Tank in tanks by name: litres);

#[derive(Debug)]
struct Line {
    litres: i64,
}

records!(Line in lines: litres);

/// Something is to be done about a bed.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Asked {
    bed: String,
    what: String,
}

/// A bed was looked after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Done(String);

macro_rules! event {
    ($event:ty = $name:literal on $topic:literal about $bed:expr) => {
        impl Event for $event {
            const TYPE: EventType = EventType { name: $name, version: 1, topic: $topic, owner: "garden" };
            const FAMILY: &'static [EventType] = &[Self::TYPE];

            fn aggregate_id(&self) -> String {
                let bed: fn(&Self) -> &String = $bed;
                bed(self).clone()
            }

            fn read(_: u32, payload: &str) -> Result<Self, DecodeError> {
                Ok(serde_json::from_str(payload).unwrap())
            }

            fn write(&self) -> Result<String, Refusal> {
                Ok(serde_json::to_string(self).unwrap())
            }
        }
    };
}

event!(Asked = "garden.asked" on "asked" about |asked| &asked.bed);
event!(Done = "garden.done" on "done" about |done| &done.0);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pump {
    litres: i64,
}

impl Call for Pump {
    const STEP: &'static str = "pump";

    type Request = Self;
    type Answer = Pumped;
}

/// So many litres were.
struct Pumped(i64);

impl TryFrom<Answer> for Pumped {
    type Error = String;

    fn try_from(answer: Answer) -> Result<Self, String> {
        match answer {
            Answer::Yes { detail } => detail.parse().map(Self).map_err(|_| format!("{detail} is no number of litres")),
            Answer::No { reason } => Err(reason),
        }
    }
}

#[derive(Debug)]
struct Dig(String);

impl Command for Dig {
    type Row = Bed;
    type Reply = String;

    fn key(&self) -> Key {
        Key::Fresh(self.0.clone())
    }
}

/// It fills a bed from the tank that stands at it.
#[derive(Debug)]
struct Fill(String);

impl Command for Fill {
    type Row = Bed;
    type Reply = i64;

    fn key(&self) -> Key {
        Key::Of(self.0.clone())
    }
}

impl Service for Garden {
    type Aggregate = Bed;

    const NAME: &'static str = "garden";

    fn routes(on: &mut Routes<Self>) {
        on.event_with::<Asked, Tank>(|_, bed| vec![bed.tank.clone()], asked);
        on.command::<Dig>(|dig, bed, _| {
            bed.litres = 1;
            Ok((format!("dug {}", dig.0), nothing()))
        });
        on.command_with::<Fill, Tank>(|_, bed| vec![bed.tank.clone()], fill);
        on.answer_with::<Pump, Tank>(|_, bed| vec![bed.tank.clone()], pumped);
        on.deadline_with::<Tank>("drought", |bed| vec![bed.tank.clone()], drought);
        on.publishes::<Done>();
        on.records::<Line>();
    }
}

fn fill(
    _: &Fill,
    bed: &mut Bed,
    tanks: &mut Further<Tank>,
    _: &Moment<'_, Garden>,
) -> Result<(i64, Reaction), Refusal> {
    let tank = tanks.get_mut(&bed.tank);
    (bed.litres, tank.litres) = (bed.litres + tank.litres, 0);
    Ok((bed.litres, nothing()))
}

fn pumped(Pumped(litres): &Pumped, bed: &mut Bed, tanks: &mut Further<Tank>, _: &Moment<'_, Garden>) -> Reacts {
    tanks.get_mut(&bed.tank).litres += litres;
    Ok(nothing())
}

fn drought(bed: &mut Bed, tanks: &mut Further<Tank>, at: &Moment<'_, Garden>) -> Reacts {
    let tank = tanks.get_mut(&bed.tank);
    (bed.litres, tank.litres) = (bed.litres + tank.litres, 0);
    Ok(publish(Done(at.aggregate_id.into())))
}

fn asked(asked: &Asked, bed: &mut Bed, tanks: &mut Further<Tank>, at: &Moment<'_, Garden>) -> Reacts {
    let pump = Pump { litres: 3 };
    match asked.what.as_str() {
        "publish" => Ok(publish(Done(asked.bed.clone()))),
        "call" => Ok(nothing().call::<Pump>(pump)),
        "amend" => Ok(nothing().amend::<Pump>(pump)),
        "deadline" => Ok(nothing().deadline("drought", at.now + TimeDelta::days(1))),
        "record" => Ok(nothing().record(Line { litres: 1 })),
        "settle" => Ok(nothing().settle("drought")),
        "end" => Ok(nothing().end("dry", at.now)),
        "record and amend" => Ok(nothing().record(Line { litres: 1 }).amend::<Pump>(pump)),
        "record and end" => Ok(nothing().record(Line { litres: 1 }).end("dry", at.now - TimeDelta::days(1))),
        "empty and publish" => {
            *bed = Bed::default();
            Ok(publish(Done(asked.bed.clone())))
        }
        "water" => {
            bed.litres += tanks.get(&bed.tank).litres;
            Ok(nothing())
        }
        "look around" => {
            let seen: Vec<String> = tanks.iter().map(|(name, tank)| format!("{name} has {}", tank.litres)).collect();
            Err(Refusal::Permanent(seen.join(", ")))
        }
        other => Err(Refusal::Permanent(other.into())),
    }
}

fn ask(what: &str) -> Asked {
    Asked { bed: "b1".into(), what: what.into() }
}

/// A bed with a tank.
fn garden() -> Given<Garden> {
    let bed = Bed { tank: "t1".into(), litres: 5 };
    Given::nothing(Garden).row("b1", bed).row("t1", Tank { litres: 7 })
}

fn words(then: Result<Then, Refusal>) -> Result<Vec<String>, String> {
    let words = then.map_err(|refusal| refusal.to_string())?;
    Ok(words.words().into_iter().map(str::to_owned).collect())
}

#[test]
fn a_rule_that_saw_no_row_and_writes_none_may_do_what_has_no_effect_elsewhere_and_nothing_else() {
    for what in ["publish", "call", "amend", "deadline"] {
        let refused = words(Given::nothing(Garden).event(ask(what))).unwrap_err();
        assert!(refused.contains("saw no row b1 in beds"), "{what}: {refused}");
    }
    for (what, expected) in [("record", vec!["record lines"]), ("settle", vec!["settle drought"]), ("end", vec![])] {
        assert_eq!(Given::nothing(Garden).event(ask(what)).unwrap().words(), expected);
    }
}

#[test]
fn a_rule_that_saw_a_row_need_not_change_it_and_may_empty_it() {
    assert_eq!(garden().event(ask("publish")).unwrap(), ["garden.done"]);
    assert_eq!(garden().event(ask("empty and publish")).unwrap(), ["garden.done"]);
}

#[test]
fn what_was_said_before_stands_beside_an_amended_call_and_an_end() {
    let then = garden().event(ask("record and amend")).unwrap();
    assert_eq!(then, ["record lines", "amend pump"]);
    assert_eq!(then.calls::<Pump>(), [Pump { litres: 3 }]);

    let routed = Routed::new(Garden).unwrap();
    let mut rows = Rows::default();
    rows.load(TableId(Bed::TABLE), "b1", AnyRow::new(Bed::default()));
    rows.load(TableId(Tank::TABLE), "", AnyRow::new(Tank::default()));
    let now = DateTime::<Utc>::UNIX_EPOCH;
    let effects = routed.decide(&Trigger::Event(AnyEvent::new(ask("record and end"))), &mut rows, now).unwrap();
    assert_eq!(effects.records[0].get::<Line>().map(|line| line.litres), Some(1));
    assert_eq!(effects.ended, [SagaEnd { outcome: "dry", began_at: now - TimeDelta::days(1) }]);
}

#[test]
fn further_rows_are_those_that_the_aggregates_row_names() {
    let mut given = garden();
    given.event(ask("water")).unwrap();
    assert_eq!(given.find::<Bed>("b1").litres, 12);
    assert_eq!(given.command(Fill("b1".into())).unwrap().0, 19);
    assert_eq!((given.find::<Bed>("b1").litres, given.find::<Tank>("t1").litres), (19, 0));
    assert_eq!(words(garden().event(ask("look around"))), Err("t1 has 7".into()));
}

#[test]
fn answers_and_deadlines_have_further_rows_as_events_do() {
    let mut given = garden();
    given.answer::<Pump>("b1", Answer::Yes { detail: "3".into() }).unwrap();
    assert_eq!((given.find::<Bed>("b1").litres, given.find::<Tank>("t1").litres), (5, 10));
    assert_eq!(given.deadline("b1", "drought").unwrap(), ["garden.done"]);
    assert_eq!((given.find::<Bed>("b1").litres, given.find::<Tank>("t1").litres), (15, 0));
}

#[test]
fn an_answer_is_what_its_call_makes_of_it_and_one_that_is_none_is_refused() {
    let mut given = garden();
    let refused = given.answer::<Pump>("b1", Answer::Yes { detail: "much".into() }).unwrap_err();
    assert_eq!(refused.to_string(), "the answer to pump can't be read: much is no number of litres");
    assert_eq!(given.find::<Tank>("t1").litres, 7);
}

#[test]
fn an_input_touches_its_row_and_the_further_ones_in_their_tables_alone() {
    let (routed, mut rows) = (Routed::new(Garden).unwrap(), Rows::default());
    rows.load(TableId(Bed::TABLE), "b1", AnyRow::new(Bed { tank: "t1".into(), litres: 0 }));
    let touched = |trigger: Trigger<Routed>| {
        [Bed::TABLE, Tank::TABLE].map(|table| {
            let mut touched = Vec::new();
            routed.touches(TableId(table), &trigger, &rows, &mut touched);
            touched
        })
    };
    assert_eq!(touched(Trigger::Event(AnyEvent::new(ask("water")))), [[Touch::shared("b1")], [Touch::shared("t1")]]);
    assert_eq!(touched(Trigger::Command(AnyCommand::new(Dig("b2".into())))), [vec![Touch::fresh("b2")], vec![]]);
    let answered = |answer| Trigger::Answer { aggregate_id: "b1".into(), step: "pump".into(), answer };
    let pumped = answered(Answer::Yes { detail: "3".into() });
    assert_eq!(touched(pumped), [[Touch::shared("b1")], [Touch::shared("t1")]]);
    let unreadable = answered(Answer::No { reason: "dry".into() });
    assert_eq!(touched(unreadable), [vec![Touch::shared("b1")], vec![]]);
    let passed = Trigger::Deadline { aggregate_id: "b1".into(), name: "drought".into() };
    assert_eq!(touched(passed), [[Touch::shared("b1")], [Touch::shared("t1")]]);
    assert_eq!(touched(Trigger::Deadline { aggregate_id: "b1".into(), name: "unknown".into() }), [vec![], vec![]]);
}

#[test]
fn rows_that_another_row_names_are_locked_once_that_is_read() {
    let routed = Routed::new(Garden).unwrap();
    assert!(routed.names_by_rows(TableId(Tank::TABLE), &Trigger::Event(AnyEvent::new(ask("water")))));
}

#[test]
fn inputs_and_replies_of_any_type_are_had_as_what_they_are() {
    let event = AnyEvent::new(ask("water"));
    assert_eq!(event.get::<Asked>().map(|asked| asked.what.as_str()), Some("water"));
    assert!(event.get::<Done>().is_none());
    let command = AnyCommand::new(Dig("b2".into()));
    assert_eq!(command.get::<Dig>().map(|dig| dig.0.as_str()), Some("b2"));
    assert!(command.get::<Fill>().is_none());
    let routed = Routed::new(Garden).unwrap();
    let mut rows = Rows::default();
    rows.load(TableId(Bed::TABLE), "b2", AnyRow::new(Bed::default()));
    let now = DateTime::<Utc>::UNIX_EPOCH;
    let reply =
        routed.decide(&Trigger::Command(AnyCommand::new(Dig("b2".into()))), &mut rows, now).unwrap().reply.unwrap();
    let shown = (format!("{event:?}"), format!("{command:?}"), format!("{reply:?}"));
    let expected = [r#"Asked { bed: "b1", what: "water" }"#, r#"Dig("b2")"#, r#""dug b2""#].map(String::from);
    assert_eq!(shown, expected.into());
    assert_eq!(reply.take::<String>(), Some("dug b2".into()));
}

#[test]
fn a_service_is_known_by_its_name_and_says_what_it_reads_and_writes() {
    let routed = Routed::new(Garden).unwrap();
    assert_eq!(format!("{routed:?}"), r#"Routed("garden")"#);
    assert_eq!((routed.reads(), routed.writes()), (&["asked"][..], &["done"][..]));
    let described = Description::of::<Garden>().unwrap();
    assert_eq!((described.name, described.tables), ("garden", vec!["beds", "tanks", "lines"]));
}

/// It publishes to two topics, and both are about beds.
struct Market;

impl Service for Market {
    type Aggregate = Bed;

    const NAME: &'static str = "garden";

    fn routes(on: &mut Routes<Self>) {
        on.publishes::<Asked>();
        on.publishes::<Done>();
        on.command::<Dig>(|_, _, _| Ok((String::new(), nothing())));
    }
}

#[test]
fn events_are_counted_in_the_aggregates_rows_unless_they_go_to_several_topics() {
    assert_eq!(Routed::new(Garden).unwrap().counts(), Some(TableId(Bed::TABLE)));
    let market = Routed::new(Market).unwrap();
    assert_eq!((market.writes().len(), market.aggregates(), market.counts()), (2, Some(TableId(Bed::TABLE)), None));
}

#[test]
fn a_table_is_its_name() {
    let (beds, tanks) = (TableId(Bed::TABLE), TableId(Tank::TABLE));
    assert!(beds == TableId(Bed::TABLE) && beds != tanks);
    assert!(beds < tanks);
    let hashed = |table: TableId| BuildHasherDefault::<DefaultHasher>::default().hash_one(table);
    assert_eq!(hashed(beds), hashed(TableId(Bed::TABLE)));
    assert_ne!(hashed(beds), hashed(tanks));
    assert_eq!(format!("{beds:?}"), "beds");
}

#[test]
fn contradictions_are_told_line_by_line() {
    let wrong = RoutesError(vec!["one".into(), "two".into()]);
    assert_eq!(wrong.to_string(), "the routes contradict each other:\n  one\n  two");
}
