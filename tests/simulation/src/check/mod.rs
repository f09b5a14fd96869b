//! What must hold: at any moment, and once everything rests.

mod coverage;
mod events;
mod held;
mod moment;
mod orders;
mod reasons;
mod stock;

use choreography_core::participant::Participant;

pub use coverage::count;
pub use held::blamed;
pub use moment::at_any_moment;

use crate::{core::lock, database::Model, schedule::Shop};

/// Whether nothing is left to do. Parked events are for somebody else to decide, so they are no work, but a finding.
pub fn rests(shop: &Shop) -> bool {
    idle(shop, &shop.order) && idle(shop, &shop.inventory) && idle(shop, &shop.payment) && idle(shop, &shop.shipping)
}

fn idle<P: Participant>(shop: &Shop, model: &Model<P>) -> bool {
    open_work(shop, model).is_empty()
}

/// What is left to do, for a run that does not come to rest.
pub fn all_open_work(shop: &Shop) -> Vec<String> {
    let mut open = open_work(shop, &shop.order);
    open.extend(open_work(shop, &shop.inventory));
    open.extend(open_work(shop, &shop.payment));
    open.extend(open_work(shop, &shop.shipping));
    open
}

fn open_work<P: Participant>(shop: &Shop, model: &Model<P>) -> Vec<String> {
    let parked = model.worth_a_redrive().len();
    let state = lock(&model.state);
    let retrying =
        state.held.committed().filter(|row| row.status != choreography_core::store::HeldStatus::Parked).count();
    let unpublished = state.outbox.committed().filter(|entry| !entry.published).count();
    let stopped = state.stopped.committed().count();
    let (deadlines, intents) = (state.deadlines.committed().count(), state.intents.committed().count());
    drop(state);
    let unread = usize::from(!lock(&shop.kafka).is_read(model.name(), model.participant.reads()));
    [
        ("held", retrying),
        ("parked", parked),
        ("unpublished", unpublished),
        ("stopped", stopped),
        ("deadlines", deadlines),
        ("intents", intents),
        ("unread", unread),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(what, count)| format!("{}: {count} {what}", model.name()))
    .collect()
}

/// Everything that is wrong.
pub fn check(shop: &Shop) -> Vec<String> {
    let mut findings = Vec::new();
    orders::check(shop, &mut findings);
    reasons::check(shop, &mut findings);
    stock::check(shop, &mut findings);
    events::check(shop, &shop.order, &mut findings);
    events::check(shop, &shop.inventory, &mut findings);
    events::check(shop, &shop.payment, &mut findings);
    events::check(shop, &shop.shipping, &mut findings);
    held::check(&shop.order, &mut findings);
    held::check(&shop.inventory, &mut findings);
    held::check(&shop.payment, &mut findings);
    held::check(&shop.shipping, &mut findings);
    findings
}
