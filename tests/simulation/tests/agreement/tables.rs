//! What is committed in PostgreSQL, in the words in which the model says it.

use choreography_core::{
    participant::Participant,
    store::{Database, Transaction, Waits, Wanted, WantedRows},
};
use choreography_postgres::{Pool, Postgres};
use sqlx::AssertSqlSafe;

use crate::both::both;

const ENGINE: &str = "
    SELECT 'inbox ' || event_id FROM inbox
    UNION ALL SELECT format('outbox %s %s Some(%s) %s', number, range, words(payload), coalesce('Some(' || nth || ')', 'None'))
              FROM outbox
    UNION ALL SELECT format('block %s [%s]', range, array_to_string(numbers, ', ')) FROM outbox_blocks
    UNION ALL SELECT format('left behind %s %s %s Some(%s)', number, range, topic, words(key)) FROM outbox_left_behind
    UNION ALL SELECT format('lease %s %s %s %s', range, coalesce('Some(' || holder || ')', 'None'), epoch,
                            published_through) FROM outbox_ranges
    UNION ALL SELECT format('stopped %s %s Some(%s)', number, topic, words(key)) FROM stopped_keys
    UNION ALL SELECT format('deadline %s %s %s %s %s %s %s', id, aggregate_id, name, extract(epoch FROM due_at)::bigint,
                            correlation_id, attempts, coalesce('Some(\"' || last_error || '\")', 'None')) FROM deadlines
    UNION ALL SELECT format('call %s %s/%s %s %s due %s', id, aggregate_id, step, request, attempts,
                            CASE WHEN not_before <= now() THEN 'true' ELSE 'false' END) FROM intents
    UNION ALL SELECT format('deferred %s %s %s %s %s %s %s %s %s', number, key, event_id, status, attempts,
                            coalesce('Some(' || extract(epoch FROM first_failed_at)::bigint || ')', 'None'),
                            CASE WHEN due_at <= now() THEN 'past' ELSE 'later' END,
                            overtakes::boolean::text, early::boolean::text) FROM held_events
    UNION ALL SELECT format('dead %s %s', \"offset\", words(message_key || '\\x00'::bytea || payload)) FROM dead_messages";

/// Bytes as Rust writes them.
pub const WORDS: &str = "
    CREATE FUNCTION words(bytes bytea) RETURNS text LANGUAGE sql IMMUTABLE AS $$
        SELECT '[' || string_agg(get_byte(bytes, place)::text, ', ' ORDER BY place) || ']'
        FROM generate_series(0, length(bytes) - 1) AS place
    $$";

pub async fn read(pool: &Pool, database: &Postgres) -> anyhow::Result<Vec<String>> {
    let mut lines: Vec<String> = sqlx::query_scalar(ENGINE).fetch_all(pool).await?;
    let mut tx = database.begin(Waits::Long).await?;
    let tables = both();
    for &table in tables.tables() {
        let (name, column) = (table.0.name, table.0.key);
        let keys = AssertSqlSafe(format!("SELECT {column} FROM {name} ORDER BY {column}"));
        let keys: Vec<String> = sqlx::query_scalar(keys).fetch_all(pool).await?;
        let rows = vec![WantedRows { table, keys, if_free: Vec::new() }];
        let found = tx.lock(&Wanted { rows, ..Wanted::default() }).await?;
        let events = found.events;
        let words = |(table, key, row): (_, String, _)| format!("{table:?} {key} {row:?} {:?}", events.get(&key));
        lines.extend(found.rows.into_iter().map(words));
    }
    drop(tx);
    lines.sort();
    Ok(lines)
}
