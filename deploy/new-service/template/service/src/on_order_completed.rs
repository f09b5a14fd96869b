//! `order.completed`: it is on its way.

use choreography::{Moment, Reacts, nothing};
use contracts::OrderCompleted;

use crate::{Newcomer, Order, State};

/// placed → completed. The same again: nothing. An end without its order cannot happen: one topic, one key, so in order.
pub(crate) fn handle(_event: &OrderCompleted, order: &mut Order, _at: &Moment<'_, Newcomer>) -> Reacts {
    match order.state {
        State::Placed => order.state = State::Completed,
        State::Completed => {}
        State::None => return Err(shop::cannot_happen("order.completed", order.state)),
    }
    Ok(nothing())
}
