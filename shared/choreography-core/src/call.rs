//! External calls: requests to a provider, written down before they are made.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

/// An external call: the request to a provider, and the type of answer that the rule takes. Its idempotency key is made
/// of the aggregate's id and the step, so it survives any crash.
///
/// Mostly the request itself stands for the call. A service that makes several calls gives each an answer of its own, so that
/// the compiler keeps the rule for one from being declared for another:
///
/// ```
/// # use choreography_core::{Answer, Call, routes::{Moment, Reacts, Routes, Service, nothing}, table};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Clone, Debug, Default, PartialEq)] pub struct Account { pub paid: bool }
/// # table!(Account in accounts by order_id: paid);
/// # pub struct Cashier;
/// #[derive(Debug, Serialize, Deserialize)]
/// pub struct Charge {
///     pub amount: i64,
/// }
///
/// impl Call for Charge {
///     const STEP: &'static str = "charge";
///     type Request = Self;
///     type Answer = Charged;
/// }
///
/// pub struct Charged(pub Answer);
///
/// impl From<Answer> for Charged {
///     fn from(answer: Answer) -> Self {
///         Self(answer)
///     }
/// }
///
/// fn charged(_: &Charged, account: &mut Account, _: &Moment<'_, Cashier>) -> Reacts {
///     account.paid = true;
///     Ok(nothing())
/// }
///
/// impl Service for Cashier {
///     type Aggregate = Account;
///     const NAME: &'static str = "cashier";
///     fn routes(on: &mut Routes<Self>) {
///         on.answer::<Charge>(charged);
///     }
/// }
/// ```
///
/// With the rule of another call it does not compile:
///
/// ```compile_fail,E0308
/// # use choreography_core::{Answer, Call, routes::{Moment, Reacts, Routes, Service, nothing}, table};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Clone, Debug, Default, PartialEq)] pub struct Account { pub paid: bool }
/// # table!(Account in accounts by order_id: paid);
/// # pub struct Cashier;
/// # #[derive(Debug, Serialize, Deserialize)]
/// # pub struct Charge {
/// #     pub amount: i64,
/// # }
/// # impl Call for Charge {
/// #     const STEP: &'static str = "charge";
/// #     type Request = Self;
/// #     type Answer = Charged;
/// # }
/// # pub struct Charged(pub Answer);
/// # impl From<Answer> for Charged {
/// #     fn from(answer: Answer) -> Self {
/// #         Self(answer)
/// #     }
/// # }
/// pub struct Refunded(pub Answer);
///
/// fn refunded(_: &Refunded, account: &mut Account, _: &Moment<'_, Cashier>) -> Reacts {
///     account.paid = false;
///     Ok(nothing())
/// }
///
/// impl Service for Cashier {
///     type Aggregate = Account;
///     const NAME: &'static str = "cashier";
///     fn routes(on: &mut Routes<Self>) {
///         on.answer::<Charge>(refunded);
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no external call",
    label = "this needs a step, a request and an answer",
    note = "implement `Call` for it"
)]
pub trait Call: 'static {
    /// Names the call within its aggregate, such as `charge`.
    const STEP: &'static str;
    /// What the provider is asked for. It is kept as JSON until the answer is there, so a later version must still read it.
    type Request: Serialize + DeserializeOwned + fmt::Debug + Send + Sync + 'static;
    /// What the rule takes: the [`Answer`] as it came, or a type of the service's that is made of it. An answer of which none can
    /// be made is refused: the call stays open, is reported, and is asked about again.
    type Answer: TryFrom<Answer, Error: fmt::Display> + 'static;
}

/// A definite answer of a provider. "No answer" is not among them: it is neither yes nor no, so the engine asks again.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It was done.
    Yes {
        /// What the provider named it: a charge id, a tracking number.
        detail: String,
    },
    /// It was not done and never will be under this key.
    No {
        /// In the provider's words.
        reason: String,
    },
}
