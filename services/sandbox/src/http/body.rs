use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// A request's body, whose fields can be wrong although each is of its type.
pub(crate) trait Checked: DeserializeOwned {
    /// The first wrong field and why, or nothing.
    fn check(&self) -> Result<(), (String, &'static str)>;
}

/// A body that was read and checked.
pub(crate) struct Valid<T>(pub(crate) T);

impl<T: Checked, S: Send + Sync> FromRequest<S> for Valid<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await.map_err(|e| Problem::malformed("body", e.body_text()))?;
        let mut json = serde_json::Deserializer::from_slice(&bytes);
        let body: T = serde_path_to_error::deserialize(&mut json).map_err(|e| {
            let path = e.path().to_string();
            Problem::malformed(if path == "." { "body".to_owned() } else { path }, e.inner().to_string())
        })?;
        json.end().map_err(|e| Problem::malformed("body", e.to_string()))?;
        body.check().map_err(|(field, why)| Problem::malformed(field, why))?;
        Ok(Valid(body))
    }
}
