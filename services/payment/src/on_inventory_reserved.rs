//! `inventory.reserved`: everything is set aside, so the money is taken.

use contracts::InventoryReserved;
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{
    participant::{CHARGE, ChargeIntent, Payment, intend},
    state::{OrderToPay, Row, State, Table},
};

/// none → capturing, which asks the provider. A tombstone or a repeat: nothing.
pub(crate) fn handle(event: &InventoryReserved, rows: &mut Rows<Payment>) -> Result<Effects<Payment>, Refusal> {
    let order = event.order_id.to_string();
    if rows.get(Table::Payments, &order).state != State::None {
        return Ok(Effects::none());
    }
    let to_pay = OrderToPay {
        amount: event.total_amount,
        currency: event.currency.clone(),
        items: event.items.clone(),
        shipping_address: event.shipping_address.clone(),
    };
    let row = Row { state: State::Capturing { undo: false }, order: Some(to_pay), charge_id: None };
    rows.set(Table::Payments, &order, row);
    let request = ChargeIntent {
        amount: event.total_amount,
        currency: event.currency.clone(),
        payment_method: event.payment_method.clone(),
        cancel: false,
    };
    Ok(Effects::none().intend(intend(&order, CHARGE, &request)?))
}

#[cfg(test)]
mod tests {
    use engine::effects::Intend;

    use super::*;
    use crate::given::*;

    #[test]
    fn given_nothing_when_reserved_then_the_charge_is_intended() {
        let mut given = Given::new(State::None);
        assert_eq!(given.reserved().unwrap(), ["intend charge"]);
        assert_eq!(given.state(), State::Capturing { undo: false });
    }

    #[test]
    fn given_any_later_state_when_reserved_then_nothing_happens() {
        for state in ALL_STATES.into_iter().filter(|state| *state != State::None) {
            let mut given = Given::new(state);
            assert!(given.reserved().unwrap().is_empty(), "{state:?}");
            assert_eq!(given.state(), state);
        }
    }

    #[test]
    fn given_nothing_when_reserved_then_what_shipping_will_need_is_remembered_and_the_provider_gets_what_it_needs() {
        let mut given = Given::new(State::None);
        let effects = given.effects_of_reserved().unwrap();
        let request = r#"{"amount":200,"currency":"EUR","paymentMethod":"tok_visa"}"#;
        assert_eq!(
            effects.intents,
            [Intend { aggregate_id: ORDER.to_string(), step: CHARGE, request: request.into() }]
        );
        let remembered =
            OrderToPay { amount: 200, currency: "EUR".into(), items: items(), shipping_address: Some(address()) };
        assert_eq!(given.row().order, Some(remembered));
    }
}
