//! Services of another team: a desk where visits are made, complaints that undo them, and points for each visit that stands.

use choreography_core::{
    Answer, Call, Command, DecodeError, Event, EventType, Key, Refusal,
    routes::{Moment, Reacts, Routes, Service, nothing, publish},
    table,
};
use serde::{Deserialize, Serialize};

macro_rules! event {
    ($event:ident = $name:literal on $topic:literal of $owner:literal) => {
        #[derive(Clone, Debug, Serialize, Deserialize)]
        pub struct $event {
            pub visit: String,
        }

        impl Event for $event {
            const TYPE: EventType = EventType { name: $name, version: 1, topic: $topic, owner: $owner };
            const FAMILY: &'static [EventType] = &[VisitMade::TYPE, VisitUndone::TYPE];

            fn aggregate_id(&self) -> String {
                self.visit.clone()
            }

            fn read(version: u32, payload: &str) -> Result<Self, DecodeError> {
                if version != 1 {
                    return Err(DecodeError::UnknownVersion { event_type: $name.into(), version, known: "1".into() });
                }
                serde_json::from_str(payload)
                    .map_err(|error| DecodeError::Payload { path: String::new(), problem: error.to_string() })
            }

            fn write(&self) -> Result<String, Refusal> {
                serde_json::to_string(self).map_err(|error| Refusal::Permanent(error.to_string()))
            }
        }
    };
}
event!(VisitMade = "visit.made" on "visits" of "desk");
event!(VisitUndone = "visit.undone" on "complaints" of "complaints");

/// Asks for a visit, or complains about it.
#[derive(Clone, Debug)]
pub struct Of(pub String);

impl Command for Of {
    type Row = Done;
    type Reply = ();

    fn key(&self) -> Key {
        Key::Of(self.0.clone())
    }
}

/// What is done, and not done again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    pub done: bool,
}
table!(Done in done by visit: done);

#[derive(Debug)]
pub struct Desk;

impl Service for Desk {
    type Aggregate = Done;

    const NAME: &'static str = "desk";

    fn routes(on: &mut Routes<Self>) {
        on.command::<Of>(|of, row, _| match std::mem::replace(&mut row.done, true) {
            true => Ok(((), nothing())),
            false => Ok(((), publish(VisitMade { visit: of.0.clone() }))),
        });
        on.publishes::<VisitMade>();
    }
}

#[derive(Debug)]
pub struct Complaints;

impl Service for Complaints {
    type Aggregate = Done;

    const NAME: &'static str = "complaints";

    fn routes(on: &mut Routes<Self>) {
        on.command::<Of>(|of, row, _| match std::mem::replace(&mut row.done, true) {
            true => Ok(((), nothing())),
            false => Ok(((), publish(VisitUndone { visit: of.0.clone() }))),
        });
        on.publishes::<VisitUndone>();
    }
}

/// What became of a visit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    pub points: i64,
    pub undone: bool,
    pub told: bool,
}
table!(Account in accounts by visit: points, undone, told);

/// Tells the guest of their points.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tell {
    pub points: i64,
}

impl Call for Tell {
    const STEP: &'static str = "tell";

    type Request = Self;
    type Answer = Answer;
}

/// With a bug, or without.
#[derive(Clone, Copy, Debug)]
pub struct Points {
    /// A complaint that comes before its visit leaves nothing behind.
    pub forgets_early_complaints: bool,
}

impl Service for Points {
    type Aggregate = Account;

    const NAME: &'static str = "points";

    fn routes(on: &mut Routes<Self>) {
        on.event::<VisitMade>(made);
        on.event::<VisitUndone>(undone).overtakes();
        on.answer::<Tell>(told);
    }
}

fn made(_: &VisitMade, account: &mut Account, _: &Moment<'_, Points>) -> Reacts {
    if account.undone {
        return Ok(nothing());
    }
    account.points = 10;
    Ok(nothing().call::<Tell>(Tell { points: 10 }))
}

fn undone(_: &VisitUndone, account: &mut Account, at: &Moment<'_, Points>) -> Reacts {
    let is_early = account.points == 0;
    account.undone = !(is_early && at.service.forgets_early_complaints);
    account.points = 0;
    Ok(nothing())
}

fn told(_: &Answer, account: &mut Account, _: &Moment<'_, Points>) -> Reacts {
    account.told = true;
    Ok(nothing())
}
