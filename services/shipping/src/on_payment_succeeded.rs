//! `payment.succeeded`: the money is here, so the carrier is asked.

use contracts::PaymentSucceeded;
use engine::{
    effects::{Effects, Intend},
    participant::Refusal,
    rows::Rows,
};

use crate::{
    participant::{SHIP, ShipIntent, ShipItem, Shipping},
    state::{Row, State, Table},
};

/// none → dispatching, which asks the carrier. Cancelled: nothing, payment learns of that by `shipping.cancelled`.
pub(crate) fn handle(event: &PaymentSucceeded, rows: &mut Rows<Shipping>) -> Result<Effects<Shipping>, Refusal> {
    let order = event.order_id.to_string();
    if rows.get(Table::Shipments, &order).state != State::None {
        return Ok(Effects::none());
    }
    rows.set(Table::Shipments, &order, Row { state: State::Dispatching, tracking_number: None });
    let items = event.items.iter().map(|item| ShipItem { sku: item.sku.clone(), quantity: item.quantity }).collect();
    let request = ShipIntent { items, address: event.shipping_address.clone() };
    let request = serde_json::to_string(&request).map_err(|error| Refusal::Permanent(error.to_string()))?;
    Ok(Effects::none().intend(Intend { aggregate_id: order, step: SHIP, request }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::*;

    #[test]
    fn given_nothing_when_paid_then_the_shipment_is_intended() {
        let mut given = Given::new(State::None);
        assert_eq!(given.paid().unwrap(), ["intend ship"]);
        assert_eq!(given.state(), State::Dispatching);
    }

    #[test]
    fn given_any_later_state_when_paid_then_nothing_happens() {
        for state in [State::Dispatching, State::Dispatched, State::Failed, State::Cancelled] {
            let mut given = Given::new(state);
            assert!(given.paid().unwrap().is_empty(), "{state:?}");
            assert_eq!(given.state(), state);
        }
    }
}
