//! The provider's answer to a refund.

use choreography::{Moment, Reacts, Refusal, publish};
use contracts::PaymentRefunded;

use crate::{
    Payment,
    calls::{Refund, Refunded, key},
    payment_row::{Kind, LedgerEntry, PaymentRow, State},
};

/// refunding, acknowledged → refunded (`payment.refunded`). An undo that the provider refuses is never called done: the
/// refusal keeps the call open, so it is reported and sent again under the same key, for ever.
pub(crate) fn handle(answer: &Refunded, payment: &mut PaymentRow, at: &Moment<'_, Payment>) -> Reacts {
    if payment.state != State::Refunding {
        return Err(shop::cannot_happen("an answer to a refund", payment.state));
    }
    let order = at.aggregate_id;
    let refund_id = match answer {
        Refunded::Yes { refund_id } => refund_id,
        Refunded::No { reason } => {
            return Err(Refusal::Permanent(format!(
                "the provider does not refund order {order}: {reason}; settle it there"
            )));
        }
    };
    payment.state = State::Refunded;
    let paid = payment.paid()?;
    let entry = LedgerEntry {
        order_id: order.to_owned(),
        kind: Kind::Refunded,
        amount: paid.amount,
        currency: paid.currency.clone(),
        provider_id: shop::kept_reference(refund_id),
        at: at.now,
    };
    let refunded = publish(PaymentRefunded {
        order_id: shop::order_id(order)?,
        amount: paid.amount,
        currency: paid.currency.clone(),
        refund_id: shop::reference(refund_id, &key::<Refund>(order)),
    });
    Ok(refunded.record(entry))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::*;

    #[test]
    fn given_a_refund_when_acknowledged_then_the_money_is_back() {
        let mut given = given(State::Refunding);
        let then = given.answer::<Refund>(ORDER, yes("re_1")).unwrap();
        assert_eq!(then, ["record payment_ledger", "payment.refunded"]);
        let expected =
            PaymentRefunded { order_id: ORDER, amount: 200, currency: "EUR".into(), refund_id: "re_1".into() };
        assert_eq!(then.published::<PaymentRefunded>(), [expected]);
        let entry = then.records::<LedgerEntry>()[0];
        assert_eq!((entry.kind, entry.amount, entry.provider_id.as_str()), (Kind::Refunded, 200, "re_1"));
        assert_eq!(row(&given).state, State::Refunded);
    }

    #[test]
    fn given_a_refund_when_the_provider_calls_it_something_unfit_then_the_money_is_back_all_the_same() {
        let long = "x".repeat(1_000);
        for name in ["", "re\0_1", long.as_str()] {
            let mut given = given(State::Refunding);
            let then = given.answer::<Refund>(ORDER, yes(name)).unwrap();
            assert_eq!(then, ["record payment_ledger", "payment.refunded"], "{name:?}");
            assert_eq!(row(&given).state, State::Refunded);
        }
    }

    #[test]
    fn given_a_refund_when_the_provider_refuses_then_it_is_not_called_done() {
        let mut given = given(State::Refunding);
        let refused = given.answer::<Refund>(ORDER, no("declined")).unwrap_err();
        assert!(refused.to_string().contains("settle it there"));
        assert_eq!(row(&given).state, State::Refunding);
    }

    #[test]
    fn given_no_refund_under_way_when_an_answer_comes_then_an_operator_is_called() {
        for state in all_but(&[State::Refunding]) {
            assert!(given(state).answer::<Refund>(ORDER, yes("re_1")).is_err(), "{state:?}");
        }
    }
}
