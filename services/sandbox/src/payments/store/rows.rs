use sqlx::PgPool;

use crate::payments::{
    answers::{ChargeAnswer, RefundAnswer},
    page::{Charge, Refund},
    requests::{ChargeRequest, RefundRequest},
};

#[derive(sqlx::FromRow)]
pub(super) struct ChargeRow {
    key: String,
    order_id: Option<String>,
    amount: Option<i64>,
    currency: Option<String>,
    payment_method: Option<String>,
    status: String,
    charge_id: Option<String>,
    reason: Option<String>,
    refunded: i64,
}

#[derive(sqlx::FromRow)]
pub(super) struct RefundRow {
    key: String,
    order_id: String,
    charge_id: String,
    amount: i64,
    currency: String,
    status: String,
    refund_id: Option<String>,
    reason: Option<String>,
}

impl ChargeRow {
    pub(super) fn read(self) -> Result<(String, Charge), sqlx::Error> {
        let request = match (self.order_id, self.amount, self.currency) {
            (Some(order_id), Some(amount), Some(currency)) => {
                Some(ChargeRequest { order_id, amount, currency, payment_method: self.payment_method })
            }
            _ => None,
        };
        let answer = charge_answer(&self.key, &self.status, self.charge_id, self.reason)?;
        Ok((self.key, Charge { request, answer, refunded: self.refunded }))
    }
}

impl RefundRow {
    pub(super) fn read(self) -> Result<(String, Refund), sqlx::Error> {
        let answer = refund_answer(&self.key, &self.status, self.refund_id, self.reason)?;
        let (order_id, charge_id) = (self.order_id, self.charge_id);
        let request = RefundRequest { order_id, charge_id, amount: self.amount, currency: self.currency };
        Ok((self.key, Refund { request, answer }))
    }
}

/// What became of a charge.
pub(crate) async fn find_charge(pool: &PgPool, key: &str) -> Result<Option<ChargeAnswer>, sqlx::Error> {
    let row: Option<(String, Option<String>, Option<String>)> =
        sqlx::query_as("SELECT status, charge_id, reason FROM charge WHERE key = $1")
            .bind(key)
            .fetch_optional(pool)
            .await?;
    row.map(|(status, id, reason)| charge_answer(key, &status, id, reason)).transpose()
}

/// What became of a refund.
pub(crate) async fn find_refund(pool: &PgPool, key: &str) -> Result<Option<RefundAnswer>, sqlx::Error> {
    let row: Option<(String, Option<String>, Option<String>)> =
        sqlx::query_as("SELECT status, refund_id, reason FROM refund WHERE key = $1")
            .bind(key)
            .fetch_optional(pool)
            .await?;
    row.map(|(status, id, reason)| refund_answer(key, &status, id, reason)).transpose()
}

fn charge_answer(
    key: &str,
    status: &str,
    charge_id: Option<String>,
    reason: Option<String>,
) -> Result<ChargeAnswer, sqlx::Error> {
    match (status, charge_id, reason) {
        ("succeeded", Some(charge_id), _) => Ok(ChargeAnswer::Succeeded { charge_id }),
        ("declined", _, Some(reason)) => Ok(ChargeAnswer::Declined { reason }),
        ("cancelled", ..) => Ok(ChargeAnswer::Cancelled),
        _ => Err(unreadable("charge", key)),
    }
}

fn refund_answer(
    key: &str,
    status: &str,
    refund_id: Option<String>,
    reason: Option<String>,
) -> Result<RefundAnswer, sqlx::Error> {
    match (status, refund_id, reason) {
        ("succeeded", Some(refund_id), _) => Ok(RefundAnswer::Succeeded { refund_id }),
        ("declined", _, Some(reason)) => Ok(RefundAnswer::Declined { reason }),
        _ => Err(unreadable("refund", key)),
    }
}

fn unreadable(what: &str, key: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("the row of {what} {key} holds no answer").into())
}
