//! Given / when / then for shipping's rules. What follows is told in words.

use contracts::{CancellationReason, Item, OrderCancellationRequested, PaymentSucceeded};
use engine::{
    effects::Effects,
    participant::{Answer, Refusal},
    rows::Rows,
};
use uuid::Uuid;

use crate::{
    on_order_cancellation_requested, on_payment_succeeded, on_ship_answer,
    participant::Shipping,
    state::{Row, State, Table},
};

const ORDER: Uuid = Uuid::from_u128(1);

type Then = Result<Vec<String>, Refusal>;

pub struct Given {
    rows: Rows<Shipping>,
}

impl Given {
    pub fn new(state: State) -> Self {
        let mut rows = Rows::default();
        rows.load(Table::Shipments, ORDER.to_string(), Row { state, tracking_number: None });
        Self { rows }
    }

    pub fn state(&self) -> State {
        self.rows.get(Table::Shipments, &ORDER.to_string()).state
    }

    pub fn paid(&mut self) -> Then {
        let event = PaymentSucceeded {
            order_id: ORDER,
            items: vec![Item { sku: "chair".into(), quantity: 2, price: 100 }],
            amount: 200,
            currency: "EUR".into(),
            charge_id: "ch_1".into(),
            shipping_address: None,
        };
        then(on_payment_succeeded::handle(&event, &mut self.rows))
    }

    pub fn cancellation_requested(&mut self) -> Then {
        let event = OrderCancellationRequested { order_id: ORDER, reason: CancellationReason::Client };
        then(on_order_cancellation_requested::handle(&event, &mut self.rows))
    }

    pub fn carrier_takes_it_as(&mut self, number: &str) -> Then {
        let answer = Answer::Yes { detail: number.into() };
        then(on_ship_answer::handle(&ORDER.to_string(), &answer, &mut self.rows))
    }

    pub fn carrier_answers(&mut self, yes: bool) -> Then {
        let answer = if yes { Answer::Yes { detail: "T1".into() } } else { Answer::No { reason: "not served".into() } };
        then(on_ship_answer::handle(&ORDER.to_string(), &answer, &mut self.rows))
    }
}

fn then(effects: Result<Effects<Shipping>, Refusal>) -> Then {
    effects.map(|effects| {
        let facts = effects.facts.iter().map(|fact| fact.event_type.to_owned());
        let intents = effects.intents.iter().map(|intent| format!("intend {}", intent.step));
        facts.chain(intents).collect()
    })
}
