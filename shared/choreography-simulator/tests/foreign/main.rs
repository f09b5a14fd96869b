//! Another team's services are handed to the simulator: it finds the bug in them, and none where there is none.

mod visits;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use choreography_core::{
    Answer,
    calls::{CallError, Provider},
    store::PendingCall,
};
use choreography_simulator::{Plant, Simulation, Subject, System, core::lock};
use chrono::TimeDelta;

use visits::{Account, Complaints, Desk, Of, Points, VisitMade, VisitUndone};

const VISITS: usize = 4;

/// The provider that tells guests: each key once. Clones are the same.
#[derive(Clone, Default)]
struct Guests(Arc<Mutex<BTreeSet<String>>>);

impl Provider for Guests {
    async fn call(&self, call: &PendingCall, _age: TimeDelta) -> Result<Answer, CallError> {
        lock(&self.0).insert(call.idempotency_key());
        Ok(Answer::Yes { detail: "told".into() })
    }
}

/// Visits are made, some are complained about, and each that stands has its points.
fn set_up(system: &mut System, points: Points) {
    let guests = Guests::default();
    let (desk, complaints) = (system.add(Subject::new(Desk)), system.add(Subject::new(Complaints)));
    let points = system.add(Subject::new(points).calling(guests.clone()));
    system.publishes_each_type_once();
    for number in 0..VISITS {
        let (desk, complaints) = (desk.clone(), complaints.clone());
        let (visit, complains) = (format!("visit-{number}"), system.core.pick(2) == 0);
        system.client(async move {
            desk.pause(1_000).await;
            desk.ask(|| Of(visit.clone())).await;
            if complains {
                complaints.pause(300).await;
                complaints.ask(|| Of(visit.clone())).await;
            }
        });
    }
    system.at_rest(move || {
        let made = desk.published::<VisitMade>();
        let undone: BTreeSet<_> = complaints.published().into_iter().map(|VisitUndone { visit }| visit).collect();
        let mut findings = Vec::new();
        for VisitMade { visit } in &made {
            let account = points.row::<Account>(visit).unwrap_or_default();
            let expected = if undone.contains(visit) { 0 } else { 10 };
            if account.points != expected {
                findings.push(format!("{visit} has {account:?}, undone: {}", undone.contains(visit)));
            }
            if account.told != lock(&guests.0).contains(&format!("{visit}/tell")) {
                findings.push(format!("{visit} has {account:?}, and its guest knows otherwise"));
            }
        }
        if made.len() != VISITS {
            findings.push(format!("{} of {VISITS} visits were made", made.len()));
        }
        findings
    });
}

fn simulation(forgets_early_complaints: bool) -> Simulation<impl Fn(&mut System) + Sync> {
    Simulation::new(move |system: &mut System| set_up(system, Points { forgets_early_complaints }))
}

#[test]
fn services_that_keep_their_rules_break_none_in_any_schedule() {
    simulation(false).holds(1..300);
}

#[test]
fn a_compensation_that_is_forgotten_when_it_comes_first_is_found_with_its_story() {
    let simulation = simulation(true);
    let found = simulation.many(1..300, 1);
    let (seed, findings) = found.findings.first().expect("a finding");
    assert!(findings.iter().any(|finding| finding.contains("undone: true")), "{findings:?}");
    let (told, again) = (simulation.tell(*seed), simulation.tell(*seed));
    assert_eq!(told.findings, *findings);
    assert_eq!(told.story, again.story);
}

#[test]
fn a_bug_of_the_engine_is_found_by_foreign_services_too() {
    let plants =
        [Plant::NoInbox, Plant::OffsetsFirst, Plant::MarkFirst, Plant::LostRaceIgnored, Plant::DeferredNotLookedAt];
    for plant in plants {
        let found = simulation(false).planting(Some(plant)).many(1..10_000, 1);
        assert!(!found.findings.is_empty(), "{plant:?} is not found");
    }
}
