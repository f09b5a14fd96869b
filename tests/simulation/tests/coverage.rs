//! The schedules reach what they are there for: every transition that occurs, every fault at every call that it can strike,
//! every way through the engine; and what cannot occur does not.

use simulation::{coverage, simulation};

/// `cargo run --release -p simulation -- --schedules 10000 --coverage` wants everything a hundred times.
const SCHEDULES: u64 = 3_000;
const TIMES: u64 = 10;

#[test]
fn every_cell_is_reached_and_a_good_part_of_the_orders_completes() {
    let found = simulation(None).many(1..SCHEDULES + 1, 1);
    assert!(found.findings.is_empty(), "{:#?}", found.findings);
    let short = coverage::shortfalls(&found.coverage, TIMES);
    assert!(short.is_empty(), "{}", short.join("\n"));
    let completed = coverage::completed(&found.coverage);
    assert!(completed >= 0.3, "only {:.1} % of the orders complete", completed * 100.0);
}
