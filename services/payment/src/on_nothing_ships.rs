//! `shipping.failed`, `shipping.cancelled`: nothing leaves the warehouse, so the money goes back.

use contracts::{PaymentVoided, ShippingCancelled, ShippingFailed};
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{
    participant::{Payment, paid, refund},
    state::{Row, State, Table},
};

/// succeeded → refunding; refunding, refunded: a repeat. Shipping only begins once money was captured, so a failure of
/// it where nothing was captured cannot happen.
pub(crate) fn failed(event: &ShippingFailed, rows: &mut Rows<Payment>) -> Result<Effects<Payment>, Refusal> {
    let order = event.order_id.to_string();
    let row = rows.get(Table::Payments, &order).clone();
    match row.state {
        State::Succeeded => give_back(&order, row, rows),
        State::Refunding | State::Refunded => Ok(Effects::none()),
        state => Err(shop::cannot_happen("shipping.failed", state)),
    }
}

/// succeeded → refunding; capturing → capturing with the undo mark, since the provider's answer is still open;
/// none → voided (`payment.voided`), a tombstone: `inventory.reserved` may still come, and must find it.
/// Anything else: nothing.
pub(crate) fn cancelled(event: &ShippingCancelled, rows: &mut Rows<Payment>) -> Result<Effects<Payment>, Refusal> {
    let order = event.order_id.to_string();
    let row = rows.get(Table::Payments, &order).clone();
    match row.state {
        State::Succeeded => give_back(&order, row, rows),
        State::Capturing { .. } => {
            rows.set(Table::Payments, &order, Row { state: State::Capturing { undo: true }, ..row });
            Ok(Effects::none())
        }
        State::None => {
            rows.set(Table::Payments, &order, Row { state: State::Voided, ..row });
            let voided = PaymentVoided { order_id: event.order_id, reason: event.reason.clone() };
            Ok(Effects::none().fact(shop::fact(voided)?))
        }
        State::Failed | State::Refunding | State::Refunded | State::Voided => Ok(Effects::none()),
    }
}

fn give_back(order: &str, row: Row, rows: &mut Rows<Payment>) -> Result<Effects<Payment>, Refusal> {
    let charge_id =
        row.charge_id.as_deref().ok_or_else(|| Refusal::Permanent(format!("{order} was captured without a charge id")))?;
    let intend = refund(order, paid(&row)?, charge_id)?;
    rows.set(Table::Payments, order, Row { state: State::Refunding, ..row });
    Ok(Effects::none().intend(intend))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::*;

    #[test]
    fn given_captured_money_when_nothing_ships_then_the_refund_is_intended() {
        let mut given = Given::new(State::Succeeded);
        assert_eq!(given.shipping_failed().unwrap(), ["intend refund"]);
        assert_eq!(given.state(), State::Refunding);
        let mut given = Given::new(State::Succeeded);
        assert_eq!(given.shipping_cancelled().unwrap(), ["intend refund"]);
        assert_eq!(given.state(), State::Refunding);
    }

    #[test]
    fn given_an_open_charge_when_shipping_is_cancelled_then_it_is_marked_for_undo() {
        for undo in [false, true] {
            let mut given = Given::new(State::Capturing { undo });
            assert!(given.shipping_cancelled().unwrap().is_empty());
            assert_eq!(given.state(), State::Capturing { undo: true });
        }
    }

    #[test]
    fn given_nothing_when_shipping_is_cancelled_then_a_tombstone_keeps_a_late_order_from_being_charged() {
        let mut given = Given::new(State::None);
        assert_eq!(given.shipping_cancelled().unwrap(), ["payment.voided"]);
        assert_eq!(given.state(), State::Voided);
        assert!(given.reserved().unwrap().is_empty());
    }

    #[test]
    fn given_any_other_state_when_shipping_is_cancelled_then_nothing_happens() {
        for state in [State::Failed, State::Refunding, State::Refunded, State::Voided] {
            let mut given = Given::new(state);
            assert!(given.shipping_cancelled().unwrap().is_empty(), "{state:?}");
            assert_eq!(given.state(), state);
        }
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
        for state in [State::Refunding, State::Refunded] {
            assert!(Given::new(state).shipping_failed().unwrap().is_empty(), "{state:?}");
        }
    }
}
