//! What may go wrong, and how often it does in a schedule: every schedule draws its own rates, so that some have storms of
//! one kind and none of another, and some are calm enough for sagas to end well.

/// A fault that strikes at a call of a port, or at whoever makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The connection to the database breaks before the statement has run.
    Disconnected,
    /// The database refuses the statement for what it holds.
    RefusedData,
    /// The database refuses the statement for a reason that passes.
    RefusedForNow,
    /// It is committed, but nobody learns of it.
    CommitAnswerLost,
    /// Offsets are not committed.
    OffsetsLost,
    /// Kafka has nothing to offer but an error.
    PollFails,
    /// A partition begins some messages before its committed offset.
    Rewound,
    /// A message is not acknowledged: it never arrived.
    NotSent,
    /// A message is not acknowledged, although it arrived.
    AcknowledgementLost,
    /// A message of the middle fails, those behind it are acknowledged.
    FailedInTheMiddle,
    /// The broker takes long.
    Slow,
    /// The broker refuses a message for what it is.
    MessageRefused,
    /// Nobody may write a topic for a while.
    TopicClosed,
    /// The call never reaches the provider.
    CallLost,
    /// The call reaches the provider, its answer nobody.
    AnswerLost,
    /// The caller gives up, and the call lands later.
    CallStalls,
    /// The provider does not take a refund, for now.
    RefundDeclined,
    /// kill -9 of the replica that makes the call.
    Killed,
    /// The replica that makes the call is frozen, and later goes on where it stood.
    Frozen,
    /// The members of a group change places.
    Rebalanced,
    /// The step is dropped in the middle and stepped again.
    Dropped,
    /// Waits of others close a circle with this one.
    Deadlock,
    /// The server ends a wait for a lock.
    LockTimeout,
    /// The server ends a transaction whose client does nothing.
    IdleTimeout,
}

impl Fault {
    const ALL: [Self; 24] = [
        Self::Disconnected,
        Self::RefusedData,
        Self::RefusedForNow,
        Self::CommitAnswerLost,
        Self::OffsetsLost,
        Self::PollFails,
        Self::Rewound,
        Self::NotSent,
        Self::AcknowledgementLost,
        Self::FailedInTheMiddle,
        Self::Slow,
        Self::MessageRefused,
        Self::TopicClosed,
        Self::CallLost,
        Self::AnswerLost,
        Self::CallStalls,
        Self::RefundDeclined,
        Self::Killed,
        Self::Frozen,
        Self::Rebalanced,
        Self::Dropped,
        Self::Deadlock,
        Self::LockTimeout,
        Self::IdleTimeout,
    ];

    /// In one word or a few, for the story and the coverage.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::RefusedData => "refused for its data",
            Self::RefusedForNow => "refused for now",
            Self::CommitAnswerLost => "answer of the commit lost",
            Self::OffsetsLost => "offsets lost",
            Self::PollFails => "poll fails",
            Self::Rewound => "rewound",
            Self::NotSent => "not sent",
            Self::AcknowledgementLost => "acknowledgement lost",
            Self::FailedInTheMiddle => "failed in the middle",
            Self::Slow => "slow",
            Self::MessageRefused => "message refused",
            Self::TopicClosed => "topic closed",
            Self::CallLost => "call lost",
            Self::AnswerLost => "answer lost",
            Self::CallStalls => "call stalls and lands later",
            Self::RefundDeclined => "refund declined",
            Self::Killed => "killed",
            Self::Frozen => "frozen",
            Self::Rebalanced => "rebalanced",
            Self::Dropped => "dropped and stepped again",
            Self::Deadlock => "deadlock",
            Self::LockTimeout => "lock time-out",
            Self::IdleTimeout => "ended while idle",
        }
    }

    /// It strikes once in so many chances, at the ordinary rate. Zero: it follows from other things alone.
    fn one_in(self) -> usize {
        match self {
            Self::Disconnected => 400,
            Self::RefusedData | Self::RefusedForNow => 200,
            Self::CommitAnswerLost => 100,
            Self::OffsetsLost | Self::PollFails => 50,
            Self::Rewound => 60,
            Self::NotSent | Self::FailedInTheMiddle => 80,
            Self::AcknowledgementLost => 120,
            Self::Slow => 20,
            Self::MessageRefused => 250,
            Self::TopicClosed => 700,
            Self::CallLost => 12,
            Self::AnswerLost => 8,
            Self::CallStalls => 16,
            Self::RefundDeclined => 4,
            Self::Killed => 400,
            Self::Frozen => 900,
            Self::Rebalanced => 300,
            Self::Dropped => 150,
            Self::Deadlock | Self::LockTimeout | Self::IdleTimeout => 0,
        }
    }
}

/// How often the faults strike in one schedule.
pub struct Rates([usize; Fault::ALL.len()]);

impl Rates {
    /// Each fault by itself: never, rarely, as usual, or often. `weather`: all of them so many times rarer. It is calm where
    /// faults are aimed at a rare call, so that sagas come as far as to make it.
    pub fn draw(calm: bool, mut pick: impl FnMut(usize) -> usize) -> Self {
        let weather = if calm { 10 } else { [1, 1, 3, 10][pick(4)] };
        Self(Fault::ALL.map(|fault| {
            let (times, part) = [(0, 1), (4, 1), (1, 1), (1, 1), (1, 3)][pick(5)];
            (fault.one_in() * weather * times).div_ceil(part)
        }))
    }

    /// Zero: never.
    pub fn one_in(&self, fault: Fault) -> usize {
        self.0[fault as usize]
    }
}

/// The call of a port at which faults strike far more often in a schedule.
pub struct Focus(Option<&'static str>);

/// Calls that a schedule makes a few times only; what it makes hardly ever comes more often.
const RARE: [&str; 33] = [
    "hold",
    "hold",
    "hold_again",
    "hold_again",
    "let_go",
    "let_go",
    "let_go",
    "queue_from",
    "bury",
    "stop",
    "lock_free_rows",
    "reopen_intents",
    "reopen_intents",
    "amend_intents",
    "amend_intents",
    "postpone_deadlines_here",
    "postpone_intents_here",
    "postpone_deadlines",
    "insert_rows",
    "set_deadlines",
    "settle_deadlines",
    "take_deadlines",
    "insert_intents",
    "take_intents",
    "postpone",
    "held",
    "charge",
    "find_charge",
    "cancel_charge",
    "refund",
    "find_refund",
    "ship",
    "find_shipment",
];
const FREQUENT: [&str; 12] = [
    "append_outbox",
    "append_records",
    "begin",
    "commit",
    "ensure_rows",
    "insert_inbox",
    "lock_rows",
    "mark",
    "open",
    "publish",
    "update_rows",
    "begin_messages",
];

impl Focus {
    pub fn draw(mut pick: impl FnMut(usize) -> usize) -> Self {
        let rare = RARE[pick(RARE.len())];
        let frequent = FREQUENT[pick(FREQUENT.len())];
        Self([None, Some(rare), Some(rare), Some(rare), Some(frequent)][pick(5)])
    }

    pub fn is_rare(&self) -> bool {
        self.0.is_some_and(|call| RARE.contains(&call))
    }

    pub fn is(&self, call: &str) -> bool {
        self.0 == Some(call)
    }

    /// Whether it is about events that are held.
    pub fn is_held(&self) -> bool {
        ["hold", "hold_again", "let_go", "queue_from", "held"].iter().any(|call| self.is(call))
    }
}

/// What strikes whoever makes the call in focus: at so many of them each.
pub const AIMED: [Fault; 4] = [Fault::Killed, Fault::Frozen, Fault::Rebalanced, Fault::Dropped];
/// A fault of AIMED strikes at one in so many calls in focus; any other at one in so many.
pub const AIMED_ONE_IN: usize = 3;
pub const FOCUS_ONE_IN: usize = 6;
