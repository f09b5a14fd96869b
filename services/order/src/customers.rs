//! The customers' keys, which order owns: under them it seals where an order goes.

use std::time::Duration;

use choreography::Service as _;
use choreography_keys::{Fresh, KeyOwner, OwnedData, SealError};
use clap::ValueEnum;
use contracts::{OrderDetails, topic::CUSTOMER_KEYS};

use crate::Order;

/// What order has of a customer beside their key.
const DATA: OwnedData = OwnedData {
    open_sagas: "SELECT count(*) FROM orders WHERE user_id = $1 AND status IN ('pending', 'cancelling')",
    forget: &[
        // The digest of a body is one of its address too.
        "DELETE FROM requests WHERE order_id IN (SELECT order_id FROM orders WHERE user_id = $1)",
        // Of orders whose address was not sealed.
        "UPDATE orders SET shipping_address = NULL WHERE user_id = $1 AND shipping_address IS NOT NULL",
    ],
};

/// How order writes down where an order goes. It reads both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PersonalData {
    /// Under the customer's key.
    Sealed,
    /// As before there were keys: for as long as readers run that know nothing of sealed addresses.
    Clear,
}

/// The customers' keys, and whether addresses are sealed under them.
#[derive(Clone)]
pub struct Customers {
    pub keys: KeyOwner,
    personal_data: PersonalData,
}

impl Customers {
    /// `segment`: the `segment.ms` of the keys' topic.
    #[must_use]
    pub fn new(segment: Duration, personal_data: PersonalData) -> Self {
        Self { keys: KeyOwner::new(Order::NAME, CUSTOMER_KEYS, DATA, segment), personal_data }
    }

    /// What an order's address is to be sealed with; `None`: it has none, or it stays in clear.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn fresh(&self, details: &OrderDetails) -> Result<Option<Fresh>, SealError> {
        let seals = details.shipping_address.is_some() && self.personal_data == PersonalData::Sealed;
        seals.then(Fresh::draw).transpose()
    }
}
