//! `GET /orders`: which orders are wanted, and a page of them.
//!
//! Order ids are UUIDv7, so their order is that of time. A page goes on behind the last id of the page before: what is placed
//! meanwhile comes before the first page, and moves nothing. Each index that this goes by is of columns that never change, so that
//! an order's way to its end stays as cheap as it was.

use api::Caller;
use choreography::{Pool, Problem};
use chrono::{DateTime, Utc};
use contracts::check;
use serde::Serialize;
use sqlx::FromRow;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{cursor, problems};
use crate::order_row::Status;

const USUAL: i64 = 50;
const MOST: i64 = 200;
/// So many orders are looked at for one page, where only those of a status are wanted.
const LOOKED_AT: i64 = 5_000;
/// Before any order.
const NEWEST: Uuid = Uuid::max();

/// Which orders are wanted.
#[derive(Debug, PartialEq, IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub struct Wanted {
    /// Most orders of the page.
    #[param(minimum = 1, maximum = 200, default = 50, required = false)]
    limit: i64,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Uuid>,
    /// Only those of this status.
    #[param(value_type = Option<StatusWord>)]
    status: Option<Status>,
    /// Only this customer's. Where tokens are needed, only the back office may leave it out or name others; for all others it is
    /// their own.
    #[param(min_length = 1, max_length = 128)]
    user_id: Option<String>,
}

/// Where an order stands.
#[derive(ToSchema)]
#[schema(as = Status, rename_all = "lowercase")]
#[expect(dead_code, reason = "names the words in the document; the rules have a word more, which no client sees")]
pub enum StatusWord {
    Pending,
    Cancelling,
    Completed,
    Cancelled,
}

/// A page of orders, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Orders)]
pub struct Listing {
    orders: Vec<OrderSummary>,
    /// The cursor of the page behind this one; missing at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// An order in a list.
#[derive(Debug, Serialize, FromRow, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OrderSummary {
    #[schema(value_type = Uuid)]
    order_id: String,
    #[schema(value_type = StatusWord)]
    status: String,
    user_id: String,
    /// In the currency's minor unit.
    total_amount: i64,
    /// By ISO 4217.
    #[schema(pattern = "^[A-Z]{3}$")]
    currency: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl Wanted {
    /// Reads a query strictly: an unknown parameter is more likely a mistake than a wish.
    pub fn read(pairs: Vec<(String, String)>) -> Result<Self, Problem> {
        let mut wanted = Self { limit: USUAL, cursor: None, status: None, user_id: None };
        for (name, value) in pairs {
            match name.as_str() {
                "limit" => wanted.limit = limit(&value)?,
                "cursor" => wanted.cursor = Some(cursor(&value)?),
                "status" => wanted.status = Some(status(&value)?),
                "userId" => {
                    check::user_id("userId", &value).map_err(|wrong| Problem::parameter("userId", wrong))?;
                    wanted.user_id = Some(value);
                }
                other => {
                    let why =
                        format!("{other}: there is no such parameter; there are limit, cursor, status and userId");
                    return Err(Problem::parameter(other, why));
                }
            }
        }
        Ok(wanted)
    }

    /// As far as the caller may see them.
    pub fn of(self, caller: &Caller) -> Result<Self, Problem> {
        let own = || caller.subject().filter(|_| !caller.is_back_office()).map(str::to_owned);
        let user_id = self.user_id.or_else(own);
        let may = user_id.as_deref().map_or_else(|| caller.is_back_office(), |user| caller.may_act_for(user));
        if may {
            Ok(Self { user_id, ..self })
        } else {
            Err(problems::foreign("userId: a customer can list their own orders only"))
        }
    }

    /// A page of them.
    pub async fn find(&self, pool: &Pool) -> sqlx::Result<Listing> {
        let (mut found, looked_up_to) = self.ids(pool).await?;
        let full = usize::try_from(self.limit).is_ok_and(|limit| found.len() > limit);
        found.truncate(usize::try_from(self.limit).unwrap_or_default());
        let next = if full { found.last() } else { looked_up_to.as_ref() };
        let next = next.and_then(|order| order.parse().ok()).map(cursor::written);
        // One whose status changed meanwhile is left out: it is not what was asked for.
        let orders = sqlx::query_as(
            "SELECT order_id, status, user_id, total_amount, currency, created_at, updated_at FROM orders
             WHERE order_id = ANY($1) AND user_id IS NOT NULL AND ($2::text IS NULL OR status = $2)
             ORDER BY order_id DESC",
        )
        .bind(&found)
        .bind(self.status.map(Status::word))
        .fetch_all(pool)
        .await?;
        Ok(Listing { orders, next })
    }

    /// The ids of the page and one more; and where the look ended, if there may be more behind it.
    async fn ids(&self, pool: &Pool) -> sqlx::Result<(Vec<String>, Option<String>)> {
        let behind = self.cursor.unwrap_or(NEWEST).to_string();
        let enough = self.limit + 1;
        let looked_at = if self.status.is_some() { LOOKED_AT.max(enough) } else { enough };
        let query = if self.user_id.is_some() { OF_A_CUSTOMER } else { OF_ALL };
        let query = sqlx::query_as(query).bind(behind).bind(looked_at).bind(self.status.map(Status::word)).bind(enough);
        match &self.user_id {
            Some(user_id) => query.bind(user_id),
            None => query,
        }
        .fetch_one(pool)
        .await
    }
}

/// Looks at so many orders and takes those of the status. An order that was never placed here has no customer.
pub const OF_ALL: &str = "
    WITH looked_at AS MATERIALIZED (
        SELECT order_id, status, user_id FROM orders WHERE order_id < $1 ORDER BY order_id DESC LIMIT $2
    )
    SELECT ARRAY(SELECT order_id FROM looked_at WHERE user_id IS NOT NULL AND ($3::text IS NULL OR status = $3)
                 ORDER BY order_id DESC LIMIT $4),
           (SELECT min(order_id) FROM looked_at HAVING count(*) = $2)";
/// As [`OF_ALL`], of one customer. By that collation no other index has the ids in their order: where customers are few, PostgreSQL
/// would rather walk through all orders by their key.
pub const OF_A_CUSTOMER: &str = "
    WITH looked_at AS MATERIALIZED (
        SELECT order_id COLLATE \"C\" AS order_id, status FROM orders
        WHERE user_id = $5 AND order_id COLLATE \"C\" < $1 ORDER BY order_id COLLATE \"C\" DESC LIMIT $2
    )
    SELECT ARRAY(SELECT order_id FROM looked_at WHERE $3::text IS NULL OR status = $3 ORDER BY order_id DESC LIMIT $4),
           (SELECT min(order_id) FROM looked_at HAVING count(*) = $2)";

fn limit(value: &str) -> Result<i64, Problem> {
    let fits = value.parse().ok().filter(|limit| (1..=MOST).contains(limit));
    fits.ok_or_else(|| Problem::parameter("limit", format!("limit: must be 1 to {MOST}, is {value:?}")))
}

fn cursor(value: &str) -> Result<Uuid, Problem> {
    let why = "cursor: must be the `next` of an earlier page, as it was given; leave it out for the first page";
    cursor::read(value).ok_or_else(|| Problem::parameter("cursor", why))
}

fn status(value: &str) -> Result<Status, Problem> {
    let shown = [Status::Pending, Status::Cancelling, Status::Completed, Status::Cancelled];
    let why = || format!("status: must be one of {}", shown.map(Status::word).join(", "));
    shown.into_iter().find(|status| status.word() == value).ok_or_else(|| Problem::parameter("status", why()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &[(&str, &str)]) -> Result<Wanted, Problem> {
        Wanted::read(query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        let usual = read(&[]).unwrap();
        assert_eq!((usual.limit, usual.cursor, usual.status, usual.user_id), (50, None, None, None));
        let cursor = cursor::written(Uuid::max());
        let all = read(&[("limit", "200"), ("cursor", &cursor), ("status", "pending"), ("userId", "ada")]).unwrap();
        assert_eq!((all.limit, all.cursor, all.status), (200, Some(Uuid::max()), Some(Status::Pending)));
        for (name, value) in [
            ("limit", "0"),
            ("limit", "201"),
            ("limit", "-1"),
            ("limit", "many"),
            ("cursor", "01890a5d"),
            ("status", "none"),
            ("status", "PENDING"),
            ("userId", ""),
            ("user", "ada"),
        ] {
            let problem = read(&[(name, value)]).unwrap_err();
            assert_eq!((problem.kind.status.as_u16(), problem.field.as_deref()), (400, Some(name)), "{name}={value}");
        }
    }

    #[test]
    fn a_customer_sees_their_own_and_the_back_office_all() {
        let bearer = |subject: &str, scopes: &[&str]| Caller::Bearer {
            subject: subject.into(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        };
        let of = |caller: &Caller, query: &[(&str, &str)]| {
            read(query).unwrap().of(caller).map(|wanted| wanted.user_id).map_err(|problem| problem.kind.status.as_u16())
        };
        let (ada, office) = (bearer("ada", &[]), bearer("eve", &["back-office"]));
        assert_eq!(of(&ada, &[]), Ok(Some("ada".into())));
        assert_eq!(of(&ada, &[("userId", "ada")]), Ok(Some("ada".into())));
        assert_eq!(of(&ada, &[("userId", "bob")]), Err(403));
        assert_eq!(of(&office, &[]), Ok(None));
        assert_eq!(of(&office, &[("userId", "bob")]), Ok(Some("bob".into())));
        assert_eq!(of(&Caller::Anyone, &[]), Ok(None));
        assert_eq!(of(&Caller::Unauthenticated, &[]), Err(403));
        assert_eq!(of(&Caller::Unauthenticated, &[("userId", "ada")]), Err(403));
    }
}
