//! The payment provider, the carrier and the mail service: they take each key once, answer late, or not at all.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use payment::provider::{ChargeAnswer, ChargeRequest, NoAnswer, Provider, RefundAnswer, RefundRequest};
use shipping::carrier::{Carrier, ShipmentAnswer, ShipmentRequest};

use choreography_simulator::{
    Fault,
    core::{Core, lock, pause},
};
use notification::mailer::{Mailer, Message, MessageAnswer};

use crate::plant::Plant;

/// What the outside world has done, by idempotency key.
#[derive(Default)]
pub struct Ledger {
    pub charges: BTreeMap<String, (String, i64, ChargeAnswer)>,
    pub refunds: BTreeMap<String, (String, i64)>,
    pub shipments: BTreeMap<String, (ShipmentRequest, ShipmentAnswer)>,
    pub messages: BTreeMap<String, (Message, MessageAnswer)>,
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

    /// A call that may break before it arrives, or after, or arrive when nobody waits for it any more.
    async fn call<T>(
        &self,
        name: &'static str,
        act: impl FnOnce(&mut Ledger) -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        self.core.enter(name);
        pause().await;
        if self.core.strikes(Fault::CallLost) {
            return Err(NoAnswer::TimedOut);
        }
        if self.core.strikes(Fault::CallStalls) {
            lock(&self.late).push_back(Box::new(|ledger| drop(act(ledger))));
            return Err(NoAnswer::TimedOut);
        }
        let answer = act(&mut lock(&self.ledger));
        pause().await;
        if self.core.strikes(Fault::AnswerLost) { Err(NoAnswer::TimedOut) } else { Ok(answer) }
    }

    /// Whether nothing is on its way.
    pub fn is_quiet(&self) -> bool {
        lock(&self.late).is_empty()
    }

    /// One call lands that nobody waits for any more.
    pub fn land_late(&self) -> bool {
        let late = lock(&self.late).pop_front();
        let landed = late.is_some();
        late.into_iter().for_each(|act| act(&mut lock(&self.ledger)));
        landed
    }
}

impl Provider for World {
    async fn charge(&self, key: &str, request: &ChargeRequest) -> Result<ChargeAnswer, NoAnswer> {
        let declined = request.payment_method.as_deref() == Some("tok_declined");
        let (mut key, order, amount) = (key.to_owned(), request.order_id.clone(), request.amount);
        if self.plant == Some(Plant::KeyIgnored) {
            key = format!("{key} {}", self.core.random());
        }
        self.call("charge", move |ledger| {
            let answer = if declined {
                ChargeAnswer::Declined { reason: "declined".into() }
            } else {
                ChargeAnswer::Succeeded { charge_id: format!("ch_{key}") }
            };
            ledger.charges.entry(key).or_insert((order, amount, answer)).2.clone()
        })
        .await
    }

    async fn find_charge(&self, key: &str) -> Result<Option<ChargeAnswer>, NoAnswer> {
        let key = key.to_owned();
        self.call("find_charge", move |ledger| ledger.charges.get(&key).map(|(_, _, answer)| answer.clone())).await
    }

    async fn cancel_charge(&self, key: &str) -> Result<ChargeAnswer, NoAnswer> {
        let key = key.to_owned();
        self.call("cancel_charge", move |ledger| {
            let cancelled = (String::new(), 0, ChargeAnswer::Cancelled);
            ledger.charges.entry(key).or_insert(cancelled).2.clone()
        })
        .await
    }

    async fn refund(&self, key: &str, request: &RefundRequest) -> Result<RefundAnswer, NoAnswer> {
        let (key, order, amount) = (key.to_owned(), request.order_id.clone(), request.amount);
        let (core, declined) = (self.core.clone(), self.core.would_strike_at(Fault::Declined, "refund"));
        self.call("refund", move |ledger| {
            if declined && !ledger.refunds.contains_key(&key) {
                core.count_fault(Fault::Declined, "refund");
                return RefundAnswer::Declined { reason: "not today".into() };
            }
            ledger.refunds.entry(key.clone()).or_insert((order, amount));
            RefundAnswer::Succeeded { refund_id: format!("re_{key}") }
        })
        .await
    }

    async fn find_refund(&self, key: &str) -> Result<Option<RefundAnswer>, NoAnswer> {
        let key = key.to_owned();
        self.call("find_refund", move |ledger| {
            ledger.refunds.contains_key(&key).then(|| RefundAnswer::Succeeded { refund_id: format!("re_{key}") })
        })
        .await
    }
}

impl Carrier for World {
    async fn ship(&self, key: &str, request: &ShipmentRequest) -> Result<ShipmentAnswer, NoAnswer> {
        let refused = request.address.is_none();
        let (key, mut request) = (key.to_owned(), request.clone());
        if self.plant == Some(Plant::ShortShipment) {
            request.items.iter_mut().for_each(|item| item.quantity -= 1);
        }
        self.call("ship", move |ledger| {
            let answer = if refused {
                ShipmentAnswer::Refused { reason: "no address".into() }
            } else {
                ShipmentAnswer::Accepted { tracking_number: format!("T_{key}") }
            };
            ledger.shipments.entry(key).or_insert((request, answer)).1.clone()
        })
        .await
    }

    async fn find_shipment(&self, key: &str) -> Result<Option<ShipmentAnswer>, NoAnswer> {
        let key = key.to_owned();
        self.call("find_shipment", move |ledger| ledger.shipments.get(&key).map(|(_, answer)| answer.clone())).await
    }
}

impl Mailer for World {
    async fn send(&self, key: &str, message: &Message) -> Result<MessageAnswer, NoAnswer> {
        let refused = self.core.pick(6) == 0;
        let (key, message) = (key.to_owned(), message.clone());
        self.call("tell", move |ledger| {
            let answer = if refused {
                MessageAnswer::Refused { reason: "no such customer".into() }
            } else {
                MessageAnswer::Sent { message_id: format!("m_{key}") }
            };
            ledger.messages.entry(key).or_insert((message, answer)).1.clone()
        })
        .await
    }

    async fn find_message(&self, key: &str) -> Result<Option<MessageAnswer>, NoAnswer> {
        let key = key.to_owned();
        self.call("find_message", move |ledger| ledger.messages.get(&key).map(|(_, answer)| answer.clone())).await
    }
}
