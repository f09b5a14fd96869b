//! The plans of the engine's statements, made once for batches of any size: right on empty and on full tables.
//!
//! Each service does whatever makes its statements, and says which steps and tables those must have: so none is left
//! out unseen.

mod calls;
mod deadlines;
mod further_rows;
mod relay;
mod seen;

use std::collections::BTreeSet;

use choreography_core::routes::Service;
use one_service::OneService;

/// Each table of the engine's with as many rows as would make a plan that reads it whole a bad one.
const FILL: &str = "
    INSERT INTO inbox SELECT 'SERVICE', (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0') || '7000'
                                         || '8' || lpad(to_hex(n), 15, '0'))::uuid FROM generate_series(1, 2000) n;
    INSERT INTO intents (id, aggregate_id, step, request, correlation_id, attempts, intended_at, not_before)
        SELECT gen_random_uuid(), 'full ' || n, 'charge', '{}', 's', 0, now(), now() + interval '1 day'
        FROM generate_series(1, 2000) n;
    INSERT INTO deadlines (id, aggregate_id, name, due_at, correlation_id)
        SELECT gen_random_uuid(), 'full ' || n, 'order', now() + interval '1 day', 's' FROM generate_series(1, 2000) n;
    INSERT INTO held_events (key, event_id, event_type, status, topic, partition, \"offset\", headers, attempts, due_at,
                             held_at)
        SELECT 'full ' || n, gen_random_uuid(), 'inventory.reserved', 'parked', 'inventory-events', 3, n, '[]', 1,
               now(), now()
        FROM generate_series(1, 2000) n;
    INSERT INTO outbox (range, topic, key, payload, headers)
        SELECT n % 12, 'payment-events', ('full ' || n)::bytea, 'x', '[]' FROM generate_series(1, 2000) n;
    INSERT INTO outbox_left_behind SELECT number, range, topic, key FROM outbox
        WHERE key LIKE 'full %' AND number % 2 = 0;
    INSERT INTO stopped_keys SELECT number, range, topic, key, 'too large' FROM outbox_left_behind WHERE number % 4 = 0
        ON CONFLICT DO NOTHING;
    INSERT INTO outbox_blocks SELECT range, 1, ARRAY[number], number FROM outbox
        WHERE key LIKE 'full %' AND number % 2 = 1;
    INSERT INTO dead_messages (topic, partition, \"offset\", digest, headers, error_class, error_message, dead_at)
        SELECT 'inventory-events', 3, 10000 + n, n, '[]', 'envelope', 'no', now() FROM generate_series(1, 2000) n;
    INSERT INTO settled_calls (call_id, aggregate_id, step, correlation_id, request, attempts, outcome, reason)
        SELECT gen_random_uuid(), 'full ' || n, 'charge', 's', '{}', 1, 'done', 'seen' FROM generate_series(1, 2000) n;
    INSERT INTO messages_under_way (topic, partition, \"offset\", run, stage, begun_at)
        SELECT 'inventory-events', 3, 10000 + n, gen_random_uuid(), 0, now() FROM generate_series(1, 2000) n;";

/// Lets a service work on empty tables, fills them, and lets it work once more: no statement reads a table whole, and
/// all that are expected were there. `own`: fills the service's own tables.
async fn are_right<S: Service>(world: &OneService<S>, own: &str, expected: &str, mut work: impl AsyncFnMut(u128)) {
    work(1).await;
    let (mut found, wrong) = seen::look(world).await;
    assert!(wrong.is_empty(), "on empty tables:\n{}", wrong.join("\n\n"));
    let fill = FILL.replace("SERVICE", S::NAME) + own + "ANALYZE";
    sqlx::raw_sql(sqlx::AssertSqlSafe(fill)).execute(&world.pool).await.expect("full tables");
    work(2).await;
    let (again, wrong) = seen::look(world).await;
    assert!(wrong.is_empty(), "on full tables:\n{}", wrong.join("\n\n"));
    found.extend(again);
    let expected: BTreeSet<String> =
        [expected, relay::EXPECTED].join(",").split(',').map(|word| word.trim().to_owned()).collect();
    let missing: Vec<_> = expected.difference(&found).collect();
    let new: Vec<_> = found.difference(&expected).collect();
    assert!(missing.is_empty() && new.is_empty(), "never planned: {missing:?}; planned, and not in the list: {new:?}");
}

/// The steps that the engine's sources name, wherever they stand.
const SOURCES: [&str; 6] = [
    include_str!("../../../../shared/choreography-postgres/src/lock.rs"),
    include_str!("../../../../shared/choreography-postgres/src/optimism.rs"),
    include_str!("../../../../shared/choreography-postgres/src/write.rs"),
    include_str!("../../../../shared/choreography-postgres/src/waiting_rows.rs"),
    include_str!("../../../../shared/choreography-postgres/src/tables.rs"),
    include_str!("../../../../shared/choreography-postgres/src/outbox.rs"),
];

#[test]
fn each_step_that_the_engine_names_is_in_a_list() {
    let lists = [calls::EXPECTED, deadlines::EXPECTED, further_rows::EXPECTED, relay::EXPECTED].join(",");
    let listed: BTreeSet<&str> = lists.split(',').map(str::trim).collect();
    let named: BTreeSet<String> = SOURCES.iter().flat_map(|source| seen::named(source)).collect();
    assert!(named.contains("inbox_new") && named.contains("deadlines_set") && named.contains("records"), "{named:?}");
    let missing: Vec<_> = named.iter().filter(|step| !listed.contains(step.as_str())).collect();
    assert!(missing.is_empty(), "no service's work is known to make these: {missing:?}");
}
