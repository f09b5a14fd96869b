//! The provider's answer to a charge.

use choreography::{Json, Moment, Reacts, nothing, publish};
use contracts::{PaymentFailed, PaymentSucceeded};

use crate::{
    Payment,
    calls::{Charge, Charged, Refund, key},
    payment_row::{Kind, LedgerEntry, PaymentRow, State},
};

/// capturing, yes → succeeded (`payment.succeeded`), or with the undo mark → refunding;
/// capturing, no → failed (`payment.failed`).
pub(crate) fn handle(answer: &Charged, payment: &mut PaymentRow, at: &Moment<'_, Payment>) -> Reacts {
    if !matches!(payment.state, State::Capturing | State::CapturingUndo) {
        return Err(shop::cannot_happen("an answer to a charge", payment.state));
    }
    match answer {
        Charged::Yes { charge_id } => captured(charge_id, payment, at),
        Charged::No { reason } => {
            payment.state = State::Failed;
            payment.details = payment.details.take().map(|Json(paid)| Json(paid.money()));
            let order_id = shop::order_id(at.aggregate_id)?;
            Ok(publish(PaymentFailed { order_id, reason: shop::reason(reason) }))
        }
    }
}

fn captured(charge_id: &str, payment: &mut PaymentRow, at: &Moment<'_, Payment>) -> Reacts {
    let paid = payment.paid()?.clone();
    let entry = LedgerEntry {
        order_id: at.aggregate_id.to_owned(),
        kind: Kind::Captured,
        amount: paid.amount,
        currency: paid.currency.clone(),
        provider_id: shop::kept_reference(charge_id),
        at: at.now,
    };
    payment.charge_id = Some(entry.provider_id.clone());
    // Items and address go on with the event, or nowhere.
    payment.details = Some(Json(paid.money()));
    let captured = nothing().record(entry);
    if payment.state == State::CapturingUndo {
        payment.state = State::Refunding;
        return Ok(captured.call::<Refund>(Refund::whole(payment)?));
    }
    payment.state = State::Succeeded;
    Ok(captured.publish(PaymentSucceeded {
        order_id: shop::order_id(at.aggregate_id)?,
        items: paid.items,
        amount: paid.amount,
        currency: paid.currency,
        charge_id: shop::reference(charge_id, &key::<Charge>(at.aggregate_id)),
        shipping_address: paid.shipping_address,
        sealed_address: paid.sealed_address,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{payment_row::OrderToPay, samples::*};

    fn money() -> OrderToPay {
        OrderToPay { amount: 200, currency: "EUR".into(), ..OrderToPay::default() }
    }

    #[test]
    fn given_a_charge_when_the_provider_says_yes_then_the_payment_succeeded_and_shipping_learns_all_it_needs() {
        let mut given = given(State::Capturing);
        let then = given.answer::<Charge>(ORDER, yes("ch_1")).unwrap();
        assert_eq!(then, ["record payment_ledger", "payment.succeeded"]);
        let expected = PaymentSucceeded {
            order_id: ORDER,
            items: items(),
            amount: 200,
            currency: "EUR".into(),
            charge_id: "ch_1".into(),
            shipping_address: Some(address()),
            sealed_address: Some("sealed".into()),
        };
        assert_eq!(then.published::<PaymentSucceeded>(), [expected]);
        let entry = then.records::<LedgerEntry>()[0];
        assert_eq!((entry.kind, entry.amount, entry.provider_id.as_str()), (Kind::Captured, 200, "ch_1"));
        let row = row(&given);
        assert_eq!((row.state, &row.charge_id), (State::Succeeded, &Some("ch_1".into())));
        assert_eq!(row.paid().unwrap(), &money(), "neither items nor the address are kept");
    }

    #[test]
    fn given_the_undo_mark_when_the_provider_says_yes_then_the_money_goes_back() {
        let mut given = given(State::CapturingUndo);
        let then = given.answer::<Charge>(ORDER, yes("ch_1")).unwrap();
        assert_eq!(then, ["record payment_ledger", "call refund"]);
        let expected = Refund { charge_id: "ch_1".into(), amount: 200, currency: "EUR".into() };
        assert_eq!(then.calls::<Refund>(), [expected]);
        assert_eq!(row(&given).state, State::Refunding);
    }

    #[test]
    fn given_a_charge_when_the_provider_says_no_then_the_payment_failed_whatever_the_mark() {
        for state in [State::Capturing, State::CapturingUndo] {
            for reason in ["declined", "\0"] {
                let mut given = given(state);
                assert_eq!(given.answer::<Charge>(ORDER, no(reason)).unwrap(), ["payment.failed"]);
                let row = row(&given);
                assert_eq!(row.state, State::Failed);
                assert_eq!(row.paid().unwrap(), &money(), "neither items nor the address are kept");
            }
        }
    }

    #[test]
    fn given_no_charge_under_way_when_an_answer_comes_then_an_operator_is_called() {
        for state in all_but(&[State::Capturing, State::CapturingUndo]) {
            assert!(given(state).answer::<Charge>(ORDER, yes("ch_1")).is_err(), "{state:?}");
        }
    }

    #[test]
    fn given_a_charge_when_the_provider_calls_it_something_unfit_then_the_payment_succeeded_all_the_same() {
        let long = "x".repeat(1_000);
        for name in ["", "ch\0_1", long.as_str()] {
            let mut given = given(State::Capturing);
            let then = given.answer::<Charge>(ORDER, yes(name)).unwrap();
            let published = &then.published::<PaymentSucceeded>()[0].charge_id;
            // One without a name has the key under which the provider knows it.
            assert_eq!(published.ends_with("/charge"), name.is_empty(), "{name:?}: {published}");
            assert_eq!(row(&given).state, State::Succeeded);
            // A refund has to name it as the provider does.
            assert_eq!(row(&given).charge_id, Some(shop::kept_reference(name)));
        }
    }
}
