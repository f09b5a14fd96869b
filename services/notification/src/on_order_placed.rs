//! `order.placed`: whom to tell.

use contracts::OrderPlaced;
use engine::{effects::Effects, participant::Refusal, rows::Rows};

use crate::{
    participant::Notification,
    state::{Row, State, Table},
};

/// none → known. Anything else: known already.
pub(crate) fn handle(event: &OrderPlaced, rows: &mut Rows<Notification>) -> Result<Effects<Notification>, Refusal> {
    let order = event.order_id.to_string();
    if rows.get(Table::Notices, &order).state == State::None {
        let row = Row { state: State::Known, customer: Some(event.user_id.clone()), end: None };
        rows.set(Table::Notices, &order, row);
    }
    Ok(Effects::none())
}

#[cfg(test)]
mod tests {
    use crate::{given::Given, state::State};

    #[test]
    fn given_nothing_when_placed_then_the_customer_is_known_and_nobody_is_told() {
        let mut given = Given::nothing();
        assert!(given.placed().unwrap().is_empty());
        assert_eq!((given.row().state, given.row().customer), (State::Known, Some("ada".into())));
    }

    #[test]
    fn given_an_end_when_placed_again_then_nothing_changes() {
        let mut given = Given::nothing();
        given.placed().unwrap();
        given.completed().unwrap();
        let before = given.row();
        assert!(given.placed().unwrap().is_empty());
        assert_eq!(given.row(), before);
    }
}
