//! Given / when / then for payment's rules. What follows is told in words.

use chrono::DateTime;
use contracts::{Address, InventoryReserved, Item, ShippingCancelled, ShippingFailed};
use engine::{
    effects::Effects,
    participant::{Answer, Refusal},
    rows::Rows,
};
use uuid::Uuid;

use crate::{
    on_charge_answer, on_inventory_reserved, on_refund_answer, on_shipping_cancelled, on_shipping_failed,
    participant::Payment,
    state::{OrderToPay, Row, State, Table},
};

pub const ORDER: Uuid = Uuid::from_u128(1);

pub const ALL_STATES: [State; 8] = [
    State::None,
    State::Capturing { undo: false },
    State::Capturing { undo: true },
    State::Succeeded,
    State::Failed,
    State::Refunding,
    State::Refunded,
    State::Voided,
];

type Then = Result<Vec<String>, Refusal>;

pub struct Given {
    rows: Rows<Payment>,
}

impl Given {
    pub fn new(state: State) -> Self {
        let order =
            OrderToPay { amount: 200, currency: "EUR".into(), items: items(), shipping_address: Some(address()) };
        let charged = matches!(state, State::Succeeded | State::Refunding | State::Refunded);
        let row = match state {
            State::None | State::Voided => Row { state, ..Row::NONE },
            _ => Row { state, order: Some(order), charge_id: charged.then(|| "ch_1".into()) },
        };
        let mut rows = Rows::default();
        rows.load(Table::Payments, ORDER.to_string(), row);
        Self { rows }
    }

    pub fn state(&self) -> State {
        self.row().state
    }

    pub fn row(&self) -> &Row {
        self.rows.get(Table::Payments, &ORDER.to_string())
    }

    pub fn reserved(&mut self) -> Then {
        then(self.effects_of_reserved())
    }

    pub fn effects_of_reserved(&mut self) -> Result<Effects<Payment>, Refusal> {
        let event = InventoryReserved {
            order_id: ORDER,
            user_id: "ada".into(),
            total_amount: 200,
            currency: "EUR".into(),
            items: items(),
            payment_method: Some("tok_visa".into()),
            shipping_address: Some(address()),
        };
        on_inventory_reserved::handle(&event, &mut self.rows)
    }

    pub fn shipping_failed(&mut self) -> Then {
        let event = ShippingFailed { order_id: ORDER, reason: "refused".into() };
        then(on_shipping_failed::handle(&event, &mut self.rows))
    }

    pub fn shipping_cancelled(&mut self) -> Then {
        let event = ShippingCancelled { order_id: ORDER, reason: "client".into() };
        then(on_shipping_cancelled::handle(&event, &mut self.rows))
    }

    pub fn charged(&mut self, yes: bool) -> Then {
        then(self.effects_of_charge(&answer(yes, "ch_1")))
    }

    pub fn effects_of_charge(&mut self, answer: &Answer) -> Result<Effects<Payment>, Refusal> {
        on_charge_answer::handle(&ORDER.to_string(), answer, &mut self.rows, DateTime::UNIX_EPOCH)
    }

    pub fn refunded_as(&mut self, name: &str) -> Then {
        let answer = answer(true, name);
        then(on_refund_answer::handle(&ORDER.to_string(), &answer, &mut self.rows, DateTime::UNIX_EPOCH))
    }

    pub fn refunded(&mut self, yes: bool) -> Then {
        then(on_refund_answer::handle(&ORDER.to_string(), &answer(yes, "re_1"), &mut self.rows, DateTime::UNIX_EPOCH))
    }
}

pub fn address() -> Address {
    Address {
        name: "Ada".into(),
        line1: "1 Road".into(),
        line2: None,
        postal_code: "8010".into(),
        city: "Graz".into(),
        country: "AT".into(),
    }
}

pub fn items() -> Vec<Item> {
    vec![Item { sku: "chair".into(), quantity: 2, price: 100 }]
}

fn answer(yes: bool, detail: &str) -> Answer {
    if yes { Answer::Yes { detail: detail.into() } } else { Answer::No { reason: "declined".into() } }
}

fn then(effects: Result<Effects<Payment>, Refusal>) -> Then {
    effects.map(|effects| {
        let records = effects.records.iter().map(|entry| format!("ledger {:?}", entry.kind));
        let facts = effects.facts.iter().map(|fact| fact.event_type.to_owned());
        let intents = effects.intents.iter().map(|intent| format!("intend {}", intent.step));
        let amended = effects.amended.iter().map(|intent| format!("amend {} {}", intent.step, intent.request));
        records.chain(facts).chain(intents).chain(amended).collect()
    })
}
