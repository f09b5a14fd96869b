//! The kinds of problems that order's API has of its own.

use axum::http::StatusCode;
use choreography::{Problem, ProblemType};
use uuid::Uuid;

pub const UNKNOWN: ProblemType =
    ProblemType::new("unknown-order", StatusCode::NOT_FOUND, "No such order was placed here");
pub const FOREIGN: ProblemType =
    ProblemType::new("another-customer", StatusCode::FORBIDDEN, "The token is not this customer's");
pub const KEY_REUSED: ProblemType =
    ProblemType::new("idempotency-key-reused", StatusCode::CONFLICT, "The key stands for another request");
pub const BEING_ERASED: ProblemType =
    ProblemType::new("being-erased", StatusCode::CONFLICT, "The customer's personal data is being erased");
pub const TOO_LATE: ProblemType =
    ProblemType::new("too-late-to-cancel", StatusCode::CONFLICT, "The order is completed");

pub fn unknown(order: Uuid) -> Problem {
    Problem::new(UNKNOWN, format!("no order {order} was placed here"))
}

pub fn foreign(why: &str) -> Problem {
    Problem::new(FOREIGN, why).about("userId")
}
