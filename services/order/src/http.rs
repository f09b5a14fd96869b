//! Order's API: `POST /orders`, `GET /orders/{id}`, `POST /orders/{id}/cancel`.

mod request;
mod view;

use api::{Caller, Gate};
use axum::{
    Extension, Json, Router,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderMap, StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use choreography::{Context, CorrelationId, Pool, Problem, Trace};
#[doc(hidden)]
pub use request::NewOrder;
use serde_json::json;
use shop::body::Body;
use uuid::Uuid;
use view::OrderView;

use crate::{
    cancel_order::CancelOrder,
    idempotency,
    order_row::Status,
    place_order::{PlaceOrder, Placed},
};

type Service = Context;

const MAX_BODY: usize = 64 * 1024;

/// The service's routes.
pub fn routes(context: Service, gate: Gate) -> Router {
    let api = Router::new()
        .route("/orders", post(place))
        .route("/orders/{order_id}", get(show))
        .route("/orders/{order_id}/cancel", post(cancel))
        .with_state(context);
    gate.before(api)
}

async fn place(
    State(context): State<Service>,
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
        return Err(Problem {
            status: StatusCode::FORBIDDEN,
            error: "userId: orders can be placed for the token's own subject only".into(),
            field: Some("userId".into()),
        });
    }
    let order_id = Uuid::now_v7();
    let command = PlaceOrder { order_id, request_key, body_hash, details: details.clone() };
    let view = match context.commands.ask(command, trace).await? {
        Placed::Now(at) => view::placed(order_id.to_string(), *details, at),
        Placed::Before(order_id) => view::placed_before(&context.pool, order_id).await?,
        Placed::KeyReused => {
            return Err(Problem {
                status: StatusCode::CONFLICT,
                error: "this Idempotency-Key was used for another order; use a new key for a new order".into(),
                field: Some("Idempotency-Key".into()),
            });
        }
    };
    let location = format!("/orders/{}", view.order_id());
    let saga = Extension(CorrelationId(view.order_id().to_owned()));
    Ok((StatusCode::ACCEPTED, [(LOCATION, location)], saga, Json(view)).into_response())
}

async fn cancel(
    State(context): State<Service>,
    caller: Caller,
    order: OrderId,
    Trace(trace): Trace,
) -> Result<Response, Problem> {
    let order = order_id(order)?;
    // Asking first keeps requests for unknown orders from leaving rows behind.
    find_for(&caller, &context.pool, order).await?;
    match context.commands.ask(CancelOrder(order), trace).await? {
        Status::Completed => {
            Err(Problem::new(StatusCode::CONFLICT, format!("order {order} is completed: it is too late to cancel it")))
        }
        status => {
            let saga = Extension(CorrelationId(order.to_string()));
            let body = json!({ "orderId": order, "status": status.word() });
            Ok((StatusCode::ACCEPTED, saga, Json(body)).into_response())
        }
    }
}

async fn show(State(context): State<Service>, caller: Caller, order: OrderId) -> Result<Response, Problem> {
    let order = order_id(order)?;
    Ok(Json(find_for(&caller, &context.pool, order).await?).into_response())
}

/// Another's order is answered like one that is not there: nothing can be learnt by guessing.
async fn find_for(caller: &Caller, pool: &Pool, order: Uuid) -> Result<OrderView, Problem> {
    let found = view::find(pool, order).await?;
    found.filter(|found| caller.may_act_for(found.user_id())).ok_or_else(|| unknown(order))
}

type OrderId = Result<Path<Uuid>, PathRejection>;

fn order_id(path: OrderId) -> Result<Uuid, Problem> {
    path.map(|Path(order)| order).map_err(|_| Problem {
        status: StatusCode::BAD_REQUEST,
        error: "orderId: must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057".into(),
        field: Some("orderId".into()),
    })
}

fn unknown(order: Uuid) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, format!("no order {order} was placed here"))
}
