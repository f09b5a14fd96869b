//! The route table: each reaction of a service is declared once, and topics, handled types, locked rows and dispatch follow
//! from it.

mod archive;
mod contradictions;
mod description;
mod dispatch;
mod further_rows;
#[cfg(test)]
mod garden_tests;
mod inputs;
mod moment;
mod place;
mod reaction;
mod rule;
mod table;
#[cfg(test)]
mod tests;
mod unhandled;

use std::marker::PhantomData;

use crate::{
    Call, Command, Event, Record, Refusal, Row,
    versions::{Conversion, Convert},
};

pub use archive::{AgingRecords, Archive, Archived, Ends, Finished, Records};
pub use contradictions::RoutesError;
pub use description::{Description, EventContract};
pub use dispatch::{Routed, TableId};
pub use further_rows::Further;
pub use inputs::{AnyCommand, AnyEvent, AnyReply};
pub use moment::Moment;
pub use reaction::{Reaction, nothing, publish};

pub(crate) use further_rows::typed;
use place::Place;
use rule::Rule;
use table::RouteTable;

/// A service that takes part in sagas.
///
/// Its aggregate needs a table: without the `table!` here the compiler says so.
///
/// ```
/// # use choreography_core::{routes::{Routes, Service}, table};
/// #[derive(Clone, Debug, Default, PartialEq)]
/// pub struct Account {
///     pub points: i64,
/// }
///
/// table!(Account in accounts by order_id: points);
///
/// pub struct Loyalty;
///
/// impl Service for Loyalty {
///     type Aggregate = Account;
///     const NAME: &'static str = "loyalty";
///     fn routes(_: &mut Routes<Self>) {}
/// }
/// ```
///
/// ```compile_fail,E0277
/// # use choreography_core::routes::{Routes, Service};
/// #[derive(Clone, Debug, Default, PartialEq)]
/// pub struct Account {
///     pub points: i64,
/// }
///
/// pub struct Loyalty;
///
/// impl Service for Loyalty {
///     type Aggregate = Account;
///     const NAME: &'static str = "loyalty";
///     fn routes(_: &mut Routes<Self>) {}
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no service",
    label = "this needs a name, an aggregate and routes",
    note = "implement `Service` for it"
)]
pub trait Service: Send + Sync + Sized + 'static {
    /// The row that an aggregate has, in most reactions the only one.
    type Aggregate: Row;

    /// The service's name: its consumer group, the `source` of its events, the consumer of its inbox.
    const NAME: &'static str;

    /// Declares what the service reacts to, and how. Called once, at the start, before anything is connected; it must declare the same
    /// each time.
    fn routes(on: &mut Routes<Self>);
}

/// What a rule for an event, an answer or a deadline answers.
pub type Reacts = Result<Reaction, Refusal>;

/// A rule for an event: plain and synchronous, without I/O, time of its own or chance.
///
/// It is called within the transaction that records its effect, with the aggregate's row locked (`SELECT … FOR UPDATE`); where there is
/// no row yet it is given the default. Events of one aggregate and topic come in their order, one after another. It may run several
/// times for one event, since a transaction may be tried again; what it changed then is forgotten. Once it is committed, the event
/// never comes again within the event horizon.
///
/// # Errors
/// [`Refusal::Transient`]: the event waits and is tried again, its aggregate's later events behind it. [`Refusal::Awaited`]: the same, for as
/// long as it takes. [`Refusal::Permanent`], and a panic: the event is parked and dead-lettered, its aggregate's later events wait. Others go on.
pub type OnEvent<E, S> = fn(&E, &mut <S as Service>::Aggregate, &Moment<'_, S>) -> Reacts;
/// As [`OnEvent`], with further rows.
pub type OnEventWith<E, X, S> = fn(&E, &mut <S as Service>::Aggregate, &mut Further<X>, &Moment<'_, S>) -> Reacts;
/// A rule for a command. It is called as one for an event is, with the command's row locked; of a [`Key::Fresh`](crate::Key::Fresh)
/// there is none. The client is answered once all is committed.
///
/// # Errors
/// The client is told the refusal; nothing is kept.
pub type OnCommand<C, S> =
    fn(&C, &mut <C as Command>::Row, &Moment<'_, S>) -> Result<(<C as Command>::Reply, Reaction), Refusal>;
/// As [`OnCommand`], with further rows.
pub type OnCommandWith<C, X, S> = fn(
    &C,
    &mut <C as Command>::Row,
    &mut Further<X>,
    &Moment<'_, S>,
) -> Result<(<C as Command>::Reply, Reaction), Refusal>;
/// Names the keys of further rows, from a command alone.
pub type KeysOf<C> = fn(&C) -> Vec<String>;
/// As [`OnCommand`], with further rows of two tables.
pub type OnCommandWithTwo<C, X, Y, S> = fn(
    &C,
    &mut <C as Command>::Row,
    &mut Further<X>,
    &mut Further<Y>,
    &Moment<'_, S>,
) -> Result<(<C as Command>::Reply, Reaction), Refusal>;
/// A rule for a provider's answer. It is called as one for an event is, for the first answer to a call; later ones are compared and
/// forgotten.
///
/// # Errors
/// A refusal keeps the call open: it is reported and asked about again.
pub type OnAnswer<C, S> = fn(&<C as Call>::Answer, &mut <S as Service>::Aggregate, &Moment<'_, S>) -> Reacts;
/// As [`OnAnswer`], with further rows.
pub type OnAnswerWith<C, X, S> =
    fn(&<C as Call>::Answer, &mut <S as Service>::Aggregate, &mut Further<X>, &Moment<'_, S>) -> Reacts;
/// A rule for a deadline that has passed, by the database's clock. It is called as one for an event is, once: by then the deadline is
/// gone.
///
/// # Errors
/// A refusal leaves the deadline where it is: it is reported and comes again.
pub type OnDeadline<S> = fn(&mut <S as Service>::Aggregate, &Moment<'_, S>) -> Reacts;
/// As [`OnDeadline`], with further rows.
pub type OnDeadlineWith<X, S> = fn(&mut <S as Service>::Aggregate, &mut Further<X>, &Moment<'_, S>) -> Reacts;

/// Takes down a service's declarations; [`Service::routes`] makes them.
pub struct Routes<S> {
    table: RouteTable,
    service: PhantomData<fn(S)>,
}

/// An event's route, to say more of it. By itself it waits behind parked events of its aggregate.
pub struct EventRoute<'a> {
    overtakes: &'a mut bool,
}

impl EventRoute<'_> {
    /// It is a compensation: it overtakes parked events of its aggregate.
    pub fn overtakes(self) {
        *self.overtakes = true;
    }
}

impl<S: Service> Routes<S> {
    /// Reacts to an event, on the aggregate's row alone.
    #[track_caller]
    pub fn event<E: Event>(&mut self, rule: OnEvent<E, S>) -> EventRoute<'_> {
        EventRoute { overtakes: self.table.event::<E>(Rule::event(Place::here(), rule)) }
    }

    /// Reacts to an event, on the aggregate's row and further ones of another table.
    ///
    /// `keys` names those further rows from the event and the aggregate's row; they are locked after it.
    #[track_caller]
    pub fn event_with<E: Event, X: Row>(
        &mut self,
        keys: fn(&E, &S::Aggregate) -> Vec<String>,
        rule: OnEventWith<E, X, S>,
    ) -> EventRoute<'_> {
        let here = Place::here();
        self.table.keeps::<X>(here);
        EventRoute { overtakes: self.table.event::<E>(Rule::event_with(here, keys, rule)) }
    }

    /// As [`event_with`](Self::event_with); the event alone names the further rows. Then one statement locks all, a round trip less.
    #[track_caller]
    pub fn event_naming<E: Event, X: Row>(&mut self, keys: KeysOf<E>, rule: OnEventWith<E, X, S>) -> EventRoute<'_> {
        let here = Place::here();
        self.table.keeps::<X>(here);
        EventRoute { overtakes: self.table.event::<E>(Rule::event_naming(here, keys, rule)) }
    }

    /// Says of an event on one of the topics read that nothing is to be done about it. One that is neither handled nor
    /// ignored is reported when it comes: by a metric, and by one line of the log per type.
    pub fn ignore<E: Event>(&mut self) {
        self.table.ignore::<E>();
    }

    /// Reacts to a client's command.
    ///
    /// A command about another row than the aggregate's makes no calls and sets no deadlines: what comes of them is about an
    /// aggregate. A rule that does is refused.
    #[track_caller]
    pub fn command<C: Command>(&mut self, rule: OnCommand<C, S>) {
        let here = Place::here();
        self.table.keeps::<C::Row>(here);
        self.table.command::<C>(Rule::command(here, rule));
    }

    /// Reacts to a client's command, on its row and further ones of another table, which are locked after it.
    #[track_caller]
    pub fn command_with<C: Command, X: Row>(
        &mut self,
        keys: fn(&C, &C::Row) -> Vec<String>,
        rule: OnCommandWith<C, X, S>,
    ) {
        let here = Place::here();
        self.table.keeps::<C::Row>(here);
        self.table.keeps::<X>(here);
        self.table.command::<C>(Rule::command_with(here, keys, rule));
    }

    /// Reacts to a client's command, on its row and further ones of two other tables. The two functions of `keys` name them from the
    /// command alone, so all are locked by one statement.
    #[track_caller]
    pub fn command_with_two<C: Command, X: Row, Y: Row>(
        &mut self,
        keys: (KeysOf<C>, KeysOf<C>),
        rule: OnCommandWithTwo<C, X, Y, S>,
    ) {
        let here = Place::here();
        self.table.keeps::<C::Row>(here);
        self.table.keeps::<X>(here);
        self.table.keeps::<Y>(here);
        self.table.command::<C>(Rule::command_with_two(here, keys, rule));
    }

    /// Reacts to the answer to an external call, which a rule made by [`Reaction::call`].
    #[track_caller]
    pub fn answer<C: Call>(&mut self, rule: OnAnswer<C, S>) {
        self.table.answer::<C>(Rule::answer::<C, S>(Place::here(), rule));
    }

    /// Reacts to the answer to an external call, on the aggregate's row and further ones of another table.
    ///
    /// `keys` names those further rows from the answer and the aggregate's row; they are locked after it.
    #[track_caller]
    pub fn answer_with<C: Call, X: Row>(
        &mut self,
        keys: fn(&C::Answer, &S::Aggregate) -> Vec<String>,
        rule: OnAnswerWith<C, X, S>,
    ) {
        let here = Place::here();
        self.table.keeps::<X>(here);
        self.table.answer::<C>(Rule::answer_with::<C, X, S>(here, keys, rule));
    }

    /// Reacts to a deadline, which a rule set by [`Reaction::deadline`].
    #[track_caller]
    pub fn deadline(&mut self, name: &'static str, rule: OnDeadline<S>) {
        self.table.deadline(name, Rule::deadline(Place::here(), rule));
    }

    /// Reacts to a deadline, on the aggregate's row and further ones of another table.
    ///
    /// `keys` names those further rows from the aggregate's row; they are locked after it.
    #[track_caller]
    pub fn deadline_with<X: Row>(
        &mut self,
        name: &'static str,
        keys: fn(&S::Aggregate) -> Vec<String>,
        rule: OnDeadlineWith<X, S>,
    ) {
        let here = Place::here();
        self.table.keeps::<X>(here);
        self.table.deadline(name, Rule::deadline_with(here, keys, rule));
    }

    /// Says that rules publish events of this type. What is not declared is not published: the input is refused.
    pub fn publishes<E: Event>(&mut self) {
        self.table.publishes::<E>();
    }

    /// Says how readers of a topic that moves get the version before, as long as its owner publishes on both: the new topic has this
    /// event in the version of this build, and the old one has what `back` makes of it, under the same id.
    pub fn publishes_before<E: Event>(&mut self, version: u32, back: Convert) {
        let step = Conversion { from: E::TYPE.version, to: version, convert: back };
        self.table.before.insert(E::TYPE.name, step);
    }

    /// Says that rules append records of this type. What is not declared is not appended: the input is refused.
    #[track_caller]
    pub fn records<R: Record>(&mut self) -> Records<'_> {
        self.table.records::<R>(Place::here());
        Records { table: R::TABLE.name, archive: &mut self.table.archive }
    }

    /// Says what part the service has in a saga, as JSON: its state table, which of its events is an outcome or the pivot, what undoes
    /// what. The service does nothing by it; it is a part of what `describe` prints, and `choreography-check` goes by it. Its page
    /// has the format.
    pub fn saga(&mut self, json: &'static str) {
        self.table.saga = Some(json);
    }

    /// Says that the service owns the keys of personal data that travel on this topic: it alone writes it. What makes and publishes them
    /// is given to the runner; this is what access and topics follow from.
    pub fn owns_keys(&mut self, topic: &'static str) {
        self.table.owns_keys.push(topic);
    }

    /// Says that the service reads the keys of personal data that travel on this topic.
    pub fn reads_keys(&mut self, topic: &'static str) {
        self.table.reads_keys.push(topic);
    }

    /// Says in which states an aggregate's saga is over: `state` is the column of its table, `ends` are the words in it. Its row may
    /// then be archived once it is old enough.
    pub fn ends(&mut self, state: &'static str, ends: &[&'static str]) -> Ends<'_> {
        let finished = Finished { state, ends: ends.to_vec(), changed_at: None };
        Ends { finished: self.table.archive.finished.insert(finished) }
    }
}
