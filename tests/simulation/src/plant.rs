//! Bugs to inject into a run, each of which a check must find: the engine's, and the shop's own.

use choreography_simulator::Plant as Engine;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Plant {
    /// Repeats have their effect again.
    NoInbox,
    /// Offsets are committed before the database.
    OffsetsFirst,
    /// An offset counts as committed when the commit was sent.
    CommitsForgotten,
    /// Outbox rows are marked before the broker acknowledged.
    MarkFirst,
    /// What the broker refuses counts as published.
    RefusedForgotten,
    /// A number that was drawn counts as seen although its transaction has not committed yet.
    SettledTooSoon,
    /// Rows that have to wait are passed over and not noted.
    LeftBehindForgotten,
    /// Stock is released when shipping is off, before the money went back.
    StockFirst,
    /// A compensation that comes first leaves nothing behind.
    NoTombstone,
    /// It goes unnoticed that another transaction inserted the same row first.
    LostRaceIgnored,
    /// An optimistic write does not compare its rows with what was read.
    VersionsNotCompared,
    /// Repeats are recognised, and handled all the same.
    InboxIgnored,
    /// The database's moment is the application's, whose clock is wrong.
    ApplicationClock,
    /// Dead letters are not written.
    NoDeadLetter,
    /// Deadlines are not written.
    NoDeadlines,
    /// Deadlines never come due.
    DeadlinesAsleep,
    /// Attempts are counted from one again.
    AttemptsForgotten,
    /// An event whose attempts are spent is dropped.
    ParkedLost,
    /// One crash over a message counts as four.
    CrashesMiscounted,
    /// Some ledger lines are not written.
    LedgerSkipped,
    /// The carrier takes a piece fewer than was ordered.
    ShortShipment,
    /// The provider takes the same key for a new charge.
    KeyIgnored,
    /// Why an order was cancelled is lost on the way.
    ReasonLost,
    /// Each transaction takes its event for the first of its aggregate.
    EventsNotCounted,
    /// A relay that does not know an aggregate's event before sends the next all the same.
    CacheMissIgnored,
    /// A replica that was frozen goes on from what it knew, though others have written and sent meanwhile.
    ZombieFeeds,
    /// What Kafka offered is lost if the step is dropped before it is taken.
    PollNotCancelSafe,
}

impl Plant {
    /// As the simulator calls it; `None`: the shop's own set-up does it.
    pub fn of_the_engine(self) -> Option<Engine> {
        Some(match self {
            Self::NoInbox => Engine::NoInbox,
            Self::OffsetsFirst => Engine::OffsetsFirst,
            Self::CommitsForgotten => Engine::CommitsForgotten,
            Self::MarkFirst => Engine::MarkFirst,
            Self::RefusedForgotten => Engine::RefusedForgotten,
            Self::SettledTooSoon => Engine::SettledTooSoon,
            Self::LeftBehindForgotten => Engine::LeftBehindForgotten,
            Self::NoTombstone => Engine::NoTombstone,
            Self::LostRaceIgnored => Engine::LostRaceIgnored,
            Self::VersionsNotCompared => Engine::VersionsNotCompared,
            Self::InboxIgnored => Engine::InboxIgnored,
            Self::ApplicationClock => Engine::ApplicationClock,
            Self::NoDeadLetter => Engine::NoDeadLetter,
            Self::NoDeadlines => Engine::NoDeadlines,
            Self::DeadlinesAsleep => Engine::DeadlinesAsleep,
            Self::AttemptsForgotten => Engine::AttemptsForgotten,
            Self::ParkedLost => Engine::ParkedLost,
            Self::CrashesMiscounted => Engine::CrashesMiscounted,
            Self::EventsNotCounted => Engine::EventsNotCounted,
            Self::CacheMissIgnored => Engine::CacheMissIgnored,
            Self::ZombieFeeds => Engine::ZombieFeeds,
            Self::PollNotCancelSafe => Engine::PollNotCancelSafe,
            Self::StockFirst | Self::LedgerSkipped | Self::ShortShipment | Self::KeyIgnored | Self::ReasonLost => {
                return None;
            }
        })
    }
}
