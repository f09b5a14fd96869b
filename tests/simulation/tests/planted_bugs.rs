//! The shipping system breaks no rule; each planted bug is found.

use simulation::{Plant, run};

const SEEDS: u64 = 400;

fn first_finding(plant: Plant) -> Option<(u64, Vec<String>)> {
    (1..=SEEDS * 5)
        .map(|seed| (seed, run(seed, Some(plant), false).findings))
        .find(|(_, findings)| !findings.is_empty())
}

#[test]
fn what_ships_breaks_no_rule() {
    for seed in 1..=SEEDS {
        let outcome = run(seed, None, false);
        assert!(outcome.findings.is_empty(), "seed {seed}: {:#?}", outcome.findings);
    }
}

#[test]
fn a_seed_replays_exactly() {
    let (first, second) = (run(7, None, true), run(7, None, true));
    assert_eq!((first.steps, first.story), (second.steps, second.story));
}

macro_rules! found {
    ($($name:ident: $plant:ident;)*) => {
        $(#[test]
        fn $name() {
            assert!(first_finding(Plant::$plant).is_some(), "{:?} was not found", Plant::$plant);
        })*
    };
}

found! {
    a_missing_inbox_is_found: NoInbox;
    offsets_committed_before_the_database_are_found: OffsetsFirst;
    commits_forgotten_when_they_were_sent_are_found: CommitsForgotten;
    rows_marked_before_the_acknowledgement_are_found: MarkFirst;
    refused_rows_that_are_forgotten_are_found: RefusedForgotten;
    stock_released_before_the_money_went_back_is_found: StockFirst;
    a_missing_tombstone_is_found: NoTombstone;
    absent_rows_that_are_not_locked_are_found: AbsentNotLocked;
}
