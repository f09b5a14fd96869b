//! What a schedule is about: a call of a port at which faults strike far more often, and a shop that is used in a way in
//! which the call is made often.

use crate::faults::Fault;

/// No call, or any.
pub const ANY: &str = "";

/// Which inputs fail every time, for as long as faults strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poisoning {
    /// In some schedules, those of any type of event.
    Sometimes,
    Always,
    /// Those that most sagas meet.
    Common,
    /// All events, now and then.
    NowAndThen,
    /// Answers of provider and carrier.
    Answers,
    /// The order's deadline.
    Deadlines,
    /// Events, each of which ends the process.
    Crashes,
}

/// How a schedule differs from an ordinary one.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// All clients cancel.
    pub cancels: bool,
    /// Goods, money and addresses suffice.
    pub plenty: bool,
    /// Goods and money suffice, but mostly there is no address: what was paid goes back.
    pub returns: bool,
    /// Of an order, in milliseconds.
    pub deadline: Option<u64>,
    pub poisoning: Poisoning,
    /// Somebody with a database client is busy, and waits for locks are short.
    pub locks: bool,
    /// Somebody writes rows by hand that no version of the service can read.
    pub scribbles: bool,
    /// Somebody writes messages that are no events.
    pub junk: bool,
    /// Faults that strike at other calls once in so many, since they lead to the one in focus.
    pub leads: &'static [(&'static str, Fault, usize)],
}

const PLAIN: Profile = Profile {
    cancels: false,
    plenty: false,
    returns: false,
    deadline: None,
    poisoning: Poisoning::Sometimes,
    locks: false,
    scribbles: false,
    junk: false,
    leads: &[],
};
const JUNK: Profile = Profile { junk: true, ..PLAIN };
/// Long enough for every saga, however its calls fail.
const LONG: Option<u64> = Some(40_000);
const PLENTY: Profile = Profile { plenty: true, deadline: LONG, ..PLAIN };
const LOST_CALLS: Profile = Profile {
    leads: &[("charge", Fault::AnswerLost, 2), ("ship", Fault::AnswerLost, 2), ("charge", Fault::CallLost, 4)],
    ..PLENTY
};
const REFUNDS: Profile =
    Profile { returns: true, deadline: LONG, leads: &[("refund", Fault::RefundDeclined, 3)], ..PLAIN };
const LOST_REFUNDS: Profile =
    Profile { leads: &[("refund", Fault::AnswerLost, 2), ("find_refund", Fault::CallLost, 3)], ..REFUNDS };
/// Cancellations meet a payment that is being captured.
const CANCELS: Profile =
    Profile { cancels: true, leads: &[("charge", Fault::CallLost, 1), ("find_charge", Fault::CallLost, 4)], ..PLENTY };
const DEADLINES: Profile = Profile { deadline: Some(1_500), ..PLAIN };
const REFUSED_DEADLINES: Profile = Profile { poisoning: Poisoning::Deadlines, ..DEADLINES };
const DEADLINES_SET_ASIDE: Profile = Profile { leads: &[("take_deadlines", Fault::RefusedData, 1)], ..DEADLINES };
const SCRIBBLES: Profile = Profile { scribbles: true, ..DEADLINES };
const SCRIBBLED_EVENTS: Profile = Profile { scribbles: true, ..RETRIED };
const REFUSED_ANSWERS: Profile = Profile { poisoning: Poisoning::Answers, ..PLENTY };
const ANSWERS_SET_ASIDE: Profile = Profile { leads: &[("take_intents", Fault::RefusedData, 2)], ..PLENTY };
/// Some events are held, whose rows can be locked then.
const LOCKS: Profile = Profile { locks: true, poisoning: Poisoning::NowAndThen, ..PLAIN };
const REFUSALS: Profile = Profile { leads: &[("lock_rows", Fault::RefusedForNow, 5)], ..PLAIN };
const HELD: Profile = Profile { poisoning: Poisoning::Always, ..PLAIN };
const COMMONLY_HELD: Profile = Profile { poisoning: Poisoning::Common, ..PLAIN };
const RETRIED: Profile = Profile { poisoning: Poisoning::NowAndThen, ..PLAIN };
/// Processes end over an event, and once more while it is set aside.
const CRASHES: Profile = Profile {
    poisoning: Poisoning::Crashes,
    leads: &[("hold", Fault::Killed, 2), ("append_outbox", Fault::Killed, 6), ("end_messages", Fault::Killed, 6)],
    ..PLAIN
};
const REFUSED_MESSAGES: Profile = Profile { leads: &[("publish", Fault::MessageRefused, 6)], ..PLAIN };

const STOPS: Profile = Profile { leads: &[(ANY, Fault::Stopped, 150)], ..PLAIN };

const TOPICS_CLOSED: Profile = Profile { leads: &[(ANY, Fault::TopicClosed, 120)], ..PLAIN };

/// Profiles of schedules that have no rare call in focus.
const PROFILES: [Profile; 16] = [
    JUNK,
    PLENTY,
    LOST_CALLS,
    REFUNDS,
    CANCELS,
    DEADLINES,
    REFUSED_DEADLINES,
    SCRIBBLES,
    REFUSED_ANSWERS,
    LOCKS,
    HELD,
    REFUSED_MESSAGES,
    STOPS,
    SCRIBBLED_EVENTS,
    RETRIED,
    TOPICS_CLOSED,
];

/// Calls that an ordinary schedule makes a few times or never; what is hard to reach has more weight.
static RARE: [(&str, usize, Profile); 43] = [
    ("hold", 3, RETRIED),
    ("hold", 1, COMMONLY_HELD),
    ("hold_again", 7, RETRIED),
    ("let_go", 9, RETRIED),
    ("queue_from", 2, COMMONLY_HELD),
    ("held", 2, RETRIED),
    ("claim_held", 1, RETRIED),
    ("park_unreadable", 5, SCRIBBLED_EVENTS),
    ("bury", 2, JUNK),
    ("is_kept", 8, CRASHES),
    ("stop", 4, REFUSED_MESSAGES),
    ("release", 3, STOPS),
    ("look_for", 4, TOPICS_CLOSED),
    ("hurry", 2, REFUSALS),
    ("lock_free_rows", 4, REFUSALS),
    ("lock_rows", 6, LOCKS),
    ("ensure_rows", 1, LOCKS),
    ("take_intents", 2, LOCKS),
    ("reopen_intents", 4, REFUSED_ANSWERS),
    ("amend_intents", 8, CANCELS),
    ("cancel_charge", 5, CANCELS),
    ("postpone_deadlines_here", 7, DEADLINES_SET_ASIDE),
    ("postpone_intents_here", 6, ANSWERS_SET_ASIDE),
    ("postpone_deadlines", 4, SCRIBBLES),
    ("insert_rows", 2, PLAIN),
    ("set_deadlines", 2, REFUSED_DEADLINES),
    ("settle_deadlines", 6, PLAIN),
    ("take_deadlines", 5, DEADLINES),
    ("insert_intents", 4, PLENTY),
    ("take_intents", 1, PLENTY),
    ("postpone", 3, LOST_CALLS),
    ("charge", 2, LOST_CALLS),
    ("find_charge", 2, LOST_CALLS),
    ("refund", 4, REFUNDS),
    ("find_refund", 3, LOST_REFUNDS),
    ("ship", 3, PLENTY),
    ("find_shipment", 3, LOST_CALLS),
    ("append_records", 1, PLAIN),
    ("crashes", 1, PLAIN),
    ("begin_messages", 1, PLAIN),
    ("end_messages", 1, PLAIN),
    ("claim_intents", 1, PLAIN),
    ("keep_alive", 1, PLAIN),
];
const FREQUENT: [&str; 9] =
    ["append_outbox", "begin", "commit", "ensure_rows", "insert_inbox", "mark", "open", "publish", "update_rows"];

pub struct Focus {
    call: Option<&'static str>,
    is_rare: bool,
    pub profile: Profile,
}

impl Focus {
    pub fn draw(mut pick: impl FnMut(usize) -> usize) -> Self {
        let mut weight = pick(RARE.iter().map(|(_, weight, _)| weight).sum::<usize>());
        let rare = RARE.iter().find(|(_, of, _)| {
            let chosen = weight < *of;
            weight = weight.saturating_sub(*of);
            chosen
        });
        let frequent = FREQUENT[pick(FREQUENT.len())];
        let other = if pick(3) == 0 { PROFILES[pick(PROFILES.len())] } else { PLAIN };
        match (pick(10), rare) {
            (0..=6, Some(&(call, _, profile))) => Self { call: Some(call), is_rare: true, profile },
            (7..=8, _) => Self { call: Some(frequent), is_rare: false, profile: other },
            _ => Self { call: None, is_rare: false, profile: other },
        }
    }

    pub fn is_rare(&self) -> bool {
        self.is_rare
    }

    pub fn is(&self, call: &str) -> bool {
        self.call == Some(call)
    }

    /// It strikes at the call once in so many, since it leads to the one in focus.
    pub fn leads(&self, fault: Fault, call: &str) -> Option<usize> {
        let found = self.profile.leads.iter().find(|(at, of, _)| *at == call && *of == fault);
        found.map(|(.., one_in)| *one_in)
    }
}

/// What strikes whoever makes the call in focus: at one in so many of them.
pub const AIMED: [Fault; 4] = [Fault::Killed, Fault::Frozen, Fault::Rebalanced, Fault::Dropped];
pub const AIMED_ONE_IN: usize = 2;
/// And whoever has just made it: a transaction that lies frozen ends while it is idle.
pub const AIMED_AFTER: [Fault; 4] = [Fault::Killed, Fault::Frozen, Fault::Frozen, Fault::Dropped];
pub const AFTER_ONE_IN: usize = 3;
/// Any other fault strikes at one in so many calls in focus.
pub const FOCUS_ONE_IN: usize = 5;
