//! From a ledger's reply to what the caller gets to see.

use axum::{
    Json,
    body::Body,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures::stream;
use serde::Serialize;

use crate::{
    app::App,
    http::problem::Problem,
    lane::LaneError,
    reply::{Manner, Reply},
};

impl App {
    pub(crate) async fn answer<A: Serialize>(&self, reply: Result<Reply<A>, LaneError>) -> Response {
        match reply {
            Ok(Reply::Answer(answer, manner)) => self.tell(answer, manner).await,
            Ok(Reply::KeyConflict) => Problem::key_conflict().into_response(),
            Ok(Reply::AtWork) => Problem::in_progress().into_response(),
            Ok(Reply::Unacceptable(field)) => Problem::malformed(field, "is never taken, on purpose").into_response(),
            Ok(Reply::TryAgain) => Problem::unavailable("flaky", "this try fails on purpose").into_response(),
            Err(LaneError::Full) => Problem::unavailable("busy", "too many calls wait already").into_response(),
            Err(LaneError::Failed) => Problem::ledger_failed().into_response(),
        }
    }

    async fn tell<A: Serialize>(&self, answer: A, manner: Manner) -> Response {
        match manner {
            Manner::AtOnce => {}
            Manner::Late => self.pause(self.late).await,
            Manner::Never => {
                self.pause(self.silent).await;
                return hang_up();
            }
        }
        Json(answer).into_response()
    }
}

/// Closes the connection without an answer: a body that breaks before its first byte. Should the head still go out, its
/// status says nothing about the outcome either.
fn hang_up() -> Response {
    let broken = stream::once(async { Err::<Vec<u8>, _>(std::io::Error::other("no answer, on purpose")) });
    (StatusCode::GATEWAY_TIMEOUT, Body::from_stream(broken)).into_response()
}
