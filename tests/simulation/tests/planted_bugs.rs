//! The shipping system breaks no rule; each planted bug is found, and soon.

use simulation::{Plant, simulation};

const SEEDS: u64 = 400;

#[test]
fn what_ships_breaks_no_rule() {
    let found = simulation(None).many(1..SEEDS + 1, 1);
    assert!(found.findings.is_empty(), "{:#?}", found.findings);
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [7, 8, 9] {
        let (first, second) = (simulation(None).tell(seed), simulation(None).tell(seed));
        assert_eq!((first.steps, first.story), (second.steps, second.story));
    }
}

/// Each within so many schedules: a few times as many as it took when it was planted.
macro_rules! found {
    ($($name:ident: $plant:ident within $schedules:literal;)*) => {
        $(#[test]
        fn $name() {
            let found = simulation(Some(Plant::$plant)).many(1..$schedules + 1, 1);
            assert!(!found.findings.is_empty(), "{:?} is not found in {} schedules", Plant::$plant, $schedules);
        })*
    };
}

found! {
    a_missing_inbox_is_found: NoInbox within 100;
    offsets_committed_before_the_database_are_found: OffsetsFirst within 100;
    commits_forgotten_when_they_were_sent_are_found: CommitsForgotten within 400;
    rows_marked_before_the_acknowledgement_are_found: MarkFirst within 100;
    refused_rows_that_are_forgotten_are_found: RefusedForgotten within 400;
    numbers_that_count_as_seen_too_soon_are_found: SettledTooSoon within 2000;
    rows_left_behind_that_are_forgotten_are_found: LeftBehindForgotten within 400;
    stock_released_before_the_money_went_back_is_found: StockFirst within 200;
    a_missing_tombstone_is_found: NoTombstone within 200;
    a_lost_race_for_a_new_row_that_is_ignored_is_found: LostRaceIgnored within 400;
    optimistic_writes_over_what_others_changed_are_found: VersionsNotCompared within 400;
    repeats_that_are_handled_all_the_same_are_found: InboxIgnored within 100;
    an_application_that_goes_by_its_own_clock_is_found: ApplicationClock within 50;
    missing_dead_letters_are_found: NoDeadLetter within 100;
    orders_without_a_deadline_are_found: NoDeadlines within 20;
    deadlines_that_never_come_due_are_found: DeadlinesAsleep within 200;
    attempts_that_are_forgotten_are_found: AttemptsForgotten within 300;
    events_that_are_let_go_when_their_attempts_are_spent_are_found: ParkedLost within 100;
    innocent_events_that_are_blamed_for_a_crash_are_found: CrashesMiscounted within 300;
    missing_ledger_lines_are_found: LedgerSkipped within 20;
    pieces_that_were_not_shipped_are_found: ShortShipment within 100;
    a_provider_that_charges_a_key_twice_is_found: KeyIgnored within 200;
    lost_reasons_are_found: ReasonLost within 50;
    events_handed_on_before_what_another_replica_committed_are_found: EventsNotCounted within 3000;
    what_follows_an_event_that_the_relay_does_not_know_of_is_found: CacheMissIgnored within 2500;
    a_replica_that_goes_on_from_what_it_knew_is_found: ZombieFeeds within 5000;
    messages_lost_by_a_step_that_is_dropped_are_found: PollNotCancelSafe within 700;
}
