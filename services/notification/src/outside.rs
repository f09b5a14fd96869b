//! The call that notification intends, made at a mail service.

use choreography::{Answer, Call, Intent, NoAnswer, Outside};
use chrono::TimeDelta;
use shop::outside::ask_then_send;

use crate::mailer::{Mailer, Message, MessageAnswer};

/// Notification's way to its mail service.
pub struct MailerCalls<M> {
    mailer: M,
    resend_within: TimeDelta,
}

impl<M: Mailer> MailerCalls<M> {
    /// `resend_within`: how old a call may be to be sent again.
    pub fn new(mailer: M, resend_within: TimeDelta) -> Self {
        Self { mailer, resend_within }
    }
}

impl<M: Mailer> Outside for MailerCalls<M> {
    async fn call(&self, intent: &Intent, age: TimeDelta) -> Result<Answer, NoAnswer> {
        if intent.step != Message::STEP {
            return Err(NoAnswer::Wrong(format!("notification knows no call {:?}", intent.step)));
        }
        let key = intent.idempotency_key();
        let message: Message = serde_json::from_str(&intent.request)
            .map_err(|error| NoAnswer::Wrong(format!("the request of {key} can't be read: {error}")))?;
        let (find, send) = (self.mailer.find_message(&key), self.mailer.send(&key, &message));
        Ok(match ask_then_send(intent, age, self.resend_within, find, send).await? {
            MessageAnswer::Sent { message_id } => Answer::Yes { detail: message_id },
            MessageAnswer::Refused { reason } => Answer::No { reason },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use choreography::testing::TraceContext;
    use chrono::DateTime;
    use rest_client::NoAnswer as Rest;

    use super::*;

    /// A mail service that knows nothing yet, answers what it is told to answer, and notes what it is asked.
    struct Scripted {
        answer: MessageAnswer,
        asked: Mutex<Vec<String>>,
    }

    impl Mailer for Scripted {
        async fn send(&self, key: &str, message: &Message) -> Result<MessageAnswer, Rest> {
            self.asked.lock().unwrap().push(format!("send {key} to {}", message.user_id));
            Ok(self.answer.clone())
        }

        async fn find_message(&self, key: &str) -> Result<Option<MessageAnswer>, Rest> {
            self.asked.lock().unwrap().push(format!("find {key}"));
            Ok(None)
        }
    }

    fn intent(attempts: u32) -> Intent {
        Intent {
            id: uuid::Uuid::nil(),
            aggregate_id: "o1".into(),
            step: Message::STEP.into(),
            request: r#"{"orderId":"o1","userId":"ada","text":"hello"}"#.into(),
            correlation_id: "o1".into(),
            causation_id: None,
            trace: TraceContext::default(),
            attempts,
            intended_at: DateTime::UNIX_EPOCH,
        }
    }

    async fn call(answer: MessageAnswer, intent: &Intent) -> (Result<Answer, NoAnswer>, Vec<String>) {
        let calls = MailerCalls::new(Scripted { answer, asked: Mutex::default() }, TimeDelta::hours(1));
        let result = calls.call(intent, TimeDelta::zero()).await;
        (result, calls.mailer.asked.into_inner().unwrap())
    }

    fn sent() -> MessageAnswer {
        MessageAnswer::Sent { message_id: "m1".into() }
    }

    #[tokio::test]
    async fn a_message_is_sent_and_resent_under_one_key() {
        let yes = Ok(Answer::Yes { detail: "m1".into() });
        let (result, asked) = call(sent(), &intent(0)).await;
        assert_eq!((result, asked), (yes.clone(), vec!["send o1/tell to ada".into()]));
        let (result, asked) = call(sent(), &intent(1)).await;
        assert_eq!((result, asked), (yes, vec!["find o1/tell".into(), "send o1/tell to ada".into()]));
    }

    #[tokio::test]
    async fn a_message_that_is_not_taken_is_a_no() {
        let (result, _) = call(MessageAnswer::Refused { reason: "unknown".into() }, &intent(0)).await;
        assert_eq!(result, Ok(Answer::No { reason: "unknown".into() }));
    }

    #[tokio::test]
    async fn an_intent_that_cannot_be_read_or_is_not_known_calls_nobody() {
        for wrong in [Intent { request: "{}".into(), ..intent(0) }, Intent { step: "sing".into(), ..intent(0) }] {
            let (result, asked) = call(sent(), &wrong).await;
            assert!(matches!(result, Err(NoAnswer::Wrong(_))), "{result:?}");
            assert!(asked.is_empty(), "{asked:?}");
        }
    }
}
