//! Both ends of an order lead here: one message is intended.

use engine::{
    effects::{Effects, Intend},
    participant::Refusal,
    rows::Rows,
};
use uuid::Uuid;

use crate::{
    mailer::MessageRequest,
    participant::{Notification, TELL},
    state::{End, Row, State, Table},
};

/// known → telling, which asks the mail service. The same end again: nothing.
///
/// An end without its order, or a second end of another kind, cannot happen: one topic, one key, so in order.
pub(crate) fn tell(
    order_id: Uuid,
    end: End,
    text: String,
    rows: &mut Rows<Notification>,
) -> Result<Effects<Notification>, Refusal> {
    let order = order_id.to_string();
    let row = rows.get(Table::Notices, &order).clone();
    if row.end == Some(end) {
        return Ok(Effects::none());
    }
    let (State::Known, Some(customer)) = (row.state, &row.customer) else {
        return Err(shop::cannot_happen(&format!("{end:?}"), row));
    };
    let request = MessageRequest { order_id: order.clone(), user_id: customer.clone(), text };
    let request = serde_json::to_string(&request).map_err(|error| Refusal::Permanent(error.to_string()))?;
    rows.set(Table::Notices, &order, Row { state: State::Telling, end: Some(end), ..row });
    Ok(Effects::none().intend(Intend { aggregate_id: order, step: TELL, request }))
}

#[cfg(test)]
mod tests {
    use crate::{
        given::Given,
        state::{End, Row, State},
    };

    #[test]
    fn given_an_order_when_it_ends_then_its_customer_is_to_be_told_how() {
        let mut given = Given::nothing();
        given.placed().unwrap();
        assert_eq!(given.completed().unwrap(), ["ada: Your order 00000000-0000-0000-0000-000000000001 is on its way."]);
        assert_eq!((given.row().state, given.row().end), (State::Telling, Some(End::Completed)));
        let mut given = Given::nothing();
        given.placed().unwrap();
        let told = given.cancelled().unwrap();
        assert_eq!(told, ["ada: Your order 00000000-0000-0000-0000-000000000001 was cancelled: out of stock"]);
        assert_eq!((given.row().state, given.row().end), (State::Telling, Some(End::Cancelled)));
    }

    #[test]
    fn given_an_end_when_it_comes_again_then_nothing_is_intended() {
        for answer in [None, Some(true), Some(false)] {
            let mut given = Given::nothing();
            given.placed().unwrap();
            given.completed().unwrap();
            if let Some(yes) = answer {
                given.mail_service_answers(yes).unwrap();
            }
            let before = given.row();
            assert!(given.completed().unwrap().is_empty(), "{before:?}");
            assert_eq!(given.row(), before);
        }
    }

    #[test]
    fn given_one_end_when_the_other_comes_then_somebody_is_woken() {
        let mut given = Given::nothing();
        given.placed().unwrap();
        given.completed().unwrap();
        assert!(given.cancelled().is_err());
        assert_eq!(given.row().end, Some(End::Completed));
    }

    #[test]
    fn given_nothing_when_an_end_comes_then_somebody_is_woken() {
        let mut given = Given::nothing();
        assert!(given.completed().is_err());
        assert!(given.cancelled().is_err());
        assert_eq!(given.row(), Row::NONE);
    }
}
