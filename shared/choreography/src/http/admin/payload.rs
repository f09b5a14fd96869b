//! One whole payload, as the bytes that arrived, read from the database part by part.

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use choreography_postgres::Kept;
use futures::stream;

use super::{Admin, not_there, unavailable};
use crate::problem::Problem;

/// What is in memory of a payload at once.
const PART: i32 = 1 << 20;

pub(super) async fn payload(admin: Admin, kept: Kept, number: i64) -> Result<Response, Problem> {
    let length = match admin.handler.database.payload_length(kept, number).await {
        Ok(Some(Some(length))) => length,
        Ok(Some(None)) => return Ok(StatusCode::NO_CONTENT.into_response()),
        Ok(None) => return Err(not_there(format!("no message {number} is kept here"))),
        Err(error) => return Err(unavailable(&error)),
    };
    let parts = stream::try_unfold(0_i32, move |from| {
        let admin = admin.clone();
        async move {
            if i64::from(from) >= length {
                return Ok::<_, std::io::Error>(None);
            }
            // One that is released meanwhile breaks the answer off: its length says that it is not whole.
            let part =
                admin.handler.database.payload_part(kept, number, from, PART).await.map_err(std::io::Error::other)?;
            let gone = || std::io::Error::other("it is not kept any more");
            let part = part.filter(|part| !part.is_empty()).ok_or_else(gone)?;
            let next = from.saturating_add(i32::try_from(part.len()).unwrap_or(i32::MAX));
            Ok(Some((part, next)))
        }
    });
    let headers =
        [(header::CONTENT_TYPE, "application/octet-stream".to_owned()), (header::CONTENT_LENGTH, length.to_string())];
    Ok((headers, Body::from_stream(parts)).into_response())
}
