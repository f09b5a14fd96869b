//! What clients see of an order.

use choreography::{Pool, Problem};
use chrono::{DateTime, Utc};
use contracts::{Address, Item, OrderDetails};
use serde::Serialize;
use sqlx::{AssertSqlSafe, FromRow, Row as _, postgres::PgRow};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    listing::StatusWord,
    request::{NewAddress, NewItem},
};
use crate::{order_row::Status, store};

/// An order as it stands. The payment token is not shown.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Order)]
pub struct OrderView {
    #[schema(value_type = Uuid)]
    order_id: String,
    #[schema(value_type = StatusWord)]
    status: String,
    user_id: String,
    #[schema(value_type = Vec<NewItem>)]
    items: Vec<Item>,
    /// In the currency's minor unit.
    total_amount: i64,
    /// By ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$")]
    currency: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<NewAddress>, nullable = false)]
    shipping_address: Option<Address>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    history: Vec<HistoryView>,
    /// Of a cancelled order.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    cancel_reason: Option<String>,
}

impl OrderView {
    pub fn order_id(&self) -> &str {
        &self.order_id
    }

    /// Whose it is.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }
}

/// A step of an order's history.
#[derive(Serialize, FromRow, ToSchema)]
#[schema(as = HistoryEntry)]
pub struct HistoryView {
    #[schema(value_type = StatusWord)]
    status: String,
    reason: String,
    at: DateTime<Utc>,
}

/// The order as it was placed: the same for every repeat of the request.
pub fn placed(order_id: String, details: OrderDetails, created_at: DateTime<Utc>) -> OrderView {
    let status = Status::Pending.word().to_owned();
    let history = vec![HistoryView { status: status.clone(), reason: "placed".into(), at: created_at }];
    view(order_id, status, details, created_at, created_at, history)
}

/// As [`placed`], of an order that an earlier request placed.
pub async fn placed_before(pool: &Pool, order_id: String) -> Result<OrderView, Problem> {
    let row = one(pool, &order_id).await?.ok_or(sqlx::Error::RowNotFound)?;
    let created_at = row.try_get("created_at")?;
    let details = store::details(&row)?.ok_or(sqlx::Error::RowNotFound)?;
    Ok(placed(order_id, details, created_at))
}

/// The order as it stands; `None` if it was never placed here.
pub async fn find(pool: &Pool, order: Uuid) -> sqlx::Result<Option<OrderView>> {
    let order_id = order.to_string();
    let Some(row) = one(pool, &order_id).await? else { return Ok(None) };
    let history = sqlx::query_as("SELECT status, reason, at FROM order_history WHERE order_id = $1 ORDER BY number")
        .bind(&order_id)
        .fetch_all(pool)
        .await?;
    let Some(details) = store::details(&row)? else { return Ok(None) };
    let (status, created_at, updated_at) =
        (row.try_get("status")?, row.try_get("created_at")?, row.try_get("updated_at")?);
    Ok(Some(view(order_id, status, details, created_at, updated_at, history)))
}

async fn one(pool: &Pool, order_id: &str) -> sqlx::Result<Option<PgRow>> {
    let select = format!("{} WHERE orders.order_id = $1 AND orders.status <> 'none'", store::ORDERS);
    sqlx::query(AssertSqlSafe(select)).bind(order_id).fetch_optional(pool).await
}

fn view(
    order_id: String,
    status: String,
    details: OrderDetails,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    history: Vec<HistoryView>,
) -> OrderView {
    // The payment token is the provider's business: it is not shown.
    let OrderDetails { user_id, total_amount, currency, items, payment_method: _, shipping_address, sealed_address: _ } =
        details;
    let cancelled = history.iter().find(|entry| entry.status == Status::Cancelled.word());
    OrderView {
        cancel_reason: cancelled.map(|entry| entry.reason.clone()),
        order_id,
        status,
        user_id,
        items,
        total_amount,
        currency,
        shipping_address,
        created_at,
        updated_at,
        history,
    }
}
