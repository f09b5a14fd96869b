//! The mail service's answer.

use engine::{
    effects::Effects,
    participant::{Answer, Refusal},
    rows::Rows,
};

use crate::{
    participant::Notification,
    state::{Row, State, Table},
};

/// telling, yes → told; no → failed. Nothing is published: the saga does not wait for its customer.
pub(crate) fn handle(
    order: &str,
    answer: &Answer,
    rows: &mut Rows<Notification>,
) -> Result<Effects<Notification>, Refusal> {
    let row = rows.get(Table::Notices, order).clone();
    if row.state != State::Telling {
        return Err(shop::cannot_happen("an answer of the mail service", row.state));
    }
    let state = match answer {
        Answer::Yes { .. } => State::Told,
        Answer::No { .. } => State::Failed,
    };
    rows.set(Table::Notices, order, Row { state, ..row });
    Ok(Effects::none())
}

#[cfg(test)]
mod tests {
    use crate::{given::Given, state::State};

    #[test]
    fn given_the_mail_service_was_asked_when_it_answers_then_the_customer_is_told_or_it_failed() {
        for (yes, state) in [(true, State::Told), (false, State::Failed)] {
            let mut given = Given::nothing();
            given.placed().unwrap();
            given.completed().unwrap();
            assert!(given.mail_service_answers(yes).unwrap().is_empty());
            assert_eq!(given.row().state, state);
            assert!(given.mail_service_answers(yes).is_err(), "one intent has one answer");
        }
    }

    #[test]
    fn given_the_mail_service_was_not_asked_when_it_answers_then_somebody_is_woken() {
        let mut given = Given::nothing();
        assert!(given.mail_service_answers(true).is_err());
        given.placed().unwrap();
        assert!(given.mail_service_answers(true).is_err());
    }
}
