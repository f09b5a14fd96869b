//! The payment provider: charges, cancellations by key, refunds.

mod answers;
mod http;
mod page;
mod requests;
mod rules;
mod store;

use sqlx::PgConnection;

pub(crate) use http::routes;

use crate::{behaviour::Behaviour, lane::Book, reply::Reply};
use answers::Answer;
use page::Page;
use requests::{ChargeRequest, RefundRequest};

/// The payments' side of the ledger.
pub(crate) struct PaymentBook;

/// One thing asked of the provider.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Charge { key: String, request: ChargeRequest },
    CancelCharge { key: String },
    Refund { key: String, request: RefundRequest },
}

impl Book for PaymentBook {
    type Call = Call;
    type Answer = Answer;
    type Page = Page;
    const BEGIN: &'static str = "BEGIN; SELECT pg_advisory_xact_lock(7070, 1)";

    fn stands_alone(call: &Call) -> bool {
        match call {
            Call::Charge { request, .. } => Behaviour::of_charge(request.payment_method.as_deref()).takes_key(),
            Call::CancelCharge { .. } => true,
            // Its charge decides.
            Call::Refund { .. } => false,
        }
    }

    async fn load(connection: &mut PgConnection, calls: &[Call]) -> Result<Page, sqlx::Error> {
        store::load(connection, calls).await
    }

    fn settle(page: &mut Page, call: &Call) -> Reply<Answer> {
        rules::settle(page, call)
    }

    async fn write(connection: &mut PgConnection, page: &Page) -> Result<(), sqlx::Error> {
        store::write(connection, page).await
    }
}
