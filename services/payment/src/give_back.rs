//! Both ways in which nothing ships end here: the captured money goes back.

use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{
    participant::{Payment, paid, refund},
    state::{Row, State, Table},
};

/// succeeded → refunding, which asks the provider.
pub(crate) fn give_back(order: &str, row: Row, rows: &mut Rows<Payment>) -> Result<Effects<Payment>, Refusal> {
    let charge_id = row
        .charge_id
        .as_deref()
        .ok_or_else(|| Refusal::Permanent(format!("{order} was captured without a charge id")))?;
    let intend = refund(order, paid(&row)?, charge_id)?;
    rows.set(Table::Payments, order, Row { state: State::Refunding, ..row });
    Ok(Effects::none().intend(intend))
}
