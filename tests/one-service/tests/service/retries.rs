//! When deferred events are tried again, by the database's clock.

use std::time::Duration;

use one_service::OneService;
use payment::{MIGRATIONS, Payment};

async fn deferred(service: &OneService<Payment>, status: &str, due_in: &str) {
    let insert = "INSERT INTO held_events (key, event_id, event_type, status, topic, partition, \"offset\", headers, attempts, due_at, held_at)
                  SELECT 'k', gen_random_uuid(), 'order.placed', $1, 't', 0, 1, '[]', 1, now() + $2::interval, now()";
    sqlx::query(insert).bind(status).bind(due_in).execute(&service.pool).await.expect("a deferred event");
}

#[tokio::test]
async fn the_next_try_is_that_of_the_first_event_whose_time_is_to_come() {
    let service = OneService::start(Payment, &MIGRATIONS).await;
    let next = || async { service.handler().database.next_retry().await.expect("the database answers") };
    deferred(&service, "parked", "1 minute").await;
    deferred(&service, "queued", "-1 minute").await;
    assert_eq!(next().await, None, "a parked event waits for an operator, a queued one for that before it");
    deferred(&service, "retrying", "2 hours").await;
    deferred(&service, "retrying", "1 hour").await;
    let next = next().await.expect("one is to be tried");
    let hour = Duration::from_secs(3_600);
    assert!(next <= hour && next > hour / 2, "{next:?}");
}
