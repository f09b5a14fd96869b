//! The business transaction, statement by statement.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use choreography_core::{AnyRecord, AnyRow};
use chrono::{DateTime, Utc};
use sqlx::Row;
use uuid::Uuid;

use super::{Session, error::store_error, locking, readable, tables, waiting};
use choreography_core::{
    delivery::Position,
    outbox::range_of,
    participant::Participant,
    routes::{Routed, TableId},
    store::{
        AmendedIntent, DeadMessage, Deadline, FreeRows, Held, HeldFailure, HoldEvent, Intent, Opening, OutboxMessage,
        RefusedIntent, StoreError, TakenIntent, Transaction,
    },
};

/// One open transaction (READ COMMITTED, PostgreSQL's default).
pub struct PgTransaction {
    tx: Session,
    participant: Arc<Routed>,
    ranges: i32,
}

impl PgTransaction {
    pub(super) fn new(tx: Session, participant: Arc<Routed>, ranges: i32) -> Self {
        Self { tx, participant, ranges }
    }

    fn db(&mut self) -> &mut Session {
        &mut self.tx
    }
}

impl Transaction<Routed> for PgTransaction {
    async fn open(&mut self, keys: &[String]) -> Result<Opening, StoreError> {
        let (now, held, overtaking): (DateTime<Utc>, Vec<String>, Vec<String>) = sqlx::query_as(
            "SELECT now(),
                    ARRAY(SELECT key FROM unnest($1::text[]) AS of (key)
                          WHERE EXISTS (SELECT FROM held_events h WHERE h.key = of.key)),
                    ARRAY(SELECT key FROM unnest($1::text[]) AS of (key)
                          WHERE EXISTS (SELECT FROM held_events h
                                        WHERE h.key = of.key AND h.overtakes AND h.status <> 'parked'))",
        )
        .bind(keys)
        .fetch_one(self.db())
        .await
        .map_err(store_error)?;
        Ok(Opening { now, held: held.into_iter().collect(), overtaking: overtaking.into_iter().collect() })
    }

    async fn hurry(&mut self) -> Result<(), StoreError> {
        locking::hurry(&mut self.tx, &self.participant).await
    }

    async fn insert_inbox(&mut self, ids: &[Uuid]) -> Result<HashSet<Uuid>, StoreError> {
        let new: Vec<Uuid> = sqlx::query_scalar(
            "INSERT INTO inbox (consumer, event_id) SELECT $1, id FROM unnest($2::uuid[]) AS new (id)
             ON CONFLICT DO NOTHING RETURNING event_id",
        )
        .bind(self.participant.name())
        .bind(ids)
        .fetch_all(self.db())
        .await
        .map_err(store_error)?;
        Ok(new.into_iter().collect())
    }

    async fn in_inbox(&mut self, ids: &[Uuid]) -> Result<HashSet<Uuid>, StoreError> {
        let known = sqlx::query_scalar("SELECT event_id FROM inbox WHERE consumer = $1 AND event_id = ANY($2)");
        let known: Vec<Uuid> =
            known.bind(self.participant.name()).bind(ids).fetch_all(self.db()).await.map_err(store_error)?;
        Ok(known.into_iter().collect())
    }

    async fn ensure_rows(&mut self, table: TableId, keys: &[String]) -> Result<(), StoreError> {
        tables::ensure(&mut self.tx, &self.participant, table, keys).await.map_err(store_error)
    }

    async fn lock_rows(&mut self, table: TableId, keys: &[String]) -> Result<Vec<(String, AnyRow)>, StoreError> {
        readable::guarded(tables::lock(&mut self.tx, &self.participant, table, keys)).await.map_err(store_error)
    }

    async fn lock_free_rows(&mut self, table: TableId, keys: &[String]) -> Result<FreeRows<Routed>, StoreError> {
        locking::lock_free_rows(&mut self.tx, &self.participant, table, keys).await.map_err(store_error)
    }

    async fn insert_rows(&mut self, table: TableId, rows: &[(String, AnyRow)]) -> Result<(), StoreError> {
        tables::insert(&mut self.tx, table, rows).await.map_err(store_error)
    }

    async fn update_rows(&mut self, table: TableId, rows: &[(String, AnyRow)]) -> Result<(), StoreError> {
        tables::update(&mut self.tx, table, rows).await.map_err(store_error)
    }

    async fn append_records(&mut self, records: &[AnyRecord]) -> Result<(), StoreError> {
        tables::append(&mut self.tx, records).await.map_err(store_error)
    }

    async fn append_outbox(&mut self, messages: &[OutboxMessage]) -> Result<(), StoreError> {
        let range = |message: &OutboxMessage| range_of(&message.topic, message.key.as_deref(), self.ranges);
        let ranges: Vec<i32> = messages.iter().map(range).collect();
        let topics: Vec<&str> = messages.iter().map(|message| message.topic.as_str()).collect();
        let keys: Vec<Option<&[u8]>> = messages.iter().map(|message| message.key.as_deref()).collect();
        let payloads: Vec<Option<&[u8]>> = messages.iter().map(|message| message.payload.as_deref()).collect();
        let headers: Vec<String> = messages.iter().map(|message| super::headers::encode(&message.headers)).collect();
        sqlx::query(
            "INSERT INTO outbox (range, topic, key, payload, headers)
             SELECT range, topic, key, payload, headers
             FROM unnest($1::int[], $2::text[], $3::bytea[], $4::bytea[], $5::text[])
                  WITH ORDINALITY AS new (range, topic, key, payload, headers, place)
             ORDER BY place",
        )
        .bind(ranges)
        .bind(topics)
        .bind(keys)
        .bind(payloads)
        .bind(headers)
        .execute(self.db())
        .await
        .map_err(store_error)?;
        Ok(())
    }

    async fn set_deadlines(&mut self, deadlines: &[Deadline]) -> Result<(), StoreError> {
        waiting::set_deadlines(&mut self.tx, deadlines).await.map_err(store_error)
    }

    async fn settle_deadlines(&mut self, names: &[(String, String)]) -> Result<(), StoreError> {
        let (aggregates, names): (Vec<&str>, Vec<&str>) =
            names.iter().map(|(aggregate, name)| (aggregate.as_str(), name.as_str())).unzip();
        sqlx::query(
            "DELETE FROM deadlines USING unnest($1::text[], $2::text[]) AS gone (aggregate_id, name)
             WHERE deadlines.aggregate_id = gone.aggregate_id AND deadlines.name = gone.name",
        )
        .bind(aggregates)
        .bind(names)
        .execute(self.db())
        .await
        .map_err(store_error)?;
        Ok(())
    }

    async fn take_deadlines(&mut self, ids: &[Uuid]) -> Result<HashMap<Uuid, u32>, StoreError> {
        waiting::take_deadlines(&mut self.tx, ids).await.map_err(store_error)
    }

    async fn postpone_deadlines(&mut self, postponed: &[Deadline]) -> Result<HashSet<Uuid>, StoreError> {
        waiting::postpone_deadlines(&mut self.tx, postponed).await.map_err(store_error)
    }

    async fn insert_intents(&mut self, intents: &[Intent], not_before: DateTime<Utc>) -> Result<(), StoreError> {
        waiting::insert_intents(&mut self.tx, intents, not_before).await.map_err(store_error)
    }

    async fn take_intents(&mut self, ids: &[Uuid]) -> Result<HashMap<Uuid, TakenIntent>, StoreError> {
        waiting::take_intents(&mut self.tx, ids).await.map_err(store_error)
    }

    async fn reopen_intents(&mut self, refused: &[RefusedIntent]) -> Result<(), StoreError> {
        waiting::reopen_intents(&mut self.tx, refused).await.map_err(store_error)
    }

    async fn postpone_intents(&mut self, refused: &[RefusedIntent]) -> Result<HashSet<Uuid>, StoreError> {
        waiting::postpone_intents(&mut self.tx, refused).await.map_err(store_error)
    }

    async fn amend_intents(&mut self, amended: &[AmendedIntent]) -> Result<(), StoreError> {
        waiting::amend_intents(&mut self.tx, amended).await.map_err(store_error)
    }

    async fn held(&mut self, keys: &[String]) -> Result<Vec<Held>, StoreError> {
        let rows = sqlx::query(
            "SELECT key, number, status, overtakes, attempts, early
             FROM held_events WHERE key = ANY($1) ORDER BY number FOR UPDATE",
        )
        .bind(keys)
        .fetch_all(self.db())
        .await
        .map_err(store_error)?;
        rows.iter()
            .map(|row| {
                Ok(Held {
                    key: row.try_get("key")?,
                    number: row.try_get("number")?,
                    status: waiting::status(row.try_get("status")?)?,
                    overtakes: row.try_get("overtakes")?,
                    attempts: waiting::attempts(row)?,
                    early: row.try_get("early")?,
                })
            })
            .collect::<sqlx::Result<_>>()
            .map_err(store_error)
    }

    async fn hold(&mut self, events: &[HoldEvent]) -> Result<(), StoreError> {
        waiting::hold(&mut self.tx, events).await.map_err(store_error)
    }

    async fn hold_again(&mut self, failures: &[HeldFailure]) -> Result<(), StoreError> {
        waiting::hold_again(&mut self.tx, failures).await.map_err(store_error)
    }

    async fn let_go(&mut self, numbers: &[i64]) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM held_events WHERE number = ANY($1)")
            .bind(numbers)
            .execute(self.db())
            .await
            .map_err(store_error)?;
        Ok(())
    }

    async fn bury(&mut self, dead: &[DeadMessage]) -> Result<HashSet<Position>, StoreError> {
        waiting::bury(&mut self.tx, dead).await.map_err(store_error)
    }

    async fn commit(self) -> Result<(), StoreError> {
        // Whatever goes wrong here leaves open whether the commit happened.
        self.tx.commit().await.map_err(|error| StoreError::Unavailable(error.to_string()))
    }
}
