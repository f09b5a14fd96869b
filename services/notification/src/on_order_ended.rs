//! `order.completed` and `order.cancelled`: the customer is told, once.

use choreography::{Moment, Reacts, nothing};
use contracts::{OrderCancelled, OrderCompleted};

use crate::{End, Message, Notice, Notification, State};

pub(crate) fn completed(event: &OrderCompleted, notice: &mut Notice, _at: &Moment<'_, Notification>) -> Reacts {
    tell(notice, End::Completed, format!("Your order {} is on its way.", event.order_id))
}

pub(crate) fn cancelled(event: &OrderCancelled, notice: &mut Notice, _at: &Moment<'_, Notification>) -> Reacts {
    tell(notice, End::Cancelled, format!("Your order {} was cancelled: {}", event.order_id, event.reason))
}

/// known → telling, which asks the mail service. The same end again: nothing.
///
/// An end without its order, or a second end of another kind, cannot happen: one topic, one key, so in order.
fn tell(notice: &mut Notice, ending: End, text: String) -> Reacts {
    if notice.ending == Some(ending) {
        return Ok(nothing());
    }
    let (State::Known, Some(user_id)) = (notice.state, notice.customer.clone()) else {
        return Err(shop::cannot_happen(&format!("{ending:?}"), notice));
    };
    (notice.state, notice.ending) = (State::Telling, Some(ending));
    Ok(nothing().call::<Message>(Message { user_id, text }))
}
