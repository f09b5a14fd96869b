//! The shop from outside: orders, stock, the sandbox's ledger, over HTTP.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

use crate::tls;

const TIMEOUT: Duration = Duration::from_secs(20);

/// An answer: its status and its JSON (null where it is none).
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub location: Option<String>,
    /// The trace that the request began or continued.
    pub trace_id: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{method} {url}: {source}")]
pub struct ShopError {
    pub method: &'static str,
    pub url: String,
    pub source: reqwest::Error,
}

/// A client of the services' APIs.
#[derive(Debug, Clone)]
pub struct Shop {
    http: Client,
    token: Option<String>,
}

impl Default for Shop {
    fn default() -> Self {
        tls::install_provider();
        // Only settings that are wrong could fail, and these are fixed.
        let http = Client::builder().timeout(TIMEOUT).pool_max_idle_per_host(256).build().unwrap_or_default();
        Self { http, token: None }
    }
}

impl Shop {
    /// A client that shows a bearer token with every request.
    #[must_use]
    pub fn bearing(token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..Self::default() }
    }

    fn request(&self, method: Method, url: &str) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// # Errors
    /// [`ShopError`] when none came.
    pub async fn get(&self, url: &str) -> Result<Answer, ShopError> {
        answer("GET", url, self.request(Method::GET, url).send().await).await
    }

    /// # Errors
    /// [`ShopError`] when none came.
    pub async fn put(&self, url: &str, body: &Value) -> Result<Answer, ShopError> {
        answer("PUT", url, self.request(Method::PUT, url).body(body.to_string()).send().await).await
    }

    /// Posts with headers.
    ///
    /// # Errors
    /// [`ShopError`] when none came.
    pub async fn post(&self, url: &str, body: &Value, headers: &[(&str, &str)]) -> Result<Answer, ShopError> {
        let mut request =
            self.request(Method::POST, url).body(body.to_string()).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer("POST", url, request.send().await).await
    }

    /// A text such as `/metrics`.
    ///
    /// # Errors
    /// [`ShopError`] when none came.
    pub async fn text(&self, url: &str) -> Result<String, ShopError> {
        let failed = |source| ShopError { method: "GET", url: url.to_owned(), source };
        self.request(Method::GET, url).send().await.map_err(failed)?.text().await.map_err(failed)
    }
}

async fn answer(
    method: &'static str,
    url: &str,
    response: Result<Response, reqwest::Error>,
) -> Result<Answer, ShopError> {
    let failed = |source| ShopError { method, url: url.to_owned(), source };
    let response = response.map_err(failed)?;
    let status: StatusCode = response.status();
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (location, trace_id) = (header("location"), header("trace-id"));
    let text = response.text().await.map_err(failed)?;
    Ok(Answer { status: status.as_u16(), body: serde_json::from_str(&text).unwrap_or_default(), location, trace_id })
}

/// An order to place.
#[must_use]
pub fn order(items: &[(&str, u32)], payment_method: &str, city: &str) -> Value {
    let items: Vec<Value> =
        items.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity, "price": 4_900})).collect();
    json!({
        "userId": "ada",
        "currency": "EUR",
        "items": items,
        "paymentMethod": payment_method,
        "shippingAddress": {
            "name": "Ada Lovelace", "line1": "Main Street 1", "postalCode": "1010", "city": city, "country": "AT"
        }
    })
}
