//! One event fails for a passing reason: it waits, others go on.

use harness::story_alone;
use sqlx::Connection;

#[test]
fn while_one_orders_row_is_locked_the_others_go_on() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 50).await;
        let inventory = world.system.find("inventory").expect("inventory runs");
        inventory.process.freeze().expect("inventory stands still");
        let mut orders = Vec::new();
        for _ in 0..8 {
            orders.push(world.place(&[(&chair, 1)], "tok_visa", "Vienna").await);
        }
        // Another session locks the row of the first order.
        let mut db = world.database("inventory").await;
        let mut session = db.begin().await.expect("a transaction");
        sqlx::query("INSERT INTO reservations (order_id, state) VALUES ($1, 'none')")
            .bind(&orders[0])
            .execute(&mut *session)
            .await
            .expect("the row is locked");
        inventory.process.thaw().expect("inventory goes on");
        for order in &orders[1..] {
            world.eventually(order, "completed").await;
        }
        assert_eq!(world.status(&orders[0]).await, "pending");
        // The others did not even wait for that to be found out.
        world
            .until("the first order's event waits for another try", || async {
                let deferred = world.deferred("inventory", &orders[0]).await;
                if deferred.iter().any(|deferred| deferred["status"] == "retrying") {
                    Ok(())
                } else {
                    Err(format!("{deferred:?}"))
                }
            })
            .await;
        session.rollback().await.expect("the session ends");
        world.eventually(&orders[0], "completed").await;
    });
}
