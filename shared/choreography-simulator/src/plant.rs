//! Bugs of the engine to inject into a run, each of which a check must find.

/// What the engine, its database or its broker does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// A compensation that comes first leaves nothing behind.
    NoTombstone,
    /// It goes unnoticed that another transaction inserted the same row first.
    LostRaceIgnored,
    /// What is deferred is seen as it was before the locks, and not looked at again.
    DeferredNotLookedAt,
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
    /// Each transaction takes its event for the first of its aggregate.
    EventsNotCounted,
    /// A relay that does not know an aggregate's event before sends the next all the same.
    CacheMissIgnored,
    /// A replica that was frozen goes on from what it knew, though others have written and sent meanwhile.
    ZombieFeeds,
    /// What Kafka offered is lost if the step is dropped before it is taken.
    PollNotCancelSafe,
}
