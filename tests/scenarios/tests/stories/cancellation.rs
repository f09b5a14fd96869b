//! Cancellations: a request that shipping decides on.

use harness::{Money, Pieces, story, story_alone};

#[test]
fn a_cancellation_in_time_undoes_everything() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 5).await;
        let payment = world.system.find("payment").expect("payment runs");
        payment.process.freeze().expect("payment stands still");
        let order = world.place(&[(&chair, 2)], "tok_visa", "Vienna").await;
        assert_eq!(world.cancel(&order).await.status, 202);
        world.appears(&order, "shipping.cancelled").await;
        payment.process.thaw().expect("payment goes on");
        world.eventually(&order, "cancelled").await;
        let money = world.money(&order).await;
        assert_eq!(money.captured, money.refunded);
        assert_eq!(world.pieces(&chair).await, Pieces { available: 5, reserved: 0, shipped: 0 });
    });
}

#[test]
fn a_cancellation_past_the_pivot_is_too_late() {
    story(|world| async {
        let chair = world.stocked("chair", 5).await;
        let order = world.place(&[(&chair, 1)], "tok_visa", "Latetown").await;
        // The carrier is asked in the transaction that follows this event.
        world.appears(&order, "payment.succeeded").await;
        world
            .until("shipping asked the carrier", || async {
                let url = format!("{}/shipments/{order}", world.system.url("shipping"));
                let body = world.shop.get(&url).await.map_err(|error| error.to_string())?.body;
                if body["state"] == "dispatching" { Ok(()) } else { Err(body.to_string()) }
            })
            .await;
        assert_eq!(world.cancel(&order).await.status, 202);
        world.eventually(&order, "completed").await;
        assert_eq!(world.money(&order).await, Money { captured: 4_900, refunded: 0 });
        assert_eq!(world.cancel(&order).await.status, 409);
    });
}

#[test]
fn an_order_that_takes_too_long_is_cancelled_by_its_deadline() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 5).await;
        let impatient = world.replica("order", "order-impatient", &[("ORDER_DEADLINE", "1s")]).await;
        let payment = world.system.find("payment").expect("payment runs");
        payment.process.freeze().expect("payment stands still");
        let order = world.place_at(&impatient, &[(&chair, 1)], "tok_visa", "Vienna").await;
        // The deadline is a row: it does not need the replica that set it.
        world.system.kill("order-impatient").expect("the replica dies");
        let requested = world.appears(&order, "order.cancellation_requested").await;
        assert_eq!(requested.json()["payload"]["reason"], "deadline");
        world.appears(&order, "shipping.cancelled").await;
        payment.process.thaw().expect("payment goes on");
        world.eventually(&order, "cancelled").await;
        let money = world.money(&order).await;
        assert_eq!(money.captured, money.refunded);
        assert_eq!(world.pieces(&chair).await, Pieces { available: 5, reserved: 0, shipped: 0 });
    });
}
