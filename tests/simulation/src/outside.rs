//! The payment provider and the carrier: they take each key once, answer late, or not at all.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use payment::provider::{ChargeAnswer, ChargeRequest, NoAnswer, Provider, RefundAnswer, RefundRequest};
use shipping::carrier::{Carrier, ShipmentAnswer, ShipmentRequest};

use crate::core::{Core, lock, pause};

/// What the outside world has done, by idempotency key.
#[derive(Default)]
pub struct Ledger {
    pub charges: BTreeMap<String, (String, i64, ChargeAnswer)>,
    pub refunds: BTreeMap<String, (String, i64)>,
    pub shipments: BTreeMap<String, (String, ShipmentAnswer)>,
}

#[derive(Clone)]
pub struct World {
    pub core: Arc<Core>,
    pub ledger: Arc<Mutex<Ledger>>,
}

impl World {
    /// A call that may break before it arrives, or after.
    async fn call<T>(&self, act: impl FnOnce(&mut Ledger) -> T) -> Result<T, NoAnswer> {
        pause().await;
        if self.core.fault(12) {
            return Err(NoAnswer::TimedOut);
        }
        let answer = act(&mut lock(&self.ledger));
        pause().await;
        if self.core.fault(8) { Err(NoAnswer::TimedOut) } else { Ok(answer) }
    }
}

impl Provider for World {
    async fn charge(&self, key: &str, request: &ChargeRequest) -> Result<ChargeAnswer, NoAnswer> {
        let declined = request.payment_method.as_deref() == Some("tok_declined");
        self.call(|ledger| {
            let answer = if declined {
                ChargeAnswer::Declined { reason: "declined".into() }
            } else {
                ChargeAnswer::Succeeded { charge_id: format!("ch_{key}") }
            };
            let entry = (request.order_id.clone(), request.amount, answer);
            ledger.charges.entry(key.to_owned()).or_insert(entry).2.clone()
        })
        .await
    }

    async fn find_charge(&self, key: &str) -> Result<Option<ChargeAnswer>, NoAnswer> {
        self.call(|ledger| ledger.charges.get(key).map(|(_, _, answer)| answer.clone())).await
    }

    async fn cancel_charge(&self, key: &str) -> Result<ChargeAnswer, NoAnswer> {
        self.call(|ledger| {
            let cancelled = (String::new(), 0, ChargeAnswer::Cancelled);
            ledger.charges.entry(key.to_owned()).or_insert(cancelled).2.clone()
        })
        .await
    }

    async fn refund(&self, key: &str, request: &RefundRequest) -> Result<RefundAnswer, NoAnswer> {
        self.call(|ledger| {
            ledger.refunds.entry(key.to_owned()).or_insert((request.order_id.clone(), request.amount));
            RefundAnswer::Succeeded { refund_id: format!("re_{key}") }
        })
        .await
    }

    async fn find_refund(&self, key: &str) -> Result<Option<RefundAnswer>, NoAnswer> {
        self.call(|ledger| {
            ledger.refunds.contains_key(key).then(|| RefundAnswer::Succeeded { refund_id: format!("re_{key}") })
        })
        .await
    }
}

impl Carrier for World {
    async fn ship(&self, key: &str, request: &ShipmentRequest) -> Result<ShipmentAnswer, NoAnswer> {
        let refused = request.address.is_none();
        self.call(|ledger| {
            let answer = if refused {
                ShipmentAnswer::Refused { reason: "no address".into() }
            } else {
                ShipmentAnswer::Accepted { tracking_number: format!("T_{key}") }
            };
            ledger.shipments.entry(key.to_owned()).or_insert((request.order_id.clone(), answer)).1.clone()
        })
        .await
    }

    async fn find_shipment(&self, key: &str) -> Result<Option<ShipmentAnswer>, NoAnswer> {
        self.call(|ledger| ledger.shipments.get(key).map(|(_, answer)| answer.clone())).await
    }
}
