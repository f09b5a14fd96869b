//! The carrier's answer.

use contracts::{ShippingDispatched, ShippingFailed};
use engine::{
    effects::Effects,
    participant::{Answer, Refusal},
    rows::Rows,
};

use crate::{
    participant::{SHIP, Shipping},
    state::{Row, State, Table},
};

/// dispatching, yes → dispatched (`shipping.dispatched`), the pivot; no → failed (`shipping.failed`).
pub(crate) fn handle(order: &str, answer: &Answer, rows: &mut Rows<Shipping>) -> Result<Effects<Shipping>, Refusal> {
    let row = rows.get(Table::Shipments, order).clone();
    if row.state != State::Dispatching {
        return Err(shop::cannot_happen("an answer of the carrier", row.state));
    }
    let order_id = shop::order_id(order)?;
    let (row, fact) = match answer {
        Answer::Yes { detail } => (
            Row { state: State::Dispatched, tracking_number: Some(shop::kept_reference(detail)) },
            shop::fact(ShippingDispatched {
                order_id,
                tracking_number: shop::reference(detail, &format!("{order}/{SHIP}")),
            })?,
        ),
        Answer::No { reason } => {
            let reason = shop::reason(reason);
            (Row { state: State::Failed, ..row }, shop::fact(ShippingFailed { order_id, reason })?)
        }
    };
    rows.set(Table::Shipments, order, row);
    Ok(Effects::none().fact(fact))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::*;

    #[test]
    fn given_the_carrier_was_asked_when_it_answers_then_the_order_is_dispatched_or_failed() {
        let mut given = Given::new(State::Dispatching);
        assert_eq!(given.carrier_answers(true).unwrap(), ["shipping.dispatched"]);
        assert_eq!(given.state(), State::Dispatched);
        let mut given = Given::new(State::Dispatching);
        assert_eq!(given.carrier_answers(false).unwrap(), ["shipping.failed"]);
        assert_eq!(given.state(), State::Failed);
    }

    #[test]
    fn given_the_carrier_was_asked_when_its_number_is_unfit_then_the_order_is_dispatched_all_the_same() {
        let long = "x".repeat(1_000);
        for number in ["", "T\x001", long.as_str()] {
            let mut given = Given::new(State::Dispatching);
            assert_eq!(given.carrier_takes_it_as(number).unwrap(), ["shipping.dispatched"], "{number:?}");
            assert_eq!(given.state(), State::Dispatched);
        }
    }

    #[test]
    fn given_the_carrier_was_not_asked_when_it_answers_then_somebody_is_woken() {
        for state in [State::None, State::Dispatched, State::Failed, State::Cancelled] {
            assert!(Given::new(state).carrier_answers(true).is_err(), "{state:?}");
        }
    }
}
