use serde::Deserialize;

use crate::http::{
    body::Checked,
    text::{unfit, unfit_words},
};

/// Body of `POST /v1/messages`. A missing field reads as its empty value, so that the check can name it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageRequest {
    #[serde(default)]
    pub(crate) order_id: String,
    #[serde(default)]
    pub(crate) user_id: String,
    #[serde(default)]
    pub(crate) text: String,
}

impl Checked for MessageRequest {
    fn check(&self) -> Result<(), (String, &'static str)> {
        let fields =
            [("orderId", unfit(&self.order_id)), ("userId", unfit(&self.user_id)), ("text", unfit_words(&self.text))];
        match fields.into_iter().find_map(|(field, why)| why.map(|why| (field.to_owned(), why))) {
            Some(wrong) => Err(wrong),
            None => Ok(()),
        }
    }
}
