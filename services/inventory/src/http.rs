//! Inventory's API: `GET /stock`, `GET /stock/{sku}`, `PUT /stock/{sku}`.

use api::Gate;
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use choreography::{Context, Pool, Problem, ProblemType, Trace};
use serde::{Deserialize, Serialize};
use shop::body::Body;
use utoipa::{OpenApi as _, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    set_stock::{SetStock, StockSet},
    stock::Stock,
};

const MAX_ON_HAND: i64 = 1_000_000_000_000;
const PAGE: i64 = 1_000;
const MAX_BODY: usize = 4 * 1024;

const UNKNOWN: ProblemType =
    ProblemType::new("unknown-stock", StatusCode::NOT_FOUND, "No stock was ever set for this article");
const BELOW_RESERVED: ProblemType = ProblemType::new(
    "stock-below-reserved",
    StatusCode::CONFLICT,
    "More pieces are reserved for orders than would be on hand",
);

#[derive(utoipa::OpenApi)]
#[openapi(info(contact()))]
struct Document;

/// The service's routes.
pub fn routes(context: Context, gate: Gate) -> OpenApiRouter {
    let setting = [
        ProblemType::MALFORMED,
        ProblemType::INVALID_FIELD,
        ProblemType::REFUSED,
        ProblemType::OUTCOME_UNKNOWN,
        BELOW_RESERVED,
    ];
    let api = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(list))
        .routes(Problem::refusing(routes!(show), &[ProblemType::MALFORMED, ProblemType::INVALID_FIELD, UNKNOWN]))
        .routes(Problem::refusing(routes!(set), &setting));
    gate.before_back_office(api.with_state(context))
}

/// How many pieces there are to be.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewStock {
    /// Reserved pieces included.
    #[schema(minimum = 0, maximum = 1_000_000_000_000_i64)]
    on_hand: i64,
}

/// The stock of an article.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Stock)]
struct StockView {
    #[schema(pattern = "^[A-Za-z0-9._-]{1,64}$")]
    sku: String,
    /// Available and reserved pieces together.
    on_hand: i64,
    available: i64,
    reserved: i64,
    shipped: i64,
}

impl StockView {
    fn new(sku: String, stock: Stock) -> Self {
        let Stock { available, reserved, shipped } = stock;
        Self { sku, on_hand: available + reserved, available, reserved, shipped }
    }
}

/// Sets what is on hand of an article.
#[utoipa::path(put, path = "/stock/{sku}", operation_id = "setStock", request_body = NewStock, params(
    ("sku" = String, Path, pattern = "^[A-Za-z0-9._-]{1,64}$"),
), responses((status = 200, body = StockView)))]
async fn set(
    State(context): State<Context>,
    Path(sku): Path<String>,
    Trace(trace): Trace,
    body: Body<MAX_BODY>,
) -> Result<Json<StockView>, Problem> {
    check_sku(&sku)?;
    let NewStock { on_hand } = shop::body::read(body)?;
    if !(0..=MAX_ON_HAND).contains(&on_hand) {
        return Err(Problem::field("onHand", format!("onHand: must be 0 to {MAX_ON_HAND}, is {on_hand}")));
    }
    let command = SetStock { sku: sku.clone(), on_hand };
    match context.commands.ask(command, trace).await? {
        StockSet::Done(stock) => Ok(Json(StockView::new(sku, stock))),
        StockSet::BelowReserved(Stock { reserved, .. }) => {
            let why = format!("{reserved} of {sku} are reserved for orders; {on_hand} on hand would be too few");
            Err(Problem::new(BELOW_RESERVED, why).with("reserved", reserved))
        }
    }
}

fn check_sku(sku: &str) -> Result<(), Problem> {
    contracts::check::sku("sku", sku).map_err(|invalid| Problem::field("sku", invalid))
}

/// Shows the stock of an article.
#[utoipa::path(get, path = "/stock/{sku}", operation_id = "stock", params(
    ("sku" = String, Path, pattern = "^[A-Za-z0-9._-]{1,64}$"),
), responses((status = 200, body = StockView)))]
async fn show(State(context): State<Context>, Path(sku): Path<String>) -> Result<Json<StockView>, Problem> {
    check_sku(&sku)?;
    let mut found = read(&context.pool, Some(&sku)).await?;
    found.pop().map(Json).ok_or_else(|| Problem::new(UNKNOWN, format!("no stock was ever set for {sku}")))
}

/// Lists the first 1,000 articles, by name.
#[utoipa::path(get, path = "/stock", operation_id = "allStock", responses((status = 200, body = [StockView])))]
async fn list(State(context): State<Context>) -> Result<Json<Vec<StockView>>, Problem> {
    Ok(Json(read(&context.pool, None).await?))
}

/// Only SKUs whose stock was set once are known. A SKU that was only ever set to zero has no row.
async fn read(pool: &Pool, sku: Option<&str>) -> sqlx::Result<Vec<StockView>> {
    let rows: Vec<(String, i64, i64, i64)> = sqlx::query_as(
        "SELECT sku, coalesce(available, 0), coalesce(reserved, 0), coalesce(shipped, 0)
         FROM (SELECT DISTINCT sku FROM stock_ledger WHERE change = 'set' AND ($1::text IS NULL OR sku = $1)) AS known
              LEFT JOIN stock USING (sku)
         ORDER BY sku LIMIT $2",
    )
    .bind(sku)
    .bind(PAGE)
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(sku, available, reserved, shipped)| StockView::new(sku, Stock { available, reserved, shipped }))
        .collect())
}
