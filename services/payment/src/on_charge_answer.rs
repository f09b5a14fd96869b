//! The provider's answer to a charge.

use chrono::{DateTime, Utc};
use contracts::{PaymentFailed, PaymentSucceeded, check::MAX_REASON};
use engine::{
    effects::Effects,
    participant::{Answer, Refusal},
    rows::Rows,
};

use crate::{
    participant::{Payment, paid, refund},
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
            let reason = reason.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect();
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
    let entry = LedgerEntry {
        order_id: order.to_owned(),
        kind: Kind::Captured,
        amount: paid.amount,
        currency: paid.currency.clone(),
        provider_id: charge_id.to_owned(),
        at,
    };
    let effects = Effects::none().record(entry);
    let state = if undo { State::Refunding } else { State::Succeeded };
    rows.set(Table::Payments, order, Row { state, charge_id: Some(charge_id.to_owned()), ..row });
    if undo {
        return Ok(effects.intend(refund(order, &paid, charge_id)?));
    }
    let fact = shop::fact(PaymentSucceeded {
        order_id: shop::order_id(order)?,
        items: paid.items,
        amount: paid.amount,
        currency: paid.currency,
        charge_id: charge_id.to_owned(),
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
}
