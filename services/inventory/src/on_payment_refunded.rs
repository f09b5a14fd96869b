//! `payment.refunded`: what was captured went back.

use choreography::{Further, Moment, Reacts};
use contracts::PaymentRefunded;

use crate::{Inventory, give_back::give_back, reservation::Reservation, stock::Stock};

/// reserved, none → released (`inventory.released`); anything else: nothing.
pub(crate) fn handle(
    _event: &PaymentRefunded,
    reservation: &mut Reservation,
    stock: &mut Further<Stock>,
    at: &Moment<'_, Inventory>,
) -> Reacts {
    give_back("payment refunded", reservation, stock, at)
}
