//! Orders of every outcome.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use local::{
    EventLog, System,
    shop::{Shop, order},
};
use serde_json::{Value, json};

use super::{events, progress::say};

/// Long enough for a provider that never answers to be asked again.
const PATIENCE: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(20);

/// An order, or an incident, and what became of it.
pub struct Report {
    pub title: &'static str,
    pub id: String,
    pub expected: &'static str,
    pub outcome: String,
    /// Event types in the order in which they appeared.
    pub path: Vec<String>,
    pub took: Duration,
    pub trace_id: Option<String>,
}

impl Report {
    pub fn is_as_expected(&self) -> bool {
        self.outcome == self.expected
    }
}

/// What to do to an order once it is placed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Wait,
    CancelAtOnce,
    /// Cancel once the carrier is asked.
    CancelPastThePivot,
}

struct Plan {
    title: &'static str,
    order: Value,
    then: Then,
    expected: &'static str,
}

fn plan(title: &'static str, item: (&str, u32), token: &str, city: &str, then: Then, expected: &'static str) -> Plan {
    Plan { title, order: order(&[item], token, city), then, expected }
}

/// An order to try by hand.
pub fn example() -> Value {
    order(&[("chair", 1)], "tok_visa", "Vienna")
}

pub async fn load_stock(system: &System, shop: &Shop) -> Result<()> {
    for (sku, on_hand) in [("chair", 100), ("lamp", 3), ("table", 20)] {
        let url = format!("{}/stock/{sku}", system.url("inventory"));
        let answer = shop.put(&url, &json!({ "onHand": on_hand })).await?;
        ensure!(answer.status == 200, "stock of {sku} was not set: {answer:?}");
    }
    Ok(())
}

/// One order before all others, so that theirs are the times of a system that runs. How long it took.
pub async fn first(system: &System, shop: &Shop, log: &EventLog) -> Result<Duration> {
    let plans = vec![plan("the first", ("chair", 1), "tok_visa", "Vienna", Then::Wait, "completed")];
    let reports = place_all(system, shop, log, plans).await?;
    let [report] = &reports[..] else { bail!("one order has one report, not {}", reports.len()) };
    ensure!(report.is_as_expected(), "the first order did not complete: it is {}", report.outcome);
    Ok(report.took)
}

/// Places one order of each kind and waits for their ends.
pub async fn run(system: &System, shop: &Shop, log: &EventLog) -> Result<Vec<Report>> {
    let quick = [
        plan("completed", ("chair", 2), "tok_visa", "Vienna", Then::Wait, "completed"),
        plan("out of stock", ("lamp", 50), "tok_visa", "Vienna", Then::Wait, "cancelled"),
        plan("payment declined", ("chair", 1), "tok_declined", "Vienna", Then::Wait, "cancelled"),
        plan("carrier refuses", ("table", 1), "tok_visa", "Nowhere", Then::Wait, "cancelled"),
    ];
    let waiting = vec![
        plan("provider fails twice", ("chair", 1), "tok_flaky", "Vienna", Then::Wait, "completed"),
        plan("charged, never answered", ("chair", 1), "tok_silent", "Vienna", Then::Wait, "completed"),
        plan("cancelled too late", ("chair", 1), "tok_visa", "Latetown", Then::CancelPastThePivot, "completed"),
    ];
    let mut reports = Vec::new();
    // One after another: each takes as long as an order takes where no other is under way.
    for plan in quick {
        reports.extend(place_all(system, shop, log, vec![plan]).await?);
    }
    reports.extend(place_all(system, shop, log, waiting).await?);

    // Payment stands still for a while: time enough to cancel, and for a deadline to pass.
    say("freezing payment: one order is cancelled in time, another passes its deadline");
    let payment = system.find("payment").context("payment does not run")?;
    payment.process.freeze()?;
    let late = vec![
        plan("cancelled in time", ("chair", 1), "tok_visa", "Vienna", Then::CancelAtOnce, "cancelled"),
        plan("deadline passed", ("table", 2), "tok_visa", "Vienna", Then::Wait, "cancelled"),
    ];
    let placed = place(system, shop, late).await?;
    let ids = ids(&placed);
    let late = async {
        for order in &placed {
            wait_for_event(log, &order.id, "shipping.cancelled").await?;
        }
        payment.process.thaw()?;
        ends(system, shop, log, placed).await
    };
    reports.extend(shown(log, ids, late).await?);
    Ok(reports)
}

struct Placed {
    plan: Plan,
    id: String,
    trace_id: Option<String>,
    at: Instant,
}

async fn place_all(system: &System, shop: &Shop, log: &EventLog, plans: Vec<Plan>) -> Result<Vec<Report>> {
    let placed = place(system, shop, plans).await?;
    shown(log, ids(&placed), ends(system, shop, log, placed)).await
}

async fn place(system: &System, shop: &Shop, plans: Vec<Plan>) -> Result<Vec<Placed>> {
    let orders = format!("{}/orders", system.url("order"));
    let mut placed = Vec::new();
    for plan in plans {
        let at = Instant::now();
        let answer = shop.post(&orders, &plan.order, &[]).await?;
        ensure!(answer.status == 202, "the order {:?} was not accepted: {answer:?}", plan.title);
        let id = answer.body["orderId"].as_str().context("an accepted order has an id")?.to_owned();
        let trace_id = answer.trace_id;
        if plan.then == Then::CancelPastThePivot {
            wait_for_the_carrier(system, shop, &id).await?;
        }
        if plan.then != Then::Wait {
            let answer = shop.post(&format!("{orders}/{id}/cancel"), &Value::Null, &[]).await?;
            ensure!(answer.status == 202, "the cancellation of {:?} was not accepted: {answer:?}", plan.title);
        }
        placed.push(Placed { plan, id, trace_id, at });
    }
    Ok(placed)
}

fn ids(placed: &[Placed]) -> Vec<(&'static str, String)> {
    placed.iter().map(|order| (order.plan.title, order.id.clone())).collect()
}

/// Waits for something, and shows meanwhile what these orders go through.
async fn shown<T>(
    log: &EventLog,
    ids: Vec<(&'static str, String)>,
    waiting: impl Future<Output = Result<T>>,
) -> Result<T> {
    let orders: Vec<(&str, &str)> = ids.iter().map(|(title, id)| (*title, id.as_str())).collect();
    let mut events = events::Shown::new(log, &orders);
    let waited = tokio::select! {
        waited = waiting => waited,
        never = events.follow() => match never {},
    };
    // The last event ended the wait, mostly before it was said.
    events.look();
    waited
}

async fn ends(system: &System, shop: &Shop, log: &EventLog, placed: Vec<Placed>) -> Result<Vec<Report>> {
    let mut reports = Vec::new();
    for Placed { plan, id, trace_id, at } in placed {
        let outcome = wait_for_end(system, shop, &id, at).await?;
        let terminal = if outcome == "completed" { "order.completed" } else { "order.cancelled" };
        wait_for_event(log, &id, terminal).await?;
        let ended = log.find(|record| record.is_keyed(&id) && record.event_type() == terminal);
        let took = ended.first().map_or_else(|| at.elapsed(), |record| record.seen_at.duration_since(at));
        say(&format!("{}: {outcome}", plan.title));
        let path = log.path_of(&id);
        reports.push(Report { title: plan.title, path, id, expected: plan.expected, outcome, took, trace_id });
    }
    Ok(reports)
}

/// Topics have no order between them: that the money was taken is not yet known to shipping when it stands on its topic.
async fn wait_for_the_carrier(system: &System, shop: &Shop, id: &str) -> Result<()> {
    let (url, since) = (format!("{}/shipments/{id}", system.url("shipping")), Instant::now());
    loop {
        let answer = shop.get(&url).await?;
        if answer.status == 200 {
            return Ok(());
        }
        ensure!(since.elapsed() < PATIENCE, "{url} did not show a shipment within {PATIENCE:?}: {answer:?}");
        tokio::time::sleep(LOOK).await;
    }
}

async fn wait_for_end(system: &System, shop: &Shop, id: &str, since: Instant) -> Result<String> {
    let url = format!("{}/orders/{id}", system.url("order"));
    loop {
        let answer = shop.get(&url).await?;
        let status = answer.body["status"].as_str().unwrap_or_default().to_owned();
        if matches!(status.as_str(), "completed" | "cancelled") {
            return Ok(status);
        }
        if since.elapsed() > PATIENCE {
            return Ok(format!("still {status} after {PATIENCE:?}"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

pub async fn wait_for_event(log: &EventLog, id: &str, event_type: &str) -> Result<()> {
    let since = Instant::now();
    while log.find(|record| record.is_keyed(id) && record.event_type() == event_type).is_empty() {
        ensure!(
            since.elapsed() < PATIENCE,
            "order {id} published no {event_type} within {PATIENCE:?}; seen: {}",
            log.path_of(id).join(" → ")
        );
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
