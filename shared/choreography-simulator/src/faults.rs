//! What may go wrong, and how often it does in a schedule: every schedule draws its own rates, so that some have storms of
//! one kind and none of another, and some are calm enough for sagas to end well.

/// A fault that strikes at a call of a port, or at the replica that makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The connection to the database breaks before the statement has run.
    Disconnected,
    /// The database refuses the statement for what it holds.
    RefusedData,
    /// The database refuses the statement for a reason that passes.
    RefusedForNow,
    /// It is committed, but the caller does not learn of it.
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
    /// No client may write a topic for a while.
    TopicClosed,
    /// The call never reaches the provider.
    CallLost,
    /// The call reaches the provider, but the answer is lost.
    AnswerLost,
    /// The caller gives up, and the call lands later.
    CallStalls,
    /// A provider says no, for now.
    Declined,
    /// kill -9 of the replica that makes the call.
    Killed,
    /// SIGTERM: a replica finishes what it has begun and gives back what it holds.
    Stopped,
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
    const ALL: [Self; 25] = [
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
        Self::Declined,
        Self::Killed,
        Self::Stopped,
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
            Self::Declined => "declined",
            Self::Killed => "killed",
            Self::Stopped => "stopped",
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
            Self::Declined => 4,
            Self::Killed => 400,
            Self::Stopped => 1_500,
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
