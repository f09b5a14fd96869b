//! Order's API: `POST /orders`, `GET /orders`, `GET /orders/{id}`, `POST /orders/{id}/cancel`, and the [erasure] of customers.

mod cursor;
mod erasure;
mod listing;
mod problems;
mod request;
mod view;

use api::{Caller, Gate};
use axum::{
    Extension, Json,
    extract::{Path, Query, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
};
use choreography::{Context, CorrelationId, Pool, Problem, ProblemType, Trace};
use listing::{Listing, Wanted};
#[doc(hidden)]
pub use listing::{OF_A_CUSTOMER, OF_ALL};
use problems::{BEING_ERASED, FOREIGN, KEY_REUSED, TOO_LATE, UNKNOWN};
#[doc(hidden)]
pub use request::NewOrder;
use serde::Serialize;
use shop::body::Body;
use utoipa::{OpenApi as _, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;
use view::OrderView;

use crate::{
    cancel_order::CancelOrder,
    customers::Customers,
    idempotency,
    order_row::Status,
    place_order::{PlaceOrder, Placed},
};

type Service = Context;

const MAX_BODY: usize = 64 * 1024;

#[derive(utoipa::OpenApi)]
#[openapi(info(contact()))]
struct Document;

/// The service's routes.
pub fn routes(context: Service, gate: Gate, customers: Customers) -> OpenApiRouter {
    // What comes of any command.
    let commanding = [ProblemType::REFUSED, ProblemType::OUTCOME_UNKNOWN];
    let placing = Problem::refusing(routes!(place), &commanding);
    let cancelling = Problem::refusing(routes!(cancel), &commanding);
    let placing_only = [ProblemType::MALFORMED, ProblemType::INVALID_FIELD, FOREIGN, KEY_REUSED, BEING_ERASED];
    let api = OpenApiRouter::with_openapi(Document::openapi())
        .routes(Problem::refusing(placing, &placing_only))
        .routes(Problem::refusing(routes!(list), &[ProblemType::INVALID_PARAMETER, FOREIGN]))
        .routes(Problem::refusing(routes!(show), &[ProblemType::INVALID_PARAMETER, UNKNOWN]))
        .routes(Problem::refusing(cancelling, &[ProblemType::INVALID_PARAMETER, UNKNOWN, TOO_LATE]))
        .routes(erasure::routes());
    gate.before(api.with_state(context).layer(Extension(customers)))
}

/// Places an order.
#[utoipa::path(post, path = "/orders", operation_id = "placeOrder", request_body = NewOrder, params(
    ("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to repeat.",
     pattern = "^[!-~]{1,200}$"),
    ("X-Client-Id" = Option<String>, Header, description = "Names the caller where no tokens are needed.",
     pattern = "^[!-~]{1,200}$"),
), responses((
    status = 202, description = "It is accepted and durable. A repeat under the same key gets the same answer.", body = OrderView,
    headers(("Location" = String, description = "Where the order is.")),
)))]
async fn place(
    State(context): State<Service>,
    Extension(customers): Extension<Customers>,
    caller: Caller,
    Trace(trace): Trace,
    headers: HeaderMap,
    body: Body<MAX_BODY>,
) -> Result<Response, Problem> {
    let request_key = idempotency::request_key(&caller, &headers)?;
    let order: NewOrder = shop::body::read(body)?;
    // Without a key there is nothing to compare the body with.
    let body_hash = request_key.as_ref().map(|_| idempotency::body_hash(&order)).unwrap_or_default();
    let details = Box::new(order.into_details()?);
    if !caller.may_act_for(&details.user_id) {
        return Err(problems::foreign("userId: orders can be placed for the token's own subject only"));
    }
    let order_id = Uuid::now_v7();
    let fresh = customers.fresh(&details).map_err(|error| Problem::new(ProblemType::UNAVAILABLE, error))?;
    let command = PlaceOrder { order_id, request_key, body_hash, details: details.clone(), fresh };
    let view = match context.commands.ask(command, trace).await? {
        Placed::Now(at) => {
            customers.keys.tell();
            view::placed(order_id.to_string(), *details, at)
        }
        Placed::Before(order_id) => view::placed_before(&context.pool, order_id).await?,
        Placed::BeingErased => {
            let why =
                "this customer's personal data is erased once their open orders have ended; order again after that";
            return Err(Problem::new(BEING_ERASED, why).about("userId"));
        }
        Placed::KeyReused => {
            let why = "this Idempotency-Key was used for another order; use a new key for a new order";
            return Err(Problem::new(KEY_REUSED, why).about("Idempotency-Key"));
        }
    };
    let location = format!("/orders/{}", view.order_id());
    let saga = Extension(CorrelationId(view.order_id().to_owned()));
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)], saga, Json(view)).into_response())
}

/// What a cancellation was answered with.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Cancellation {
    order_id: Uuid,
    /// Where the order stands now: it may be too late yet.
    #[schema(pattern = "^(cancelling|cancelled)$")]
    status: &'static str,
}

/// Requests the cancellation of an order.
#[utoipa::path(post, path = "/orders/{order_id}/cancel", operation_id = "cancelOrder", params(("order_id" = Uuid, Path)), responses(
    (status = 202, description = "It is requested. Shipping decides whether it is too late.", body = Cancellation),
))]
async fn cancel(
    State(context): State<Service>,
    caller: Caller,
    order: OrderId,
    Trace(trace): Trace,
) -> Result<Response, Problem> {
    let order_id = order_id(order)?;
    // Asking first keeps requests for unknown orders from leaving rows behind.
    find_for(&caller, &context.pool, order_id).await?;
    match context.commands.ask(CancelOrder(order_id), trace).await? {
        Status::Completed => {
            Err(Problem::new(TOO_LATE, format!("order {order_id} is completed: it is too late to cancel it")))
        }
        status => {
            let saga = Extension(CorrelationId(order_id.to_string()));
            let body = Cancellation { order_id, status: status.word() };
            Ok((StatusCode::ACCEPTED, saga, Json(body)).into_response())
        }
    }
}

/// Lists orders, newest first.
///
/// A page may be shorter than its limit, if orders of a status are few: only where `next` is missing does the list end.
#[utoipa::path(get, path = "/orders", operation_id = "listOrders", params(Wanted), responses((status = 200, body = Listing)))]
async fn list(
    State(context): State<Service>,
    caller: Caller,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Result<Json<Listing>, Problem> {
    let wanted = Wanted::read(pairs)?.of(&caller)?;
    Ok(Json(wanted.find(&context.pool).await?))
}

/// Shows an order.
#[utoipa::path(get, path = "/orders/{order_id}", operation_id = "order", params(("order_id" = Uuid, Path)), responses(
    (status = 200, body = OrderView),
))]
async fn show(State(context): State<Service>, caller: Caller, order: OrderId) -> Result<Json<OrderView>, Problem> {
    let order = order_id(order)?;
    find_for(&caller, &context.pool, order).await.map(Json)
}

/// Another's order is answered like one that is not there: nothing can be learnt by guessing.
async fn find_for(caller: &Caller, pool: &Pool, order: Uuid) -> Result<OrderView, Problem> {
    let found = view::find(pool, order).await?;
    found.filter(|found| caller.may_act_for(found.user_id())).ok_or_else(|| problems::unknown(order))
}

type OrderId = Result<Path<Uuid>, PathRejection>;

fn order_id(path: OrderId) -> Result<Uuid, Problem> {
    path.map(|Path(order)| order).map_err(|_| {
        Problem::parameter("orderId", "orderId: must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")
    })
}
