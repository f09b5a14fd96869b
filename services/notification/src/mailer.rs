//! The mail service: who reaches the customers. What it must speak is described in `services/sandbox/README.md`.

use std::{future::Future, time::Duration};

use choreography::{Call, secret::LiveSecret};
use rest_client::{Limits, RestClient};
pub use rest_client::{NoAnswer, SetupError};
use serde::{Deserialize, Serialize};

/// A mail service that takes each key once.
///
/// The same key with the same message has one effect and one answer, however often it is sent, for as long as the
/// service keeps keys. [`NoAnswer`] is neither yes nor no: find, or repeat under the same key.
pub trait Mailer: Send + Sync + 'static {
    /// Sends the message.
    fn send(&self, key: &str, message: &Message) -> impl Future<Output = Result<MessageAnswer, NoAnswer>> + Send;

    /// What became of a message. `None`: the service has not seen the key, *yet*: a stalled call may still arrive.
    fn find_message(&self, key: &str) -> impl Future<Output = Result<Option<MessageAnswer>, NoAnswer>> + Send;
}

/// What to tell, and whom. The service knows how the customer is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    pub order_id: String,
    pub user_id: String,
    pub text: String,
}

impl Call for Message {
    const STEP: &'static str = "tell";
}

/// A message's end. It never changes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub enum MessageAnswer {
    /// It is sent.
    Sent {
        /// The service's name for it.
        message_id: String,
    },
    /// Nothing was sent, and under this key nothing will be.
    Refused {
        /// Why, in the service's words.
        reason: String,
    },
}

/// A mail service that speaks that contract over HTTP, such as the sandbox.
#[derive(Clone, Debug)]
pub struct HttpMailer {
    client: RestClient,
}

impl HttpMailer {
    /// `timeout` bounds each call as a whole; `token` is sent as a bearer.
    pub fn new(base_url: &str, token: Option<LiveSecret>, timeout: Duration) -> Result<Self, SetupError> {
        let client = RestClient::new(base_url, token.map(|token| token.receiver()), Limits::within(timeout))?;
        Ok(Self { client })
    }
}

impl Mailer for HttpMailer {
    async fn send(&self, key: &str, message: &Message) -> Result<MessageAnswer, NoAnswer> {
        self.client.post(&["v1", "messages"], key, message).await
    }

    async fn find_message(&self, key: &str) -> Result<Option<MessageAnswer>, NoAnswer> {
        self.client.get(&["v1", "messages", key]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_are_sent_and_found_under_their_key() {
        let (url, asked) = noting_server::start(r#"{"status":"sent","messageId":"m1"}"#).await;
        let mailer = HttpMailer::new(&url, None, Duration::from_secs(10)).unwrap();
        let message = Message { order_id: "o".into(), user_id: "ada".into(), text: "hello".into() };
        let sent = MessageAnswer::Sent { message_id: "m1".into() };
        assert_eq!(mailer.send("o/tell", &message).await, Ok(sent.clone()));
        assert_eq!(mailer.find_message("o/tell").await, Ok(Some(sent)));
        let body = r#"{"orderId":"o","userId":"ada","text":"hello"}"#;
        let expected = [format!("POST /v1/messages o/tell {body}"), "GET /v1/messages/o%2Ftell -".to_owned()];
        assert_eq!(asked.lines(), expected);
    }
}
