//! Whole payloads for the admin API, part by part: one can be many times what a page of its listing takes.

use super::Postgres;

/// Where a message is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// A deferred event.
    Deferred,
    /// A dead message.
    Dead,
}

impl Postgres {
    /// The length of a payload in bytes: `None` if no such message is kept, `Some(None)` if it has no payload.
    pub async fn payload_length(&self, kept: Kept, number: i64) -> sqlx::Result<Option<Option<i64>>> {
        let query = match kept {
            Kept::Deferred => "SELECT octet_length(payload)::bigint FROM held_events WHERE number = $1",
            Kept::Dead => "SELECT octet_length(payload)::bigint FROM dead_messages WHERE number = $1",
        };
        sqlx::query_scalar(query).bind(number).fetch_optional(&self.pool).await
    }

    /// So many bytes of it from `from` (0 is the first): `None` if it is not kept any more.
    pub async fn payload_part(&self, kept: Kept, number: i64, from: i32, bytes: i32) -> sqlx::Result<Option<Vec<u8>>> {
        let query = match kept {
            Kept::Deferred => "SELECT substring(payload FROM $2 + 1 FOR $3) FROM held_events WHERE number = $1",
            Kept::Dead => "SELECT substring(payload FROM $2 + 1 FOR $3) FROM dead_messages WHERE number = $1",
        };
        let part: Option<Option<Vec<u8>>> =
            sqlx::query_scalar(query).bind(number).bind(from).bind(bytes).fetch_optional(&self.pool).await?;
        Ok(part.flatten())
    }
}
