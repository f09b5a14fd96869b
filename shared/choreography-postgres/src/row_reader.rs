//! Rows that can't be read concern the inputs that need them, and no other.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use sqlx::postgres::PgRow;

use choreography_core::panics::{caught, text};

/// Reads a row. A time of `infinity` and the like make the driver panic: that is an error of this row.
pub(super) fn read<T>(row: &PgRow, read: impl Fn(&PgRow) -> sqlx::Result<T>) -> sqlx::Result<T> {
    caught(|| read(row)).unwrap_or_else(|panic| Err(unreadable(&panic)))
}

/// Awaits a read by a service's own code; its panic is an error of these rows.
pub(super) async fn guarded<T>(reading: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let read = AssertUnwindSafe(reading).catch_unwind().await;
    read.unwrap_or_else(|panic| Err(unreadable(text(&*panic))))
}

fn unreadable(panic: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("reading a row panicked: {panic}").into())
}
