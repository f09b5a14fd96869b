//! Routes that contradict each other, or the calls that are made for them.

use std::panic::Location;

use super::*;
use crate::{
    calls::{CallError, NoProvider, Provider},
    store::PendingCall,
};

/// Of the table of accounts as well.
#[derive(Clone, Debug, Default, PartialEq)]
struct Visitor {
    name: String,
}

table!(Visitor in accounts by order_id: name);

#[derive(Debug)]
struct Rename;

impl Command for Rename {
    type Row = Visitor;
    type Reply = ();

    fn key(&self) -> Key {
        Key::Of("o1".into())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Shelf {
    pots: i64,
}

table!(Shelf in shelves by name: pots);

#[derive(Debug)]
struct Tidy;

impl Command for Tidy {
    type Row = Shelf;
    type Reply = ();

    fn key(&self) -> Key {
        Key::Of("top".into())
    }
}

#[derive(Debug)]
struct Word {
    text: String,
}

crate::records!(Word in lines: text);

#[derive(Debug)]
struct Spill {
    points: i64,
}

crate::records!(Spill in pots: points);

struct Confused;

impl Service for Confused {
    type Aggregate = Account;

    const NAME: &'static str = "confused";

    fn routes(on: &mut Routes<Self>) {
        on.event::<VisitMade>(|_, _, _| Ok(nothing()));
        on.event::<VisitMade>(|_, _, _| Ok(nothing())).overtakes();
        on.ignore::<VisitMade>();
        on.ignore::<PointsEarned>();
        on.publishes::<VisitMade>();
        on.deadline("d", |_, _| Ok(nothing()));
        on.deadline("d", |_, _| Ok(nothing()));
        on.answer::<Post>(|_, _, _| Ok(nothing()));
        on.answer::<Post>(|_, _, _| Ok(nothing()));
        on.command::<Fill>(|_, _, _| Ok((0, nothing())));
        on.command_with::<Fill, Account>(|_, _| Vec::new(), |_, _, _, _| Ok((0, nothing())));
        on.command_with::<Tidy, Pot>(|_, _| Vec::new(), |_, _, _, _| Ok(((), nothing())));
        on.command::<Rename>(|_, _, _| Ok(((), nothing())));
        on.event_with::<VisitUndone, Account>(|_, _| Vec::new(), |_, _, _, _| Ok(nothing()));
        on.deadline_with::<Account>("e", |_| Vec::new(), |_, _, _| Ok(nothing()));
        on.records::<Line>();
        on.records::<Word>();
        on.records::<Spill>();
    }
}

/// A contradiction's words, without the types' paths, and how many lines of these routes it names.
fn short(wrong: &str) -> (String, usize) {
    let places = wrong.matches("tests.rs:").count() + wrong.matches("type Aggregate").count();
    (wrong.replace("choreography_core::routes::tests::", "").replace("confused::", ""), places)
}

#[test]
fn routes_that_contradict_each_other_are_refused_with_all_that_is_wrong_and_where() {
    let wrong = Routed::new(Confused).unwrap_err().0;
    let expected = [
        (2, "visit.made is handled twice, at ", "declare it once"),
        (2, "the deadline d is handled twice, at ", "give each a name of its own"),
        (2, "the answer to post is handled twice, at ", "give each call a step of its own"),
        (1, "keys of accounts come from rows of pots (", "make Fill about the aggregate"),
        (2, "Fill is handled twice, at ", "declare it once"),
        (2, "keys of pots come from rows of shelves (", "declare a route of shelves before that"),
        (2, "the table accounts is Account's (type Aggregate) and Visitor's (", "one table has one type"),
        (1, "the route of visit.undone (", "further rows of accounts, whose row it is about already"),
        (1, "the route of the deadline e (", "further rows of accounts, whose row it is about already"),
        (2, "the table lines is Line's (", "and Word's ("),
        (0, "points.earned is declared as ignored, but nothing of points is handled", ": leave it out"),
        (1, "visit.made is handled (", "and declared as ignored: leave one of the two out"),
        (1, "visit.made is published and handled (", "by the same service: call the rule instead"),
        (0, "visit.made is published, but it is desk's", "only desk writes to visits"),
        (2, "the table pots has rows, Pot's (", "and records are appended to it, Spill's ("),
    ];
    for (line, (places, begin, rest)) in wrong.iter().zip(expected) {
        let (line, named) = short(line);
        assert!(line.starts_with(begin) && line.contains(rest), "{line:?} instead of {begin:?} … {rest:?}");
        assert_eq!(named, places, "{line}");
    }
    assert_eq!(wrong.len(), expected.len(), "{wrong:#?}");
}

/// Makes the calls of these steps, if it says which.
struct Caller(Option<Vec<&'static str>>);

impl Provider for Caller {
    async fn call(&self, _: &PendingCall, _: TimeDelta) -> Result<Answer, CallError> {
        Err(CallError::Passing("by_none is there".into()))
    }

    fn steps(&self) -> Option<Vec<&'static str>> {
        self.0.clone()
    }
}

#[test]
fn calls_without_a_provider_and_calls_whose_answers_have_no_rule_are_refused() {
    let routed = Routed::new(Loyalty).unwrap();
    let wrong = |check: &dyn Fn() -> Result<(), RoutesError>| check().map_err(|wrong| wrong.0).unwrap_err();
    let by_none = wrong(&|| routed.calls_by(&NoProvider, Location::caller()));
    assert_eq!(by_none.len(), 1);
    let (line, places) = short(&by_none[0]);
    assert!(line.starts_with("the answer to post has a rule (") && line.contains("nothing makes that call"), "{line}");
    assert_eq!(places, 2, "{line}");
    let other = wrong(&|| routed.calls_by(&Caller(Some(vec!["pump", "post"])), Location::caller()));
    assert_eq!(other.len(), 1);
    let (line, places) = short(&other[0]);
    assert!(line.starts_with("the call pump is made by") && line.contains("its answer has no rule"), "{line}");
    assert_eq!(places, 1, "{line}");
    for provider in [Caller(Some(vec!["post"])), Caller(None)] {
        routed.calls_by(&provider, Location::caller()).unwrap();
    }
}

#[test]
fn a_row_of_another_type_is_never_taken_for_one_that_is_not_there() {
    let panics = |what: &mut dyn FnMut()| {
        let panic = catch_unwind(AssertUnwindSafe(what)).unwrap_err();
        let said = panic.downcast_ref::<String>().unwrap();
        assert!(said.starts_with("the accounts row o1 is no choreography_core::routes::tests::Account"), "{said}");
    };
    let visitor = || Given::nothing(Loyalty).row("o1", Visitor { name: "ada".into() });
    panics(&mut || drop(visitor().event(visit(3))));
    panics(&mut || drop(visitor().deadline("o1", "thanks")));
    panics(&mut || assert_eq!(visitor().find::<Account>("o1"), Account::default()));
}
