//! The outbox as the relay reads and marks it.

use choreography_core::{
    outbox::OutboxRow,
    relay::{Lane, Lease, Mark, OutboxStore, Published, Reading, Refused, Snapshot, Unpublished},
    store::{OutboxMessage, StoreError},
};
use chrono::TimeDelta;
use futures::TryStreamExt;
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use super::{Postgres, error::store_error, headers, leases, parts::Parts, row_reader};

/// The leases whose epochs still are these, locked against a claim in between: a relay that writes in their name holds the range
/// meanwhile. Expired leases count, as long as no other relay took the range. Leases of another server do not: it may lack
/// what was seen in the one before, and give its numbers again.
macro_rules! mine {
    () => {
        "SELECT l.range, l.epoch FROM outbox_ranges l
         JOIN unnest({held}::int[], {epochs}::bigint[]) AS held (range, epoch)
         ON l.range = held.range AND l.epoch = held.epoch AND l.server = pg_postmaster_start_time() ORDER BY l.range FOR UPDATE OF l"
    };
}

/// Each range is read from behind its own number, so that rows that wait in one do not slow the others. Sizes are known without
/// reading payloads that are stored out of line; payloads beyond the limit, or of rows that have to wait, are not read. Rows that
/// were left behind come with the new ones. Headers that the envelope implies take some 300 bytes. There is a row in any case: it says
/// which transactions were at work.
///
/// `stopped_keys` and `outbox_left_behind` are mostly empty. A read asks once whether they are, and looks for its rows there only if not.
///
/// Numbers and keys of `stopped_keys` are compared by more than `=`: so the planner does not read all of it into a hash.
const UNPUBLISHED: &str = "
    SELECT snapshot.*, first.* FROM
    (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest,
            pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next) AS snapshot
    LEFT JOIN LATERAL (
        SELECT number, range, topic, key, CASE WHEN NOT waits THEN payload END AS payload, headers, implied, nth, waits,
               was_left, size
        FROM (
            SELECT waiting.*, sum(size) OVER (ORDER BY number) - size AS before
            FROM unnest($1::int[], $2::bigint[]) AS held (range, behind) CROSS JOIN LATERAL (
                SELECT new.*, false AS was_left,
                       CASE WHEN waits THEN 0 ELSE coalesce(octet_length(payload), 0) + coalesce(octet_length(key), 0)
                                                   + octet_length(headers) + CASE WHEN implied THEN 300 ELSE 0 END
                                              END AS size
                FROM (
                    SELECT o.number, o.range, o.topic, o.key, o.payload, o.headers, o.implied, o.nth,
                           o.topic = ANY($4)
                           OR (SELECT min(number) FROM stopped_keys WHERE number > 0) IS NOT NULL AND (
                               EXISTS (SELECT FROM stopped_keys s WHERE s.number BETWEEN o.number AND o.number)
                               OR EXISTS (SELECT FROM stopped_keys s
                                          WHERE s.topic = o.topic AND md5(s.key) = md5(o.key) AND s.key = o.key
                                          AND s.number <= o.number))
                           OR (SELECT min(number) FROM outbox_left_behind WHERE number > 0) IS NOT NULL
                           AND EXISTS (SELECT FROM outbox_left_behind l
                                       WHERE l.topic = o.topic AND md5(l.key) = md5(o.key) AND l.key = o.key
                                       AND l.number < o.number) AS waits
                    FROM outbox o
                    WHERE o.published_at IS NULL AND o.range = held.range AND o.number > held.behind
                      AND o.number NOT IN (SELECT unnest($3::bigint[]))
                    ORDER BY o.number LIMIT $5) AS new
                UNION ALL
                SELECT o.number, o.range, o.topic, o.key, o.payload, o.headers, o.implied, o.nth, false AS waits,
                       true AS was_left,
                       coalesce(octet_length(o.payload), 0) + coalesce(octet_length(o.key), 0) + octet_length(o.headers)
                       + CASE WHEN o.implied THEN 300 ELSE 0 END
                FROM (
                    SELECT o.* FROM outbox_left_behind l CROSS JOIN LATERAL (
                        SELECT * FROM outbox
                        WHERE range = held.range AND number = l.number AND published_at IS NULL LIMIT 1) AS o
                    WHERE l.range = held.range AND l.topic <> ALL($4)
                      AND NOT EXISTS (SELECT FROM stopped_keys s WHERE s.number = l.number)
                      AND NOT EXISTS (SELECT FROM stopped_keys s
                                      WHERE s.topic = l.topic AND md5(s.key) = md5(l.key) AND s.key = l.key)
                    ORDER BY l.number LIMIT $6) AS o) AS waiting
        ) AS sized
        WHERE before < $7 ORDER BY number LIMIT $8) AS first ON true
    ORDER BY number";

/// `rows`: ranges and numbers.
fn leave_behind(rows: &str) -> String {
    format!(
        "INSERT INTO outbox_left_behind (number, range, topic, key)
         SELECT o.number, o.range, o.topic, o.key FROM {rows} AS waiting (range, number) JOIN mine USING (range)
              JOIN outbox o ON o.range = waiting.range AND o.number = waiting.number AND o.published_at IS NULL
         ON CONFLICT DO NOTHING"
    )
}

/// What a read found so far.
#[derive(Default)]
struct Finding {
    found: Unpublished,
    /// Ranges and numbers of all rows, but for those that were left behind earlier.
    new: Vec<(i32, i64)>,
    rows: usize,
    bytes: usize,
}

impl Finding {
    fn read(&mut self, row: &PgRow) -> sqlx::Result<()> {
        let found = &mut self.found;
        found.snapshot = Snapshot { oldest: row.try_get("oldest")?, next: row.try_get("next")? };
        let Some(number) = row.try_get::<Option<i64>, _>("number")? else { return Ok(()) };
        let (range, size): (i32, i32) = (row.try_get("range")?, row.try_get("size")?);
        self.rows += 1;
        self.bytes += usize::try_from(size).unwrap_or_default();
        if !row.try_get::<bool, _>("was_left")? {
            self.new.push((range, number));
        }
        if row.try_get("waits")? {
            found.waiting.push((range, number));
            return Ok(());
        }
        match row_reader::read(row, outbox_row) {
            Ok(row) => found.rows.push(row),
            Err(error) => found.unreadable.push(Refused { range, number, error: error.to_string() }),
        }
        Ok(())
    }

    /// Where the whole read was cut off, or a range gave all that it may, there may be more behind its last row.
    fn of(self, reading: &Reading) -> Unpublished {
        let cut = self.rows >= reading.rows || self.bytes >= reading.bytes;
        let seen = |(range, behind): &(i32, i64)| {
            let of_range = || self.new.iter().filter(|(of, _)| of == range).map(|(_, number)| *number);
            match cut || of_range().count() >= reading.rows_per_range() {
                true => (*range, of_range().max().unwrap_or(*behind)),
                false => (*range, i64::MAX),
            }
        };
        let seen = reading.ranges.iter().map(seen).collect();
        Unpublished { seen, ..self.found }
    }
}

impl OutboxStore for Postgres {
    async fn claim(&self, holder: Uuid, lane: Lane, lease: TimeDelta) -> Result<Vec<Lease>, StoreError> {
        let mut tx = self.pool.begin().await.map_err(store_error)?;
        let leases = leases::claim(&mut tx, holder, lane, self.ranges, lease).await.map_err(store_error)?;
        tx.commit().await.map_err(store_error)?;
        Ok(leases)
    }

    async fn renew(&self, holder: Uuid, lease: TimeDelta) -> Result<(), StoreError> {
        leases::renew(&self.pool, holder, lease).await.map_err(store_error)
    }

    async fn published(&self, leases: &[Lease]) -> Result<Vec<Published>, StoreError> {
        let ranges: Vec<i32> = leases.iter().map(|lease| lease.range).collect();
        let rows: Vec<(i32, i64, Vec<i64>)> = sqlx::query_as(
            "SELECT range, published_through,
                    ARRAY(SELECT number FROM outbox_blocks b CROSS JOIN unnest(b.numbers) AS number
                          WHERE b.range = r.range AND b.last > published_through AND number > published_through
                          UNION SELECT l.number FROM outbox_left_behind l
                          WHERE l.range = r.range AND l.number > published_through)
             FROM outbox_ranges r WHERE range = ANY($1)",
        )
        .bind(ranges)
        .fetch_all(&self.pool)
        .await
        .map_err(store_error)?;
        Ok(rows.into_iter().map(|(range, through, beyond)| Published { range, through, beyond }).collect())
    }

    /// A transaction that inserts rows holds this lock, from before it draws their numbers until they are in sight: also while
    /// its COMMIT waits for a standby, which has no time limit.
    async fn writers(&self) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar(
            "SELECT DISTINCT virtualtransaction FROM pg_locks
             WHERE locktype = 'relation' AND relation = 'outbox'::regclass AND mode = 'RowExclusiveLock' AND granted
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(store_error)
    }

    async fn unpublished(&self, reading: &Reading) -> Result<Unpublished, StoreError> {
        let (ranges, behind): (Vec<i32>, Vec<i64>) = reading.ranges.iter().copied().unzip();
        let rows = sqlx::query(UNPUBLISHED)
            .bind(ranges)
            .bind(behind)
            .bind(&reading.done)
            .bind(&reading.without_topics)
            .bind(count(reading.rows_per_range()))
            .bind(count(reading.left_per_range()))
            .bind(count(reading.bytes))
            .bind(count(reading.rows))
            .fetch(&self.pool);
        // Each row as it was received is dropped once it is decoded.
        let read = |mut found: Finding, row: PgRow| async move {
            found.read(&row)?;
            Ok(found)
        };
        let found = rows.try_fold(Finding::default(), read).await.map_err(store_error)?;
        Ok(found.of(reading))
    }

    async fn mark(&self, leases: &[Lease], mark: &Mark) -> Result<Vec<i32>, StoreError> {
        let mut parts = Parts::default();
        let (held, epochs): (Vec<i32>, Vec<i64>) = leases.iter().map(|lease| (lease.range, lease.epoch)).unzip();
        let (held, epochs) = (parts.bind(held), parts.bind(epochs));
        parts.locking_step("mine", &format!(mine!(), held = held, epochs = epochs));
        let of = |parts: &mut Parts, rows: &[(i32, i64)]| {
            let (ranges, numbers): (Vec<i32>, Vec<i64>) = rows.iter().copied().unzip();
            format!("unnest({}::int[], {}::bigint[])", parts.bind(ranges), parts.bind(numbers))
        };
        if !mark.published.is_empty() {
            let rows = of(&mut parts, &mark.published);
            parts.step(
                "published",
                &format!(
                    "INSERT INTO outbox_blocks (range, epoch, numbers, last)
                     SELECT range, epoch, array_agg(number ORDER BY number), max(number)
                     FROM {rows} AS sent (range, number) JOIN mine USING (range) GROUP BY range, epoch"
                ),
            );
        }
        if !mark.caught_up.is_empty() {
            let rows = of(&mut parts, &mark.caught_up);
            parts.step(
                "caught_up",
                &format!(
                    "DELETE FROM outbox_left_behind l USING {rows} AS sent (range, number), mine
                     WHERE l.number = sent.number AND sent.range = mine.range"
                ),
            );
        }
        if !mark.left_behind.is_empty() {
            let rows = of(&mut parts, &mark.left_behind);
            parts.step("left_behind", &leave_behind(&rows));
        }
        if !mark.through.is_empty() {
            let rows = of(&mut parts, &mark.through);
            parts.step(
                "moved",
                &format!(
                    "UPDATE outbox_ranges r SET published_through = moved.number
                     FROM {rows} AS moved (range, number) JOIN mine USING (range)
                     WHERE r.range = moved.range AND r.published_through < moved.number"
                ),
            );
            parts.step(
                "cleared",
                &format!(
                    "DELETE FROM outbox_blocks b USING {rows} AS moved (range, number), mine
                     WHERE b.range = moved.range AND b.last <= moved.number AND moved.range = mine.range"
                ),
            );
        }
        parts.select("SELECT range FROM mine".to_owned());
        let rows = parts.fetch(&self.pool, "").await.map_err(store_error)?;
        rows.iter().map(|row| row.try_get(0)).collect::<sqlx::Result<_>>().map_err(store_error)
    }

    async fn stop(&self, leases: &[Lease], refused: &[Refused]) -> Result<u64, StoreError> {
        let mut parts = Parts::default();
        let (held, epochs): (Vec<i32>, Vec<i64>) = leases.iter().map(|lease| (lease.range, lease.epoch)).unzip();
        let (held, epochs) = (parts.bind(held), parts.bind(epochs));
        parts.locking_step("mine", &format!(mine!(), held = held, epochs = epochs));
        let ranges = parts.bind(refused.iter().map(|row| row.range).collect::<Vec<_>>());
        let numbers = parts.bind(refused.iter().map(|row| row.number).collect::<Vec<_>>());
        let errors = parts.bind(refused.iter().map(|row| row.error.as_str()).collect::<Vec<_>>());
        parts.step(
            "stopped",
            &format!(
                "INSERT INTO stopped_keys (number, range, topic, key, error)
                 SELECT o.number, o.range, o.topic, o.key, refused.error
                 FROM unnest({ranges}::int[], {numbers}::bigint[], {errors}::text[]) AS refused (range, number, error)
                      JOIN mine USING (range)
                      JOIN outbox o ON o.range = refused.range AND o.number = refused.number AND o.published_at IS NULL
                 ON CONFLICT DO NOTHING"
            ),
        );
        let rows = format!("unnest({ranges}::int[], {numbers}::bigint[])");
        parts.step("left_behind", &leave_behind(&rows));
        parts.select(format!("SELECT count(*) FROM {rows} AS refused (range, number) JOIN mine USING (range)"));
        let rows = parts.fetch(&self.pool, "").await.map_err(store_error)?;
        let stopped: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0)).map_err(store_error)?;
        Ok(stopped.unsigned_abs())
    }

    async fn release(&self, holder: Uuid) -> Result<(), StoreError> {
        sqlx::query(
            "WITH gone AS (DELETE FROM relays WHERE holder = $1)
             UPDATE outbox_ranges SET holder = NULL, expires_at = '-infinity' WHERE holder = $1",
        )
        .bind(holder)
        .execute(&self.pool)
        .await
        .map_err(store_error)?;
        Ok(())
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn outbox_row(row: &PgRow) -> sqlx::Result<OutboxRow> {
    let payload: Option<Vec<u8>> = row.try_get("payload")?;
    let headers = headers::decode_beside(payload.as_deref(), row.try_get("headers")?, row.try_get("implied")?)?;
    let message = OutboxMessage {
        topic: row.try_get("topic")?,
        key: row.try_get("key")?,
        payload,
        headers,
        nth: row.try_get("nth")?,
    };
    Ok(OutboxRow { number: row.try_get("number")?, range: row.try_get("range")?, message })
}
