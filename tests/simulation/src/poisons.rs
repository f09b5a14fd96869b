//! Which inputs of the shop may fail every time.

use choreography_simulator::Poisons;

pub fn poisons() -> Poisons {
    Poisons {
        // What compensates comes more often, since only behind a compensation that is deferred may others have to queue.
        events: vec![
            ("order", "inventory.rejected"),
            ("order", "inventory.released"),
            ("order", "shipping.dispatched"),
            ("inventory", "order.placed"),
            ("inventory", "payment.failed"),
            ("inventory", "payment.refunded"),
            ("inventory", "payment.voided"),
            ("inventory", "payment.voided"),
            ("inventory", "payment.voided"),
            ("inventory", "shipping.dispatched"),
            ("payment", "inventory.reserved"),
            ("payment", "shipping.failed"),
            ("payment", "shipping.cancelled"),
            ("payment", "shipping.cancelled"),
            ("payment", "shipping.cancelled"),
            ("shipping", "payment.succeeded"),
            ("shipping", "order.cancellation_requested"),
            ("shipping", "order.cancellation_requested"),
            ("shipping", "order.cancellation_requested"),
            ("notification", "order.placed"),
            ("notification", "order.completed"),
            ("notification", "order.cancelled"),
        ],
        common: vec![
            ("inventory", "order.placed"),
            ("payment", "inventory.reserved"),
            ("shipping", "payment.succeeded"),
            ("order", "shipping.dispatched"),
        ],
        answers: vec![
            ("payment", "answer charge yes"),
            ("payment", "answer charge yes"),
            ("shipping", "answer ship yes"),
            ("payment", "answer refund yes"),
            ("notification", "answer tell yes"),
        ],
        deadlines: vec![("order", "deadline order")],
    }
}
