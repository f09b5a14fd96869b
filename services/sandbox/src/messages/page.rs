use std::collections::{BTreeMap, BTreeSet};

use super::{Answer, requests::MessageRequest};

/// The rows a batch of calls touches, and which of them it changed.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) messages: BTreeMap<String, Message>,
    pub(crate) tries: BTreeMap<String, i32>,
    pub(crate) new: BTreeSet<String>,
    pub(crate) tried: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) request: MessageRequest,
    pub(crate) answer: Answer,
}
