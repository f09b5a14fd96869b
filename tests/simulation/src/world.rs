//! The payment provider, the carrier and the mail service: they take each key once, answer late, or not at all.

use std::{
    any::Any,
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use choreography_core::{Answer, Call};
use choreography_simulator::{
    Fault,
    core::{Core, lock, pause},
};
use notification::Message;
use payment::calls::{Charge, Refund};
use providers::{KeyedProvider, ProviderError, Request};
use shipping::shipment::Ship;

use crate::plant::Plant;

/// What the outside world has done, by idempotency key.
#[derive(Default)]
pub struct Ledger {
    pub charges: BTreeMap<String, (String, i64, Answer)>,
    pub refunds: BTreeMap<String, (String, i64)>,
    pub shipments: BTreeMap<String, (String, Ship, Answer)>,
    pub messages: BTreeMap<String, (String, Message, Answer)>,
}

/// A call that its caller has given up, on its way.
type Late = Box<dyn FnOnce(&mut Ledger) + Send>;

#[derive(Clone)]
pub struct World {
    core: Arc<Core>,
    plant: Option<Plant>,
    pub ledger: Arc<Mutex<Ledger>>,
    late: Arc<Mutex<VecDeque<Late>>>,
}

impl World {
    pub fn new(core: Arc<Core>, plant: Option<Plant>) -> Self {
        Self { core, plant, ledger: Arc::default(), late: Arc::default() }
    }

    /// A call that may break before it arrives, or after, or arrive when its caller no longer waits for it.
    async fn call<T>(
        &self,
        name: &'static str,
        act: impl FnOnce(&mut Ledger) -> T + Send + 'static,
    ) -> Result<T, ProviderError> {
        self.core.enter(name);
        pause().await;
        if self.core.strikes(Fault::CallLost) {
            return Err(ProviderError::TimedOut);
        }
        if self.core.strikes(Fault::CallStalls) {
            lock(&self.late).push_back(Box::new(|ledger| drop(act(ledger))));
            return Err(ProviderError::TimedOut);
        }
        let answer = act(&mut lock(&self.ledger));
        pause().await;
        if self.core.strikes(Fault::AnswerLost) { Err(ProviderError::TimedOut) } else { Ok(answer) }
    }

    /// Whether nothing is on its way.
    pub fn is_quiet(&self) -> bool {
        lock(&self.late).is_empty()
    }

    /// One call lands whose caller no longer waits for it.
    pub fn land_late(&self) -> bool {
        let late = lock(&self.late).pop_front();
        let landed = late.is_some();
        late.into_iter().for_each(|act| act(&mut lock(&self.ledger)));
        landed
    }
}

impl KeyedProvider for World {
    async fn send<R: Request>(&self, key: &str, order_id: &str, request: &R) -> Result<Answer, ProviderError> {
        let request: &(dyn Any + Send + Sync) = request;
        if let Some(charge) = request.downcast_ref() {
            self.charge(key, order_id, charge).await
        } else if let Some(refund) = request.downcast_ref() {
            self.refund(key, order_id, refund).await
        } else if let Some(ship) = request.downcast_ref() {
            self.ship(key, order_id, ship).await
        } else if let Some(message) = request.downcast_ref() {
            self.tell(key, order_id, message).await
        } else {
            panic!("no provider takes {}", R::STEP)
        }
    }

    async fn find<R: Request>(&self, key: &str) -> Result<Option<Answer>, ProviderError> {
        let key = key.to_owned();
        match R::STEP {
            Charge::STEP => {
                let find = move |ledger: &mut Ledger| ledger.charges.get(&key).map(|(_, _, answer)| answer.clone());
                self.call("find_charge", find).await
            }
            Refund::STEP => {
                let find = move |ledger: &mut Ledger| ledger.refunds.contains_key(&key).then(|| refunded(&key));
                self.call("find_refund", find).await
            }
            Ship::STEP => {
                let find = move |ledger: &mut Ledger| ledger.shipments.get(&key).map(|(_, _, answer)| answer.clone());
                self.call("find_shipment", find).await
            }
            _ => {
                let find = move |ledger: &mut Ledger| ledger.messages.get(&key).map(|(_, _, answer)| answer.clone());
                self.call("find_message", find).await
            }
        }
    }

    async fn cancel<R: Request>(&self, key: &str) -> Result<Answer, ProviderError> {
        let key = key.to_owned();
        self.call("cancel_charge", move |ledger| {
            let cancelled = no("cancelled at the provider");
            ledger.charges.entry(key).or_insert((String::new(), 0, cancelled)).2.clone()
        })
        .await
    }
}

impl World {
    async fn charge(&self, key: &str, order_id: &str, charge: &Charge) -> Result<Answer, ProviderError> {
        let declined = charge.payment_method.as_deref() == Some("tok_declined");
        let (mut key, order, amount) = (key.to_owned(), order_id.to_owned(), charge.amount);
        if self.plant == Some(Plant::KeyIgnored) {
            key = format!("{key} {}", self.core.random());
        }
        self.call("charge", move |ledger| {
            let answer = if declined { no("declined") } else { yes(format!("ch_{key}")) };
            ledger.charges.entry(key).or_insert((order, amount, answer)).2.clone()
        })
        .await
    }

    async fn refund(&self, key: &str, order_id: &str, refund: &Refund) -> Result<Answer, ProviderError> {
        let (key, order, amount) = (key.to_owned(), order_id.to_owned(), refund.amount);
        let (core, declined) = (self.core.clone(), self.core.would_strike_at(Fault::Declined, "refund"));
        self.call("refund", move |ledger| {
            if declined && !ledger.refunds.contains_key(&key) {
                core.count_fault(Fault::Declined, "refund");
                return no("not today");
            }
            ledger.refunds.entry(key.clone()).or_insert((order, amount));
            refunded(&key)
        })
        .await
    }

    async fn ship(&self, key: &str, order_id: &str, ship: &Ship) -> Result<Answer, ProviderError> {
        let refused = ship.address.is_none() && ship.sealed_address.is_none();
        let (key, order, mut ship) = (key.to_owned(), order_id.to_owned(), ship.clone());
        if self.plant == Some(Plant::ShortShipment) {
            ship.items.iter_mut().for_each(|item| item.quantity -= 1);
        }
        self.call("ship", move |ledger| {
            let answer = if refused { no("no address") } else { yes(format!("T_{key}")) };
            ledger.shipments.entry(key).or_insert((order, ship, answer)).2.clone()
        })
        .await
    }

    async fn tell(&self, key: &str, order_id: &str, message: &Message) -> Result<Answer, ProviderError> {
        let refused = self.core.pick(6) == 0;
        let (key, order, message) = (key.to_owned(), order_id.to_owned(), message.clone());
        self.call("tell", move |ledger| {
            let answer = if refused { no("no such customer") } else { yes(format!("m_{key}")) };
            ledger.messages.entry(key).or_insert((order, message, answer)).2.clone()
        })
        .await
    }
}

fn yes(detail: String) -> Answer {
    Answer::Yes { detail }
}

fn no(reason: &str) -> Answer {
    Answer::No { reason: reason.into() }
}

fn refunded(key: &str) -> Answer {
    yes(format!("re_{key}"))
}
