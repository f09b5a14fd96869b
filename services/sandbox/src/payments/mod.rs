//! The payment provider: charges, cancellations by key, refunds.

mod answers;
mod http;
mod page;
mod requests;
mod rules;
mod store;

use sqlx::PgConnection;

pub(crate) use http::routes;

use crate::{lane::Book, reply::Reply};
use answers::Answer;
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
    const BEGIN: &'static str = "BEGIN; SELECT pg_advisory_xact_lock(7070, 1)";

    async fn settle(connection: &mut PgConnection, calls: &[Call]) -> Result<Vec<Reply<Answer>>, sqlx::Error> {
        let mut page = store::load(connection, calls).await?;
        let replies = calls.iter().map(|call| rules::settle(&mut page, call)).collect();
        store::write(connection, &page).await?;
        Ok(replies)
    }
}
