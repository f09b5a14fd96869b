//! `payment.failed`: the provider said no, so nothing was captured.

use choreography::{Further, Moment, Reacts};
use contracts::PaymentFailed;

use crate::{Inventory, give_back::give_back, reservation::Reservation, stock::Stock};

/// reserved, none → released (`inventory.released`); anything else: nothing.
pub(crate) fn handle(
    event: &PaymentFailed,
    reservation: &mut Reservation,
    stock: &mut Further<Stock>,
    at: &Moment<'_, Inventory>,
) -> Reacts {
    give_back(&format!("payment failed: {}", event.reason), reservation, stock, at)
}
