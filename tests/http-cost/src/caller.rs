//! The clients of a provider that are measured.

use std::{fmt, net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, ensure};
use choreography::{Answer, Call};
use clap::ValueEnum;
use hyper::StatusCode;
use providers::{HttpProvider, KeyedProvider, Reads, Request};
use serde::{Deserialize, Serialize};

use crate::{
    connection::Connection,
    flood::{Ask, Round, flood},
};

const TIME_LIMIT: Duration = Duration::from_secs(10);
const ORDER: &str = "01990000-0000-7000-8000-000000000001";

/// The client that calls.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Caller {
    /// The services' own client.
    Providers,
    /// hyper's client.
    Hyper,
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
    }
}

/// Calls the provider at this address for so long.
pub async fn round(caller: Caller, provider: SocketAddr, connections: usize, lasting: Duration) -> Result<Round> {
    let this = std::process::id();
    match caller {
        Caller::Providers => {
            let client = HttpProvider::new(&format!("http://{provider}"), None, TIME_LIMIT)?;
            let asks = (0..connections).map(|_| OwnClient(client.clone()));
            flood(asks.collect(), lasting, this).await
        }
        Caller::Hyper => {
            let asks = Connection::open_all(provider, connections).await?.into_iter().map(BareClient);
            flood(asks.collect(), lasting, this).await
        }
    }
}

/// As payment asks for it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Charge {
    amount: i64,
    currency: String,
    payment_method: Option<String>,
}

impl Charge {
    fn new() -> Self {
        Self { amount: 25_000, currency: "EUR".into(), payment_method: Some("tok_visa".into()) }
    }
}

impl Call for Charge {
    const STEP: &'static str = "charge";

    type Request = Self;
    type Answer = Answer;
}

impl Request for Charge {
    const PATH: &'static str = "charges";
    const READS: Reads = Reads::new("succeeded", "chargeId", "declined");
}

fn key() -> String {
    format!("{ORDER}/{}", Charge::STEP)
}

struct OwnClient(HttpProvider);

impl Ask for OwnClient {
    async fn ask(&mut self) -> Result<()> {
        let answer = self.0.send(&key(), ORDER, &Charge::new()).await?;
        ensure!(matches!(answer, Answer::Yes { .. }), "the provider answered {answer:?}");
        Ok(())
    }
}

struct BareClient(Connection);

/// All fields of the body, in one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BareCharge<'a> {
    order_id: &'a str,
    amount: i64,
    currency: String,
    payment_method: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Charged {
    status: String,
    charge_id: String,
}

impl Ask for BareClient {
    async fn ask(&mut self) -> Result<()> {
        let Charge { amount, currency, payment_method } = Charge::new();
        let body = serde_json::to_vec(&BareCharge { order_id: ORDER, amount, currency, payment_method })?;
        let request = self.0.post("/v1/charges").header("idempotency-key", key());
        let (status, answer) = self.0.send(request, body.into()).await?;
        ensure!(status == StatusCode::OK, "the provider answered {status}");
        let Charged { status, charge_id } = serde_json::from_slice(&answer).context("the provider's answer")?;
        ensure!(status == "succeeded" && !charge_id.is_empty(), "the provider answered {status:?}");
        Ok(())
    }
}
