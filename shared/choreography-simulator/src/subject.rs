//! A service that is simulated: what is handed in, and how it is used and looked at.

use std::sync::Arc;

use choreography_core::{
    AnyRow, Command, Event, Record, Row,
    calls::{NoProvider, Provider},
    envelope::Envelope,
    input::Verdict,
    participant::{Participant, Trigger},
    routes::{AnyCommand, AnyReply, Routed, Service, TableId},
};

use crate::{
    core::{Core, lock, sleep},
    database::{Model, OwnRow},
    observation::{Observed, Unknown},
    probe::{Probe, Probed},
    requests::Requests,
    unreliable_provider::Unreliable,
};

type Calls<O> = Box<dyn FnOnce(Arc<Core>) -> O>;

/// A service, with whatever makes its external calls.
pub struct Subject<S, O> {
    pub(crate) service: S,
    pub(crate) calls: Calls<O>,
    pub(crate) observed: Box<dyn Observed>,
    pub(crate) tombstone: fn(&AnyRow) -> bool,
}

impl<S: Service> Subject<S, NoProvider> {
    /// A service without external calls.
    pub fn new(service: S) -> Self {
        Self { service, calls: Box::new(|_| NoProvider), observed: Box::new(Unknown), tombstone: |_| false }
    }
}

impl<S: Service, O: Provider> Subject<S, O> {
    /// Has its external calls made by `provider`. Calls and answers get lost on their way.
    pub fn calling<P: Provider>(self, provider: P) -> Subject<S, Unreliable<P>> {
        self.calling_by(move |core| Unreliable::new(provider, core))
    }

    /// Has its external calls made by what `provider` makes, whose faults are its own.
    pub fn calling_by<P: Provider>(self, provider: impl FnOnce(Arc<Core>) -> P + 'static) -> Subject<S, P> {
        let Self { service, observed, tombstone, .. } = self;
        Subject { service, calls: Box::new(provider), observed, tombstone }
    }

    /// Has words of its own for states and inputs.
    #[must_use]
    pub fn observed(self, observed: impl Observed) -> Self {
        Self { observed: Box::new(observed), ..self }
    }

    /// Says which rows stand for a compensation that came first.
    #[must_use]
    pub fn tombstones(self, tombstone: fn(&AnyRow) -> bool) -> Self {
        Self { tombstone, ..self }
    }
}

/// A service that is simulated. Clones are the same.
#[derive(Clone)]
pub struct Handle {
    /// Its database.
    pub model: Model<Probe>,
    pub(crate) requests: Requests<Probe>,
}

impl Handle {
    /// Makes a database for a service.
    ///
    /// # Panics
    /// If its routes contradict each other.
    pub(crate) fn new<S: Service>(
        service: S,
        observed: Box<dyn Observed>,
        core: &Arc<Core>,
        tombstone: fn(&AnyRow) -> bool,
    ) -> Self {
        let rules = Routed::new(service).unwrap_or_else(|wrong| panic!("{wrong}"));
        let probe = Arc::new(Probe::new(rules, observed, core.clone()));
        let model = Model::new(core.clone(), probe, crate::schedule::POLICY, tombstone);
        Self { model, requests: Requests::default() }
    }

    /// The service's name.
    pub fn name(&self) -> &'static str {
        self.model.participant.name()
    }

    /// A row that is there from the beginning.
    pub fn put<R: Row>(&self, key: impl ToString, row: R) {
        let row = OwnRow { table: TableId(R::TABLE), key: key.to_string(), row: AnyRow::new(row), events: None };
        lock(&self.model.state).rows.put(row);
    }

    /// The committed row.
    pub fn row<R: Row>(&self, key: &str) -> Option<R> {
        lock(&self.model.state).find(key)
    }

    /// All committed rows of a type, by key.
    pub fn rows<R: Row>(&self) -> Vec<(String, R)> {
        lock(&self.model.state).all()
    }

    /// What the rules appended, of one type.
    pub fn records<R: Record + Clone>(&self) -> Vec<R> {
        lock(&self.model.state).appended()
    }

    /// The events of a type that it published, in the order of their commits.
    pub fn published<E: Event>(&self) -> Vec<E> {
        let state = lock(&self.model.state);
        let messages = state.outbox.committed().map(|row| &row.message);
        let envelopes =
            messages.filter_map(|message| Envelope::parse(message.key.as_deref(), message.payload.as_deref()).ok());
        let of_type = envelopes.filter(|envelope| envelope.event_type == E::TYPE.name);
        of_type.filter_map(|envelope| E::read(envelope.version, envelope.payload.get()).ok()).collect()
    }

    /// Waits for a drawn number of steps, at most `longest`. A step is a millisecond.
    pub async fn pause(&self, longest: usize) {
        let core = &self.model.core;
        sleep(core, core.pick(longest)).await;
    }

    /// Asks for something as a client does: again and again, until it is confirmed. A command may be done more than once
    /// on the way, unless its own rule sees that it was done. `None`: the rules replied nothing of this type.
    pub async fn ask<C: Command>(&self, command: impl Fn() -> C) -> Option<C::Reply> {
        let core = &self.model.core;
        loop {
            let probed = Probed { id: None, trigger: Trigger::Command(AnyCommand::new(command())) };
            let verdict = self.requests.send(core, probed).await;
            core.report(|| format!("a client of {} is answered: {verdict:?}", self.name()));
            match verdict {
                Some(Verdict::Applied(reply)) => {
                    core.count("client", "applied");
                    return reply.and_then(AnyReply::take);
                }
                Some(Verdict::Refused(_)) => core.count("client", "refused"),
                _ => core.count("client", "unknown"),
            }
        }
    }
}
