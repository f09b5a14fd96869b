//! A depot of parcels on shelves, whose tables have columns that no rule sees.

use choreography_core::{
    Command, DecodeError, Event, EventType, Key, Refusal,
    handler::Progress,
    input::{Inbound, Input, Origin, Verdict},
    participant::Trigger,
    routes::{AnyCommand, AnyReply, Further, Moment, Reaction, Reacts, Routes, Service, publish},
    table,
    trace::TraceContext,
};
use one_service::OneService;
use serde_json::Value;
use sqlx::migrate::Migrator;

static MIGRATIONS: Migrator = sqlx::migrate!("tests/depot");

#[derive(Clone, Debug, Default, PartialEq)]
struct Parcel {
    pieces: i64,
    shelf: String,
}

table!(Parcel in parcels by parcel: pieces; once: shelf;
    update: "pieces = new.pieces, revision = parcels.revision + 1");

#[derive(Clone, Debug, Default, PartialEq)]
struct Shelf {
    pieces: i64,
}

table!(Shelf in shelves by shelf: pieces;
    update: "pieces = new.pieces, most = greatest(shelves.most, shelves.pieces, new.pieces)");

/// A parcel has so many pieces now.
#[derive(Debug)]
struct Packed {
    parcel: String,
    pieces: i64,
}

impl Event for Packed {
    const TYPE: EventType = EventType { name: "parcel.packed", version: 1, topic: "depot-events", owner: "depot" };
    const FAMILY: &'static [EventType] = &[Self::TYPE];

    fn aggregate_id(&self) -> String {
        self.parcel.clone()
    }

    fn read(_: u32, _: &str) -> Result<Self, DecodeError> {
        Err(DecodeError::Payload { path: "payload".into(), problem: "no service reads it".into() })
    }

    fn write(&self) -> Result<String, Refusal> {
        Ok(Value::from_iter([("parcel", Value::from(self.parcel.as_str())), ("pieces", self.pieces.into())])
            .to_string())
    }
}

/// Pieces are put into a parcel that stands on a shelf.
#[derive(Debug)]
struct Pack {
    parcel: &'static str,
    shelf: &'static str,
    pieces: i64,
}

impl Command for Pack {
    type Row = Parcel;
    type Reply = i64;

    fn key(&self) -> Key {
        Key::Of(self.parcel.into())
    }
}

struct Depot;

impl Service for Depot {
    type Aggregate = Parcel;

    const NAME: &'static str = "depot";

    fn routes(on: &mut Routes<Self>) {
        on.command_with::<Pack, Shelf>(|pack, _| vec![pack.shelf.into()], pack);
        on.deadline_with::<Shelf>("collected", |parcel| vec![parcel.shelf.clone()], collected);
        on.publishes::<Packed>();
    }
}

fn pack(
    pack: &Pack,
    parcel: &mut Parcel,
    shelves: &mut Further<Shelf>,
    at: &Moment<'_, Depot>,
) -> Result<(i64, Reaction), Refusal> {
    parcel.shelf = pack.shelf.into();
    parcel.pieces += pack.pieces;
    shelves.get_mut(pack.shelf).pieces += pack.pieces;
    let packed = publish(Packed { parcel: pack.parcel.into(), pieces: parcel.pieces });
    Ok((parcel.pieces, packed.deadline("collected", at.now)))
}

fn collected(parcel: &mut Parcel, shelves: &mut Further<Shelf>, at: &Moment<'_, Depot>) -> Reacts {
    shelves.get_mut(&parcel.shelf).pieces -= parcel.pieces;
    parcel.pieces = 0;
    Ok(publish(Packed { parcel: at.aggregate_id.into(), pieces: 0 }))
}

async fn asked(world: &OneService<Depot>, pack: Pack) -> Progress<AnyReply> {
    let (trigger, trace) = (Trigger::Command(AnyCommand::new(pack)), TraceContext::default());
    world.handle(Inbound::Input(Input { trigger, correlation_id: None, trace, origin: Origin::Client })).await
}

/// Pieces, revision and events of the parcel; pieces and most of its shelf.
async fn stands(world: &OneService<Depot>) -> Vec<String> {
    let both = "SELECT concat_ws(' ', pieces, revision, events_published) FROM parcels
                UNION ALL SELECT concat_ws(' ', pieces, most) FROM shelves";
    world.texts(both).await
}

#[tokio::test]
async fn a_tables_own_update_sets_what_no_rule_sees_and_events_are_counted_all_the_same() {
    let world = OneService::start(Depot, &MIGRATIONS).await;
    for (pieces, expected) in [(5, ["5 0 1", "5 0"]), (3, ["8 1 2", "8 8"]), (-6, ["2 2 3", "2 8"])] {
        asked(&world, Pack { parcel: "p1", shelf: "s1", pieces }).await;
        assert_eq!(stands(&world).await, expected);
    }
}

#[tokio::test]
async fn a_deadline_has_its_further_row_locked_and_written() {
    let world = OneService::start(Depot, &MIGRATIONS).await;
    asked(&world, Pack { parcel: "p1", shelf: "s1", pieces: 5 }).await;
    let verdicts = world.deadlines().await;
    assert!(matches!(verdicts[..], [Verdict::Applied(_)]), "{verdicts:?}");
    assert_eq!(stands(&world).await, ["0 1 2", "0 5"]);
    assert_eq!(world.published().await, ["parcel.packed", "parcel.packed"]);
}
