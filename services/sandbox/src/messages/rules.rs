//! What the mail service answers, without I/O.

use uuid::Uuid;

use super::{Answer, Call, Page};
use crate::{behaviour::Behaviour, reply::Reply};

/// Settles one call on the page.
pub(crate) fn send(page: &mut Page, call: &Call) -> Reply<Answer> {
    page.settle(call, Behaviour::of_message(&call.request.user_id), |outcome| match outcome {
        Ok(()) => Answer::Sent { message_id: format!("msg_{}", Uuid::now_v7().simple()) },
        Err(reason) => Answer::Refused { reason: reason.to_owned() },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{messages::requests::MessageRequest, reply::Manner};

    fn sent_to(user: &str) -> Reply<Answer> {
        let mut page = Page::new(BTreeMap::new(), BTreeMap::new());
        let request = MessageRequest { order_id: "o1".into(), user_id: user.into(), text: "hello".into() };
        send(&mut page, &Call { key: "k".into(), request })
    }

    #[test]
    fn each_test_user_behaves_as_documented() {
        let unknown = sent_to("usr_unknown");
        assert!(matches!(unknown, Reply::Answer(Answer::Refused { .. }, Manner::AtOnce)), "{unknown:?}");
        for (user, manner) in [("ada", Manner::AtOnce), ("usr_late", Manner::Late), ("usr_silent", Manner::Never)] {
            let said = sent_to(user);
            assert!(matches!(said, Reply::Answer(Answer::Sent { .. }, told) if told == manner), "{user}: {said:?}");
        }
        assert_eq!(sent_to("usr_flaky"), Reply::TryAgain);
    }
}
