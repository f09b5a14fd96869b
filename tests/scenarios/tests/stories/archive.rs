//! Finished sagas leave the databases by a command, and nothing is missed.

use std::process::Command;

use harness::{Pieces, World, story_alone};
use local::binaries;
use serde_json::{Value, json};
use uuid::Uuid;

/// Runs a service's own program with `archive`, and horizons so short that orders of this story are old enough.
fn archive(world: &World, service: &str, arguments: &[&str]) -> Result<Value, String> {
    let program = binaries::sibling(service).expect("the service's program");
    let output = Command::new(program)
        .args(["archive", "--older-than", "2s", "--json"])
        .args(arguments)
        .env("DATABASE_URL", world.system.database_url(service))
        .envs([("EVENT_HORIZON", "1s"), ("REDRIVE_HORIZON", "1s")])
        .output()
        .expect("it runs");
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).expect("JSON"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The rows of a table that stand in an archive's file, by their orders.
fn kept(file: &Value, table: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(file.as_str().expect("a file")).expect("the file");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line"));
    lines.filter(|line| line["table"] == table).map(|line| line["row"].clone()).collect()
}

/// Available, reserved and shipped by all lines of a SKU's ledger.
async fn ledgered(world: &World, sku: &str) -> (i64, i64, i64) {
    let mut database = world.database("inventory").await;
    sqlx::query_as(
        "SELECT sum(available)::bigint, sum(reserved)::bigint, sum(shipped)::bigint FROM stock_ledger WHERE sku = $1",
    )
    .bind(sku)
    .fetch_one(&mut database)
    .await
    .expect("the ledger")
}

async fn old_enough(world: &World, service: &str, table: &str, rows: u64) {
    world
        .until("the rows are old enough", || async move {
            let counted = archive(world, service, &["--dry-run"])?;
            if counted["rows"][table].as_u64() >= Some(rows) { Ok(()) } else { Err(counted.to_string()) }
        })
        .await;
}

#[test]
fn finished_orders_are_archived_and_the_shop_goes_on() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 5).await;
        let completed = world.place(&[(&chair, 2)], "tok_visa", "Vienna").await;
        let declined = world.place(&[(&chair, 1)], "tok_declined", "Vienna").await;
        world.eventually(&completed, "completed").await;
        world.eventually(&declined, "cancelled").await;
        let shipping = world.system.find("shipping").expect("shipping runs");
        shipping.process.freeze().expect("shipping stands still");
        let waiting = world.place(&[(&chair, 1)], "tok_visa", "Vienna").await;
        world.appears(&waiting, "payment.succeeded").await;
        let folder = std::env::temp_dir().join(Uuid::new_v4().to_string());
        std::fs::create_dir(&folder).expect("a folder");
        let to = folder.to_str().expect("a path");

        old_enough(world, "order", "orders", 2).await;
        let orders = archive(world, "order", &["--to", to]).expect("archived");
        assert_eq!(orders["rows"]["orders"], 2, "the order under way stays: {orders}");
        let ids: Vec<Value> = kept(&orders["file"], "orders").into_iter().map(|row| row["order_id"].clone()).collect();
        assert!(ids.contains(&json!(completed)) && ids.contains(&json!(declined)), "{ids:?}");
        let history = kept(&orders["file"], "order_history");
        assert!(history.iter().all(|row| row["order_id"] != json!(waiting)), "{history:?}");
        assert_eq!(Value::from(history.len()), orders["rows"]["order_history"]);

        old_enough(world, "inventory", "reservations", 2).await;
        let before = ledgered(world, &chair).await;
        let reservations = archive(world, "inventory", &["--to", to]).expect("archived");
        assert_eq!(reservations["rows"]["reservations"], 2, "{reservations}");
        assert_eq!(reservations["rows"]["stock_ledger"], 4, "reserved twice, shipped, released: {reservations}");
        assert_eq!(ledgered(world, &chair).await, before, "sums of lines that are gone stay");
        assert_eq!(world.pieces(&chair).await, Pieces { available: 2, reserved: 1, shipped: 2 });

        let again = archive(world, "inventory", &["--to", to]).expect("nothing to do");
        assert_eq!((&again["rows"]["reservations"], &again["file"]), (&json!(0), &Value::Null));
        let url = format!("{}/orders/{completed}", world.system.url("order"));
        assert_eq!(world.shop.get(&url).await.expect("an answer").status, 404, "an order that left is not known");
        shipping.process.thaw().expect("shipping goes on");
        world.eventually(&waiting, "completed").await;
        let next = world.place(&[(&chair, 1)], "tok_visa", "Vienna").await;
        world.eventually(&next, "completed").await;
        // Inventory takes the dispatch by itself, before or after order does.
        let all_shipped = Pieces { available: 1, reserved: 0, shipped: 4 };
        world
            .until("all but one piece is shipped", || async {
                let pieces = world.pieces(&chair).await;
                if pieces == all_shipped { Ok(()) } else { Err(format!("{pieces:?}")) }
            })
            .await;
        std::fs::remove_dir_all(&folder).expect("the folder goes");
    });
}

#[test]
fn what_may_still_be_needed_is_not_archived_and_a_wrong_request_says_what_is_wrong() {
    story_alone(|world| async {
        let program = binaries::sibling("payment").expect("the service's program");
        let asked = |arguments: &[&str]| {
            let output = Command::new(&program)
                .arg("archive")
                .args(arguments)
                .env("DATABASE_URL", world.system.database_url("payment"))
                .output()
                .expect("it runs");
            assert!(!output.status.success(), "{arguments:?}");
            String::from_utf8_lossy(&output.stderr).into_owned()
        };
        let why = asked(&["--older-than", "36d", "--purge"]);
        assert!(why.contains("at least 37d") && why.contains("EVENT_HORIZON"), "{why}");
        let why = asked(&["--older-than", "400d"]);
        assert!(why.contains("--to") && why.contains("--purge"), "{why}");
        let why = asked(&["--older-than", "400d", "--to", "/nowhere/at/all"]);
        assert!(why.contains("/nowhere/at/all"), "{why}");
    });
}
