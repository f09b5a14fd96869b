//! The mail service's answer.

use choreography::{Answer, Moment, Reacts, nothing};

use crate::{Notice, Notification, State};

/// telling, yes → told; no → failed. Nothing is published: the saga does not wait for its customer.
pub(crate) fn handle(answer: &Answer, notice: &mut Notice, _at: &Moment<'_, Notification>) -> Reacts {
    if notice.state != State::Telling {
        return Err(shop::cannot_happen("an answer of the mail service", notice.state));
    }
    notice.state = if matches!(answer, Answer::Yes { .. }) { State::Told } else { State::Failed };
    Ok(nothing())
}
