//! Rows of orders under way are locked by a transaction of this program's, while inputs for these very orders come.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use local::System;
use local::shop::{Shop, order};
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::clock;
use crate::ledger::Ledger;
use crate::mix::{Kind, sku};

use super::database;
use super::victims;
use super::window::{Disturbed, Window};

/// Orders that are tried until one is still under way when its row is locked.
const TRIES: usize = 20;
/// How long a row may take to be there.
const APPEARS: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(2);
/// Between two cancellations of the same order.
const PAUSE: Duration = Duration::from_secs(1);

/// A row to lock.
struct Row {
    database: &'static str,
    state: &'static str,
    under_way: &'static str,
    /// The city to which the carrier is asked to bring it.
    city: &'static str,
    kind: Kind,
}

/// The provider answers the charge two seconds late, so both are under way when their rows are locked.
const TOKEN: &str = "tok_late";

/// The first is dispatched while order can't hear of it: a cancellation that comes then comes too late. The second is
/// cancelled, or not delivered, before payment can hear that it has the money.
const ROWS: [Row; 2] = [
    Row {
        database: "order",
        state: "SELECT status FROM orders WHERE order_id = $1 FOR UPDATE",
        under_way: "pending",
        city: "Vienna",
        kind: Kind::Completed,
    },
    Row {
        database: "payment",
        state: "SELECT state FROM payments WHERE order_id = $1 FOR UPDATE",
        under_way: "capturing",
        city: "Nowhere",
        kind: Kind::Undeliverable,
    },
];

/// Locks the rows for a time.
pub struct LockedRow {
    pub undisturbed: Duration,
    pub disturbed: Duration,
    /// Made before the load: a client reads all certificates of the machine, and this thread times the answers.
    pub shop: Shop,
}

impl LockedRow {
    /// Until the locked orders have ended too.
    pub async fn run(&self, system: &System, ledger: &Ledger) -> Result<Disturbed> {
        tokio::time::sleep(self.undisturbed).await;
        let [row_of_order, row_of_payment] = &ROWS;
        let (begin, released) = (clock::now(), Cell::new(false));
        let of_order = Locked::take(&self.shop, system, ledger, row_of_order).await?;
        let of_payment = Locked::take(&self.shop, system, ledger, row_of_payment).await?;
        let hold = async {
            tokio::time::sleep(self.disturbed).await;
            let notes = [of_order.look(system).await?, of_payment.look(system).await?];
            released.set(true);
            of_order.release().await?;
            of_payment.release().await?;
            Ok((clock::now(), notes))
        };
        let insist_on_order = insist(&self.shop, system, ledger, of_order.order);
        let insist_on_order = async {
            let insisted = insist_on_order.await?;
            ensure!(released.get(), "a cancellation was answered, though its order's row was locked: {insisted:?}");
            Ok(insisted)
        };
        let insist_on_payment = insist(&self.shop, system, ledger, of_payment.order);
        let ((end, mut notes), by_order, by_payment) = tokio::try_join!(hold, insist_on_order, insist_on_payment)?;
        for (note, insisted) in notes.iter_mut().zip([&by_order, &by_payment]) {
            note.push_str(&insisted.told());
        }
        victims::until_ended(ledger).await;
        let mut notes = notes.to_vec();
        let last = clock::now().saturating_sub(end) as f64 / 1e6;
        notes.push(format!("Both ended as they should; the last did so at most {last:.1} s after the release."));
        let what = format!("rows locked for {:?}", self.disturbed);
        Ok(Disturbed { what, window: Window { begin, end }, before: None, notes })
    }
}

/// A row that is locked until it is released, or this is dropped.
struct Locked<'a> {
    row: &'a Row,
    order: Uuid,
    transaction: Mutex<PgConnection>,
}

impl<'a> Locked<'a> {
    /// Places orders until the row of one is locked while that is under way.
    async fn take(shop: &Shop, system: &System, ledger: &Ledger, row: &'a Row) -> Result<Self> {
        let body: Value = order(&[(&sku(0), 2)], TOKEN, row.city);
        for _ in 0..TRIES {
            let order = victims::place(shop, system, ledger, &body, row.kind).await?;
            let mut transaction = database(system, row.database).await?;
            sqlx::raw_sql("BEGIN").execute(&mut transaction).await?;
            let state = lock(&mut transaction, row, order).await?;
            if state == row.under_way {
                return Ok(Self { row, order, transaction: Mutex::new(transaction) });
            }
        }
        bail!("{TRIES} orders were no longer {} when their rows were locked", row.under_way)
    }

    /// The row stands as it did; tells what waits for it.
    async fn look(&self, system: &System) -> Result<String> {
        let state = lock(&mut *self.transaction.lock().await, self.row, self.order).await?;
        ensure!(state == self.row.under_way, "a locked row of {} was changed: {state}", self.row.database);
        let deferred: i64 = sqlx::query_scalar("SELECT count(*) FROM held_events WHERE key = $1")
            .bind(self.order.to_string())
            .fetch_one(&mut database(system, self.row.database).await?)
            .await?;
        let Row { database, under_way, .. } = self.row;
        Ok(format!(
            "The row of order {} was locked in {database}'s database while it was {under_way}; {deferred} of its events \
             waited in held_events at the end. ",
            self.order
        ))
    }

    async fn release(&self) -> Result<()> {
        sqlx::raw_sql("ROLLBACK").execute(&mut *self.transaction.lock().await).await?;
        Ok(())
    }
}

/// The row's state, once it is there and no other transaction has it.
async fn lock(transaction: &mut PgConnection, row: &Row, order: Uuid) -> Result<String> {
    let start = Instant::now();
    loop {
        let found = sqlx::query_scalar(row.state).bind(order.to_string());
        if let Some(state) = found.fetch_optional(&mut *transaction).await? {
            return Ok(state);
        }
        ensure!(start.elapsed() < APPEARS, "{} has no row of order {order}", row.database);
        tokio::time::sleep(LOOK).await;
    }
}

/// What became of cancellations of one order.
#[derive(Debug, Default, PartialEq)]
struct Insisted {
    /// Answers that told the client to come again, or that never came.
    refused: usize,
    longest: Duration,
    last: u16,
}

impl Insisted {
    fn told(&self) -> String {
        let Self { refused, longest, last } = self;
        let longest = longest.as_secs_f64() * 1e3;
        format!(
            "Its cancellation was answered \"come again\" {refused} times, then {last}; the slowest answer took \
             {longest:.0} ms."
        )
    }
}

/// Asks for an order's cancellation until there is an answer.
async fn insist(shop: &Shop, system: &System, ledger: &Ledger, order: Uuid) -> Result<Insisted> {
    let mut insisted = Insisted::default();
    let url = format!("{}/orders/{order}/cancel", system.url("order"));
    loop {
        let asked = Instant::now();
        let answer = shop.post(&url, &json!({}), &[]).await;
        insisted.longest = insisted.longest.max(asked.elapsed());
        match answer.map(|answer| (answer.status, answer)) {
            Ok((status @ (202 | 409), _)) => {
                if status == 409 {
                    ledger.too_late(order);
                }
                return Ok(Insisted { last: status, ..insisted });
            }
            Ok((429 | 503, _)) | Err(_) => insisted.refused += 1,
            Ok((_, answer)) => bail!("POST {url} was answered with {answer:?}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_cancellations_is_told_with_the_slowest_answer() {
        let insisted = Insisted { refused: 3, longest: Duration::from_millis(250), last: 202 };
        let told = insisted.told();
        assert!(told.contains("3 times") && told.contains("then 202") && told.contains("250 ms"), "{told}");
    }

    #[test]
    fn each_locked_order_has_one_end_that_is_right() {
        use crate::mix::End;
        let ends = ROWS.map(|row| [End::Completed, End::Cancelled].map(|end| row.kind.may_end(end)));
        assert_eq!(ends, [[true, false], [false, true]]);
    }
}
