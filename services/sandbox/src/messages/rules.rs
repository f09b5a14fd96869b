//! What the mail service answers, without I/O.

use uuid::Uuid;

use super::{
    Answer, Call,
    page::{Message, Page},
};
use crate::{
    behaviour::{Behaviour, FAILED_TRIES},
    reply::{Manner, Reply},
};

/// Settles one call on the page.
pub(crate) fn send(page: &mut Page, Call { key, request }: &Call) -> Reply<Answer> {
    if let Some(known) = page.messages.get(key) {
        return match known.request == *request {
            true => Reply::Answer(known.answer.clone(), Manner::AtOnce),
            false => Reply::KeyConflict,
        };
    }
    let behaviour = Behaviour::of_message(&request.user_id);
    if behaviour == Behaviour::Flaky {
        let tries = page.tries.entry(key.clone()).or_default();
        if *tries < FAILED_TRIES {
            *tries += 1;
            page.tried.insert(key.clone());
            return Reply::TryAgain;
        }
    }
    let answer = match behaviour {
        Behaviour::No(reason) => Answer::Refused { reason: reason.to_owned() },
        _ => Answer::Sent { message_id: format!("msg_{}", Uuid::now_v7().simple()) },
    };
    page.messages.insert(key.clone(), Message { request: request.clone(), answer: answer.clone() });
    page.new.insert(key.clone());
    Reply::Answer(answer, Manner::from(behaviour))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::requests::MessageRequest;

    fn message(user: &str) -> Call {
        let request = MessageRequest { order_id: "o1".into(), user_id: user.into(), text: "hello".into() };
        Call { key: "k".into(), request }
    }

    #[test]
    fn the_same_key_twice_in_one_batch_is_one_message_with_one_answer() {
        let mut page = Page::default();
        let first = send(&mut page, &message("ada"));
        assert_eq!(send(&mut page, &message("ada")), first);
        assert_eq!(page.new.len(), 1);
    }

    #[test]
    fn another_message_under_the_same_key_is_a_conflict() {
        let mut page = Page::default();
        send(&mut page, &message("ada"));
        assert_eq!(send(&mut page, &message("bob")), Reply::KeyConflict);
    }

    #[test]
    fn each_test_user_behaves_as_documented() {
        let mut page = Page::default();
        let nobody = send(&mut page, &message("usr_nobody"));
        assert!(matches!(nobody, Reply::Answer(Answer::Refused { .. }, Manner::AtOnce)), "{nobody:?}");
        for (user, manner) in [("usr_late", Manner::Late), ("usr_silent", Manner::Never)] {
            let mut page = Page::default();
            let first = send(&mut page, &message(user));
            assert!(matches!(first, Reply::Answer(Answer::Sent { .. }, told) if told == manner), "{user}: {first:?}");
            assert!(matches!(send(&mut page, &message(user)), Reply::Answer(_, Manner::AtOnce)), "{user}");
        }
    }

    #[test]
    fn a_flaky_user_fails_twice_and_is_then_reached() {
        let mut page = Page::default();
        assert_eq!(send(&mut page, &message("usr_flaky")), Reply::TryAgain);
        assert_eq!(send(&mut page, &message("usr_flaky")), Reply::TryAgain);
        assert!(page.new.is_empty());
        assert!(matches!(send(&mut page, &message("usr_flaky")), Reply::Answer(Answer::Sent { .. }, _)));
    }
}
