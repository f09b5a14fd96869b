//! `shipping.failed`: the carrier refused, so the money goes back.

use contracts::ShippingFailed;
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{
    give_back::give_back,
    participant::Payment,
    state::{State, Table},
};

/// succeeded → refunding; refunding, refunded: a repeat. Shipping only begins once money was captured, so a failure of
/// it where nothing was captured cannot happen.
pub(crate) fn handle(event: &ShippingFailed, rows: &mut Rows<Payment>) -> Result<Effects<Payment>, Refusal> {
    let order = event.order_id.to_string();
    let row = rows.get(Table::Payments, &order).clone();
    match row.state {
        State::Succeeded => give_back(&order, row, rows),
        State::Refunding | State::Refunded => Ok(Effects::none()),
        state => Err(shop::cannot_happen("shipping.failed", state)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::*;

    #[test]
    fn given_captured_money_when_shipping_failed_then_the_refund_is_intended() {
        let mut given = Given::new(State::Succeeded);
        assert_eq!(given.shipping_failed().unwrap(), ["intend refund"]);
        assert_eq!(given.state(), State::Refunding);
    }

    #[test]
    fn given_nothing_captured_when_shipping_failed_then_somebody_is_woken() {
        for state in [
            State::None,
            State::Capturing { undo: false },
            State::Capturing { undo: true },
            State::Failed,
            State::Voided,
        ] {
            assert!(Given::new(state).shipping_failed().is_err(), "{state:?}");
        }
    }

    #[test]
    fn given_the_money_on_its_way_back_when_shipping_failed_then_nothing_happens() {
        for state in [State::Refunding, State::Refunded] {
            let mut given = Given::new(state);
            assert!(given.shipping_failed().unwrap().is_empty(), "{state:?}");
            assert_eq!(given.state(), state);
        }
    }
}
