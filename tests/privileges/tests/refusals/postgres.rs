//! Every pair of role and database, and what a service's role may not do in its own.

use provision::choreography::{PARTS, services};
use provision::databases::{Login, create_service_database};
use sqlx::{Connection, PgConnection};

use crate::world::{World, test};

/// Permission denied.
const PERMISSION: &str = "42501";

fn url(world: &World, role: &str, database: &str) -> String {
    // All roles of a local run have one password: what is refused is refused to the right password.
    let own = world.system.database_url("order");
    let password = own.split(['/', ':', '@']).nth(4).expect("a password");
    world.system.postgres.url(database, role, password)
}

/// PostgreSQL's error code; `None` if the statement was taken.
async fn refusal(connection: &mut PgConnection, statement: &'static str) -> Option<String> {
    sqlx::raw_sql(statement).execute(connection).await.err().map(code_of)
}

/// Empty if the server said nothing.
fn code_of(error: sqlx::Error) -> String {
    error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned()
}

#[test]
fn each_role_connects_to_its_own_database_alone() {
    test(|world| async {
        let admin = world.system.postgres.admin_url();
        provision::databases::close_the_servers_own(admin).await.expect("closed to all but administrators");
        for part in PARTS.iter() {
            for role in [part.service.clone(), provision::databases::owner_of(&part.service)] {
                let others = ["sandbox", "postgres", "template1"];
                for database in services().into_iter().chain(others) {
                    let connected = PgConnection::connect(&url(world, &role, database)).await;
                    let expected = (database != part.service).then_some(PERMISSION);
                    assert_eq!(connected.err().map(code_of).as_deref(), expected, "{role} in {database}");
                }
            }
        }
    });
}

#[test]
fn a_role_has_so_many_connections_and_no_more() {
    /// Too many connections.
    const TOO_MANY: &str = "53300";
    test(|world| async {
        let admin = world.system.postgres.admin_url();
        let (owner, crowd) = (Login::new("crowd_owner", "secret"), Login::new("crowd", "secret").limited_to(2));
        create_service_database(admin, "crowd", &owner, &crowd).await.expect("a database");
        let url = world.system.postgres.url("crowd", "crowd", "secret");
        let _both = (PgConnection::connect(&url).await.expect("one"), PgConnection::connect(&url).await.expect("two"));
        let third = PgConnection::connect(&url).await;
        assert_eq!(third.err().map(code_of).as_deref(), Some(TOO_MANY));
        let others = world.system.postgres.url("crowd", "crowd_owner", "secret");
        assert!(PgConnection::connect(&others).await.is_ok(), "another role has its own");
    });
}

#[test]
fn an_administrator_of_part_of_a_server_leaves_the_rest_as_it_is() {
    test(|world| async {
        let partial = url(world, &provision::databases::owner_of("order"), "order");
        provision::databases::close_the_servers_own(&partial).await.expect("nothing that must be done");
    });
}

#[test]
fn a_services_role_reads_and_writes_rows_and_does_nothing_else() {
    const DENIED: &[&str] = &[
        "CREATE TABLE mine (x int)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql RETURN 1",
        "CREATE SCHEMA mine",
        "CREATE TEMP TABLE mine (x int)",
        "DROP TABLE inbox",
        "ALTER TABLE outbox ADD COLUMN mine int",
        "TRUNCATE outbox",
        "CREATE INDEX ON outbox (created_at)",
        "UPDATE _engine_migrations SET version = 0",
        "DELETE FROM _sqlx_migrations",
        "ALTER SEQUENCE outbox_number RESTART",
        "SELECT setval('outbox_number', 1)",
        "CALL grant_to_service('order')",
        "ALTER FUNCTION make_partitions OWNER TO CURRENT_USER",
    ];
    test(|world| async {
        for part in PARTS.iter() {
            let mut own =
                PgConnection::connect(&url(world, &part.service, &part.service)).await.expect("its own database");
            for statement in DENIED {
                let code = refusal(&mut own, statement).await;
                assert_eq!(code.as_deref(), Some(PERMISSION), "{}: {statement}", part.service);
            }
            let today: String = sqlx::query_scalar("SELECT 'outbox_' || to_char(current_date, 'YYYYMMDD')")
                .fetch_one(&mut own)
                .await
                .expect("today");
            let direct = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT 1 FROM {today}"))).execute(&mut own).await;
            let code = direct.err().map(code_of);
            let reached = "a day's partition is reached through its parent alone";
            assert_eq!(code.as_deref(), Some(PERMISSION), "{}: {reached}", part.service);
        }
    });
}

#[test]
fn partitions_are_made_and_dropped_by_functions_within_bounds() {
    test(|world| async {
        let mut own = PgConnection::connect(&url(world, "shipping", "shipping")).await.expect("its own database");
        assert_eq!(refusal(&mut own, "SELECT make_partitions('inbox', current_date, current_date + 5)").await, None);
        assert_eq!(refusal(&mut own, "SELECT drop_partitions('inbox', current_date - 4000)").await, None);
        // P0001: refused by the function itself.
        for statement in [
            "SELECT make_partitions('shipments', current_date, current_date)",
            "SELECT make_partitions('inbox', current_date, current_date + 100000)",
            "SELECT drop_partitions('inbox', current_date + 1)",
            "SELECT drop_partitions('shipments', current_date)",
        ] {
            assert_eq!(refusal(&mut own, statement).await.as_deref(), Some("P0001"), "{statement}");
        }
    });
}
