//! Bodies of requests, checked.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

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
        // An object first: serde would take an array for a struct too.
        let object: Map<String, Value> =
            serde_json::from_slice(&bytes).map_err(|e| Problem::malformed("body", e.to_string()))?;
        let body: T = serde_path_to_error::deserialize(Value::Object(object))
            .map_err(|e| Problem::malformed(e.path().to_string(), e.inner().to_string()))?;
        body.check().map_err(|(field, why)| Problem::malformed(field, why))?;
        Ok(Valid(body))
    }
}
