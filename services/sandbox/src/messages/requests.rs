//! What the mail service is asked for.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::http::{
    body::Checked,
    text::{unfit, unfit_words},
};

/// Body of `POST /v1/messages`. A missing field reads as its empty value, so that the check can name it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageRequest {
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 255)]
    pub(crate) order_id: String,
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 255)]
    pub(crate) user_id: String,
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 2000)]
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
