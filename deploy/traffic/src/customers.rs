//! What customers do.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::Arguments;

const REQUEST: Duration = Duration::from_secs(20);
/// The shop has said "come again", or the order has not ended yet.
const BREATH: Duration = Duration::from_millis(500);
const SKU: &str = "traffic";

/// How an order ended; `None`: not within the patience.
pub struct End {
    pub status: Option<String>,
    pub took: Duration,
}

pub struct Shop {
    http: Client,
    order_url: String,
    inventory_url: String,
    patience: Duration,
}

impl Shop {
    pub fn new(arguments: &Arguments) -> Result<Self> {
        Ok(Self {
            http: Client::builder().timeout(REQUEST).build()?,
            order_url: arguments.order_url.clone(),
            inventory_url: arguments.inventory_url.clone(),
            patience: arguments.patience,
        })
    }

    /// Enough for all orders.
    pub async fn stock(&self, orders: usize, token: &str) -> Result<()> {
        let url = format!("{}/stock/{SKU}", self.inventory_url);
        let found = self.send(self.http.get(&url).bearer_auth(token)).await?;
        let on_hand = found.1["onHand"].as_u64().unwrap_or(0) + orders as u64;
        let body = json!({ "onHand": on_hand }).to_string();
        match self.send(self.http.put(&url).bearer_auth(token).body(body)).await? {
            (StatusCode::OK, _) => Ok(()),
            (status, body) => bail!("{url}: {status} {body}"),
        }
    }

    /// Waits while the shop says "come again".
    async fn send(&self, request: RequestBuilder) -> Result<(StatusCode, Value)> {
        let since = Instant::now();
        loop {
            let again = request.try_clone().context("a request that can't be repeated")?;
            let response = again.send().await?;
            let status = response.status();
            let busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
            if !busy || since.elapsed() > self.patience {
                let text = response.text().await?;
                return Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))));
            }
            tokio::time::sleep(BREATH).await;
        }
    }

    async fn order(&self, user: &str, token: &str) -> Result<End> {
        let at = Instant::now();
        let body = json!({
            "userId": user,
            "currency": "EUR",
            "items": [{ "sku": SKU, "quantity": 1, "price": 4_900 }],
            "paymentMethod": "tok_visa",
            "shippingAddress": {
                "name": user, "line1": "Main Street 1", "postalCode": "1010", "city": "Vienna", "country": "AT"
            },
        });
        let url = format!("{}/orders", self.order_url);
        let request = self.http.post(&url).bearer_auth(token).header("content-type", "application/json");
        let (status, placed) = self.send(request.body(body.to_string())).await?;
        let Some(id) = placed["orderId"].as_str() else { bail!("POST {url}: {status} {placed}") };
        let url = format!("{url}/{id}");
        loop {
            let (_, order) = self.send(self.http.get(&url).bearer_auth(token)).await?;
            let status = order["status"].as_str().filter(|status| ["completed", "cancelled"].contains(status));
            if status.is_some() || at.elapsed() > self.patience {
                return Ok(End { status: status.map(str::to_owned), took: at.elapsed() });
            }
            tokio::time::sleep(BREATH).await;
        }
    }
}

/// One customer places order after order.
pub async fn orders_until_none_is_left(
    shop: Arc<Shop>,
    (user, token): (String, String),
    left: Arc<Mutex<usize>>,
) -> Result<Vec<End>> {
    let mut ends = Vec::new();
    while take_one(&left).await {
        ends.push(shop.order(&user, &token).await?);
    }
    Ok(ends)
}

async fn take_one(left: &Mutex<usize>) -> bool {
    let mut left = left.lock().await;
    let there = *left > 0;
    *left = left.saturating_sub(1);
    there
}
