//! What the mail service is asked for. What it must speak is described in `services/sandbox/README.md`.

use choreography::{Answer, Call};
use providers::{Reads, Request};
use serde::{Deserialize, Serialize};

/// What to tell, and which customer. The service knows how the customer is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    pub user_id: String,
    pub text: String,
}

impl Call for Message {
    const STEP: &'static str = "tell";

    type Request = Self;
    type Answer = Answer;
}

impl Request for Message {
    const PATH: &'static str = "messages";
    const READS: Reads = Reads::new("sent", "messageId", "refused");
}
