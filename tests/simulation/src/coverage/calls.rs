//! Which fault can strike at which call of a port, and why it cannot at the others.

const BEGIN: &[&str] = &["begin", "hurry"];
/// Statements that are a transaction of their own: what reads, and what writes.
const READS: &[&str] = &["crashes", "is_kept", "published", "unpublished", "due_deadlines", "queue_from"];
const WRITES: &[&str] = &[
    "begin_messages",
    "end_messages",
    "claim_leases",
    "renew",
    "mark",
    "stop",
    "release",
    "postpone_deadlines",
    "claim_calls",
    "postpone",
    "claim_deferred",
    "park_unreadable",
];
/// What a transaction locks and what it writes, each call by the least frequent of its parts.
const IN_TRANSACTION: &[&str] = &[
    "lock_rows",
    "lock_free_rows",
    "lock_deferred",
    "amend_calls",
    "postpone_calls",
    "postpone_deadlines_here",
    "dead_letter",
    "defer_again",
    "released",
    "defer",
    "take_deadlines",
    "settle_deadlines",
    "insert_fresh_rows",
    "take_calls",
    "insert_calls",
    "append_records",
];
/// An optimistic transaction: its read, and its write, which commits.
const READ_ROWS: &[&str] = &["read_rows"];
const AT_ONCE: &[&str] = &["write_at_once"];
const COMMIT: &[&str] = &["commit"];
const POLL: &[&str] = &["poll"];
const KEEP_ALIVE: &[&str] = &["keep_alive"];
const OFFSETS: &[&str] = &["commit_offsets"];
const PUBLISH: &[&str] = &["publish"];
const REFUND: &[&str] = &["refund"];
const LOOK_FOR: &[&str] = &["look_for"];
const PROVIDERS: &[&str] = &[
    "charge",
    "find_charge",
    "cancel_charge",
    "refund",
    "find_refund",
    "ship",
    "find_shipment",
    "tell",
    "find_message",
];
/// What waits for others: for rows that they have locked, and for keys that they insert.
const WAITS: &[&str] = &["lock_rows", "lock_deferred", "append_records"];
/// What waits in a circle with a database client.
const CIRCLES: &[&str] = &["lock_rows"];
/// Elsewhere a call waits for rows that the engine locks under an aggregate's own row alone, so that only a
/// database client can have them; or for what another replica inserts this very moment. Counted; no number is asked for.
const SELDOM: &[&[&str]] = &[IN_TRANSACTION, AT_ONCE, &["postpone_deadlines", "postpone", "park_unreadable"]];

/// All calls of all ports.
pub const ALL: &[&[&str]] = &[
    BEGIN,
    READS,
    WRITES,
    IN_TRANSACTION,
    READ_ROWS,
    AT_ONCE,
    COMMIT,
    POLL,
    KEEP_ALIVE,
    OFFSETS,
    PUBLISH,
    LOOK_FOR,
    PROVIDERS,
];
/// All calls that a caller gives up after it has waited too long.
const LIMITED: &[&[&str]] =
    &[BEGIN, READS, WRITES, IN_TRANSACTION, READ_ROWS, AT_ONCE, COMMIT, POLL, OFFSETS, PUBLISH, LOOK_FOR, PROVIDERS];

/// The calls at which a fault strikes.
pub const STRIKES: &[(&str, &[&[&str]])] = &[
    ("disconnected", &[BEGIN, READS, WRITES, IN_TRANSACTION, READ_ROWS, AT_ONCE, COMMIT]),
    ("refused for its data", &[IN_TRANSACTION, READ_ROWS, AT_ONCE]),
    ("refused for now", &[IN_TRANSACTION, READ_ROWS, AT_ONCE]),
    ("answer of the commit lost", &[WRITES, AT_ONCE, COMMIT]),
    ("offsets lost", &[OFFSETS, POLL]),
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
    ("declined", &[REFUND]),
    ("killed", ALL),
    ("frozen", ALL),
    ("rebalanced", ALL),
    ("dropped and stepped again", LIMITED),
    ("lock time-out", &[WAITS]),
    ("deadlock", &[CIRCLES]),
    ("ended while idle", &[BEGIN, IN_TRANSACTION]),
];

/// Faults, calls, and why these do not meet.
type Impossible = (&'static [&'static str], &'static [&'static [&'static str]], &'static str);

pub const IMPOSSIBLE: &[Impossible] = &[
    (&["disconnected"], &[POLL, KEEP_ALIVE, OFFSETS, PUBLISH, LOOK_FOR, PROVIDERS], "the connection is the database's"),
    (
        &["refused for its data", "refused for now"],
        &[BEGIN, READS, WRITES],
        "who makes such a call waits and makes it again, whatever its error is: as when the connection breaks",
    ),
    (&["refused for its data", "refused for now"], &[COMMIT], "a commit checks nothing: no constraint is deferred"),
    (&["answer of the commit lost"], &[BEGIN, READS, READ_ROWS, IN_TRANSACTION], "nothing is committed there"),
    (&["dropped and stepped again"], &[KEEP_ALIVE], "no limit is set on the time in which the group is kept alive"),
    (
        &["lock time-out", "deadlock"],
        &[BEGIN, READS, WRITES, IN_TRANSACTION, READ_ROWS, COMMIT],
        "it locks nothing, passes over what is locked, or has its locks by then",
    ),
    (
        &["ended while idle"],
        &[READS, WRITES, READ_ROWS, AT_ONCE, COMMIT],
        "a statement alone is never idle, and a commit ends it",
    ),
    (&["declined"], PROVIDERS_ONLY, "it is the provider's answer to a refund"),
    (&["*"], ALL, "it is a fault of another port"),
];
const PROVIDERS_ONLY: &[&[&str]] = &[PROVIDERS];

fn is_seldom(fault: &str, call: &str) -> bool {
    // A commit is under way when the next transaction finds the database gone, or too much is aside.
    (fault == "offsets lost" && KEEP_ALIVE.contains(&call))
        || ["lock time-out", "deadlock"].contains(&fault) && SELDOM.iter().any(|group| group.contains(&call))
}

/// Why this fault never strikes at this call.
pub fn reason(fault: &str, call: &str) -> Option<&'static str> {
    let among = |groups: &[&[&str]]| groups.iter().any(|group| group.contains(&call));
    if STRIKES.iter().any(|(of, calls)| *of == fault && among(calls)) || is_seldom(fault, call) {
        return None;
    }
    let fits = |faults: &[&str]| faults.contains(&fault) || faults == ["*"];
    IMPOSSIBLE.iter().find(|(faults, calls, _)| fits(faults) && among(calls)).map(|(.., reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_and_call_is_listed_as_meeting_or_with_a_reason() {
        for (fault, strikes) in STRIKES {
            for call in ALL.iter().copied().flatten() {
                let meets = strikes.iter().any(|group| group.contains(call));
                assert_eq!(reason(fault, call).is_none(), meets || is_seldom(fault, call), "{fault} at {call}");
            }
        }
    }
}
