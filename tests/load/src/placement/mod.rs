//! Clients that place orders.

mod connection;
mod pacer;

use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use hyper::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinSet, LocalSet};
use uuid::Uuid;

use crate::clock::{self, Micros};
use crate::ledger::Ledger;
use crate::mix::{Kind, Mix, customer};
use crate::schedule::Schedule;

use connection::{BREATH, Connection, Pool};

/// When the next order is placed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// As soon as fewer than so many are placed and have not ended.
    Closed { unended: usize },
    /// When its time has come.
    Open(Schedule),
}

impl Load {
    /// How many may be placed and not ended; `None`: any number.
    pub fn unended(self) -> Option<usize> {
        match self {
            Self::Closed { unended } => Some(unended),
            Self::Open(_) => None,
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { unended: 1 } => write!(f, "one after another"),
            Self::Closed { unended } => write!(f, "closed loop, at most {unended} under way"),
            Self::Open(schedule) => write!(f, "{schedule}"),
        }
    }
}

/// When it is enough: whichever comes first.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    pub orders: usize,
    pub time: Option<Duration>,
}

/// What is placed, and where.
pub struct Orders {
    /// Of each replica of order.
    pub addresses: Vec<SocketAddr>,
    pub mix: Mix,
    pub skus: usize,
    pub new_customers: bool,
    pub keyed: bool,
    pub connections: usize,
}

/// What all clients share.
struct Clients {
    pool: Pool,
    ledger: Arc<Ledger>,
    bodies: Vec<(Kind, Vec<Bytes>)>,
    new_customers: bool,
    keyed: bool,
}

/// One order to place.
struct Order {
    number: usize,
    kind: Kind,
    /// `None`: as soon as it can be sent.
    due: Option<Micros>,
}

/// Places orders. Returns how many, once all are accepted.
pub async fn place(orders: &Orders, ledger: &Arc<Ledger>, load: Load, limit: Limit) -> Result<usize> {
    let clients = Rc::new(Clients {
        pool: Pool::new(&orders.addresses),
        ledger: Arc::clone(ledger),
        bodies: bodies(&orders.mix, orders.skus),
        new_customers: orders.new_customers,
        keyed: orders.keyed,
    });
    let free = Arc::new(Semaphore::new(orders.connections));
    LocalSet::new().run_until(place_all(&clients, &free, orders.mix.turns(), load, limit)).await
}

async fn place_all(
    clients: &Rc<Clients>,
    free: &Arc<Semaphore>,
    kinds: impl Iterator<Item = Kind>,
    load: Load,
    limit: Limit,
) -> Result<usize> {
    let mut due = match load {
        Load::Closed { .. } => None,
        Load::Open(schedule) => Some(pacer::start(schedule, limit)?),
    };
    let (begin, mut placed) = (Instant::now(), 0);
    let mut under_way = JoinSet::new();
    for (number, kind) in kinds.enumerate().take(limit.orders) {
        let next = async {
            let due = match &mut due {
                Some(due) => due.recv().await.map(Some),
                None => {
                    clients.ledger.enter().await;
                    limit.time.is_none_or(|time| begin.elapsed() < time).then_some(None)
                }
            };
            (due, Arc::clone(free).acquire_owned().await)
        };
        tokio::pin!(next);
        let (due, connection) = loop {
            tokio::select! {
                next = &mut next => break next,
                // What fails is told at once.
                Some(ended) = under_way.join_next() => ended.context("a client panicked")??,
            }
        };
        let Some(due) = due else { break };
        let (clients, connection) = (Rc::clone(clients), connection?);
        placed += 1;
        let order = Order { number, kind, due };
        under_way.spawn_local(async move { clients.place(order, connection).await });
    }
    while let Some(ended) = under_way.join_next().await {
        ended.context("a client panicked")??;
    }
    Ok(placed)
}

impl Clients {
    async fn place(&self, order: Order, _connection: OwnedSemaphorePermit) -> Result<()> {
        let mut connection = self.pool.take(order.number).await?;
        let body = self.body(&order).context("there are no articles")?;
        let key = self.keyed.then(|| Uuid::now_v7().to_string());
        let sent = clock::now();
        let due = order.due.unwrap_or(sent);
        self.ledger.asked(sent.saturating_sub(due));
        let id = loop {
            match connection.place(&body, key.as_deref()).await? {
                Some(id) => break id,
                None => self.breathe().await,
            }
        };
        self.ledger.accepted(id, order.kind, due, clock::now());
        if order.kind == Kind::Cancelled {
            self.cancel(id, &mut connection).await?;
        }
        self.pool.give_back(connection);
        Ok(())
    }

    async fn cancel(&self, order: Uuid, connection: &mut Connection) -> Result<()> {
        loop {
            match connection.cancel(order).await? {
                Some(true) => return Ok(()),
                Some(false) => {
                    self.ledger.too_late(order);
                    return Ok(());
                }
                None => self.breathe().await,
            }
        }
    }

    async fn breathe(&self) {
        self.ledger.refused();
        tokio::time::sleep(BREATH).await;
    }

    fn body(&self, order: &Order) -> Option<Bytes> {
        let (_, bodies) = self.bodies.iter().find(|(kind, _)| *kind == order.kind)?;
        let articles = bodies.len().max(1);
        // Shifted by one each time round, so that a kind that comes every so often meets all articles.
        let article = (order.number + order.number / articles) % articles;
        let body = bodies.get(article)?;
        if !self.new_customers {
            return Some(body.clone());
        }
        let text = String::from_utf8_lossy(body);
        Some(text.replacen(&customer(article), &format!("customer-{}", Uuid::now_v7()), 1).into())
    }
}

/// By kind, one per article.
fn bodies(mix: &Mix, skus: usize) -> Vec<(Kind, Vec<Bytes>)> {
    let kinds = Kind::ALL.into_iter().filter(|kind| mix.has(*kind));
    kinds.map(|kind| (kind, (0..skus).map(|sku| Bytes::from(kind.order(sku).to_string())).collect())).collect()
}
