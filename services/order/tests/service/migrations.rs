//! Order's migrations on a PostgreSQL that is in use, or on which they broke off.

use std::time::Duration;

use choreography_postgres as postgres;
use futures::future::join_all;
use one_service::OneService;
use order::{MIGRATIONS, Order};
use sqlx::PgPool;

/// An index of this name that is not what it should be: PostgreSQL keeps what it could not finish.
const BROKEN: &str = "CREATE UNIQUE INDEX CONCURRENTLY orders_by_customer ON orders ((status IS NOT NULL))";
const VALID: &str = "SELECT pg_get_indexdef(indexrelid) || ' ' || indisvalid FROM pg_index
                     WHERE indexrelid = 'orders_by_customer'::regclass";

async fn breaks_off(owner: &PgPool) {
    postgres::migrate(owner, &MIGRATIONS).await.unwrap();
    sqlx::raw_sql(
        "DROP INDEX orders_by_customer; DELETE FROM _sqlx_migrations WHERE version = 2;
         INSERT INTO orders (order_id, status, created_at, updated_at)
         SELECT n::text, 'none', now(), now() FROM generate_series(1, 2) n",
    )
    .execute(owner)
    .await
    .unwrap();
    sqlx::raw_sql(BROKEN).execute(owner).await.expect_err("two orders are the same by it");
    let broken: String = sqlx::query_scalar(VALID).fetch_one(owner).await.unwrap();
    assert!(broken.ends_with("false"), "{broken}");
}

#[tokio::test]
async fn an_index_whose_making_broke_off_is_made_anew_by_one_of_the_replicas_that_come_at_once() {
    let past = async |owner: &PgPool| {
        breaks_off(owner).await;
        let replicas = join_all((0..3).map(|_| async { postgres::migrate(&owner.clone(), &MIGRATIONS).await }));
        for migrated in tokio::time::timeout(Duration::from_secs(60), replicas).await.expect("they take turns") {
            migrated.unwrap();
        }
    };
    let world = OneService::start_after(past, Order { deadline: Duration::from_secs(900) }, &MIGRATIONS).await;
    let index = world.texts(VALID).await;
    assert_eq!(
        index,
        ["CREATE INDEX orders_by_customer ON public.orders USING btree (user_id, order_id COLLATE \"C\") true"]
    );
}

#[tokio::test]
async fn a_version_that_was_rolled_back_starts_after_its_successors_migrations() {
    let past = async |owner: &PgPool| {
        postgres::migrate(owner, &MIGRATIONS).await.unwrap();
        let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                     VALUES (9000, 'of a newer version', true, '', 0)";
        sqlx::raw_sql(newer).execute(owner).await.unwrap();
    };
    let world = OneService::start_after(past, Order { deadline: Duration::from_secs(900) }, &MIGRATIONS).await;
    assert_eq!(world.count("SELECT count(*) FROM orders").await, 0);
}
