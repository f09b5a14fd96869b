//! The customers' keys, which order owns: under them it seals where an order goes.

use choreography::Service as _;
use choreography_keys::{Fresh, KeyOwner, OwnedData, SealError};
use clap::ValueEnum;
use contracts::{OrderDetails, topic::CUSTOMER_KEYS};

use crate::Order;

/// What order has of a customer beside their key.
const DATA: OwnedData = OwnedData {
    // Those that have an address: the others hold nothing to erase, and new ones of them may come for ever.
    open_sagas: "SELECT count(*) FROM orders WHERE user_id = $1 AND status IN ('pending', 'cancelling')
                 AND (sealed_address IS NOT NULL OR shipping_address IS NOT NULL)",
    forget: &[
        // Of orders whose address was not sealed. In the order of their keys, as all lock them.
        "WITH locked AS MATERIALIZED (
             SELECT order_id FROM orders WHERE user_id = $1 AND shipping_address IS NOT NULL
             ORDER BY order_id COLLATE \"C\" FOR UPDATE
         )
         UPDATE orders SET shipping_address = NULL WHERE order_id IN (SELECT order_id FROM locked)",
        // The digest of a body is one of its address too. What the request came to stays: a repeat is still one.
        "WITH locked AS MATERIALIZED (
             SELECT request_key FROM requests
             WHERE order_id IN (SELECT order_id FROM orders WHERE user_id = $1) AND body_hash IS NOT NULL
             ORDER BY request_key COLLATE \"C\" FOR UPDATE
         )
         UPDATE requests SET body_hash = NULL WHERE request_key IN (SELECT request_key FROM locked)",
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
    #[must_use]
    pub fn new(personal_data: PersonalData) -> Self {
        Self { keys: KeyOwner::new(Order::NAME, CUSTOMER_KEYS, DATA), personal_data }
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
