//! The provider's answer to a refund.

use chrono::{DateTime, Utc};
use contracts::PaymentRefunded;
use engine::{
    effects::Effects,
    participant::{Answer, Refusal},
    rows::Rows,
};

use crate::{
    participant::{Payment, REFUND, key, paid},
    state::{Kind, LedgerEntry, Row, State, Table},
};

/// refunding, acknowledged → refunded (`payment.refunded`). An undo that the provider refuses is never called done: the
/// refusal keeps the intent open, so it is reported and sent again under the same key, for ever.
pub(crate) fn handle(
    order: &str,
    answer: &Answer,
    rows: &mut Rows<Payment>,
    now: DateTime<Utc>,
) -> Result<Effects<Payment>, Refusal> {
    let row = rows.get(Table::Payments, order).clone();
    if row.state != State::Refunding {
        return Err(shop::cannot_happen("an answer to a refund", row.state));
    }
    let refund_id = match answer {
        Answer::Yes { detail } => detail,
        Answer::No { reason } => {
            return Err(Refusal::Permanent(format!(
                "the provider does not refund order {order}: {reason}; settle it there"
            )));
        }
    };
    let paid = paid(&row)?.clone();
    rows.set(Table::Payments, order, Row { state: State::Refunded, ..row });
    let entry = LedgerEntry {
        order_id: order.to_owned(),
        kind: Kind::Refunded,
        amount: paid.amount,
        currency: paid.currency.clone(),
        provider_id: shop::kept_reference(refund_id),
        at: now,
    };
    let (order_id, refund_id) = (shop::order_id(order)?, shop::reference(refund_id, &key(order, REFUND)));
    let fact = shop::fact(PaymentRefunded { order_id, amount: paid.amount, currency: paid.currency, refund_id })?;
    Ok(Effects::none().record(entry).fact(fact))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::*;

    #[test]
    fn given_a_refund_when_acknowledged_then_the_money_is_back() {
        let mut given = Given::new(State::Refunding);
        assert_eq!(given.refunded(true).unwrap(), ["ledger Refunded", "payment.refunded"]);
        assert_eq!(given.state(), State::Refunded);
    }

    #[test]
    fn given_a_refund_when_the_provider_calls_it_something_unfit_then_the_money_is_back_all_the_same() {
        let long = "x".repeat(1_000);
        for name in ["", "re\0_1", long.as_str()] {
            let mut given = Given::new(State::Refunding);
            assert_eq!(given.refunded_as(name).unwrap(), ["ledger Refunded", "payment.refunded"], "{name:?}");
            assert_eq!(given.state(), State::Refunded);
        }
    }

    #[test]
    fn given_a_refund_when_the_provider_refuses_then_it_is_not_called_done() {
        let mut given = Given::new(State::Refunding);
        assert!(given.refunded(false).unwrap_err().to_string().contains("settle it there"));
        assert_eq!(given.state(), State::Refunding);
    }

    #[test]
    fn given_no_refund_under_way_when_an_answer_comes_then_somebody_is_woken() {
        for state in ALL_STATES.into_iter().filter(|state| *state != State::Refunding) {
            assert!(Given::new(state).refunded(true).is_err(), "{state:?}");
        }
    }
}
