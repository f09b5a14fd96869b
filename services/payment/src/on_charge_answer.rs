//! The provider's answer to a charge.

use chrono::{DateTime, Utc};
use contracts::{PaymentFailed, PaymentSucceeded};
use engine::{
    effects::Effects,
    participant::{Answer, Refusal},
    rows::Rows,
};

use crate::{
    participant::{CHARGE, Payment, key, paid, refund},
    state::{Kind, LedgerEntry, Row, State, Table},
};

/// capturing, yes → succeeded (`payment.succeeded`), or with the undo mark → refunding;
/// capturing, no → failed (`payment.failed`).
pub(crate) fn handle(
    order: &str,
    answer: &Answer,
    rows: &mut Rows<Payment>,
    now: DateTime<Utc>,
) -> Result<Effects<Payment>, Refusal> {
    let row = rows.get(Table::Payments, order).clone();
    let State::Capturing { undo } = row.state else {
        return Err(shop::cannot_happen("an answer to a charge", row.state));
    };
    match answer {
        Answer::Yes { detail } => captured(order, detail, undo, row, rows, now),
        Answer::No { reason } => {
            rows.set(Table::Payments, order, Row { state: State::Failed, ..row });
            let reason = shop::reason(reason);
            Ok(Effects::none().fact(shop::fact(PaymentFailed { order_id: shop::order_id(order)?, reason })?))
        }
    }
}

fn captured(
    order: &str,
    charge_id: &str,
    undo: bool,
    row: Row,
    rows: &mut Rows<Payment>,
    at: DateTime<Utc>,
) -> Result<Effects<Payment>, Refusal> {
    let paid = paid(&row)?.clone();
    let (charge_id, published) = (shop::kept_reference(charge_id), shop::reference(charge_id, &key(order, CHARGE)));
    let entry = LedgerEntry {
        order_id: order.to_owned(),
        kind: Kind::Captured,
        amount: paid.amount,
        currency: paid.currency.clone(),
        provider_id: charge_id.clone(),
        at,
    };
    let effects = Effects::none().record(entry);
    let state = if undo { State::Refunding } else { State::Succeeded };
    rows.set(Table::Payments, order, Row { state, charge_id: Some(charge_id.clone()), ..row });
    if undo {
        return Ok(effects.intend(refund(order, &paid, &charge_id)?));
    }
    let fact = shop::fact(PaymentSucceeded {
        order_id: shop::order_id(order)?,
        items: paid.items,
        amount: paid.amount,
        currency: paid.currency,
        charge_id: published,
        shipping_address: paid.shipping_address,
    })?;
    Ok(effects.fact(fact))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::*;

    #[test]
    fn given_a_charge_when_the_provider_says_yes_then_the_payment_succeeded() {
        let mut given = Given::new(State::Capturing { undo: false });
        assert_eq!(given.charged(true).unwrap(), ["ledger Captured", "payment.succeeded"]);
        assert_eq!(given.state(), State::Succeeded);
    }

    #[test]
    fn given_the_undo_mark_when_the_provider_says_yes_then_the_money_goes_back() {
        let mut given = Given::new(State::Capturing { undo: true });
        assert_eq!(given.charged(true).unwrap(), ["ledger Captured", "intend refund"]);
        assert_eq!(given.state(), State::Refunding);
    }

    #[test]
    fn given_a_charge_when_the_provider_says_no_then_the_payment_failed_whatever_the_mark() {
        for undo in [false, true] {
            let mut given = Given::new(State::Capturing { undo });
            assert_eq!(given.charged(false).unwrap(), ["payment.failed"]);
            assert_eq!(given.state(), State::Failed);
        }
    }

    #[test]
    fn given_no_charge_under_way_when_an_answer_comes_then_somebody_is_woken() {
        for state in ALL_STATES.into_iter().filter(|state| !matches!(state, State::Capturing { .. })) {
            assert!(Given::new(state).charged(true).is_err(), "{state:?}");
        }
    }

    #[test]
    fn given_a_charge_when_it_succeeds_then_shipping_learns_all_it_needs() {
        let yes = Answer::Yes { detail: "ch_1".into() };
        let effects = Given::new(State::Capturing { undo: false }).effects_of_charge(&yes).unwrap();
        let expected = PaymentSucceeded {
            order_id: ORDER,
            items: items(),
            amount: 200,
            currency: "EUR".into(),
            charge_id: "ch_1".into(),
            shipping_address: Some(address()),
        };
        assert_eq!(effects.facts, [shop::fact(expected).unwrap()]);
    }

    #[test]
    fn given_a_charge_when_the_provider_calls_it_something_unfit_then_the_payment_succeeded_all_the_same() {
        let long = "x".repeat(1_000);
        for name in ["", "ch\0_1", long.as_str()] {
            let mut given = Given::new(State::Capturing { undo: false });
            let yes = Answer::Yes { detail: name.into() };
            assert_eq!(given.effects_of_charge(&yes).unwrap().facts.len(), 1, "{name:?}");
            assert_eq!(given.state(), State::Succeeded);
            // A refund has to name it as the provider does.
            assert_eq!(given.row().charge_id, Some(shop::kept_reference(name)));
        }
    }

    #[test]
    fn given_a_charge_when_the_provider_says_no_without_a_word_then_the_payment_failed_all_the_same() {
        let mut given = Given::new(State::Capturing { undo: false });
        assert!(given.effects_of_charge(&Answer::No { reason: "\0".into() }).is_ok());
        assert_eq!(given.state(), State::Failed);
    }
}
