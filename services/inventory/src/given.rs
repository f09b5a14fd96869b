//! Given / when / then for inventory's rules.

use chrono::DateTime;
use contracts::{Item, OrderPlaced, ShippingDispatched};
use engine::{effects::Effects, participant::Refusal, rows::Rows};
use uuid::Uuid;

use crate::{
    on_no_money_held, on_order_placed, on_shipping_dispatched,
    participant::{Inventory, reservation, stock},
    set_stock::{self, SetStock, StockSet},
    state::{Reservation, ReservationState, Row, Stock, Table},
};

const ORDER: Uuid = Uuid::from_u128(1);

pub struct Given {
    rows: Rows<Inventory>,
}

impl Given {
    pub fn new() -> Self {
        Self { rows: Rows::default() }.reservation(ReservationState::None, &[])
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
        facts(on_order_placed::handle(&event, &mut self.rows, DateTime::UNIX_EPOCH))
    }

    pub fn no_money_held(&mut self) -> Result<Vec<&'static str>, Refusal> {
        facts(on_no_money_held::handle(ORDER, "payment failed", &mut self.rows, DateTime::UNIX_EPOCH))
    }

    pub fn dispatched(&mut self) -> Result<Vec<&'static str>, Refusal> {
        let event = ShippingDispatched { order_id: ORDER, tracking_number: "T1".into() };
        facts(on_shipping_dispatched::handle(&event, &mut self.rows, DateTime::UNIX_EPOCH))
    }

    pub fn set_stock(&mut self, sku: &str, on_hand: i64) -> Result<StockSet, Refusal> {
        let command = SetStock { sku: sku.into(), on_hand };
        set_stock::handle(&command, &mut self.rows, DateTime::UNIX_EPOCH).map(|effects| effects.reply.unwrap())
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

fn facts(effects: Result<Effects<Inventory>, Refusal>) -> Result<Vec<&'static str>, Refusal> {
    effects.map(|effects| effects.facts.iter().map(|fact| fact.event_type).collect())
}
