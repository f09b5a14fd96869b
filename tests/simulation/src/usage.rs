//! How the shop is used in a schedule, and which calls of the ports faults are aimed at then.

use choreography_simulator::{
    Fault,
    focus::{ANY, Poisoning, Profile, Tables},
};

/// What is different from an ordinary shop.
#[derive(Debug)]
pub struct Usage {
    /// All clients cancel.
    pub cancels: bool,
    /// Goods, money and addresses suffice.
    pub plenty: bool,
    /// Goods and money suffice, but mostly there is no address: what was paid goes back.
    pub returns: bool,
    /// Of an order, in milliseconds.
    pub deadline: Option<u64>,
}

const ORDINARY: Usage = Usage { cancels: false, plenty: false, returns: false, deadline: None };
/// Long enough for every saga, however its calls fail.
const LONG: Option<u64> = Some(40_000);

/// By the number that profiles have.
pub static USAGES: [Usage; 5] = [
    ORDINARY,
    Usage { plenty: true, deadline: LONG, ..ORDINARY },
    Usage { returns: true, deadline: LONG, ..ORDINARY },
    Usage { cancels: true, plenty: true, deadline: LONG, ..ORDINARY },
    Usage { deadline: Some(1_500), ..ORDINARY },
];

const PLAIN: Profile = Profile::PLAIN;
const JUNK: Profile = Profile { junk: true, ..PLAIN };
const PLENTY: Profile = Profile { usage: 1, ..PLAIN };
const LOST_CALLS: Profile = Profile {
    leads: &[("charge", Fault::AnswerLost, 2), ("ship", Fault::AnswerLost, 2), ("charge", Fault::CallLost, 4)],
    ..PLENTY
};
const REFUNDS: Profile = Profile { usage: 2, leads: &[("refund", Fault::Declined, 3)], ..PLAIN };
const LOST_REFUNDS: Profile =
    Profile { leads: &[("refund", Fault::AnswerLost, 2), ("find_refund", Fault::CallLost, 3)], ..REFUNDS };
/// Cancellations meet a payment that is being captured.
const CANCELS: Profile =
    Profile { usage: 3, leads: &[("charge", Fault::CallLost, 1), ("find_charge", Fault::CallLost, 4)], ..PLENTY };
const DEADLINES: Profile = Profile { usage: 4, ..PLAIN };
const REFUSED_DEADLINES: Profile = Profile { poisoning: Poisoning::Deadlines, ..DEADLINES };
const DEADLINES_SET_ASIDE: Profile = Profile { leads: &[("take_deadlines", Fault::RefusedData, 1)], ..DEADLINES };
const SCRIBBLES: Profile = Profile { scribbles: true, ..DEADLINES };
const SCRIBBLED_EVENTS: Profile = Profile { scribbles: true, ..RETRIED };
const REFUSED_ANSWERS: Profile = Profile { poisoning: Poisoning::Answers, ..PLENTY };
/// Some events are deferred, whose rows can be locked then.
const STANDBY: Profile = Profile { standby: true, ..PLENTY };
const LOCKS: Profile = Profile { locks: true, poisoning: Poisoning::NowAndThen, ..PLAIN };
const REFUSALS: Profile = Profile { leads: &[("lock_rows", Fault::RefusedForNow, 5)], ..PLAIN };
const DEFERRED: Profile = Profile { poisoning: Poisoning::Always, ..PLAIN };
const COMMONLY_DEFERRED: Profile = Profile { poisoning: Poisoning::Common, ..PLAIN };
const RETRIED: Profile = Profile { poisoning: Poisoning::NowAndThen, ..PLAIN };
/// Processes end over an event, and once more while it is set aside.
const CRASHES: Profile = Profile {
    poisoning: Poisoning::Crashes,
    leads: &[("defer", Fault::Killed, 2), ("dead_letter", Fault::Killed, 6), ("end_messages", Fault::Killed, 6)],
    ..PLAIN
};
const REFUSED_MESSAGES: Profile = Profile { leads: &[("publish", Fault::MessageRefused, 6)], ..PLAIN };

const STOPS: Profile = Profile { leads: &[(ANY, Fault::Stopped, 150)], ..PLAIN };

const TOPICS_CLOSED: Profile = Profile { leads: &[(ANY, Fault::TopicClosed, 120)], ..PLAIN };
const LOST_MESSAGES: Profile = Profile { leads: &[("tell", Fault::AnswerLost, 2)], ..PLENTY };

pub static TABLES: Tables = Tables {
    rare: &[
        ("defer", 3, RETRIED),
        ("defer", 1, COMMONLY_DEFERRED),
        ("defer_again", 8, RETRIED),
        ("released", 9, RETRIED),
        ("queue_from", 3, COMMONLY_DEFERRED),
        ("lock_deferred", 5, RETRIED),
        ("claim_deferred", 1, RETRIED),
        ("park_unreadable", 5, SCRIBBLED_EVENTS),
        ("dead_letter", 2, JUNK),
        ("is_kept", 10, CRASHES),
        ("stop", 5, REFUSED_MESSAGES),
        ("release", 3, STOPS),
        ("look_for", 4, TOPICS_CLOSED),
        ("hurry", 2, REFUSALS),
        ("lock_free_rows", 4, REFUSALS),
        ("lock_rows", 6, LOCKS),
        ("take_calls", 2, LOCKS),
        ("amend_calls", 8, CANCELS),
        ("cancel_charge", 7, CANCELS),
        ("postpone_deadlines_here", 7, DEADLINES_SET_ASIDE),
        ("postpone_calls", 6, REFUSED_ANSWERS),
        ("postpone_deadlines", 4, SCRIBBLES),
        ("insert_fresh_rows", 3, PLAIN),
        ("settle_deadlines", 6, PLAIN),
        ("take_deadlines", 5, DEADLINES),
        ("insert_calls", 4, PLENTY),
        ("take_calls", 1, PLENTY),
        ("postpone", 3, LOST_CALLS),
        ("charge", 2, LOST_CALLS),
        ("find_charge", 2, LOST_CALLS),
        ("refund", 4, REFUNDS),
        ("find_refund", 3, LOST_REFUNDS),
        ("ship", 3, PLENTY),
        ("find_shipment", 3, LOST_CALLS),
        ("tell", 2, PLENTY),
        ("find_message", 3, LOST_MESSAGES),
        ("append_records", 1, PLAIN),
        ("commit", 3, STANDBY),
        ("read_rows", 2, PLAIN),
        ("write_at_once", 3, LOCKS),
        ("write_at_once", 4, STANDBY),
        ("crashes", 1, PLAIN),
        ("begin_messages", 1, PLAIN),
        ("end_messages", 1, PLAIN),
        ("claim_calls", 1, PLAIN),
        ("keep_alive", 1, PLAIN),
    ],
    frequent: &["append_records", "begin", "commit", "lock_rows", "mark", "publish"],
    profiles: &[
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
        DEFERRED,
        REFUSED_MESSAGES,
        STOPS,
        SCRIBBLED_EVENTS,
        RETRIED,
        TOPICS_CLOSED,
    ],
};
