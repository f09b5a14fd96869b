//! Clients who order all the time, whatever is started and stopped meanwhile.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use local::shop::{Shop, order};
use serde_json::Value;
use tokio::task::JoinHandle;

/// Between two orders, and between two tries of one.
const PAUSE: Duration = Duration::from_millis(60);

/// How an order goes, and how it must end.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    token: &'static str,
    city: &'static str,
    in_stock: bool,
    is_cancelled: bool,
    /// `None`: as shipping decides.
    pub ends: Option<&'static str>,
}

const fn kind(token: &'static str, city: &'static str, ends: &'static str) -> Kind {
    Kind { token, city, in_stock: true, is_cancelled: false, ends: Some(ends) }
}

/// Each way through the saga; the provider's answer comes at once, at the third try, late, or never.
const KINDS: [Kind; 10] = [
    kind("tok_visa", "Vienna", "completed"),
    kind("tok_declined", "Vienna", "cancelled"),
    kind("tok_visa", "Nowhere", "cancelled"),
    kind("tok_flaky", "Vienna", "completed"),
    Kind { in_stock: false, ..kind("tok_visa", "Vienna", "cancelled") },
    kind("tok_late", "Vienna", "completed"),
    Kind { is_cancelled: true, ends: None, ..kind("tok_visa", "Vienna", "") },
    kind("tok_refund_flaky", "Nowhere", "cancelled"),
    kind("tok_silent", "Vienna", "completed"),
    Kind { is_cancelled: true, ends: None, ..kind("tok_late", "Vienna", "") },
];

/// What clients see of the shop and share among themselves.
#[derive(Default)]
struct Desk {
    /// Where order's replicas answer.
    addresses: Mutex<Vec<String>>,
    placed: Mutex<Vec<(String, Kind)>>,
    /// Answers that no client should get.
    refused: Mutex<Vec<String>>,
    is_closed: AtomicBool,
}

pub struct Clients {
    desk: Arc<Desk>,
    task: JoinHandle<()>,
}

impl Clients {
    /// They order an article of which there is enough, and one of which there is none.
    pub fn start(in_stock: String, sold_out: String) -> Self {
        let desk = Arc::new(Desk::default());
        let task = tokio::spawn(order_until_closed(Arc::clone(&desk), in_stock, sold_out));
        Self { desk, task }
    }

    /// These replicas take orders now.
    pub fn go_to(&self, addresses: Vec<String>) {
        *lock(&self.desk.addresses) = addresses;
    }

    pub fn placed(&self) -> Vec<(String, Kind)> {
        lock(&self.desk.placed).clone()
    }

    /// Lets the last order be placed. What was placed, and how each order must end.
    pub async fn finish(self) -> Vec<(String, Kind)> {
        self.desk.is_closed.store(true, Ordering::Relaxed);
        self.task.await.expect("the clients' task does not panic");
        assert_eq!(*lock(&self.desk.refused), Vec::<String>::new(), "answers that no client should get");
        lock(&self.desk.placed).clone()
    }
}

async fn order_until_closed(desk: Arc<Desk>, in_stock: String, sold_out: String) {
    let shop = Shop::default();
    let mut number = 0;
    while !desk.is_closed.load(Ordering::Relaxed) {
        let kind = KINDS[number % KINDS.len()];
        let sku = if kind.in_stock { &in_stock } else { &sold_out };
        let body = order(&[(sku, 1)], kind.token, kind.city);
        // A client without an answer, or with one that leaves it open, asks again under the same key, and maybe another replica.
        let key = format!("upgrade-{number}");
        let placed = ask(&shop, &desk, "/orders", &body, &[("Idempotency-Key", &key)]).await;
        if let Some(id) = placed["orderId"].as_str() {
            lock(&desk.placed).push((id.to_owned(), kind));
            if kind.is_cancelled {
                ask(&shop, &desk, &format!("/orders/{id}/cancel"), &Value::Null, &[]).await;
            }
        }
        number += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Asks until there is an answer that leaves nothing open.
async fn ask(shop: &Shop, desk: &Desk, path: &str, body: &Value, headers: &[(&str, &str)]) -> Value {
    for turn in 0.. {
        let addresses = lock(&desk.addresses).clone();
        if let Some(address) = addresses.get(turn % addresses.len().max(1)) {
            match shop.post(&format!("{address}{path}"), body, headers).await {
                Ok(answer) if answer.status == 503 => {}
                // A cancellation that comes too late is refused with 409.
                Ok(answer) if matches!(answer.status, 200 | 202 | 409) => return answer.body,
                Ok(answer) => {
                    lock(&desk.refused).push(format!("{path}: {answer:?}"));
                    return Value::Null;
                }
                // The replica is gone, or was gone before it answered.
                Err(_) => {}
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    Value::Null
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
