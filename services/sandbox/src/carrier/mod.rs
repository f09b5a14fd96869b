//! The carrier: parcels handed over.

mod http;
mod requests;
mod rules;
mod store;

use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

pub(crate) use http::routes;

use crate::{behaviour::Behaviour, key_store, lane::Book, reply::Reply};
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
    type Page = Page;
    const BEGIN: &'static str = "BEGIN; SELECT pg_advisory_xact_lock(7070, 2)";

    fn stands_alone(call: &Call) -> bool {
        Behaviour::of_shipment(call.request.city()).takes_key()
    }

    async fn load(connection: &mut PgConnection, calls: &[Call]) -> Result<Page, sqlx::Error> {
        store::load(connection, calls).await
    }

    fn settle(page: &mut Page, call: &Call) -> Reply<Answer> {
        rules::ship(page, call)
    }

    async fn write(connection: &mut PgConnection, page: &Page) -> Result<(), sqlx::Error> {
        store::write(connection, page).await
    }
}
