//! `order.placed`: who ordered.

use choreography::{Moment, Reacts, nothing};
use contracts::OrderPlaced;

use crate::{Newcomer, Order, State};

/// none → placed. Anything else: known already.
pub(crate) fn handle(event: &OrderPlaced, order: &mut Order, _at: &Moment<'_, Newcomer>) -> Reacts {
    if order.state == State::None {
        *order = Order { state: State::Placed, customer: Some(event.details.user_id.clone()) };
    }
    Ok(nothing())
}
