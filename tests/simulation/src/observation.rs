//! What an input meets, in the words of the tables of transitions.

use choreography_core::{
    AnyRecord, AnyRow, Row,
    effects::Effects,
    participant::{Answer, Trigger},
    routes::{Routed, TableId},
    rows::Rows,
};
use choreography_simulator::{Observed, core::Core};
use inventory::{
    reservation::{Reservation, State as ReservationState},
    set_stock::SetStock,
    stock::Stock,
};
use notification::Notice;
use order::{
    order_row::{HistoryEntry, OrderRow},
    place_order::PlaceOrder,
    request::Request,
};
use payment::payment_row::PaymentRow;
use shipping::shipment::Shipment;

use crate::plant::Plant;

/// Names the shop's states and inputs, and does what is planted in the shop.
#[derive(Clone, Copy)]
pub struct Seen {
    pub plant: Option<Plant>,
}

macro_rules! seen {
    ($($make:ident: $service:ident),*) => {
        $(
            pub struct $service(Seen);

            impl Seen {
                pub fn $make(self) -> $service {
                    $service(self)
                }
            }
        )*
    };
}
seen!(order: Order, inventory: Inventory, payment: Payment, shipping: Shipping, notification: Notification);

impl Seen {
    /// Some ledger lines are not written; why an order was cancelled is lost.
    fn spoil(self, core: &Core, effects: &mut Effects<Routed>) {
        if self.plant == Some(Plant::LedgerSkipped) && core.pick(4) == 0 {
            effects.records.clear();
        }
        if self.plant == Some(Plant::ReasonLost) {
            effects.records.iter_mut().for_each(forget_reason);
        }
    }
}

/// Takes the reason out of a record, where it has one.
fn forget_reason(record: &mut AnyRecord) {
    if let Some(entry) = record.get::<HistoryEntry>() {
        *record = AnyRecord::new(HistoryEntry { reason: String::new(), ..entry.clone() });
    }
}

fn answered(trigger: (&'static str, &'static str), answer: &Answer) -> &'static str {
    match answer {
        Answer::Yes { .. } => trigger.0,
        Answer::No { .. } => trigger.1,
    }
}

fn row<'a, R: Row>(rows: &'a Rows<Routed>, key: &str) -> Option<&'a R> {
    rows.find(TableId(R::TABLE), key).and_then(AnyRow::get)
}

/// What the input is about: the key of its row.
fn key(trigger: &Trigger<Routed>) -> String {
    match trigger {
        Trigger::Event(event) => event.aggregate_id.clone(),
        Trigger::Command(command) => command.key.text().to_owned(),
        Trigger::Deadline { aggregate_id, .. } | Trigger::Answer { aggregate_id, .. } => aggregate_id.clone(),
    }
}

impl Observed for Order {
    fn state(&self, trigger: &Trigger<Routed>, rows: &Rows<Routed>) -> &'static str {
        row::<OrderRow>(rows, &key(trigger)).map_or("no row", |order| order.status.word())
    }

    fn input(&self, trigger: &Trigger<Routed>, rows: &Rows<Routed>) -> &'static str {
        match trigger {
            Trigger::Event(event) => event.event_type.name,
            Trigger::Command(command) => match command.get::<PlaceOrder>() {
                Some(place) if is_known(place, rows) => "command place again",
                Some(_) => "command place",
                None => "command cancel",
            },
            Trigger::Deadline { .. } => "deadline order",
            Trigger::Answer { .. } => "answer",
        }
    }

    fn spoil(&self, core: &Core, effects: &mut Effects<Routed>) {
        self.0.spoil(core, effects);
    }
}

/// Another request under the same key placed an order before.
fn is_known(place: &PlaceOrder, rows: &Rows<Routed>) -> bool {
    let request = place.request_key.as_deref().and_then(|key| row::<Request>(rows, key));
    let placed = request.and_then(|request| request.order_id.as_ref());
    placed.is_some_and(|order| *order != place.order_id.to_string())
}

impl Observed for Inventory {
    fn state(&self, trigger: &Trigger<Routed>, rows: &Rows<Routed>) -> &'static str {
        let Some(order) = self.aggregate_id(trigger) else { return "stock" };
        match row::<Reservation>(rows, &order) {
            None => "no row",
            Some(row) if row.state == ReservationState::Released && row.items.0.is_empty() => "tombstone",
            Some(row) => row.state.word(),
        }
    }

    fn input(&self, trigger: &Trigger<Routed>, rows: &Rows<Routed>) -> &'static str {
        match trigger {
            Trigger::Event(event) => event.event_type.name,
            Trigger::Command(command) => {
                let (set, stock) = (command.get::<SetStock>(), row::<Stock>(rows, command.key.text()));
                let below = set.zip(stock).is_some_and(|(set, stock)| set.on_hand < stock.reserved);
                if below { "set below what is reserved" } else { "set" }
            }
            Trigger::Deadline { .. } => "deadline",
            Trigger::Answer { .. } => "answer",
        }
    }

    fn aggregate_id(&self, trigger: &Trigger<Routed>) -> Option<String> {
        if let Trigger::Event(event) = trigger { Some(event.aggregate_id.clone()) } else { None }
    }

    fn spoil(&self, core: &Core, effects: &mut Effects<Routed>) {
        self.0.spoil(core, effects);
    }
}

impl Observed for Payment {
    fn state(&self, trigger: &Trigger<Routed>, rows: &Rows<Routed>) -> &'static str {
        row::<PaymentRow>(rows, &key(trigger)).map_or("no row", |payment| payment.state.word())
    }

    fn input(&self, trigger: &Trigger<Routed>, _rows: &Rows<Routed>) -> &'static str {
        match trigger {
            Trigger::Event(event) => event.event_type.name,
            Trigger::Answer { step, answer, .. } if step == "charge" => {
                answered(("answer charge yes", "answer charge no"), answer)
            }
            Trigger::Answer { answer, .. } => answered(("answer refund yes", "answer refund no"), answer),
            Trigger::Command(_) => "command",
            Trigger::Deadline { .. } => "deadline",
        }
    }

    fn spoil(&self, core: &Core, effects: &mut Effects<Routed>) {
        self.0.spoil(core, effects);
    }
}

impl Observed for Shipping {
    fn state(&self, trigger: &Trigger<Routed>, rows: &Rows<Routed>) -> &'static str {
        row::<Shipment>(rows, &key(trigger)).map_or("no row", |shipment| shipment.state.word())
    }

    fn input(&self, trigger: &Trigger<Routed>, _rows: &Rows<Routed>) -> &'static str {
        match trigger {
            Trigger::Event(event) => event.event_type.name,
            Trigger::Answer { answer, .. } => answered(("answer ship yes", "answer ship no"), answer),
            Trigger::Command(_) => "command",
            Trigger::Deadline { .. } => "deadline",
        }
    }

    fn spoil(&self, core: &Core, effects: &mut Effects<Routed>) {
        self.0.spoil(core, effects);
    }
}

impl Observed for Notification {
    fn state(&self, trigger: &Trigger<Routed>, rows: &Rows<Routed>) -> &'static str {
        row::<Notice>(rows, &key(trigger)).map_or("no row", |notice| notice.state.word())
    }

    fn input(&self, trigger: &Trigger<Routed>, _rows: &Rows<Routed>) -> &'static str {
        match trigger {
            Trigger::Event(event) => event.event_type.name,
            Trigger::Answer { answer, .. } => answered(("answer tell yes", "answer tell no"), answer),
            Trigger::Command(_) => "command",
            Trigger::Deadline { .. } => "deadline",
        }
    }

    fn spoil(&self, core: &Core, effects: &mut Effects<Routed>) {
        self.0.spoil(core, effects);
    }
}
