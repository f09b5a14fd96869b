use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    DecodeError, EventType, Key,
    routes::{Moment, Reaction, Reacts, Routes, nothing, publish},
    table,
};

const FAMILY: &[EventType] = &[Joined::TYPE, Greeted::TYPE];

macro_rules! event {
    ($event:ident = $name:literal on $topic:literal of $owner:literal) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        struct $event {
            who: String,
        }

        impl Event for $event {
            const TYPE: EventType = EventType { name: $name, version: 1, topic: $topic, owner: $owner };
            const FAMILY: &'static [EventType] = FAMILY;

            fn aggregate_id(&self) -> String {
                self.who.clone()
            }

            fn read(_: u32, payload: &str) -> Result<Self, DecodeError> {
                let read: Self = serde_json::from_str(payload).expect("what was written");
                if read.who == "garbled" {
                    return Err(DecodeError::Payload { path: "who".into(), problem: "is garbled".into() });
                }
                Ok(read)
            }

            fn write(&self) -> Result<String, Refusal> {
                match self.who.as_str() {
                    "" => Err(Refusal::Permanent("no name".into())),
                    _ => Ok(serde_json::to_string(self).expect("JSON")),
                }
            }
        }
    };
}

event!(Joined = "club.joined" on "club" of "club");
event!(Greeted = "porter.greeted" on "porter" of "porter");

#[derive(Clone, Debug, Default, PartialEq)]
struct Member {
    steps: i64,
}

table!(Member in members by who: steps);

#[derive(Debug)]
struct Join(&'static str);

impl Command for Join {
    type Row = Member;
    type Reply = i64;

    fn key(&self) -> Key {
        Key::Of(self.0.into())
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Post {}

impl Call for Post {
    const STEP: &'static str = "post";

    type Request = Self;
    type Answer = Answer;
}

/// Takes members, writes to them when their time has come, and counts all that happens.
struct Club;

impl Service for Club {
    type Aggregate = Member;

    const NAME: &'static str = "club";

    fn routes(on: &mut Routes<Self>) {
        on.command(|join: &Join, member: &mut Member, at: &Moment<'_, Self>| -> Result<(i64, Reaction), Refusal> {
            member.steps += 1;
            let joined = publish(Joined { who: join.0.into() }).deadline("dues", at.now);
            Ok((member.steps, joined))
        });
        on.event(|_: &Greeted, member: &mut Member, _: &Moment<'_, Self>| -> Reacts {
            member.steps += 10;
            Ok(nothing())
        });
        on.deadline("dues", |member, _| {
            member.steps += 100;
            Ok(nothing().call::<Post>(Post {}))
        });
        on.answer::<Post>(|answer, member, at| match answer {
            Answer::Yes { .. } => {
                member.steps += 1_000;
                Ok(publish(Joined { who: at.aggregate_id.into() }))
            }
            Answer::No { reason } => Err(Refusal::Permanent(reason.clone())),
        });
        on.publishes::<Joined>();
    }
}

/// Greets each member that joins.
struct Porter;

impl Service for Porter {
    type Aggregate = Member;

    const NAME: &'static str = "porter";

    fn routes(on: &mut Routes<Self>) {
        on.event(|joined: &Joined, member: &mut Member, _: &Moment<'_, Self>| -> Reacts {
            if joined.who == "banned" {
                return Err(Refusal::Permanent("they were asked to leave".into()));
            }
            member.steps += 1;
            Ok(publish(Greeted { who: joined.who.clone() }))
        });
        on.publishes::<Greeted>();
    }
}

fn both() -> InMemory {
    InMemory::default().with(Club).with(Porter)
}

fn steps(world: &InMemory, who: &str) -> (i64, i64) {
    (world.find::<Club, Member>(who).steps, world.find::<Porter, Member>(who).steps)
}

#[test]
fn what_follows_a_command_has_followed_at_every_service_when_it_is_answered() {
    let mut world = both();
    assert_eq!(world.command::<Club, _>(Join("ada")), Ok(1));
    assert_eq!(world.published(), ["club.joined", "porter.greeted"]);
    assert_eq!((steps(&world, "ada"), steps(&world, "bob")), ((11, 1), (0, 0)), "each has rows of its own");
}

#[test]
fn deadlines_and_answers_are_told_by_hand_and_followed_by_what_they_publish() {
    let mut world = both();
    world.deadline::<Club>("ada", "dues").unwrap();
    assert_eq!((steps(&world, "ada"), world.published().len()), ((100, 0), 0));
    world.answer::<Club, Post>("ada", Answer::Yes { detail: "p1".into() }).unwrap();
    assert_eq!(steps(&world, "ada"), (1_110, 1));
    assert_eq!(world.published(), ["club.joined", "porter.greeted"]);
    let refused = world.answer::<Club, Post>("ada", Answer::No { reason: "no stamps".into() }).unwrap_err();
    assert_eq!((refused.service, refused.trigger.as_str()), ("club", "the answer to post"));
    assert!(refused.why.contains("no stamps"), "{refused}");
    assert_eq!(steps(&world, "ada"), (1_110, 1));
}

#[test]
fn an_event_that_a_service_does_not_take_is_named_with_the_service() {
    let mut world = both();
    let refused = world.event(Joined { who: "banned".into() }).unwrap_err();
    assert_eq!((refused.service, refused.trigger.as_str()), ("porter", "club.joined"));
    assert!(refused.why.contains("asked to leave"), "{refused}");
    let unread = world.event(Joined { who: "garbled".into() }).unwrap_err();
    assert!(unread.service == "porter" && unread.why.contains("is garbled"), "{unread}");
    let unwritten = world.event(Joined { who: String::new() }).unwrap_err();
    assert!(unwritten.why.contains("no name"), "{unwritten}");
    assert_eq!(steps(&world, "banned"), (0, 0));
}

#[test]
fn what_no_service_reads_is_published_and_a_service_that_is_not_there_takes_nothing() {
    let mut alone = InMemory::default().with(Club);
    assert_eq!(alone.command::<Club, _>(Join("ada")), Ok(1));
    assert_eq!((alone.published(), alone.find::<Club, Member>("ada").steps), (&["club.joined"][..], 1));
    let nowhere = alone.deadline::<Porter>("ada", "dues").unwrap_err();
    assert_eq!(nowhere.to_string(), "porter does not take the deadline dues: it does not take part");
}
