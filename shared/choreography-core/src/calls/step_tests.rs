use chrono::TimeDelta;

use super::*;
use crate::{
    input::Verdict,
    store::{PendingCall, StoreError},
    testing::{Table, World, now},
    trace::TraceContext,
};

fn pending_call(world: &World, key: &str, step: &str) -> PendingCall {
    let call = PendingCall {
        id: Uuid::new_v4(),
        aggregate_id: key.into(),
        step: step.into(),
        request: "{}".into(),
        correlation_id: "s".into(),
        causation_id: None,
        trace: TraceContext::default(),
        attempts: 1,
        requested_at: world.now(),
    };
    world.handler.database.state().calls.insert(call.id, (call.clone(), None));
    call
}

fn answered(world: &mut World, called: &[Called]) -> Result<Vec<Verdict<()>>, StoreError> {
    let memory = world.handler.database.clone();
    let unanswered: Vec<(PendingCall, CallError)> =
        called.iter().filter_map(|(call, result)| Some((call.clone(), result.clone().err()?))).collect();
    now(give_back(&memory, &RETRY, &mut world.ids, &unanswered))?;
    Ok(world.take_in(|intake| {
        for (call, result) in called {
            result.iter().for_each(|answer| intake.answered(call, answer.clone()));
        }
    }))
}

fn yes() -> Result<Answer, CallError> {
    Ok(Answer::Yes { detail: "done".into() })
}

#[test]
fn an_answer_is_taken_once() {
    let mut world = World::new();
    let called = [(pending_call(&world, "a", "add"), yes())];
    assert_eq!(answered(&mut world, &called).unwrap(), [Verdict::Applied(None)]);
    assert_eq!(answered(&mut world, &called).unwrap(), [Verdict::Gone]);
    assert_eq!(world.sum("a"), 1);
}

#[test]
fn a_refused_answer_stays_open_with_the_reason_and_keeps_no_other() {
    let mut world = World::new();
    let refused = pending_call(&world, "a", "refuse");
    let unreadable = pending_call(&world, "b", "add");
    world.handler.database.state().unreadable.insert((Table::Accounts, "b".into()));
    let good = pending_call(&world, "c", "add");
    let called = [&refused, &unreadable, &good].map(|call| (call.clone(), yes()));
    let verdicts = answered(&mut world, &called).unwrap();
    assert!(matches!(verdicts[..], [Verdict::Refused(_), Verdict::Applied(None), Verdict::Refused(_)]), "{verdicts:?}");
    let state = world.handler.database.state();
    for (call, why) in [(&refused, "refused: no"), (&unreadable, "can't be read")] {
        let error = state.calls[&call.id].1.as_deref().unwrap_or_default();
        assert!(error.contains(why), "{error}");
    }
    assert!(!state.calls.contains_key(&good.id));
}

#[test]
fn a_refused_answer_stays_open_as_it_was_amended_and_claimed_meanwhile() {
    let mut world = World::new();
    let claimed = pending_call(&world, "a", "refuse");
    world.handler.database.state().calls.entry(claimed.id).and_modify(|(call, _)| {
        call.request = r#"{"cancel":true}"#.into();
        call.attempts = 4;
    });
    let verdicts = answered(&mut world, &[(claimed.clone(), yes())]).unwrap();
    assert!(matches!(verdicts[..], [Verdict::Refused(_)]), "{verdicts:?}");
    let (open, error) = world.handler.database.state().calls[&claimed.id].clone();
    assert_eq!(open, PendingCall { request: r#"{"cancel":true}"#.into(), attempts: 4, ..claimed });
    assert_eq!(error.as_deref(), Some("refused: no"));
}

#[test]
fn no_answer_is_no_input() {
    let mut world = World::new();
    let open = pending_call(&world, "a", "add");
    world.pass(TimeDelta::seconds(1));
    let called = [(open.clone(), Err(CallError::Passing("busy".into())))];
    assert_eq!(answered(&mut world, &called).unwrap(), []);
    assert_eq!(world.handler.database.state().calls[&open.id].1.as_deref(), Some("busy"));
}

const RETRY: RetryPolicy = RetryPolicy { base: TimeDelta::seconds(1), cap: TimeDelta::seconds(60), max_attempts: 10 };

fn wait(attempts: u32, no_answer: &CallError, random: u64) -> TimeDelta {
    let call = PendingCall { attempts, ..pending_call(&World::new(), "a", "add") };
    postponed(&call, no_answer, &RETRY, random).wait
}

#[test]
fn the_same_call_waits_differently_each_time() {
    let passing = CallError::Passing("503".into());
    let waits: Vec<TimeDelta> = (0..4).map(|draw| wait(6, &passing, draw * 7_919)).collect();
    assert!(waits.windows(2).all(|pair| pair[0] != pair[1]), "{waits:?}");
}

#[test]
fn a_provider_that_is_still_at_work_is_asked_again_soon_and_a_wrong_request_slowly() {
    for random in [0, 1, 30_000, u64::MAX >> 2] {
        assert!(wait(9, &CallError::InProgress("409".into()), random) <= TimeDelta::seconds(2));
        let slowly = wait(1, &CallError::Wrong("422".into()), random);
        assert!((TimeDelta::seconds(30)..=TimeDelta::seconds(60)).contains(&slowly), "{slowly}");
    }
}

#[test]
fn an_answer_that_comes_after_its_call_was_settled_is_compared_with_what_the_operator_said() {
    let mut world = World::new();
    let (open, settled, silent) =
        (pending_call(&world, "a", "add"), pending_call(&world, "b", "add"), pending_call(&world, "c", "add"));
    world.handler.database.state().calls.remove(&settled.id);
    let called = [(silent, Err(CallError::Passing("busy".into()))), (open, yes()), (settled.clone(), yes())];
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let verdicts = metrics::with_local_recorder(&recorder, || answered(&mut world, &called).unwrap());
    assert_eq!(verdicts, [Verdict::Applied(None), Verdict::Gone]);
    let late = LateAnswer { call: settled.id, answer: Answer::Yes { detail: "done".into() } };
    assert_eq!(world.handler.database.state().late, [late]);
    let metrics = recorder.handle().render();
    assert!(metrics.contains("saga_calls_contradicted_total 1\n"), "{metrics}");
}

#[test]
fn answers_whose_calls_were_open_are_compared_with_nothing() {
    let mut world = World::new();
    let called = [(pending_call(&world, "a", "add"), yes())];
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || answered(&mut world, &called).unwrap());
    assert!(world.handler.database.state().late.is_empty());
    assert_eq!(recorder.handle().render(), "");
}

#[test]
fn an_answer_that_comes_twice_in_one_batch_is_taken_once() {
    let mut world = World::new();
    let (call, other) = (pending_call(&world, "a", "add"), pending_call(&world, "b", "add"));
    assert_eq!(world.answer(&[&call, &other, &call]), [Verdict::Applied(None), Verdict::Applied(None), Verdict::Gone]);
    assert_eq!((world.sum("a"), world.sum("b")), (1, 1));
}
