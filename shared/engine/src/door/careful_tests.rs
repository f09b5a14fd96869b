//! A message that ends the process: each start finds what the one before wrote down.

use crate::{
    delivery::Delivery,
    input::Verdict::{Applied, Dead, Held},
    store::HeldStatus::{Parked, Queued},
    testing::{World, failure},
};

/// The process ended when the message had been begun so often.
fn begun(world: &World, delivery: &Delivery, times: u32) {
    world.door.database.state().begun.insert(delivery.position.clone(), times);
}

#[test]
fn what_ended_the_process_often_enough_while_it_was_handled_is_parked() {
    let mut world = World::new();
    let deliveries = ["culprit", "behind"].map(|act| world.event("a", &format!(r#"{{"act":"{act}"}}"#)));
    let other = world.event("b", r#"{"act":"add"}"#);
    begun(&world, &deliveries[0], 5);
    let [culprit, behind] = deliveries;
    assert_eq!(world.arrive_carefully(&[culprit.clone(), behind, other]), [Held(Parked), Held(Queued), Applied(None)]);
    let held = world.held();
    assert_eq!(failure(&held[0]).0, "crash");
    assert_eq!(held[0].event.event.delivery, culprit);
    assert!(world.door.database.state().begun.is_empty());
}

#[test]
fn what_ended_the_process_at_decoding_is_never_decoded_again() {
    let mut world = World::new();
    let culprit = world.event("a", r#"{"act":"panic at decoding"}"#);
    let other = world.event("a", r#"{"act":"add"}"#);
    begun(&world, &culprit, 4);
    assert_eq!(world.arrive_carefully(&[culprit.clone(), other]), [Dead, Applied(None)]);
    let state = world.door.database.state();
    assert_eq!((state.dead[0].failure.class, &state.dead[0].delivery), ("crash", &culprit));
}

#[test]
fn what_ended_the_process_even_over_its_bytes_is_known_by_its_place_alone() {
    let mut world = World::new();
    let mut culprit = world.event("a", "{}");
    culprit.payload = Some(b"junk".to_vec().into());
    begun(&world, &culprit, 6);
    assert_eq!(world.arrive_carefully(std::slice::from_ref(&culprit)), [Dead]);
    let state = world.door.database.state();
    assert_eq!((&state.dead[0].delivery.payload, &state.dead[0].delivery.position), (&None, &culprit.position));
}

#[test]
fn what_was_begun_once_is_tried_again() {
    let mut world = World::new();
    let event = world.event("a", r#"{"act":"add"}"#);
    begun(&world, &event, 3);
    assert_eq!(world.arrive_carefully(&[event]), [Applied(None)]);
}
