//! `POST /orders`: an order is placed, once per idempotency key.

use choreography::{Command, Further, Key, Moment, Reaction, Refusal, nothing};
use choreography_keys::{Fresh, OwnedKey};
use chrono::{DateTime, TimeDelta, Utc};
use contracts::{OrderDetails, OrderPlaced};
use uuid::Uuid;

use crate::{
    Order,
    order_row::{DEADLINE, OrderRow, Status},
    request::Request,
};

/// A validated order.
#[derive(Debug)]
pub struct PlaceOrder {
    /// Newly minted; not used if the request turns out to be a repeat.
    pub order_id: Uuid,
    /// Caller and idempotency key; `None` if the client sent none.
    pub request_key: Option<String>,
    /// Of a request with a key.
    pub body_hash: Vec<u8>,
    pub details: Box<OrderDetails>,
    /// To seal where the order goes; without it an address stays in clear.
    pub fresh: Option<Fresh>,
}

/// The answer to a request to place an order.
#[derive(Debug, PartialEq)]
pub enum Placed {
    /// It is placed now, at this moment.
    Now(DateTime<Utc>),
    /// The same request placed this order before; it is to be answered like that one.
    Before(String),
    /// The same key came with another body.
    KeyReused,
    /// The customer's personal data is about to be erased: once their open orders have ended.
    BeingErased,
}

impl Command for PlaceOrder {
    type Row = OrderRow;
    type Reply = Placed;

    fn key(&self) -> Key {
        Key::Fresh(self.order_id.to_string())
    }
}

/// The request's own row, if it has a key.
pub(crate) fn request_key(command: &PlaceOrder) -> Vec<String> {
    command.request_key.iter().cloned().collect()
}

/// The customer's key. Its lock also keeps an erasure from passing an order that is being placed.
pub(crate) fn customer(command: &PlaceOrder) -> Vec<String> {
    command.details.shipping_address.iter().map(|_| command.details.user_id.clone()).collect()
}

/// none → pending (`order.placed`), with its deadline. A repeat changes nothing.
pub(crate) fn handle(
    command: &PlaceOrder,
    order: &mut OrderRow,
    requests: &mut Further<Request>,
    keys: &mut Further<OwnedKey>,
    at: &Moment<'_, Order>,
) -> Result<(Placed, Reaction), Refusal> {
    if let Some(key) = &command.request_key {
        let request = requests.get(key);
        if let Some(order_id) = &request.order_id {
            // An erasure takes the digest, and leaves what the request came to.
            let same = request.body_hash.as_ref().is_none_or(|hash| *hash == command.body_hash);
            return Ok((if same { Placed::Before(order_id.clone()) } else { Placed::KeyReused }, nothing()));
        }
    }
    if keys.iter().any(|(_, key)| key.erasure_asked_at.is_some()) {
        return Ok((Placed::BeingErased, nothing()));
    }
    if let Some(key) = &command.request_key {
        let (body_hash, order_id) = (Some(command.body_hash.clone()), Some(at.aggregate_id.to_owned()));
        *requests.get_mut(key) = Request { body_hash, order_id, at: at.now };
    }
    let details = sealed(command, keys, at.now)?;
    *order = OrderRow::placed(details.clone(), at.now);
    let due_at = at.now + TimeDelta::from_std(at.service.deadline).unwrap_or(TimeDelta::days(365));
    let placed = OrderPlaced { order_id: command.order_id, details };
    let reaction = order.advance(Status::Pending, "placed", at).deadline(DEADLINE, due_at).publish(placed);
    Ok((Placed::Now(at.now), reaction))
}

/// What was ordered as it is kept and published: where it goes is sealed, if the command brings what seals it.
fn sealed(command: &PlaceOrder, keys: &mut Further<OwnedKey>, now: DateTime<Utc>) -> Result<OrderDetails, Refusal> {
    let mut details = OrderDetails::clone(&command.details);
    let Some(fresh) = &command.fresh else { return Ok(details) };
    let Some(address) = details.shipping_address.take() else { return Ok(details) };
    let key = keys.get_mut(&details.user_id);
    details.sealed_address =
        Some(shop::sealed_address::seal(key, &details.user_id, command.order_id, &address, (fresh, now))?);
    Ok(details)
}

#[cfg(test)]
mod tests {
    use choreography_keys::HeldKey;
    use contracts::Address;

    use super::*;
    use crate::samples::*;

    fn place(id: u128, key: Option<&str>, body: &[u8]) -> PlaceOrder {
        let (order_id, request_key) = (Uuid::from_u128(id), key.map(str::to_owned));
        PlaceOrder { order_id, request_key, body_hash: body.to_vec(), details: Box::new(details()), fresh: None }
    }

    fn place_to(address: Address, id: u128) -> PlaceOrder {
        let details = Box::new(OrderDetails { shipping_address: Some(address), ..details() });
        PlaceOrder { details, fresh: Some(Fresh::of(id as u8)), ..place(id, Some("k"), b"body") }
    }

    #[test]
    fn given_nothing_when_placed_then_the_order_is_pending_with_a_deadline() {
        let mut given = given_nothing();
        let (reply, then) = given.command(place(1, Some("k"), b"body")).unwrap();
        assert_eq!(then, ["record order_history", "order.placed", "deadline order"]);
        assert_eq!(reply, Placed::Now(given.now));
        assert_eq!(then.deadline(DEADLINE), Some(given.now + TimeDelta::seconds(60)));
        let event = &then.published::<OrderPlaced>()[0];
        assert_eq!((event.order_id, &event.details), (ORDER, &details()));
        let row: OrderRow = given.find(ORDER);
        assert_eq!((row.status, row.details()), (Status::Pending, Some(details())));
    }

    #[test]
    fn given_the_same_key_and_body_when_placed_again_then_it_is_the_order_of_before_and_leaves_no_row() {
        let mut given = given_nothing();
        given.command(place(1, Some("k"), b"body")).unwrap();
        let (reply, then) = given.command(place(2, Some("k"), b"body")).unwrap();
        assert_eq!(reply, Placed::Before(ORDER.to_string()));
        assert_eq!(then, []);
        assert_eq!(given.find::<OrderRow>(Uuid::from_u128(2)), OrderRow::default());
    }

    #[test]
    fn given_the_same_key_and_another_body_when_placed_then_it_is_a_conflict() {
        let mut given = given_nothing();
        given.command(place(1, Some("k"), b"body")).unwrap();
        let (reply, then) = given.command(place(2, Some("k"), b"other")).unwrap();
        assert_eq!(reply, Placed::KeyReused);
        assert_eq!(then, []);
    }

    #[test]
    fn given_no_key_when_placed_twice_then_there_are_two_orders() {
        let mut given = given_nothing();
        for id in [1, 2] {
            assert_eq!(given.command(place(id, None, b"body")).unwrap().1.words().len(), 3);
            assert_eq!(given.find::<OrderRow>(Uuid::from_u128(id)).status, Status::Pending);
        }
    }

    #[test]
    fn given_an_address_when_placed_then_it_is_sealed_under_the_customers_key() {
        let mut given = given_nothing();
        given.command(place_to(address(), 1)).unwrap();
        let key: OwnedKey = given.find("ada");
        assert_eq!(key.key, Some(Fresh::of(1).key));
        let (_, then) = given.command(PlaceOrder { request_key: None, ..place_to(address(), 2) }).unwrap();
        assert_eq!(given.find::<OwnedKey>("ada"), key, "the second order has the same key");
        let event = then.published::<OrderPlaced>().remove(0);
        let row: OrderRow = given.find(Uuid::from_u128(2));
        assert_eq!((event.details.shipping_address, row.shipping_address), (None, None));
        let sealed = event.details.sealed_address.unwrap();
        assert_eq!(row.sealed_address.as_ref(), Some(&sealed));
        let held = HeldKey { generation: key.generation, key: key.key };
        let opened = shop::sealed_address::shown(&sealed, &held, Uuid::from_u128(2)).unwrap();
        assert_eq!(opened, Some(address()));
    }

    #[test]
    fn given_nothing_to_seal_with_when_placed_then_the_address_stays_in_clear_and_there_is_no_key() {
        let mut given = given_nothing();
        let (_, then) = given.command(PlaceOrder { fresh: None, ..place_to(address(), 1) }).unwrap();
        let (event, row) = (then.published::<OrderPlaced>().remove(0), given.find::<OrderRow>(ORDER));
        assert_eq!((event.details.shipping_address, event.details.sealed_address), (Some(address()), None));
        assert_eq!((row.shipping_address.map(|address| address.0), row.sealed_address), (Some(address()), None));
        assert_eq!(given.find::<OwnedKey>("ada"), OwnedKey::default());
    }

    #[test]
    fn given_an_erasure_that_waits_when_placed_then_it_is_refused_and_a_repeat_is_answered_as_before() {
        let mut given = given_nothing();
        given.command(place_to(address(), 1)).unwrap();
        let key: OwnedKey = given.find("ada");
        let mut given = given.row("ada", OwnedKey { erasure_asked_at: Some(DateTime::UNIX_EPOCH), ..key });
        let (reply, then) = given.command(PlaceOrder { request_key: None, ..place_to(address(), 2) }).unwrap();
        assert_eq!((reply, then.words()), (Placed::BeingErased, vec![]));
        let (reply, _) = given.command(place_to(address(), 3)).unwrap();
        assert_eq!(reply, Placed::Before(ORDER.to_string()));
    }
}
