//! `shipping.cancelled`: nothing leaves the warehouse any more, so no money may stay here.

use contracts::{PaymentVoided, ShippingCancelled};
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{
    give_back::give_back,
    participant::{Payment, cancel_charge, paid},
    state::{Row, State, Table},
};

/// succeeded → refunding; capturing → capturing with the undo mark, since the provider's answer is still open: from now on
/// the key is cancelled instead of charged, and if a charge came first, that is answered, and goes back;
/// none → voided (`payment.voided`), a tombstone: `inventory.reserved` may still come, and must find it.
/// Anything else: nothing.
pub(crate) fn handle(event: &ShippingCancelled, rows: &mut Rows<Payment>) -> Result<Effects<Payment>, Refusal> {
    let order = event.order_id.to_string();
    let row = rows.get(Table::Payments, &order).clone();
    match row.state {
        State::Succeeded => give_back(&order, row, rows),
        State::Capturing { undo: false } => {
            let cancel = cancel_charge(&order, paid(&row)?)?;
            rows.set(Table::Payments, &order, Row { state: State::Capturing { undo: true }, ..row });
            Ok(Effects::none().amend(cancel))
        }
        State::None => {
            rows.set(Table::Payments, &order, Row { state: State::Voided, ..row });
            let voided = PaymentVoided { order_id: event.order_id, reason: event.reason.clone() };
            Ok(Effects::none().fact(shop::fact(voided)?))
        }
        State::Capturing { undo: true } | State::Failed | State::Refunding | State::Refunded | State::Voided => {
            Ok(Effects::none())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::*;

    #[test]
    fn given_captured_money_when_shipping_is_cancelled_then_the_refund_is_intended() {
        let mut given = Given::new(State::Succeeded);
        assert_eq!(given.shipping_cancelled().unwrap(), ["intend refund"]);
        assert_eq!(given.state(), State::Refunding);
    }

    #[test]
    fn given_an_open_charge_when_shipping_is_cancelled_then_it_is_marked_for_undo_and_its_key_is_cancelled() {
        let mut given = Given::new(State::Capturing { undo: false });
        assert_eq!(
            given.shipping_cancelled().unwrap(),
            [r#"amend charge {"amount":200,"currency":"EUR","paymentMethod":null,"cancel":true}"#]
        );
        assert_eq!(given.state(), State::Capturing { undo: true });
        assert!(given.shipping_cancelled().unwrap().is_empty());
        assert_eq!(given.state(), State::Capturing { undo: true });
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
}
