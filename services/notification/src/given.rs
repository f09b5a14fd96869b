//! Given / when / then for notification's rules. What follows is told in words.

use contracts::{Item, OrderCancelled, OrderCompleted, OrderPlaced};
use engine::{
    effects::Effects,
    participant::{Answer, Refusal},
    rows::Rows,
};
use uuid::Uuid;

use crate::{
    mailer::MessageRequest,
    on_order_cancelled, on_order_completed, on_order_placed, on_tell_answer,
    participant::Notification,
    state::{Row, Table},
};

const ORDER: Uuid = Uuid::from_u128(1);

type Then = Result<Vec<String>, Refusal>;

pub struct Given {
    rows: Rows<Notification>,
}

impl Given {
    pub fn nothing() -> Self {
        let mut rows = Rows::default();
        rows.load(Table::Notices, ORDER.to_string(), Row::NONE);
        Self { rows }
    }

    pub fn row(&self) -> Row {
        self.rows.get(Table::Notices, &ORDER.to_string()).clone()
    }

    pub fn placed(&mut self) -> Then {
        then(on_order_placed::handle(&placed(ORDER), &mut self.rows))
    }

    pub fn completed(&mut self) -> Then {
        then(on_order_completed::handle(&OrderCompleted { order_id: ORDER }, &mut self.rows))
    }

    pub fn cancelled(&mut self) -> Then {
        let event = OrderCancelled { order_id: ORDER, reason: "out of stock".into() };
        then(on_order_cancelled::handle(&event, &mut self.rows))
    }

    pub fn mail_service_answers(&mut self, yes: bool) -> Then {
        let answer = if yes { Answer::Yes { detail: "m1".into() } } else { Answer::No { reason: "unknown".into() } };
        then(on_tell_answer::handle(&ORDER.to_string(), &answer, &mut self.rows))
    }
}

pub fn placed(order_id: Uuid) -> OrderPlaced {
    OrderPlaced {
        order_id,
        user_id: "ada".into(),
        total_amount: 100,
        currency: "EUR".into(),
        items: vec![Item { sku: "chair".into(), quantity: 1, price: 100 }],
        payment_method: None,
        shipping_address: None,
    }
}

fn then(effects: Result<Effects<Notification>, Refusal>) -> Then {
    effects.map(|effects| {
        assert!(effects.facts.is_empty(), "it publishes nothing");
        let requests = effects.intents.iter().map(|intent| serde_json::from_str(&intent.request).unwrap());
        requests.map(|message: MessageRequest| format!("{}: {}", message.user_id, message.text)).collect()
    })
}
