//! What a schedule is about: a call of a port at which faults strike far more often, and services that are used in a way in
//! which the call is made often.

use crate::faults::Fault;

/// No call, or any.
pub const ANY: &str = "";

/// Which inputs fail every time, for as long as faults strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poisoning {
    /// In some schedules, those of any type of event.
    Sometimes,
    /// In every schedule, those of any type of event.
    Always,
    /// Those that most inputs of a saga are.
    Common,
    /// All events, now and then.
    NowAndThen,
    /// Answers to external calls.
    Answers,
    /// Deadlines.
    Deadlines,
    /// Events, each of which ends the process.
    Crashes,
}

/// How a schedule differs from an ordinary one.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// How the services are used: what the number means is the set-up's affair. Zero: as usual.
    pub usage: usize,
    /// Which inputs fail.
    pub poisoning: Poisoning,
    /// Another database client is busy, and waits for locks are short.
    pub locks: bool,
    /// Commits wait for a standby now and then, for seconds, with all that they hold.
    pub standby: bool,
    /// An operator writes rows by hand that no version of the service can read.
    pub scribbles: bool,
    /// A client writes messages that are no events.
    pub junk: bool,
    /// Faults that strike at other calls once in so many, since they lead to the one in focus.
    pub leads: &'static [(&'static str, Fault, usize)],
}

impl Profile {
    /// Nothing special.
    pub const PLAIN: Self = Self {
        usage: 0,
        poisoning: Poisoning::Sometimes,
        locks: false,
        standby: false,
        scribbles: false,
        junk: false,
        leads: &[],
    };
}

/// What faults are aimed at.
#[derive(Debug)]
pub struct Tables {
    /// Calls that an ordinary schedule makes a few times or never, each with a weight and with a way to use the services in
    /// which it is made often; what is hard to reach has more weight.
    pub rare: &'static [(&'static str, usize, Profile)],
    /// Calls that every schedule makes often.
    pub frequent: &'static [&'static str],
    /// Of schedules that have no rare call in focus.
    pub profiles: &'static [Profile],
}

const PLAIN: Profile = Profile::PLAIN;
const JUNK: Profile = Profile { junk: true, ..PLAIN };
const RETRIED: Profile = Profile { poisoning: Poisoning::NowAndThen, ..PLAIN };
const DEFERRED: Profile = Profile { poisoning: Poisoning::Always, ..PLAIN };
const STANDBY: Profile = Profile { standby: true, ..PLAIN };
const LOCKS: Profile = Profile { locks: true, poisoning: Poisoning::NowAndThen, ..PLAIN };
const SCRIBBLES: Profile = Profile { scribbles: true, ..RETRIED };
const REFUSED_DEADLINES: Profile = Profile { poisoning: Poisoning::Deadlines, ..PLAIN };
const REFUSED_ANSWERS: Profile = Profile { poisoning: Poisoning::Answers, ..PLAIN };
const REFUSED_MESSAGES: Profile = Profile { leads: &[("publish", Fault::MessageRefused, 6)], ..PLAIN };
const LOST_CALLS: Profile = Profile { leads: &[("call", Fault::AnswerLost, 2), ("call", Fault::CallLost, 4)], ..PLAIN };
const STOPS: Profile = Profile { leads: &[(ANY, Fault::Stopped, 150)], ..PLAIN };
const TOPICS_CLOSED: Profile = Profile { leads: &[(ANY, Fault::TopicClosed, 120)], ..PLAIN };
/// Processes end over an event, and once more while it is set aside.
const CRASHES: Profile = Profile {
    poisoning: Poisoning::Crashes,
    leads: &[("defer", Fault::Killed, 2), ("dead_letter", Fault::Killed, 6), ("end_messages", Fault::Killed, 6)],
    ..PLAIN
};

/// For services of which nothing more is known.
pub static ANY_SERVICES: Tables = Tables {
    rare: &[
        ("defer", 3, RETRIED),
        ("defer_again", 3, RETRIED),
        ("released", 3, RETRIED),
        ("lock_deferred", 2, DEFERRED),
        ("dead_letter", 2, JUNK),
        ("is_kept", 3, CRASHES),
        ("stop", 2, REFUSED_MESSAGES),
        ("lock_rows", 3, LOCKS),
        ("take_deadlines", 3, REFUSED_DEADLINES),
        ("insert_calls", 2, PLAIN),
        ("take_calls", 3, REFUSED_ANSWERS),
        ("call", 3, LOST_CALLS),
        ("append_records", 1, PLAIN),
        ("commit", 2, STANDBY),
        ("read_rows", 1, PLAIN),
        ("write_at_once", 2, LOCKS),
        ("write_at_once", 2, STANDBY),
    ],
    frequent: &["append_records", "begin", "commit", "lock_rows", "mark", "publish"],
    profiles: &[
        JUNK,
        RETRIED,
        DEFERRED,
        LOCKS,
        SCRIBBLES,
        REFUSED_DEADLINES,
        REFUSED_ANSWERS,
        REFUSED_MESSAGES,
        LOST_CALLS,
        STOPS,
        TOPICS_CLOSED,
        CRASHES,
    ],
};

/// The call at which faults strike more often, if there is one.
pub struct Focus {
    call: Option<&'static str>,
    is_rare: bool,
    /// How the schedule differs from an ordinary one.
    pub profile: Profile,
}

impl Focus {
    /// Draws one.
    pub fn draw(tables: &'static Tables, mut pick: impl FnMut(usize) -> usize) -> Self {
        let mut weight = pick(tables.rare.iter().map(|(_, weight, _)| weight).sum::<usize>());
        let rare = tables.rare.iter().find(|(_, of, _)| {
            let chosen = weight < *of;
            weight = weight.saturating_sub(*of);
            chosen
        });
        let frequent = tables.frequent[pick(tables.frequent.len())];
        let other = if pick(3) == 0 { tables.profiles[pick(tables.profiles.len())] } else { Profile::PLAIN };
        match (pick(10), rare) {
            (0..=7, Some(&(call, _, profile))) => Self { call: Some(call), is_rare: true, profile },
            (8, _) => Self { call: Some(frequent), is_rare: false, profile: other },
            _ => Self { call: None, is_rare: false, profile: other },
        }
    }

    /// Whether the call is a rare one.
    pub fn is_rare(&self) -> bool {
        self.is_rare
    }

    /// Whether this call is in focus.
    pub fn is(&self, call: &str) -> bool {
        self.call == Some(call)
    }

    /// It strikes at the call once in so many, since it leads to the one in focus.
    pub fn leads(&self, fault: Fault, call: &str) -> Option<usize> {
        let found = self.profile.leads.iter().find(|(at, of, _)| *at == call && *of == fault);
        found.map(|(.., one_in)| *one_in)
    }
}

/// What strikes the replica that makes the call in focus: at one in so many of them.
pub const AIMED: [Fault; 4] = [Fault::Killed, Fault::Frozen, Fault::Rebalanced, Fault::Dropped];
/// At one in so many of them.
pub const AIMED_ONE_IN: usize = 2;
/// And the replica that has just made it: a transaction that lies frozen ends while it is idle.
pub const AIMED_AFTER: [Fault; 4] = [Fault::Killed, Fault::Frozen, Fault::Frozen, Fault::Dropped];
/// At one in so many of them.
pub const AFTER_ONE_IN: usize = 3;
/// Any other fault strikes at one in so many calls in focus.
pub const FOCUS_ONE_IN: usize = 5;
