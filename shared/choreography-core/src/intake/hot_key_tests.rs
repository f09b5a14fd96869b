//! A hot key: how long others wait behind a thousand events of one aggregate that come at once.

use super::{Limits, tests::Service};
use crate::{input::Verdict::Applied, testing::Table};

const HOT: usize = 1_000;
const LIMITS: Limits = Limits { inputs: 100, bytes: 1_000_000 };

/// A service before which a thousand events of one key lie, and one of another key behind them.
fn service() -> Service {
    let mut service = Service::with(LIMITS);
    (0..HOT / 50).for_each(|_| drop(service.offer("hot", &["one"; 50])));
    service.offer("other", &["one"]);
    service
}

fn poll_until_full(service: &mut Service) {
    while service.intake.room() > 0 && !service.topic.offered.is_empty() {
        service.poll();
    }
}

#[test]
fn an_event_behind_a_thousand_of_a_hot_key_waits_for_as_many_full_transactions_as_those_need() {
    let mut service = service();
    let mut sizes = Vec::new();
    while service.world.sum("other") == 0 {
        poll_until_full(&mut service);
        sizes.push(service.step().unwrap().len());
    }
    assert_eq!(sizes, [vec![LIMITS.inputs; HOT / LIMITS.inputs], vec![1]].concat());
    assert_eq!(service.world.sum("hot"), i64::try_from(HOT).unwrap());
}

#[test]
fn a_command_goes_into_the_next_transaction_however_many_events_of_a_hot_key_wait() {
    let mut service = service();
    poll_until_full(&mut service);
    let said = service.ask("client");
    let verdicts = service.step().unwrap();
    assert!(verdicts.len() == LIMITS.inputs && verdicts.iter().all(|verdict| matches!(verdict, Applied(_))));
    assert!(said.lock().unwrap().is_some() && service.world.sum("client") == 1, "it is done, and its client knows");
}

#[test]
fn behind_a_hot_key_whose_row_is_locked_others_go_on() {
    let mut service = service();
    service.world.handler.database.state().locked.insert((Table::Accounts, "hot".into()));
    let mut steps = 0;
    while service.world.sum("other") == 0 {
        poll_until_full(&mut service);
        service.step().unwrap();
        steps += 1;
        assert!(steps <= HOT / LIMITS.inputs + 1, "the other key's event still waits after {steps} transactions");
        // What is locked is set aside durably there, so that it fills no memory.
        service.step_beside();
    }
    assert_eq!(service.world.sum("hot"), 0);
}
