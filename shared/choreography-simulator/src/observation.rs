//! What an input meets, in words: for the story, for what is counted, and to choose inputs that fail.

use choreography_core::{effects::Effects, participant::Trigger, routes::Routed, rows::Rows};

use crate::core::Core;

/// Words for a service's states and inputs. They are counted, so there should be few of them.
pub trait Observed: Send + Sync + 'static {
    /// The state of the row that the input is about.
    fn state(&self, _trigger: &Trigger<Routed>, _rows: &Rows<Routed>) -> &'static str {
        ""
    }

    /// By itself an event's type, or `command`, `deadline`, `answer`.
    fn input(&self, trigger: &Trigger<Routed>, _rows: &Rows<Routed>) -> &'static str {
        match trigger {
            Trigger::Event(event) => event.event_type.name,
            Trigger::Command(_) => "command",
            Trigger::Deadline { .. } => "deadline",
            Trigger::Answer { .. } => "answer",
        }
    }

    /// What the input is about, as far as it is part of a saga: the key of its row.
    fn aggregate_id(&self, trigger: &Trigger<Routed>) -> Option<String> {
        Some(key(trigger))
    }

    /// Does something wrong with what a rule answered, to see whether a check finds it.
    fn spoil(&self, _core: &Core, _effects: &mut Effects<Routed>) {}
}

/// A service of which nothing more is known.
pub(crate) struct Unknown;

impl Observed for Unknown {}

/// The key of the row that an input is about.
fn key(trigger: &Trigger<Routed>) -> String {
    match trigger {
        Trigger::Event(event) => event.aggregate_id.clone(),
        Trigger::Command(command) => command.key.text().to_owned(),
        Trigger::Deadline { aggregate_id, .. } | Trigger::Answer { aggregate_id, .. } => aggregate_id.clone(),
    }
}
