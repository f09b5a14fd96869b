//! What is known of an input before its rules run, and why they may not.

use chrono::{DateTime, Utc};

use super::Manner;
use crate::{
    input::{Inbound, Input},
    panics::caught,
    participant::{Participant, Refusal, Trigger},
};

/// The class of an input that waits for rows that others have locked.
const LOCKED: &str = "locked";

/// The class of what a rule says waits for something that comes by another way.
pub(super) const AWAITED: &str = "awaited";

/// The class of what ended the process.
pub(super) const CRASH: &str = "crash";

/// Why an input is set aside without its rules being run.
#[derive(Clone, Debug)]
pub(super) struct SetAside {
    pub class: &'static str,
    pub refusal: Refusal,
}

impl SetAside {
    pub fn panicked(over: &str, panic: &str) -> Self {
        Self { class: "panic", refusal: Refusal::Permanent(format!("{over} panicked: {panic}")) }
    }

    pub fn locked(why: String) -> Self {
        Self { class: LOCKED, refusal: Refusal::Awaited(why) }
    }
}

/// An arrival whose id's time has not come.
#[derive(Clone, Debug)]
pub(super) struct Early {
    pub until: DateTime<Utc>,
    pub why: String,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Note {
    /// It is a compensation.
    pub overtakes: bool,
    pub set_aside: Option<SetAside>,
    /// Another transaction has a row of it locked, and this one does not wait; or something before it of its aggregate was left.
    pub left: bool,
    pub early: Option<Early>,
    /// It was deferred early when it was read, and the inbox knows it by now.
    pub known: bool,
    /// It was deferred early, and is by now too old for the inbox: each copy of it is refused.
    pub too_old: bool,
}

impl Note {
    pub fn of<P: Participant>(inbound: &Inbound<P>, manner: Manner<'_>) -> Self {
        let left = manner.left.is_some_and(|left| inbound.aggregate_id().is_some_and(|it| left.contains(it)));
        Self { set_aside: manner.set_aside.cloned(), left, ..Self::default() }
    }

    /// Whether its rules are to be run, and so its rows needed.
    pub fn runs(&self) -> bool {
        self.set_aside.is_none() && self.early.is_none() && !self.left
    }

    pub fn look_at<P: Participant>(&mut self, participant: &P, input: &Input<P>) {
        let Trigger::Event(event) = &input.trigger else { return };
        match caught(|| participant.overtakes(event)) {
            Ok(overtakes) => self.overtakes = overtakes,
            Err(panic) => {
                self.set_aside.get_or_insert_with(|| SetAside::panicked("whether it overtakes", &panic));
            }
        }
    }
}
