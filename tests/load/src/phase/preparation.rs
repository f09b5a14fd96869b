//! What is there before the first order, and what must hold after the last.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use local::shop::Shop;
use local::{System, audit};
use serde_json::json;

use crate::arguments::Arguments;
use crate::mix::{Kind, sku, sold_out_sku};

const REST: Duration = Duration::from_secs(60);
/// Of each article: more than any run asks for.
const ON_HAND: u64 = 1_000_000_000;

/// Where order's replicas answer, once each service has as many as are wanted.
pub async fn add_replicas(system: &System, replicas: usize) -> Result<Vec<SocketAddr>> {
    let mut urls = vec![system.url("order")];
    for number in 2..=replicas {
        for service in system.services() {
            let running = system.spawn(service, &replica(service, number), &[])?;
            if service == "order" {
                urls.push(running.url);
            }
        }
        for service in system.services() {
            system.wait_ready(&replica(service, number)).await?;
        }
    }
    urls.iter().map(|url| url.trim_start_matches("http://").parse().with_context(|| url.clone())).collect()
}

fn replica(service: &str, number: usize) -> String {
    format!("{service}-{number}")
}

/// `order` and `order-2` are order's.
pub fn is_replica_of(replica: &str, service: &str) -> bool {
    replica.strip_prefix(service).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

pub async fn load_stock(system: &System, arguments: &Arguments) -> Result<()> {
    let shop = Shop::default();
    let sold_out = arguments.mix.has(Kind::OutOfStock);
    let articles = (0..arguments.skus).map(|number| (sku(number), ON_HAND));
    let missing = (0..arguments.skus).filter(|_| sold_out).map(|number| (sold_out_sku(number), 0));
    for (sku, on_hand) in articles.chain(missing) {
        let url = format!("{}/stock/{sku}", system.url("inventory"));
        let answer = shop.put(&url, &json!({ "onHand": on_hand })).await?;
        ensure!(answer.status == 200, "stock at {url} was not set: {answer:?}");
    }
    Ok(())
}

/// The rules hold. Inventory hears of the dispatch when order does, so it may be a moment later.
pub async fn at_rest(system: &System) -> Result<()> {
    let start = Instant::now();
    loop {
        let findings = audit::check(system).await?;
        if findings.is_empty() {
            return Ok(());
        }
        ensure!(
            start.elapsed() < REST,
            "this does not add up, {REST:?} after the last order ended:\n{}",
            findings.join("\n")
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
