//! `order.placed`: which customer to tell.

use choreography::{Moment, Reacts, nothing};
use contracts::OrderPlaced;

use crate::{Notice, Notification, State};

/// none → known. Anything else: known already.
pub(crate) fn handle(event: &OrderPlaced, notice: &mut Notice, _at: &Moment<'_, Notification>) -> Reacts {
    if notice.state == State::None {
        *notice = Notice { state: State::Known, customer: Some(event.details.user_id.clone()), ending: None };
    }
    Ok(nothing())
}
