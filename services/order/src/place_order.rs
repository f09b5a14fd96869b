//! `POST /orders`: an order is placed, once per idempotency key.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contracts::OrderPlaced;
use engine::{
    effects::{Effects, SetDeadline},
    participant::Refusal,
    rows::Rows,
};
use uuid::Uuid;

use crate::{
    participant::{DEADLINE, Order, Reply, advance, earlier_request, order_row},
    state::{Details, OrderRow, Request, Row, Status, Table},
};

/// A validated order.
#[derive(Debug)]
pub struct PlaceOrder {
    /// Newly minted; not used if the request turns out to be a repeat.
    pub order_id: Uuid,
    /// Caller and idempotency key; `None` if the client sent none.
    pub request_key: Option<String>,
    pub body_hash: Vec<u8>,
    pub details: Box<Details>,
}

/// The answer to a request to place an order.
#[derive(Debug, PartialEq)]
pub enum Placed {
    /// It is placed: now, or by the same request before, which gets the same answer.
    Order(PlacedOrder),
    /// The same key came with another body.
    KeyReused,
}

/// The order as it was placed.
#[derive(Debug, PartialEq)]
pub struct PlacedOrder {
    pub order_id: String,
    pub details: Box<Details>,
    pub created_at: DateTime<Utc>,
}

/// none → pending (`order.placed`), with its deadline. A repeat is answered like the first, and changes nothing.
pub(crate) fn handle(
    command: &PlaceOrder,
    deadline: Duration,
    rows: &mut Rows<Order>,
    now: DateTime<Utc>,
) -> Result<Effects<Order>, Refusal> {
    if let Some(request) = earlier_request(rows, command) {
        return repeated(command, request, rows);
    }
    let order = command.order_id.to_string();
    let details = &command.details;
    let fact = shop::fact(OrderPlaced {
        order_id: command.order_id,
        user_id: details.user_id.clone(),
        total_amount: details.total_amount,
        currency: details.currency.clone(),
        items: details.items.clone(),
        payment_method: details.payment_method.clone(),
        shipping_address: details.shipping_address.clone(),
    })?;
    let placed = OrderRow { status: Status::Pending, details: Some(details.clone()), created_at: now, updated_at: now };
    let effects = advance(rows, &order, placed, Status::Pending, "placed", now);
    if let Some(key) = &command.request_key {
        let request = Request { body_hash: command.body_hash.clone(), order_id: order.clone(), at: now };
        rows.set(Table::Requests, key, Row::Request(Some(request)));
    }
    let due_at = now + TimeDelta::from_std(deadline).unwrap_or(TimeDelta::days(365));
    let answer = PlacedOrder { order_id: order.clone(), details: details.clone(), created_at: now };
    Ok(effects
        .fact(fact)
        .deadline(SetDeadline { aggregate_id: order, name: DEADLINE, due_at })
        .reply(Reply::Placed(Placed::Order(answer))))
}

fn repeated(command: &PlaceOrder, request: &Request, rows: &Rows<Order>) -> Result<Effects<Order>, Refusal> {
    if request.body_hash != command.body_hash {
        return Ok(Effects::none().reply(Reply::Placed(Placed::KeyReused)));
    }
    // The first of two in one batch: its row is the fresh one. Otherwise it was locked for this repeat.
    let order_id = request.order_id.clone();
    let row = order_row(rows, &order_id)?;
    let details = row.details.ok_or_else(|| Refusal::Permanent(format!("order {order_id} has lost its details")))?;
    let answer = PlacedOrder { order_id, details, created_at: row.created_at };
    Ok(Effects::none().reply(Reply::Placed(Placed::Order(answer))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::*;

    #[test]
    fn given_nothing_when_placed_then_the_order_is_pending_with_a_deadline() {
        let mut given = Given::new(Status::None);
        assert_eq!(given.placed(1, Some("k"), b"body").0, ["history Pending", "order.placed", "deadline order"]);
        assert_eq!(given.status(), Status::Pending);
    }

    #[test]
    fn given_the_same_key_and_body_when_placed_again_then_the_answer_is_the_first_one() {
        let mut given = Given::new(Status::None);
        let first = given.placed(1, Some("k"), b"body").1;
        let (then, second) = given.placed(2, Some("k"), b"body");
        assert!(then.is_empty());
        assert_eq!(first, second);
    }

    #[test]
    fn given_the_same_key_and_another_body_when_placed_then_it_is_a_conflict() {
        let mut given = Given::new(Status::None);
        given.placed(1, Some("k"), b"body");
        let (then, answer) = given.placed(2, Some("k"), b"other");
        assert!(then.is_empty());
        assert_eq!(answer, Placed::KeyReused);
    }

    #[test]
    fn given_no_key_when_placed_twice_then_there_are_two_orders() {
        let mut given = Given::new(Status::None);
        given.placed(1, None, b"body");
        assert_eq!(given.placed(2, None, b"body").0.len(), 3);
    }
}
