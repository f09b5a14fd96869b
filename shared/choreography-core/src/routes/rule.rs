//! Rules, whatever they take, with the rows that they need.

use std::any::{Any, type_name};

use chrono::{DateTime, Utc};

use super::{
    Further, KeysOf, Moment, OnAnswer, OnAnswerWith, OnCommand, OnCommandWith, OnCommandWithTwo, OnDeadline,
    OnDeadlineWith, OnEvent, OnEventWith, Reaction, Service,
    dispatch::{Routed, TableId},
    further_rows::{row, row_so_far},
    inputs::AnyReply,
    place::Place,
};
use crate::{
    Answer, AnyRow, Call, Command, Event, Refusal, Row,
    rows::{Rows, Touch},
};

/// What a rule came to; of a command with its reply.
type Ran = Result<(Option<AnyReply>, Reaction), Refusal>;
type Run = dyn Fn(&dyn Any, &mut Rows<Routed>, &At<'_>) -> Ran + Send + Sync;
type Names = dyn Fn(&dyn Any, &str, &Rows<Routed>) -> Vec<String> + Send + Sync;

/// The circumstances of an input, of whatever service.
pub(super) struct At<'a> {
    /// Of the type that declared the routes.
    pub service: &'a (dyn Any + Send + Sync),
    pub now: DateTime<Utc>,
    pub aggregate_id: &'a str,
}

/// The key of the row that an input is about.
#[derive(Clone, Copy)]
pub(super) struct RowKey<'a> {
    pub text: &'a str,
    /// It was minted for this input.
    pub fresh: bool,
}

/// Rows of another table that a rule needs.
struct FurtherRows {
    table: TableId,
    names: Box<Names>,
    /// Their keys come from the row that the input is about, so that must be read first.
    by_row: bool,
}

impl FurtherRows {
    /// The input alone names them.
    fn named<I: Any, X: Row>(keys: KeysOf<I>) -> Self {
        let names =
            move |input: &dyn Any, _: &str, _: &Rows<Routed>| typed::<I>(input).map_or_else(|_| Vec::new(), keys);
        Self { table: TableId(X::TABLE), names: Box::new(names), by_row: false }
    }
}

/// A rule with the rows that it needs.
pub(super) struct Rule {
    /// Where its route is declared.
    pub place: Place,
    /// What it takes, in words.
    pub input: String,
    /// The table of the row that the input is about.
    pub about: TableId,
    /// That is the table of the aggregates.
    pub is_of_aggregate: bool,
    further: Vec<FurtherRows>,
    pub run: Box<Run>,
}

impl Rule {
    pub fn event<E: Event, S: Service>(place: Place, rule: OnEvent<E, S>) -> Self {
        Self::about(place, move |event: &E, aggregate: &mut S::Aggregate, _, at| {
            Ok((None, rule(event, aggregate, at)?))
        })
    }

    pub fn event_with<E: Event, X: Row, S: Service>(
        place: Place,
        keys: fn(&E, &S::Aggregate) -> Vec<String>,
        rule: OnEventWith<E, X, S>,
    ) -> Self {
        Self::with(place, keys, move |event, aggregate, further, at| Ok((None, rule(event, aggregate, further, at)?)))
    }

    pub fn event_naming<E: Event, X: Row, S: Service>(
        place: Place,
        keys: KeysOf<E>,
        rule: OnEventWith<E, X, S>,
    ) -> Self {
        let named = move |event: &E, _: &S::Aggregate| keys(event);
        let with = Self::with(place, named, move |event, aggregate, further, at| {
            Ok((None, rule(event, aggregate, further, at)?))
        });
        Self { further: vec![FurtherRows::named::<E, X>(keys)], ..with }
    }

    pub fn command<C: Command, S: Service>(place: Place, rule: OnCommand<C, S>) -> Self {
        Self::about(place, move |command: &C, row: &mut C::Row, _, at| {
            let (reply, reaction) = rule(command, row, at)?;
            Ok((Some(AnyReply::new(reply)), reaction))
        })
    }

    pub fn command_with<C: Command, X: Row, S: Service>(
        place: Place,
        keys: fn(&C, &C::Row) -> Vec<String>,
        rule: OnCommandWith<C, X, S>,
    ) -> Self {
        Self::with(place, keys, move |command, row, further, at| {
            let (reply, reaction) = rule(command, row, further, at)?;
            Ok((Some(AnyReply::new(reply)), reaction))
        })
    }

    pub fn command_with_two<C: Command, X: Row, Y: Row, S: Service>(
        place: Place,
        (first, second): (KeysOf<C>, KeysOf<C>),
        rule: OnCommandWithTwo<C, X, Y, S>,
    ) -> Self {
        let about = Self::about(place, move |command: &C, row: &mut C::Row, rows, at| {
            let (mut xs, mut ys) =
                (Further::<X>::read(first(command), rows), Further::<Y>::read(second(command), rows));
            let (reply, reaction) = rule(command, row, &mut xs, &mut ys, at)?;
            xs.write(rows);
            ys.write(rows);
            Ok((Some(AnyReply::new(reply)), reaction))
        });
        Self { further: vec![FurtherRows::named::<C, X>(first), FurtherRows::named::<C, Y>(second)], ..about }
    }

    pub fn answer<C: Call, S: Service>(place: Place, rule: OnAnswer<C, S>) -> Self {
        Self::about(place, move |answer: &Answer, aggregate: &mut S::Aggregate, _, at| {
            Ok((None, rule(&answer_to::<C>(answer)?, aggregate, at)?))
        })
    }

    pub fn answer_with<C: Call, X: Row, S: Service>(
        place: Place,
        keys: fn(&C::Answer, &S::Aggregate) -> Vec<String>,
        rule: OnAnswerWith<C, X, S>,
    ) -> Self {
        let keys = move |answer: &Answer, aggregate: &S::Aggregate| {
            answer_to::<C>(answer).map_or_else(|_| Vec::new(), |answer| keys(&answer, aggregate))
        };
        Self::with(place, keys, move |answer, aggregate, further, at| {
            Ok((None, rule(&answer_to::<C>(answer)?, aggregate, further, at)?))
        })
    }

    pub fn deadline<S: Service>(place: Place, rule: OnDeadline<S>) -> Self {
        Self::about(place, move |_: &String, aggregate: &mut S::Aggregate, _, at| Ok((None, rule(aggregate, at)?)))
    }

    pub fn deadline_with<X: Row, S: Service>(
        place: Place,
        keys: fn(&S::Aggregate) -> Vec<String>,
        rule: OnDeadlineWith<X, S>,
    ) -> Self {
        let keys = move |_: &String, aggregate: &S::Aggregate| keys(aggregate);
        Self::with(place, keys, move |_, aggregate, further, at| Ok((None, rule(aggregate, further, at)?)))
    }

    /// A rule about one row.
    fn about<I: Any, R: Row, S: Service>(
        place: Place,
        rule: impl Fn(&I, &mut R, &mut Rows<Routed>, &Moment<'_, S>) -> Ran + Send + Sync + 'static,
    ) -> Self {
        let run = move |input: &dyn Any, rows: &mut Rows<Routed>, at: &At<'_>| {
            let input = typed::<I>(input)?;
            let at = &Moment { service: typed::<S>(at.service)?, now: at.now, aggregate_id: at.aggregate_id };
            changing(rows, at.aggregate_id, |row: &mut R, rows| rule(input, row, rows, at))
        };
        let (input, about) = (type_name::<I>().to_owned(), TableId(R::TABLE));
        let is_of_aggregate = about == TableId(S::Aggregate::TABLE);
        Self { place, input, about, is_of_aggregate, further: Vec::new(), run: Box::new(run) }
    }

    /// A rule about one row, with further ones that `keys` names.
    fn with<I: Any, R: Row, X: Row, S: Service>(
        place: Place,
        keys: impl Fn(&I, &R) -> Vec<String> + Copy + Send + Sync + 'static,
        rule: impl Fn(&I, &mut R, &mut Further<X>, &Moment<'_, S>) -> Ran + Send + Sync + 'static,
    ) -> Self {
        let names = move |input: &dyn Any, key: &str, rows: &Rows<Routed>| {
            typed::<I>(input).map_or_else(|_| Vec::new(), |input| keys(input, &row_so_far(rows, key)))
        };
        let about = Self::about(place, move |input: &I, row: &mut R, rows, at| {
            let mut further = Further::read(keys(input, row), rows);
            let ran = rule(input, row, &mut further, at)?;
            further.write(rows);
            Ok(ran)
        });
        Self { further: vec![FurtherRows { table: TableId(X::TABLE), names: Box::new(names), by_row: true }], ..about }
    }

    /// Says in words what it takes, where its type says too little.
    pub fn taking(self, input: String) -> Self {
        Self { input, ..self }
    }

    /// Whether the rule takes rows of this table.
    pub fn names(&self, table: TableId) -> bool {
        table == self.about || self.further().any(|further| further == table)
    }

    /// Whether it names its rows of this table by what stands in the row that it is about.
    pub fn names_by_rows(&self, table: TableId) -> bool {
        self.further.iter().any(|further| further.by_row && further.table == table)
    }

    /// The tables of its further rows.
    pub fn further(&self) -> impl Iterator<Item = TableId> {
        self.further.iter().map(|further| further.table)
    }

    /// The rows of `table` that the input may read or change.
    pub fn touches(
        &self,
        table: TableId,
        input: &dyn Any,
        key: RowKey<'_>,
        rows: &Rows<Routed>,
        touched: &mut Vec<Touch>,
    ) {
        if table == self.about {
            touched.push(Touch { key: key.text.to_owned(), fresh: key.fresh });
        }
        for FurtherRows { names, .. } in self.further.iter().filter(|further| further.table == table) {
            touched.extend(names(input, key.text, rows).into_iter().map(Touch::shared));
        }
    }

    /// Calls and deadlines are the aggregate's: what comes of them is about its row, by its key.
    pub fn check(&self, reaction: &Reaction) -> Result<(), Refusal> {
        if self.is_of_aggregate || !reaction.comes_back() {
            return Ok(());
        }
        Err(Refusal::Permanent(format!(
            "the rule for {} ({}) is about a row of {}, which is not the aggregate's, yet it makes a call or sets a deadline: \
             what comes of it would be looked up among the aggregates. Make the input about the aggregate, with its rows of \
             {2} as further ones",
            self.input, self.place, self.about.0.name
        )))
    }
}

/// Runs a rule on the row that its input is about. A rule that saw no row and writes none must leave no trace that others
/// see: there would be nothing to lock, so two of them could pass each other.
fn changing<R: Row>(
    rows: &mut Rows<Routed>,
    aggregate_id: &str,
    rule: impl FnOnce(&mut R, &mut Rows<Routed>) -> Ran,
) -> Ran {
    let before: R = row(rows, aggregate_id);
    let mut after = before.clone();
    let (reply, reaction) = rule(&mut after, rows)?;
    if after == R::default() && before == after && reaction.is_seen() {
        return Err(Refusal::Permanent(format!(
            "the rule saw no row {} in {} and writes none, yet it publishes, calls or sets a deadline: write a row that \
             says so",
            aggregate_id,
            R::TABLE.name
        )));
    }
    rows.set(TableId(R::TABLE), aggregate_id, AnyRow::new(after));
    Ok((reply, reaction))
}

/// The answer as its call's rule takes it.
fn answer_to<C: Call>(answer: &Answer) -> Result<C::Answer, Refusal> {
    C::Answer::try_from(answer.clone())
        .map_err(|error| Refusal::Permanent(format!("the answer to {} can't be read: {error}", C::STEP)))
}

fn typed<T: Any>(input: &dyn Any) -> Result<&T, Refusal> {
    input.downcast_ref().ok_or_else(|| Refusal::Permanent(format!("this is no {}", type_name::<T>())))
}
