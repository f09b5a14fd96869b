use std::collections::{BTreeMap, BTreeSet};

use super::{Answer, requests::ShipmentRequest};

/// The rows a batch of calls touches, and which of them it changed.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) shipments: BTreeMap<String, Shipment>,
    pub(crate) tries: BTreeMap<String, i32>,
    pub(crate) new: BTreeSet<String>,
    pub(crate) tried: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Shipment {
    pub(crate) request: ShipmentRequest,
    pub(crate) answer: Answer,
}
