//! What the rounds showed, side by side.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result};
use hyper::body::Bytes;
use load::{
    ratio::{Pair, median},
    table::Table,
};
use serde_json::Value;

use crate::{
    Arguments,
    caller::Caller,
    child::{Role, Running},
    connection::{Connection, Placing},
    flood::{Round, flood},
    server::Server,
};

/// Uncounted, before the rounds of each.
const WARM_UP: Duration = Duration::from_secs(1);
/// The payload of the event that the order becomes.
const ORDER: &str = include_str!("../../../shared/contracts/golden/order.placed.v1.json");

/// By name, the rounds of each; the first is held against the others.
type Rounds = Vec<(&'static str, Vec<Round>)>;

/// `POST /orders`, to order's API and to bare servers.
pub async fn intake(arguments: &Arguments) -> Result<Table> {
    let order = order()?;
    let mut served = Vec::new();
    let mut answer_bytes = 0;
    for (name, server) in [("order", Server::Order), ("axum", Server::Axum), ("hyper", Server::Hyper)] {
        let mut running = Running::start(&Role::Serve { server, answer_bytes })?;
        let address = running.address().await?;
        let (connection, order) = (Connection::open(address).await?, order.clone());
        // The bare ones, which come later, answer as order does.
        answer_bytes = Placing { connection, order }.place().await?.len();
        served.push((name, running, address));
    }
    let mut rounds: Rounds = served.iter().map(|(name, ..)| (*name, Vec::new())).collect();
    for number in 0..=arguments.rounds {
        for ((_, running, address), (_, rounds)) in served.iter().zip(&mut rounds) {
            let round = placing(*address, &order, arguments, lasting(arguments, number), running.pid()?).await?;
            rounds.extend((number > 0).then_some(round));
        }
    }
    Ok(table("POST /orders, processor time of the server", &rounds))
}

async fn placing(
    address: SocketAddr,
    order: &Bytes,
    arguments: &Arguments,
    lasting: Duration,
    measured: u32,
) -> Result<Round> {
    let connections = Connection::open_all(address, arguments.connections).await?.into_iter();
    let clients = connections.map(|connection| Placing { connection, order: order.clone() });
    flood(clients.collect(), lasting, measured).await
}

/// `POST /v1/charges`, by the services' own client and by a bare one.
pub async fn calls(arguments: &Arguments) -> Result<Table> {
    let mut provider = Running::start(&Role::Serve { server: Server::KeyedProvider, answer_bytes: 0 })?;
    let address = provider.address().await?;
    let connections = arguments.connections;
    let start = |caller| Running::start(&Role::Call { caller, provider: address, connections });
    let mut callers = [("providers", start(Caller::Providers)?), ("hyper", start(Caller::Hyper)?)];
    let mut rounds: Rounds = callers.iter().map(|(name, _)| (*name, Vec::new())).collect();
    for number in 0..=arguments.rounds {
        for ((_, running), (_, rounds)) in callers.iter_mut().zip(&mut rounds) {
            let round = running.round(lasting(arguments, number)).await?;
            rounds.extend((number > 0).then_some(round));
        }
    }
    Ok(table("calls of a provider, processor time of the client", &rounds))
}

/// The first round warms up.
fn lasting(arguments: &Arguments, number: usize) -> Duration {
    if number == 0 { WARM_UP } else { arguments.lasting }
}

/// The golden order, as a client places it: its id is order's to give.
fn order() -> Result<Bytes> {
    let mut order: Value = serde_json::from_str(ORDER)?;
    order.as_object_mut().context("the golden order is no object")?.remove("orderId");
    Ok(order.to_string().into())
}

fn table(title: &str, rounds: &Rounds) -> Table {
    let mut table = Table::new(title, &["", "a second", "CPU-µs each", "p50 ms", "p99 ms", "CPU-µs, round by round"]);
    for (name, rounds) in rounds {
        let middle = |of: fn(&Round) -> f64| {
            // Of ratios to 1 the median is that of the figures.
            let figures: Vec<Pair> = rounds.iter().map(|round| Pair { other: 1.0, this: of(round) }).collect();
            median(&figures).unwrap_or_default()
        };
        table.row([
            (*name).to_owned(),
            format!("{:.0}", middle(Round::rate)),
            format!("{:.1}", middle(Round::cost)),
            format!("{:.2}", middle(|round| round.p50)),
            format!("{:.2}", middle(|round| round.p99)),
            each(rounds.iter().map(Round::cost), 1),
        ]);
    }
    let Some(((first, ours), others)) = rounds.split_first() else { return table };
    for (other, theirs) in others {
        let pairs = |of: fn(&Round) -> f64| -> Vec<Pair> {
            ours.iter().zip(theirs).map(|(ours, theirs)| Pair { this: of(ours), other: of(theirs) }).collect()
        };
        let ratio = |of| median(&pairs(of)).map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
        table.row([
            format!("{first} / {other}"),
            ratio(Round::rate),
            ratio(Round::cost),
            ratio(|round| round.p50),
            ratio(|round| round.p99),
            each(pairs(Round::cost).into_iter().filter_map(Pair::ratio), 2),
        ]);
    }
    table
}

fn each(figures: impl Iterator<Item = f64>, decimals: usize) -> String {
    figures.map(|figure| format!("{figure:.decimals$}")).collect::<Vec<_>>().join(" ")
}
