//! Inventory's API: `GET /stock`, `GET /stock/{sku}`, `PUT /stock/{sku}`.

use api::Gate;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use choreography::{Context, Pool, Problem, Trace};
use serde::{Deserialize, Serialize};
use shop::body::Body;

use crate::{
    set_stock::{SetStock, StockSet},
    stock::Stock,
};

const MAX_ON_HAND: i64 = 1_000_000_000_000;
const PAGE: i64 = 1_000;
const MAX_BODY: usize = 4 * 1024;

/// The service's routes.
pub fn routes(context: Context, gate: Gate) -> Router {
    let api = Router::new().route("/stock", get(list)).route("/stock/{sku}", get(show).put(set)).with_state(context);
    gate.before_back_office(api)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewStock {
    on_hand: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StockView {
    sku: String,
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

async fn set(
    State(context): State<Context>,
    Path(sku): Path<String>,
    Trace(trace): Trace,
    body: Body<MAX_BODY>,
) -> Result<Response, Problem> {
    check_sku(&sku)?;
    let NewStock { on_hand } = shop::body::read(body)?;
    if !(0..=MAX_ON_HAND).contains(&on_hand) {
        return Err(Problem::field("onHand", format!("onHand: must be 0 to {MAX_ON_HAND}, is {on_hand}")));
    }
    let command = SetStock { sku: sku.clone(), on_hand };
    match context.commands.ask(command, trace).await? {
        StockSet::Done(stock) => Ok(Json(StockView::new(sku, stock)).into_response()),
        StockSet::BelowReserved(stock) => Err(Problem::new(
            StatusCode::CONFLICT,
            format!("{} of {sku} are reserved for orders; {on_hand} on hand would be too few", stock.reserved),
        )),
    }
}

fn check_sku(sku: &str) -> Result<(), Problem> {
    contracts::check::sku("sku", sku).map_err(|invalid| Problem::field("sku", invalid))
}

async fn show(State(context): State<Context>, Path(sku): Path<String>) -> Result<Json<StockView>, Problem> {
    check_sku(&sku)?;
    let mut found = read(&context.pool, Some(&sku)).await?;
    found.pop().map(Json).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("no stock was ever set for {sku}")))
}

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
