//! What an input meets, in the words of the tables of transitions.

use engine::{
    participant::{Answer, Participant, What},
    rows::Rows,
};
use inventory::{Inventory, state as stock};
use order::{
    Order,
    participant::Command,
    state::{Request, Row as OrderRow, Table as OrderTable},
};
use payment::{Payment, state as paid};
use shipping::{Shipping, state as shipped};

/// A service whose states and inputs have names.
pub trait Observed: Participant {
    /// The state of the row that the input is about.
    fn state(what: &What<Self>, rows: &Rows<Self>) -> &'static str;
    fn input(what: &What<Self>, rows: &Rows<Self>) -> &'static str;
    fn aggregate_id(what: &What<Self>) -> Option<String>;
    /// Takes the reason out of a record, where it has one.
    fn forget_reason(_record: &mut Self::Record) {}
}

fn answered(what: (&'static str, &'static str), answer: &Answer) -> &'static str {
    match answer {
        Answer::Yes { .. } => what.0,
        Answer::No { .. } => what.1,
    }
}

fn earlier<'a>(what: &What<Order>, rows: &'a Rows<Order>) -> Option<&'a Request> {
    let What::Command(Command::Place(command)) = what else { return None };
    match rows.find(OrderTable::Requests, command.request_key.as_deref()?) {
        Some(OrderRow::Request(Some(request))) => Some(request),
        _ => None,
    }
}

impl Observed for Order {
    fn forget_reason(record: &mut Self::Record) {
        record.reason.clear();
    }

    fn state(what: &What<Self>, rows: &Rows<Self>) -> &'static str {
        let order = earlier(what, rows).map(|request| request.order_id.clone()).or_else(|| Self::aggregate_id(what));
        match rows.find(OrderTable::Orders, &order.unwrap_or_default()) {
            Some(OrderRow::Order(row)) => row.status.text(),
            _ => "no row",
        }
    }

    fn input(what: &What<Self>, rows: &Rows<Self>) -> &'static str {
        match what {
            What::Event(event) => event.event_type(),
            What::Command(Command::Place(command)) => match earlier(what, rows) {
                Some(request) if request.order_id != command.order_id.to_string() => "place again",
                _ => "place",
            },
            What::Command(Command::Cancel(_)) => "cancel",
            What::Deadline { .. } => "deadline",
            What::Answer { .. } => "answer",
        }
    }

    fn aggregate_id(what: &What<Self>) -> Option<String> {
        match what {
            What::Event(event) => Some(event.order_id().to_string()),
            What::Command(Command::Place(command)) => Some(command.order_id.to_string()),
            What::Command(Command::Cancel(order)) => Some(order.to_string()),
            What::Deadline { aggregate_id, .. } | What::Answer { aggregate_id, .. } => Some(aggregate_id.clone()),
        }
    }
}

impl Observed for Inventory {
    fn state(what: &What<Self>, rows: &Rows<Self>) -> &'static str {
        use stock::ReservationState::{None, Rejected, Released, Reserved, Shipped};
        let Some(order) = Self::aggregate_id(what) else { return "stock" };
        let Some(stock::Row::Reservation(row)) = rows.find(stock::Table::Reservations, &order) else {
            return "no row";
        };
        match row.state {
            None => "none",
            Reserved => "reserved",
            Rejected => "rejected",
            Released if row.items.is_empty() => "tombstone",
            Released => "released",
            Shipped => "shipped",
        }
    }

    fn input(what: &What<Self>, rows: &Rows<Self>) -> &'static str {
        match what {
            What::Event(event) => event.event_type(),
            What::Command(set) => match rows.find(stock::Table::Stock, &set.sku) {
                Some(stock::Row::Stock(stock)) if set.on_hand < stock.reserved => "set below what is reserved",
                _ => "set",
            },
            What::Deadline { .. } => "deadline",
            What::Answer { .. } => "answer",
        }
    }

    fn aggregate_id(what: &What<Self>) -> Option<String> {
        if let What::Event(event) = what { Some(event.order_id().to_string()) } else { None }
    }
}

impl Observed for Payment {
    fn state(what: &What<Self>, rows: &Rows<Self>) -> &'static str {
        let order = Self::aggregate_id(what).unwrap_or_default();
        let Some(row) = rows.find(paid::Table::Payments, &order) else { return "no row" };
        match row.state {
            paid::State::None => "none",
            paid::State::Capturing { undo: false } => "capturing",
            paid::State::Capturing { undo: true } => "capturing, undo",
            paid::State::Succeeded => "succeeded",
            paid::State::Failed => "failed",
            paid::State::Refunding => "refunding",
            paid::State::Refunded => "refunded",
            paid::State::Voided => "voided",
        }
    }

    fn input(what: &What<Self>, _rows: &Rows<Self>) -> &'static str {
        match what {
            What::Event(event) => event.event_type(),
            What::Answer { step, answer, .. } if step == "charge" => answered(("charge: yes", "charge: no"), answer),
            What::Answer { answer, .. } => answered(("refund: yes", "refund: no"), answer),
            What::Command(_) => "command",
            What::Deadline { .. } => "deadline",
        }
    }

    fn aggregate_id(what: &What<Self>) -> Option<String> {
        match what {
            What::Event(event) => Some(event.order_id().to_string()),
            What::Deadline { aggregate_id, .. } | What::Answer { aggregate_id, .. } => Some(aggregate_id.clone()),
            What::Command(_) => None,
        }
    }
}

impl Observed for Shipping {
    fn state(what: &What<Self>, rows: &Rows<Self>) -> &'static str {
        let order = Self::aggregate_id(what).unwrap_or_default();
        let Some(row) = rows.find(shipped::Table::Shipments, &order) else { return "no row" };
        match row.state {
            shipped::State::None => "none",
            shipped::State::Dispatching => "dispatching",
            shipped::State::Dispatched => "dispatched",
            shipped::State::Failed => "failed",
            shipped::State::Cancelled => "cancelled",
        }
    }

    fn input(what: &What<Self>, _rows: &Rows<Self>) -> &'static str {
        match what {
            What::Event(event) => event.event_type(),
            What::Answer { answer, .. } => answered(("ship: yes", "ship: no"), answer),
            What::Command(_) => "command",
            What::Deadline { .. } => "deadline",
        }
    }

    fn aggregate_id(what: &What<Self>) -> Option<String> {
        match what {
            What::Event(event) => Some(event.order_id().to_string()),
            What::Deadline { aggregate_id, .. } | What::Answer { aggregate_id, .. } => Some(aggregate_id.clone()),
            What::Command(_) => None,
        }
    }
}
