//! Orders that are placed beside the load, because something is to befall them.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use local::System;
use local::shop::{Answer, Shop};
use serde_json::Value;
use uuid::Uuid;

use crate::ledger::Ledger;
use crate::mix::Kind;

/// The service has said that it has too much to do.
const BREATH: Duration = Duration::from_millis(20);
const LOOK: Duration = Duration::from_millis(50);

/// What a client who places one is told.
pub enum Told {
    Accepted(Uuid),
    Refused,
}

/// Places one that must be accepted and end as its kind does.
pub async fn place(shop: &Shop, system: &System, ledger: &Ledger, body: &Value, kind: Kind) -> Result<Uuid> {
    match ask(shop.clone(), system.url("order"), body.clone()).await? {
        Told::Accepted(order) => {
            ledger.accepted_apart(order, kind);
            Ok(order)
        }
        Told::Refused => bail!("an order was refused that is like others: {body}"),
    }
}

/// Asks for one of the order that answers at `url`, until there is an answer that is not "come again".
pub async fn ask(shop: Shop, url: String, body: Value) -> Result<Told> {
    let url = format!("{url}/orders");
    // "Come again" may mean that the outcome is not known: the order must not be placed twice.
    let key = Uuid::now_v7().to_string();
    loop {
        let answer = shop.post(&url, &body, &[("idempotency-key", &key)]).await?;
        match answer.status {
            202 => return Ok(Told::Accepted(order_of(&answer)?)),
            422 => return Ok(Told::Refused),
            429 | 503 => tokio::time::sleep(BREATH).await,
            _ => bail!("POST {url} was answered with {answer:?}"),
        }
    }
}

fn order_of(answer: &Answer) -> Result<Uuid> {
    let location = answer.location.as_deref().context("an accepted order has no address")?;
    let order = location.rsplit('/').next().and_then(|order| order.parse().ok());
    order.with_context(|| format!("{location} names no order"))
}

/// Waits until all of them have ended.
pub async fn until_ended(ledger: &Ledger) {
    while ledger.apart() > 0 {
        tokio::time::sleep(LOOK).await;
    }
}
