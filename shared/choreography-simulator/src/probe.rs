//! A service under observation: its own rules, and beside what they change a note of what each input met, committed in
//! the same transaction. Chosen events fail every time, until an operator has mended the rule.

use std::{fmt, sync::Arc};

use choreography_core::{
    AnyRecord, AnyRow,
    effects::Effects,
    envelope::Envelope,
    participant::{DecodeError, Participant, Refusal, Trigger},
    routes::{AnyReply, Routed, TableId},
    rows::{Rows, Touch},
};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{core::Core, observation::Observed, poison::Kind, words};

/// A service's rules, watched.
pub struct Probe {
    pub rules: Routed,
    observed: Box<dyn Observed>,
    core: Arc<Core>,
}

/// An input for the rules, with the id under which they may take it once.
pub struct Probed {
    /// `None`: a client's command.
    pub id: Option<Uuid>,
    pub trigger: Trigger<Routed>,
}

impl fmt::Debug for Probed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "probed {:?}", self.id)
    }
}

/// What is appended: the service's own records, and what was taken.
#[derive(Clone, Debug)]
pub enum Note {
    Own(AnyRecord),
    Taken(Taken),
}

/// An input that the rules took.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Of the event.
    pub id: Option<Uuid>,
    pub aggregate_id: Option<String>,
    pub from: &'static str,
    pub input: &'static str,
    /// It is a compensation.
    pub overtakes: bool,
    pub to: &'static str,
    /// What else the rule did, in the words of a state table.
    pub then: &'static str,
}

impl Probe {
    pub fn new(rules: Routed, observed: Box<dyn Observed>, core: Arc<Core>) -> Self {
        Self { rules, observed, core }
    }

    /// The rows that the input touches, as the service itself sees them; those of `before` and later tables left out.
    fn view(
        &self,
        trigger: &Trigger<Routed>,
        rows: &Rows<Self>,
        before: Option<TableId>,
    ) -> (Rows<Routed>, Vec<(TableId, String)>) {
        let (mut view, mut places) = (Rows::default(), Vec::new());
        for &table in self.rules.tables().iter().take_while(|table| Some(**table) != before) {
            let mut touched = Vec::new();
            self.rules.touches(table, trigger, &view, &mut touched);
            for Touch { key, .. } in touched {
                if let Some(row) = rows.find(table, &key) {
                    view.load(table, key.clone(), row.clone());
                    places.push((table, key));
                }
            }
        }
        (view, places)
    }

    fn decide_inner(
        &self,
        id: Option<Uuid>,
        trigger: &Trigger<Routed>,
        rows: &mut Rows<Self>,
        now: DateTime<Utc>,
    ) -> Result<Effects<Self>, Refusal> {
        let (mut view, places) = self.view(trigger, rows, None);
        let aggregate_id = self.observed.aggregate_id(trigger);
        let (from, input) = (self.observed.state(trigger, &view), self.observed.input(trigger, &view));
        self.poisoned(id.is_some(), aggregate_id.as_deref(), input)?;
        let mut effects = self.rules.decide(trigger, &mut view, now).inspect_err(|_| {
            self.core.count_cell([self.name(), from, input, "refused"]);
        })?;
        let (to, then) = (self.observed.state(trigger, &view), words::of(&effects));
        for (table, key) in places {
            let row = view.get(table, &key).clone();
            rows.set(table, &key, row);
        }
        self.observed.spoil(&self.core, &mut effects);
        let overtakes = matches!(trigger, Trigger::Event(event) if self.rules.overtakes(event));
        Ok(noted(effects, Taken { id, aggregate_id, from, input, overtakes, to, then }))
    }

    fn poisoned(&self, is_event: bool, aggregate_id: Option<&str>, input: &str) -> Result<(), Refusal> {
        let poison = self.core.poison().filter(|poison| poison.is_at(self.name()));
        let (Some(poison), Some(aggregate_id)) = (poison, aggregate_id) else { return Ok(()) };
        if !self.core.has_faults() || !poison.strikes(input, is_event, aggregate_id.as_bytes()) {
            return Ok(());
        }
        self.core.count("poison", poison.kind.name());
        match poison.kind {
            Kind::NowAndThen if self.core.pick(2) == 0 => Ok(()),
            Kind::NowAndThen | Kind::Passing => Err(Refusal::Transient("not this time".into())),
            Kind::Refused => Err(Refusal::Permanent("never".into())),
            // Without the hook that prints it.
            Kind::Panics => std::panic::resume_unwind(Box::new("a mistake in the rule")),
            Kind::EndsProcess => {
                self.core.end_process();
                Ok(())
            }
        }
    }
}

fn noted(effects: Effects<Routed>, taken: Taken) -> Effects<Probe> {
    let mut records: Vec<Note> = effects.records.into_iter().map(Note::Own).collect();
    records.push(Note::Taken(taken));
    Effects {
        events: effects.events,
        records,
        calls: effects.calls,
        amended: effects.amended,
        deadlines: effects.deadlines,
        settled: effects.settled,
        reply: effects.reply,
        ended: effects.ended,
    }
}

/// Does something with the input as the service itself knows it.
fn within<T>(trigger: &Trigger<Probe>, then: impl FnOnce(Option<Uuid>, &Trigger<Routed>) -> T) -> T {
    match trigger {
        Trigger::Event(probed) | Trigger::Command(probed) => then(probed.id, &probed.trigger),
        Trigger::Deadline { aggregate_id, name } => {
            then(None, &Trigger::Deadline { aggregate_id: aggregate_id.clone(), name: name.clone() })
        }
        Trigger::Answer { aggregate_id, step, answer } => {
            let (aggregate_id, step, answer) = (aggregate_id.clone(), step.clone(), answer.clone());
            then(None, &Trigger::Answer { aggregate_id, step, answer })
        }
    }
}

impl Participant for Probe {
    type Table = TableId;
    type Row = AnyRow;
    type Event = Probed;
    type Command = Probed;
    type Reply = AnyReply;
    type Record = Note;

    fn name(&self) -> &'static str {
        self.rules.name()
    }

    fn tables(&self) -> &[TableId] {
        self.rules.tables()
    }

    fn aggregates(&self) -> Option<TableId> {
        self.rules.aggregates()
    }

    fn reads(&self) -> &[&'static str] {
        self.rules.reads()
    }

    fn writes(&self) -> &[&'static str] {
        self.rules.writes()
    }

    fn absent(&self, table: TableId) -> AnyRow {
        self.rules.absent(table)
    }

    fn command_text(&self, command: &Probed) -> String {
        match &command.trigger {
            Trigger::Command(command) => self.rules.command_text(command),
            _ => String::new(),
        }
    }

    fn ignores(&self, topic: &str, event_type: &str) -> bool {
        self.rules.ignores(topic, event_type)
    }

    fn decode(&self, topic: &str, envelope: &Envelope) -> Result<Option<Probed>, DecodeError> {
        let event = self.rules.decode(topic, envelope)?;
        Ok(event.map(|event| Probed { id: Some(envelope.id), trigger: Trigger::Event(event) }))
    }

    fn overtakes(&self, event: &Probed) -> bool {
        matches!(&event.trigger, Trigger::Event(event) if self.rules.overtakes(event))
    }

    fn names(&self, table: TableId, trigger: &Trigger<Self>) -> bool {
        within(trigger, |_, trigger| self.rules.names(table, trigger))
    }

    fn touches(&self, table: TableId, trigger: &Trigger<Self>, rows: &Rows<Self>, touched: &mut Vec<Touch>) {
        within(trigger, |_, trigger| {
            let (view, _) = self.view(trigger, rows, Some(table));
            self.rules.touches(table, trigger, &view, touched);
        });
    }

    fn decide(
        &self,
        trigger: &Trigger<Self>,
        rows: &mut Rows<Self>,
        now: DateTime<Utc>,
    ) -> Result<Effects<Self>, Refusal> {
        within(trigger, |id, trigger| self.decide_inner(id, trigger, rows, now))
    }
}
