//! The mail service: messages to customers.

mod http;
mod requests;
mod rules;
mod store;

use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;

pub(crate) use http::routes;

use crate::{behaviour::Behaviour, key_store, lane::Book, reply::Reply};
use requests::MessageRequest;

/// The mail service's side of the ledger.
pub(crate) struct MessageBook;

type Call = key_store::Call<MessageRequest>;
type Page = key_store::Page<MessageRequest, Answer>;

/// A message's final answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "status", rename_all = "lowercase")]
#[schema(as = MessageAnswer)]
pub(crate) enum Answer {
    #[serde(rename_all = "camelCase")]
    Sent {
        message_id: String,
    },
    Refused {
        reason: String,
    },
}

impl Book for MessageBook {
    type Call = Call;
    type Answer = Answer;
    type Page = Page;
    const BEGIN: &'static str = "BEGIN; SELECT pg_advisory_xact_lock(7070, 3)";

    fn stands_alone(call: &Call) -> bool {
        Behaviour::of_message(&call.request.user_id).takes_key()
    }

    async fn load(connection: &mut PgConnection, calls: &[Call]) -> Result<Page, sqlx::Error> {
        store::load(connection, calls).await
    }

    fn settle(page: &mut Page, call: &Call) -> Reply<Answer> {
        rules::send(page, call)
    }

    async fn write(connection: &mut PgConnection, page: &Page) -> Result<(), sqlx::Error> {
        store::write(connection, page).await
    }
}
