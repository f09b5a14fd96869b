//! `payment.voided`: payment never begins.

use choreography::{Further, Moment, Reacts};
use contracts::PaymentVoided;

use crate::{Inventory, give_back::give_back, reservation::Reservation, stock::Stock};

/// reserved, none → released (`inventory.released`); anything else: nothing.
pub(crate) fn handle(
    event: &PaymentVoided,
    reservation: &mut Reservation,
    stock: &mut Further<Stock>,
    at: &Moment<'_, Inventory>,
) -> Reacts {
    give_back(&format!("payment voided: {}", event.reason), reservation, stock, at)
}
