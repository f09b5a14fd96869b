//! The carrier: parcels handed over.

mod http;
mod requests;
mod rules;
mod store;

use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

pub(crate) use http::routes;

use crate::{key_store, lane::Book, reply::Reply};
use requests::ShipmentRequest;

/// The carrier's side of the ledger.
pub(crate) struct CarrierBook;

type Call = key_store::Call<ShipmentRequest>;
type Page = key_store::Page<ShipmentRequest, Answer>;

/// A shipment's final answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "lowercase")]
#[schema(as = ShipmentAnswer)]
pub(crate) enum Answer {
    #[serde(rename_all = "camelCase")]
    Accepted {
        tracking_number: String,
    },
    Refused {
        reason: String,
    },
}

impl Book for CarrierBook {
    type Call = Call;
    type Answer = Answer;
    const BEGIN: &'static str = "BEGIN; SELECT pg_advisory_xact_lock(7070, 2)";

    async fn settle(connection: &mut PgConnection, calls: &[Call]) -> Result<Vec<Reply<Answer>>, sqlx::Error> {
        let mut page = store::load(connection, calls).await?;
        let replies = calls.iter().map(|call| rules::ship(&mut page, call)).collect();
        store::write(connection, &page).await?;
        Ok(replies)
    }
}
