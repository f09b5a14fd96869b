//! The tables of transitions: what occurs, and what cannot, with the reason.

/// State, input, new state.
type Transition = (&'static str, &'static str, &'static str);
/// States and inputs (`*`: whatever is not listed), and why they do not meet.
type Impossible = (&'static [&'static str], &'static [&'static str], &'static str);

pub struct Service {
    pub name: &'static str,
    pub states: &'static [&'static str],
    pub inputs: &'static [&'static str],
    pub occurs: &'static [Transition],
    pub impossible: &'static [Impossible],
}

pub const SERVICES: [Service; 5] = [ORDER, INVENTORY, PAYMENT, SHIPPING, NOTIFICATION];

const ORDER: Service = Service {
    name: "order",
    states: &["none", "pending", "cancelling", "completed", "cancelled"],
    inputs: &[
        "place",
        "place again",
        "cancel",
        "deadline",
        "inventory.rejected",
        "inventory.released",
        "shipping.dispatched",
    ],
    occurs: &[
        ("none", "place", "pending"),
        ("none", "place again", "none"),
        ("pending", "cancel", "cancelling"),
        ("cancelling", "cancel", "cancelling"),
        ("completed", "cancel", "completed"),
        ("cancelled", "cancel", "cancelled"),
        ("pending", "deadline", "cancelling"),
        ("cancelling", "deadline", "cancelling"),
        ("pending", "inventory.rejected", "cancelled"),
        ("cancelling", "inventory.rejected", "cancelled"),
        ("pending", "inventory.released", "cancelled"),
        ("cancelling", "inventory.released", "cancelled"),
        ("pending", "shipping.dispatched", "completed"),
        ("cancelling", "shipping.dispatched", "completed"),
    ],
    impossible: &[
        (&["*"], &["place", "place again"], "each request mints an order id of its own"),
        (&["none"], &["cancel"], "the API answers 404 for an order that was never placed"),
        (&["none"], &["deadline"], "the deadline is set in the transaction that places the order"),
        (&["none"], &["*"], "nothing follows from an order that was never placed"),
        (&["completed", "cancelled"], &["deadline"], "an order's end settles its deadline in the same transaction"),
        (&["completed"], &["inventory.rejected"], "what was rejected is never paid, so never dispatched"),
        (
            &["completed"],
            &["inventory.released"],
            "what was dispatched stays with its buyer; a bug that wakes somebody",
        ),
        (&["cancelled"], &["shipping.dispatched"], "nothing leaves once shipping is off; a bug that wakes somebody"),
        (&["completed"], &["shipping.dispatched"], "shipping states it once, and repeats die in the inbox"),
        (&["cancelled"], &["inventory.rejected", "inventory.released"], "inventory states one of them, once"),
    ],
};

const INVENTORY: Service = Service {
    name: "inventory",
    states: &["none", "reserved", "rejected", "released", "tombstone", "shipped"],
    inputs: &["order.placed", "payment.failed", "payment.refunded", "payment.voided", "shipping.dispatched"],
    occurs: &[
        ("none", "order.placed", "reserved"),
        ("none", "order.placed", "rejected"),
        ("tombstone", "order.placed", "tombstone"),
        ("reserved", "payment.failed", "released"),
        ("reserved", "payment.refunded", "released"),
        ("reserved", "payment.voided", "released"),
        ("none", "payment.voided", "tombstone"),
        ("rejected", "payment.voided", "rejected"),
        ("reserved", "shipping.dispatched", "shipped"),
    ],
    impossible: &[
        (&["*"], &["order.placed"], "order states it once, and repeats die in the inbox"),
        (&["none", "rejected"], &["payment.failed", "payment.refunded"], "payment begins once everything is reserved"),
        (
            &["released", "tombstone"],
            &["payment.failed", "payment.refunded", "payment.voided"],
            "payment states one of them, once",
        ),
        (&["shipped"], &["payment.failed", "payment.refunded", "payment.voided"], "nothing is undone after the pivot"),
        (
            &["*"],
            &["shipping.dispatched"],
            "only what is reserved and paid is dispatched, once; else somebody is woken",
        ),
    ],
};

const PAYMENT: Service = Service {
    name: "payment",
    states: &["none", "capturing", "capturing, undo", "succeeded", "failed", "refunding", "refunded", "voided"],
    inputs: &[
        "inventory.reserved",
        "shipping.failed",
        "shipping.cancelled",
        "charge: yes",
        "charge: no",
        "refund: yes",
        "refund: no",
    ],
    occurs: &[
        ("none", "inventory.reserved", "capturing"),
        ("voided", "inventory.reserved", "voided"),
        ("succeeded", "shipping.failed", "refunding"),
        ("none", "shipping.cancelled", "voided"),
        ("capturing", "shipping.cancelled", "capturing, undo"),
        ("succeeded", "shipping.cancelled", "refunding"),
        ("failed", "shipping.cancelled", "failed"),
        ("capturing", "charge: yes", "succeeded"),
        ("capturing", "charge: no", "failed"),
        ("capturing, undo", "charge: yes", "refunding"),
        ("capturing, undo", "charge: no", "failed"),
        ("refunding", "refund: yes", "refunded"),
        ("refunding", "refund: no", "refused"),
    ],
    impossible: &[
        (&["*"], &["inventory.reserved"], "inventory states it once, and repeats die in the inbox"),
        (
            &["*"],
            &["shipping.failed"],
            "shipping begins once money was captured, and fails once; else somebody is woken",
        ),
        (&["*"], &["shipping.cancelled"], "shipping states one end, once"),
        (&["*"], &["charge: yes", "charge: no"], "the call is taken up with its first answer, in the same transaction"),
        (&["*"], &["refund: yes", "refund: no"], "a refund is intended in refunding alone, and answered there"),
    ],
};

const SHIPPING: Service = Service {
    name: "shipping",
    states: &["none", "dispatching", "dispatched", "failed", "cancelled"],
    inputs: &["payment.succeeded", "order.cancellation_requested", "ship: yes", "ship: no"],
    occurs: &[
        ("none", "payment.succeeded", "dispatching"),
        ("cancelled", "payment.succeeded", "cancelled"),
        ("none", "order.cancellation_requested", "cancelled"),
        ("dispatching", "order.cancellation_requested", "dispatching"),
        ("dispatched", "order.cancellation_requested", "dispatched"),
        ("failed", "order.cancellation_requested", "failed"),
        ("dispatching", "ship: yes", "dispatched"),
        ("dispatching", "ship: no", "failed"),
    ],
    impossible: &[
        (&["*"], &["payment.succeeded"], "payment states it once, and repeats die in the inbox"),
        (&["cancelled"], &["order.cancellation_requested"], "order requests it once"),
        (&["*"], &["ship: yes", "ship: no"], "the carrier is asked in dispatching alone, and answers there once"),
    ],
};

const NOTIFICATION: Service = Service {
    name: "notification",
    states: &["none", "known", "telling", "told", "failed"],
    inputs: &["order.placed", "order.completed", "order.cancelled", "tell: yes", "tell: no"],
    occurs: &[
        ("none", "order.placed", "known"),
        ("known", "order.completed", "telling"),
        ("known", "order.cancelled", "telling"),
        ("telling", "tell: yes", "told"),
        ("telling", "tell: no", "failed"),
    ],
    impossible: &[
        (&["*"], &["order.placed"], "order states it once, and repeats die in the inbox"),
        (
            &["none"],
            &["order.completed", "order.cancelled"],
            "one topic, one key: an order's end comes behind its beginning",
        ),
        (&["*"], &["order.completed", "order.cancelled"], "order states one end, once"),
        (&["*"], &["tell: yes", "tell: no"], "the mail service is asked in telling alone, and answers there once"),
    ],
};

impl Service {
    /// Why this input never meets this state.
    pub fn reason(&self, state: &str, input: &str) -> Option<&'static str> {
        let fits = |of: &[&str], what: &str| of.iter().any(|other| *other == "*" || *other == what);
        let occurs = self.occurs.iter().any(|(from, by, _)| (*from, *by) == (state, input));
        let found = self.impossible.iter().find(|(states, inputs, _)| fits(states, state) && fits(inputs, input));
        found.filter(|_| !occurs).map(|(.., reason)| *reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_input_is_listed_as_occurring_or_with_a_reason() {
        for service in &SERVICES {
            for state in service.states {
                for input in service.inputs {
                    let occurs = service.occurs.iter().any(|(from, by, _)| (from, by) == (state, input));
                    let listed = occurs || service.reason(state, input).is_some();
                    assert!(listed, "{}: {input} at {state} is not listed", service.name);
                }
            }
        }
    }
}
