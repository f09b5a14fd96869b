//! Rows that this version can't read, as a newer one or an operator's hand may leave them: they stop the inputs that need
//! them, and no other.

use harness::{World, story_alone, typed};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// As the role that owns the tables.
async fn owner(world: &World, service: &str) -> PgConnection {
    PgConnection::connect(&world.system.owner_url(service)).await.expect("the database answers")
}

async fn run(db: &mut PgConnection, statement: &'static str) {
    sqlx::raw_sql(statement).execute(db).await.expect(statement);
}

#[test]
fn a_row_in_an_unknown_state_stops_only_its_order() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 50).await;
        let mut db = owner(world, "inventory").await;
        run(&mut db, "ALTER TABLE reservations DROP CONSTRAINT reservations_state_check").await;
        let order = Uuid::now_v7().to_string();
        let set = "INSERT INTO reservations (order_id, state) VALUES ($1, $2)
                   ON CONFLICT (order_id) DO UPDATE SET state = excluded.state";
        sqlx::query(set).bind(&order).bind("frozen").execute(&mut db).await.expect("a row of a newer version");
        let inventory = world.system.find("inventory").expect("inventory runs");
        inventory.process.freeze().expect("inventory stands still");
        let mut others = Vec::new();
        for n in 0..10 {
            if n == 5 {
                let items = json!([{"sku": chair, "quantity": 1, "price": 4900}]);
                let body = json!({"userId": "ada", "totalAmount": 4900, "currency": "EUR", "items": items});
                world.type_in("order-events", &typed("order.placed", &order, body)).await;
            }
            others.push(world.place(&[(&chair, 1)], "tok_visa", "Vienna").await);
        }
        inventory.process.thaw().expect("inventory goes on");
        for other in &others {
            world.eventually(other, "completed").await;
        }
        let dead = world.dead_lettered(&order, "inventory").await;
        assert_eq!(dead.header("dead-letter-error-class"), Some("database"));
        let deferred = world.deferred("inventory", &order).await;
        assert_eq!((deferred.len(), deferred[0]["status"].as_str()), (1, Some("parked")), "{deferred:?}");

        // The row is mended; the event has its one effect after all.
        sqlx::query(set).bind(&order).bind("none").execute(&mut db).await.expect("the row is mended");
        run(
            &mut db,
            "ALTER TABLE reservations ADD CONSTRAINT reservations_state_check
             CHECK (state IN ('none', 'reserved', 'rejected', 'released', 'shipped')) NOT VALID",
        )
        .await;
        let path = format!("deferred/{}/redrive", deferred[0]["number"]);
        assert_eq!(world.admin("inventory", &path, &json!({})).await.status, 200);
        world.appears(&order, "inventory.reserved").await;
    });
}

#[test]
fn a_deadline_that_cannot_be_handled_says_why_and_keeps_no_other() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 50).await;
        // Nothing that happens may end the orders before their deadlines do.
        let inventory = world.system.find("inventory").expect("inventory runs");
        inventory.process.freeze().expect("inventory stands still");
        let (stuck, other) = (
            world.place(&[(&chair, 1)], "tok_visa", "Vienna").await,
            world.place(&[(&chair, 1)], "tok_visa", "Vienna").await,
        );
        let mut db = owner(world, "order").await;
        run(&mut db, "ALTER TABLE orders DROP CONSTRAINT orders_status_check").await;
        let set = "UPDATE orders SET status = $2 WHERE order_id = $1";
        sqlx::query(set).bind(&stuck).bind("frozen").execute(&mut db).await.expect("a row of a newer version");
        for order in [&stuck, &other] {
            sqlx::query("UPDATE deadlines SET due_at = now() - interval '1 second' WHERE aggregate_id = $1")
                .bind(order)
                .execute(&mut db)
                .await
                .expect("the deadline passes");
        }
        world.appears(&other, "order.cancellation_requested").await;
        world
            .until("the deadline says why it could not be handled", || async {
                let (attempts, error): (i32, Option<String>) =
                    sqlx::query_as("SELECT attempts, last_error FROM deadlines WHERE aggregate_id = $1")
                        .bind(&stuck)
                        .fetch_one(&mut owner(world, "order").await)
                        .await
                        .map_err(|error| error.to_string())?;
                let says = error.as_deref().is_some_and(|error| error.contains("frozen"));
                if attempts > 0 && says { Ok(()) } else { Err(format!("{attempts} {error:?}")) }
            })
            .await;
        sqlx::query(set).bind(&stuck).bind("pending").execute(&mut db).await.expect("the row is mended");
        run(
            &mut db,
            "ALTER TABLE orders ADD CONSTRAINT orders_status_check
             CHECK (status IN ('none', 'pending', 'cancelling', 'completed', 'cancelled')) NOT VALID",
        )
        .await;
        world.appears(&stuck, "order.cancellation_requested").await;
        inventory.process.thaw().expect("inventory goes on");
        for order in [&stuck, &other] {
            world.eventually(order, "cancelled").await;
        }
    });
}
