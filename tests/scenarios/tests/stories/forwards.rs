//! Orders on their way, and back.

use harness::{Money, Pieces, story};

const FORWARD: [&str; 5] =
    ["order.placed", "inventory.reserved", "payment.succeeded", "shipping.dispatched", "order.completed"];

#[test]
fn an_order_for_two_chairs_is_completed() {
    story(|world| async {
        let chair = world.stocked("chair", 5).await;
        let order = world.place(&[(&chair, 2)], "tok_visa", "Vienna").await;
        world.eventually(&order, "completed").await;
        assert_eq!(world.log.path_of(&order), FORWARD);
        world
            .until("two chairs shipped", || async {
                let pieces = world.pieces(&chair).await;
                let shipped = Pieces { available: 3, reserved: 0, shipped: 2 };
                if pieces == shipped { Ok(()) } else { Err(format!("{pieces:?}")) }
            })
            .await;
        assert_eq!(world.money(&order).await, Money { captured: 9_800, refunded: 0 });
    });
}

#[test]
fn an_order_for_more_than_there_is_takes_nothing() {
    story(|world| async {
        let (chair, lamp) = (world.stocked("chair", 5).await, world.stocked("lamp", 1).await);
        let order = world.place(&[(&chair, 2), (&lamp, 2)], "tok_visa", "Vienna").await;
        world.eventually(&order, "cancelled").await;
        assert_eq!(world.log.path_of(&order), ["order.placed", "inventory.rejected", "order.cancelled"]);
        assert_eq!(world.pieces(&chair).await, Pieces { available: 5, reserved: 0, shipped: 0 });
        assert_eq!(world.money(&order).await, Money { captured: 0, refunded: 0 });
    });
}

#[test]
fn a_declined_payment_gives_the_stock_back() {
    story(|world| async {
        let chair = world.stocked("chair", 5).await;
        let order = world.place(&[(&chair, 2)], "tok_declined", "Vienna").await;
        world.eventually(&order, "cancelled").await;
        let path = ["order.placed", "inventory.reserved", "payment.failed", "inventory.released", "order.cancelled"];
        assert_eq!(world.log.path_of(&order), path);
        assert_eq!(world.pieces(&chair).await, Pieces { available: 5, reserved: 0, shipped: 0 });
        assert_eq!(world.money(&order).await, Money { captured: 0, refunded: 0 });
    });
}

#[test]
fn a_carrier_that_refuses_gives_money_and_stock_back() {
    story(|world| async {
        let chair = world.stocked("chair", 5).await;
        let order = world.place(&[(&chair, 1)], "tok_visa", "Nowhere").await;
        world.eventually(&order, "cancelled").await;
        let path = [
            "order.placed",
            "inventory.reserved",
            "payment.succeeded",
            "shipping.failed",
            "payment.refunded",
            "inventory.released",
            "order.cancelled",
        ];
        assert_eq!(world.log.path_of(&order), path);
        assert_eq!(world.pieces(&chair).await, Pieces { available: 5, reserved: 0, shipped: 0 });
        assert_eq!(world.money(&order).await, Money { captured: 4_900, refunded: 4_900 });
    });
}

#[test]
fn a_provider_that_charged_and_never_answered_is_asked_and_charges_once() {
    story(|world| async {
        let chair = world.stocked("chair", 5).await;
        for (token, city) in [("tok_silent", "Vienna"), ("tok_flaky", "Vienna"), ("tok_visa", "Silentville")] {
            let order = world.place(&[(&chair, 1)], token, city).await;
            world.eventually(&order, "completed").await;
            assert_eq!(world.log.path_of(&order), FORWARD, "{token} {city}");
            assert_eq!(world.money(&order).await, Money { captured: 4_900, refunded: 0 }, "{token} {city}");
        }
    });
}

#[test]
fn a_refund_that_fails_twice_is_asked_for_again() {
    story(|world| async {
        let chair = world.stocked("chair", 5).await;
        let order = world.place(&[(&chair, 1)], "tok_refund_flaky", "Nowhere").await;
        world.eventually(&order, "cancelled").await;
        assert_eq!(world.money(&order).await, Money { captured: 4_900, refunded: 4_900 });
    });
}
