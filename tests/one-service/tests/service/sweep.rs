//! What is forgotten after the horizon, and what never is.

use choreography_postgres::sweep;
use chrono::TimeDelta;
use one_service::OneService;
use payment::{MIGRATIONS, Payment};

const HORIZON: TimeDelta = TimeDelta::days(20);

/// Each thing once long before the horizon and once after it.
const FILL: [&str; 6] = [
    "INSERT INTO dead_messages (topic, partition, \"offset\", digest, headers, error_class, error_message, dead_at)
     SELECT 'inventory-events', 0, n, 'd', '[]', 'envelope', 'no event', now() - interval '90 days'
     FROM generate_series(1, 3) AS n",
    "INSERT INTO discarded (kind, number, topic, partition, \"offset\", headers, reason, discarded_at)
     SELECT 'message', n, 'inventory-events', 0, n, '[]', 'junk', now() - age
     FROM (VALUES (1, interval '21 days'), (2, interval '19 days')) AS old (n, age)",
    "INSERT INTO discarded (kind, number, topic, partition, \"offset\", headers, reason, discarded_at)
     SELECT 'event', n, 'inventory-events', 0, n, '[]', 'given up', now() - age
     FROM (VALUES (1, interval '21 days'), (2, interval '19 days')) AS old (n, age)",
    "INSERT INTO discarded_messages (number, topic, headers, error, stopped_at, reason, discarded_at)
     SELECT n, 'payment-events', '[]', 'too large', now(), 'given up', now() - age
     FROM (VALUES (1, interval '21 days'), (2, interval '19 days')) AS old (n, age)",
    "INSERT INTO settled_calls (call_id, aggregate_id, step, correlation_id, request, attempts, outcome, reason, settled_at)
     SELECT gen_random_uuid(), 'o' || n, 'charge', 's', '{}', 1, 'done', 'seen', now() - age
     FROM (VALUES (1, interval '21 days'), (2, interval '19 days')) AS old (n, age)",
    "INSERT INTO messages_under_way (topic, partition, \"offset\", run, stage, crashed, begun_at)
     SELECT 'inventory-events', 0, n, gen_random_uuid(), 0, true, now() - age
     FROM (VALUES (1, interval '21 days'), (2, interval '19 days')) AS old (n, age)",
];

#[tokio::test]
async fn what_was_settled_before_the_horizon_goes_and_what_waits_stays_however_old() {
    let world = OneService::start(Payment, &MIGRATIONS).await;
    for rows in FILL {
        sqlx::query(rows).execute(&world.pool).await.unwrap();
    }
    // The dead message that was discarded, both that say so, the refused one, the call, and the note.
    assert_eq!(sweep(&world.pool, HORIZON).await.unwrap(), 6);
    let left = [
        ("SELECT \"offset\" FROM dead_messages ORDER BY 1", vec![2, 3]),
        ("SELECT number FROM discarded WHERE kind = 'message'", vec![2]),
        ("SELECT number FROM discarded WHERE kind = 'event'", vec![2]),
        ("SELECT number FROM discarded_messages", vec![2]),
        ("SELECT number FROM settled_calls", vec![2]),
        ("SELECT \"offset\" FROM messages_under_way", vec![2]),
    ];
    for (query, expected) in left {
        let found: Vec<i64> = sqlx::query_scalar(query).fetch_all(&world.pool).await.unwrap();
        assert_eq!(found, expected, "{query}");
    }
    assert_eq!(sweep(&world.pool, HORIZON).await.unwrap(), 0, "once more finds nothing");
}
