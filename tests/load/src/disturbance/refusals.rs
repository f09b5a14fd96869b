//! Order's database refuses inputs for their data, again and again, in the middle of batches.
//!
//! A CHECK on `orders` refuses marked rows: of one customer the order itself (the command is refused), of another its
//! completion (the event is parked, and its dead letter published). All the while events that change nothing keep the
//! batches full. In the end the CHECK goes and what was parked is redriven, so these orders end as others do.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use local::System;
use local::shop::{Shop, order};
use local::system::ADMIN_TOKEN;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock;
use crate::ledger::Ledger;
use crate::mix::{Kind, sku};

use super::database;
use super::drain::{self, Offsets};
use super::no_ops::{NoOp, NoOps};
use super::victims::{self, Told};
use super::window::{Disturbed, Window};

/// Customers whose rows are refused.
const NEVER_PLACED: &str = "load-never-placed";
const NEVER_COMPLETED: &str = "load-never-completed";

/// 23514, check_violation.
const REFUSE: &str = "ALTER TABLE orders ADD CONSTRAINT load_refuses CHECK (
    user_id IS NULL
    OR (user_id <> 'load-never-placed' AND (user_id <> 'load-never-completed' OR status <> 'completed'))) NOT VALID";
const TAKE_AGAIN: &str = "ALTER TABLE orders DROP CONSTRAINT load_refuses";

/// Between two orders of each of these customers.
const PAUSE: Duration = Duration::from_millis(500);
/// Between two handfuls of events that change nothing, and how many these are.
const HANDFUL_PAUSE: Duration = Duration::from_millis(100);
const HANDFUL: usize = 100;
const DEAD_LETTERS: &str = "shipping-events.dlq";
/// For what was refused to be parked.
const PARKS: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

/// Refuses for a time.
pub struct Refusals {
    pub undisturbed: Duration,
    pub disturbed: Duration,
    shop: Shop,
    operator: Shop,
    no_ops: RefCell<NoOps>,
    marked: RefCell<Marked>,
    dead_letters: Offsets,
}

/// What was to be refused.
#[derive(Debug, Default)]
struct Marked {
    /// Orders that were accepted and may not be completed.
    orders: BTreeSet<String>,
    /// Requests for orders that may not be there.
    refused: usize,
}

impl Refusals {
    /// From here on marked rows are refused; there are none yet.
    pub async fn install(system: &System, undisturbed: Duration, disturbed: Duration) -> Result<Self> {
        let no_ops = RefCell::new(NoOps::about_completed_orders(system).await?);
        let dead_letters = drain::ends(system, &[DEAD_LETTERS]).await?;
        sqlx::raw_sql(REFUSE).execute(&mut database(system, "order").await?).await?;
        // Made before the load: a client reads all certificates of the machine, and this thread times the answers.
        let (shop, operator) = (Shop::default(), Shop::bearing(ADMIN_TOKEN));
        Ok(Self { undisturbed, disturbed, shop, operator, no_ops, marked: RefCell::default(), dead_letters })
    }

    /// Until all that was to be refused is parked and dead-lettered.
    pub async fn run(&self, system: &System, ledger: &Ledger) -> Result<Disturbed> {
        tokio::time::sleep(self.undisturbed).await;
        let begin = clock::now();
        let until = Instant::now() + self.disturbed;
        let (events, ..) = tokio::try_join!(
            self.fill_batches(until),
            self.mark(system, until, NEVER_COMPLETED, Some(ledger)),
            self.mark(system, until, NEVER_PLACED, None),
        )?;
        let window = Window { begin, end: clock::now() };
        self.until_parked(system).await?;
        let marked = self.marked.borrow();
        let notes = vec![
            format!(
                "Order's database refused {} events (parked, and a dead letter of each) and {} commands (their \
                 clients were told), by a CHECK on a table. Once it was gone the parked ones were redriven, and their \
                 orders completed.",
                marked.orders.len(),
                marked.refused
            ),
            format!("So that batches were full, {events} events came meanwhile that change nothing."),
        ];
        Ok(Disturbed { what: "inputs that the database refuses".to_owned(), window, before: None, notes })
    }

    async fn fill_batches(&self, until: Instant) -> Result<usize> {
        let (mut tick, mut sent) = (interval(HANDFUL_PAUSE), 0);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while Instant::now() < until {
            tick.tick().await;
            self.no_ops.borrow_mut().send(NoOp::Dispatched, HANDFUL)?;
            sent += HANDFUL;
        }
        self.no_ops.borrow().flush()?;
        Ok(sent)
    }

    /// A customer orders again and again, whether the last order was answered or not. `ledger`: the orders must be
    /// accepted, and completed in the end; else all must be refused.
    async fn mark(&self, system: &System, until: Instant, customer: &str, ledger: Option<&Ledger>) -> Result<()> {
        let (url, body, mut asked) = (system.url("order"), order_of(customer), JoinSet::new());
        let mut tick = interval(PAUSE);
        while Instant::now() < until {
            tick.tick().await;
            asked.spawn(victims::ask(self.shop.clone(), url.clone(), body.clone()));
            while let Some(told) = asked.try_join_next() {
                self.note(told??, ledger)?;
            }
        }
        while let Some(told) = asked.join_next().await {
            self.note(told??, ledger)?;
        }
        Ok(())
    }

    fn note(&self, told: Told, ledger: Option<&Ledger>) -> Result<()> {
        match (told, ledger) {
            (Told::Accepted(order), Some(ledger)) => {
                ledger.accepted_apart(order, Kind::Completed);
                self.marked.borrow_mut().orders.insert(order.to_string());
            }
            (Told::Refused, None) => self.marked.borrow_mut().refused += 1,
            (Told::Accepted(order), None) => bail!("order {order} was accepted, though the database refuses it"),
            (Told::Refused, Some(_)) => bail!("an order was refused that only may not be completed"),
        }
        Ok(())
    }

    /// Each of the marked orders has one event that is parked, with one dead letter, and nothing else is.
    async fn until_parked(&self, system: &System) -> Result<()> {
        let (start, expected) = (Instant::now(), self.marked.borrow().orders.clone());
        loop {
            let parked = parked(system).await?;
            let letters = drain::between(&self.dead_letters, &drain::ends(system, &[DEAD_LETTERS]).await?);
            let of: BTreeSet<String> = parked.iter().map(|(_, order)| order.clone()).collect();
            if of == expected && parked.len() == expected.len() && letters == expected.len() as u64 {
                return Ok(());
            }
            ensure!(
                start.elapsed() < PARKS && of.is_subset(&expected),
                "{} events were to be refused; {} are parked, of {} orders, {} of them not marked; {letters} dead \
                 letters",
                expected.len(),
                parked.len(),
                of.len(),
                of.difference(&expected).count()
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Nothing is refused any more; what is parked is redriven, and its orders end. Call it when no order is due.
    pub async fn settle(&self, system: &System, ledger: &Ledger) -> Result<()> {
        sqlx::raw_sql(TAKE_AGAIN).execute(&mut database(system, "order").await?).await?;
        for (number, order) in parked(system).await? {
            let url = format!("{}/admin/deferred/{number}/redrive", system.admin_url("order"));
            let answer = self.operator.post(&url, &json!({}), &[]).await?;
            ensure!(answer.body["outcome"] == "applied", "the event of order {order} is not redriven: {answer:?}");
        }
        victims::until_ended(ledger).await;
        Ok(())
    }
}

fn order_of(customer: &str) -> Value {
    let mut body = order(&[(&sku(0), 2)], "tok_visa", "Vienna");
    body["userId"] = json!(customer);
    body
}

/// Numbers and orders of order's parked events.
async fn parked(system: &System) -> Result<Vec<(i64, String)>> {
    let parked = sqlx::query_as("SELECT number, key FROM held_events WHERE status = 'parked' ORDER BY number");
    Ok(parked.fetch_all(&mut database(system, "order").await?).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_names_the_customers_whose_orders_come() {
        for customer in [NEVER_PLACED, NEVER_COMPLETED] {
            assert!(REFUSE.contains(&format!("user_id <> '{customer}'")), "{customer}");
            assert_eq!(order_of(customer)["userId"], customer);
        }
    }
}
