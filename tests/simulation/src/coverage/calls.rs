//! Which fault can strike at which call of a port, and why it cannot at the others.

/// Statements that are a transaction of their own.
const ALONE: &[&str] = &[
    "begin",
    "crashes",
    "begin_messages",
    "end_messages",
    "claim_leases",
    "renew",
    "unpublished",
    "mark",
    "due_deadlines",
    "postpone_deadlines",
    "claim_intents",
    "postpone",
    "claim_held",
    "queue_from",
    "is_kept",
    "stop",
];
const IN_TRANSACTION: &[&str] = &[
    "open",
    "insert_inbox",
    "in_inbox",
    "bury",
    "ensure_rows",
    "lock_rows",
    "held",
    "take_deadlines",
    "take_intents",
    "insert_rows",
    "update_rows",
    "append_records",
    "settle_deadlines",
    "set_deadlines",
    "insert_intents",
    "let_go",
    "hold_again",
    "hold",
    "append_outbox",
    "hurry",
    "lock_free_rows",
    "amend_intents",
    "reopen_intents",
    "postpone_deadlines_here",
    "postpone_intents_here",
];
const COMMIT: &[&str] = &["commit"];
const POLL: &[&str] = &["poll"];
const KEEP_ALIVE: &[&str] = &["keep_alive"];
const OFFSETS: &[&str] = &["commit_offsets"];
const PUBLISH: &[&str] = &["publish"];
const REFUND: &[&str] = &["refund"];
const PROVIDERS: &[&str] = &["charge", "find_charge", "refund", "find_refund", "ship", "find_shipment"];
/// What waits for a row that somebody else may hold.
const WAITS: &[&str] = &["lock_rows"];

/// The calls at which a fault strikes.
pub const STRIKES: &[(&str, &[&[&str]])] = &[
    ("disconnected", &[ALONE, IN_TRANSACTION, COMMIT]),
    ("refused for its data", &[IN_TRANSACTION]),
    ("refused for now", &[IN_TRANSACTION]),
    ("answer of the commit lost", &[COMMIT]),
    ("offsets lost", &[OFFSETS]),
    ("poll fails", &[POLL]),
    ("rewound", &[POLL, KEEP_ALIVE]),
    ("slow", &[PUBLISH]),
    ("message refused", &[PUBLISH]),
    ("not sent", &[PUBLISH]),
    ("acknowledgement lost", &[PUBLISH]),
    ("failed in the middle", &[PUBLISH]),
    ("call lost", &[PROVIDERS]),
    ("answer lost", &[PROVIDERS]),
    ("call stalls and lands later", &[PROVIDERS]),
    ("refund declined", &[REFUND]),
    ("killed", &[ALONE, IN_TRANSACTION, COMMIT, POLL, KEEP_ALIVE, OFFSETS, PUBLISH, PROVIDERS]),
    ("frozen", &[ALONE, IN_TRANSACTION, COMMIT, POLL, KEEP_ALIVE, OFFSETS, PUBLISH, PROVIDERS]),
    ("rebalanced", &[ALONE, IN_TRANSACTION, COMMIT, POLL, KEEP_ALIVE, OFFSETS, PUBLISH, PROVIDERS]),
    ("dropped and stepped again", &[ALONE, IN_TRANSACTION, COMMIT, POLL, OFFSETS, PUBLISH, PROVIDERS]),
    ("lock time-out", &[WAITS]),
    ("ended while idle", &[IN_TRANSACTION]),
];

/// Calls that schedules make too seldom for every fault to strike them a hundred times in ten thousand schedules. They are
/// counted and printed, and no test asks for a number.
pub const SELDOM: &[&str] = &[
    "amend_intents",
    "find_refund",
    "find_shipment",
    "hold",
    "hurry",
    "in_inbox",
    "insert_rows",
    "is_kept",
    "let_go",
    "lock_free_rows",
    "postpone",
    "postpone_deadlines",
    "postpone_deadlines_here",
    "postpone_intents_here",
    "refund",
    "reopen_intents",
    "set_deadlines",
    "ship",
    "stop",
    "take_deadlines",
];

/// Why a fault does not strike at other calls.
pub const ELSEWHERE: &[(&str, &str)] = &[
    (
        "refused for its data",
        "a commit checks nothing (no constraint is deferred), and no other call holds data of events",
    ),
    ("refused for now", "as above"),
    (
        "killed, frozen, dropped",
        "a client's request (insert_rows, set_deadlines) is none of a replica's tasks in the model",
    ),
    ("dropped and stepped again", "nobody limits the time in which the group is kept alive"),
    (
        "deadlock",
        "the engine locks in one order; only somebody with a database client closes circles, once in a few hundred schedules",
    ),
    ("lock time-out", "as above"),
    ("ended while idle", "a statement alone is never idle; commit ends it"),
];
