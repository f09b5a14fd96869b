//! What the test tokens do.

/// Tries of a flaky key that are answered by 503, or by 409.
pub(crate) const FAILED_TRIES: i32 = 2;

/// How a request behaves, by a token in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Usual,
    /// The answer is no, for this reason.
    No(&'static str),
    /// The first tries fail and do nothing.
    Flaky,
    /// As flaky, but said to be still at work on it.
    AtWork,
    /// Refused as malformed for ever, which does nothing.
    Unacceptable,
    /// Done at once, told late.
    Late,
    /// Done, and never told.
    Silent,
}

impl Behaviour {
    /// Whether the first tries fail.
    pub(crate) fn counts_tries(self) -> bool {
        matches!(self, Behaviour::Flaky | Behaviour::AtWork)
    }

    /// Whether the first try takes the key, for good.
    pub(crate) fn takes_key(self) -> bool {
        !self.counts_tries() && self != Behaviour::Unacceptable
    }

    pub(crate) fn of_charge(payment_method: Option<&str>) -> Self {
        match payment_method {
            None => Behaviour::No("no payment method"),
            Some("tok_declined") => Behaviour::No("the card was declined"),
            Some("tok_flaky") => Behaviour::Flaky,
            Some("tok_at_work") => Behaviour::AtWork,
            Some("tok_unacceptable") => Behaviour::Unacceptable,
            Some("tok_late") => Behaviour::Late,
            Some("tok_silent") => Behaviour::Silent,
            Some(_) => Behaviour::Usual,
        }
    }

    pub(crate) fn of_refund(payment_method: Option<&str>) -> Self {
        match payment_method {
            Some("tok_refund_flaky") => Behaviour::Flaky,
            _ => Behaviour::Usual,
        }
    }

    /// `None`: there is no address. `Some(None)`: there is one without a city.
    pub(crate) fn of_shipment(city: Option<Option<&str>>) -> Self {
        match city {
            None => Behaviour::No("no address"),
            Some(Some("Nowhere")) => Behaviour::No("no carrier delivers to Nowhere"),
            Some(Some("Flakytown")) => Behaviour::Flaky,
            Some(Some("Latetown")) => Behaviour::Late,
            Some(Some("Silentville")) => Behaviour::Silent,
            Some(_) => Behaviour::Usual,
        }
    }

    pub(crate) fn of_message(user_id: &str) -> Self {
        match user_id {
            "usr_unknown" => Behaviour::No("no user is known by this id"),
            "usr_flaky" => Behaviour::Flaky,
            "usr_late" => Behaviour::Late,
            "usr_silent" => Behaviour::Silent,
            _ => Behaviour::Usual,
        }
    }
}
