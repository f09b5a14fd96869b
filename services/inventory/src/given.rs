//! Given / when / then for inventory's rules.

use chrono::DateTime;
use contracts::{Item, OrderPlaced, PaymentFailed, PaymentRefunded, PaymentVoided, ShippingDispatched};
use engine::{effects::Effects, participant::Refusal, rows::Rows};
use uuid::Uuid;

use crate::{
    on_order_placed, on_payment_failed, on_payment_refunded, on_payment_voided, on_shipping_dispatched,
    participant::{Inventory, reservation, stock},
    set_stock::{self, SetStock, StockSet},
    state::{Change, LedgerEntry, Reservation, ReservationState, Row, Stock, Table},
};

const ORDER: Uuid = Uuid::from_u128(1);

/// The ways in which payment says that no money is held.
#[derive(Clone, Copy, Debug)]
pub enum Undo {
    Failed,
    Refunded,
    Voided,
}

pub const UNDOS: [Undo; 3] = [Undo::Failed, Undo::Refunded, Undo::Voided];

pub struct Given {
    rows: Rows<Inventory>,
    ledger: Vec<LedgerEntry>,
}

impl Given {
    pub fn new() -> Self {
        Self { rows: Rows::default(), ledger: Vec::new() }.reservation(ReservationState::None, &[])
    }

    pub fn stock(mut self, sku: &str, available: i64) -> Self {
        self.rows.load(Table::Stock, sku, Row::Stock(Stock { available, reserved: 0, shipped: 0 }));
        self
    }

    pub fn reservation(mut self, state: ReservationState, items: &[(&str, u32)]) -> Self {
        let row = Row::Reservation(Reservation { state, items: items.iter().map(item).collect() });
        self.rows.load(Table::Reservations, ORDER.to_string(), row);
        self
    }

    pub fn placed(&mut self, items: &[(&str, u32)]) -> Result<Vec<&'static str>, Refusal> {
        let items: Vec<Item> = items.iter().map(item).collect();
        let event = OrderPlaced {
            order_id: ORDER,
            user_id: "ada".into(),
            total_amount: contracts::total_amount(&items).unwrap(),
            currency: "EUR".into(),
            items,
            payment_method: None,
            shipping_address: None,
        };
        let effects = on_order_placed::handle(&event, &mut self.rows, DateTime::UNIX_EPOCH);
        self.then(effects)
    }

    pub fn no_money_held(&mut self, undo: Undo) -> Result<Vec<&'static str>, Refusal> {
        let (rows, now, order_id) = (&mut self.rows, DateTime::UNIX_EPOCH, ORDER);
        // As long as an event allows: what is said about it must still fit.
        let reason = "x".repeat(500);
        let effects = match undo {
            Undo::Failed => on_payment_failed::handle(&PaymentFailed { order_id, reason }, rows, now),
            Undo::Refunded => {
                let (currency, refund_id) = ("EUR".into(), "re_1".into());
                let event = PaymentRefunded { order_id, amount: 200, currency, refund_id };
                on_payment_refunded::handle(&event, rows, now)
            }
            Undo::Voided => on_payment_voided::handle(&PaymentVoided { order_id, reason }, rows, now),
        };
        self.then(effects)
    }

    pub fn dispatched(&mut self) -> Result<Vec<&'static str>, Refusal> {
        let event = ShippingDispatched { order_id: ORDER, tracking_number: "T1".into() };
        let effects = on_shipping_dispatched::handle(&event, &mut self.rows, DateTime::UNIX_EPOCH);
        self.then(effects)
    }

    pub fn set_stock(&mut self, sku: &str, on_hand: i64) -> Result<StockSet, Refusal> {
        let command = SetStock { sku: sku.into(), on_hand };
        let mut effects = set_stock::handle(&command, &mut self.rows, DateTime::UNIX_EPOCH)?;
        self.ledger.append(&mut effects.records);
        effects.reply.ok_or_else(|| Refusal::Permanent("no reply".into()))
    }

    fn then(&mut self, effects: Result<Effects<Inventory>, Refusal>) -> Result<Vec<&'static str>, Refusal> {
        let mut effects = effects?;
        self.ledger.append(&mut effects.records);
        Ok(effects.facts.iter().map(|fact| fact.event_type).collect())
    }

    /// What was written to the ledger, in order.
    pub fn ledger(&self) -> Vec<(&str, Change)> {
        self.ledger.iter().map(|entry| (entry.sku.as_str(), entry.change)).collect()
    }

    pub fn state(&self) -> ReservationState {
        reservation(&self.rows, &ORDER.to_string()).unwrap().state
    }

    /// Available, reserved, shipped.
    pub fn counts(&self, sku: &str) -> (i64, i64, i64) {
        let stock = stock(&self.rows, sku).unwrap();
        (stock.available, stock.reserved, stock.shipped)
    }
}

fn item((sku, quantity): &(&str, u32)) -> Item {
    Item { sku: (*sku).to_owned(), quantity: *quantity, price: 100 }
}
