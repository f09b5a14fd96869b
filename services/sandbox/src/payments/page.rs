use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    answers::{ChargeAnswer, RefundAnswer},
    requests::{ChargeRequest, RefundRequest},
};

/// The rows a batch of calls touches, and which of them it changed.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) charges: BTreeMap<String, Charge>,
    /// Charge ids to keys.
    pub(crate) charge_keys: HashMap<String, String>,
    pub(crate) refunds: BTreeMap<String, Refund>,
    pub(crate) charge_tries: BTreeMap<String, i32>,
    pub(crate) refund_tries: BTreeMap<String, i32>,
    pub(crate) new_charges: BTreeSet<String>,
    pub(crate) new_refunds: BTreeSet<String>,
    /// Keys of charges of which more was given back.
    pub(crate) refunded: BTreeSet<String>,
    pub(crate) tried_charges: BTreeSet<String>,
    pub(crate) tried_refunds: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Charge {
    /// `None`: cancelled before it came.
    pub(crate) request: Option<ChargeRequest>,
    pub(crate) answer: ChargeAnswer,
    pub(crate) refunded: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) request: RefundRequest,
    pub(crate) answer: RefundAnswer,
}

impl Page {
    pub(crate) fn add_charge(&mut self, key: &str, charge: Charge) {
        if let ChargeAnswer::Succeeded { charge_id } = &charge.answer {
            self.charge_keys.insert(charge_id.clone(), key.to_owned());
        }
        self.charges.insert(key.to_owned(), charge);
    }

    /// The charge a refund speaks of, with its key.
    pub(crate) fn charge_of(&mut self, request: &RefundRequest) -> Option<(String, &mut Charge)> {
        let key = self.charge_keys.get(&request.charge_id)?;
        let charge = self.charges.get_mut(key)?;
        let same =
            charge.request.as_ref().is_some_and(|r| r.order_id == request.order_id && r.currency == request.currency);
        same.then(|| (key.clone(), charge))
    }
}
