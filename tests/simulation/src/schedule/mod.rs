//! One schedule: a few orders, scarce stock, faults for a while, then rest, then the checks.

mod clients;
mod faults;
mod forged;
mod running;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::TimeDelta;
use engine::{
    event_id::Window,
    policy::{Policy, RetryPolicy},
};
use inventory::{Inventory, state as stock};
use order::Order;
use payment::{Payment, state::State as PaymentState};
use shipping::{Shipping, state::State as ShippingState};
use uuid::Uuid;

use crate::{
    check,
    core::{Core, Plant, lock},
    database::{Model, OwnRow},
    kafka::{Broker, Kafka},
    outside::{Ledger, World},
};
use running::Running;

const ORDERS: usize = 3;
pub const PIECES: i64 = 4;
/// How long faults strike: a whole saga's time, or only its beginning.
const FAULTY_STEPS: [u64; 2] = [1_500, 4_000];
/// Far more than any run needs to come to rest.
const LAST_STEP: u64 = 150_000;
const LIFETIME: TimeDelta = TimeDelta::days(36_500);

/// What a schedule came to.
pub struct Outcome {
    pub findings: Vec<String>,
    /// Told only if asked for.
    pub story: Vec<String>,
    pub steps: u64,
}

/// Everything that a schedule runs on.
pub struct Shop {
    pub core: Arc<Core>,
    pub kafka: Kafka,
    pub world: World,
    pub order: Model<Order>,
    pub inventory: Model<Inventory>,
    pub payment: Model<Payment>,
    pub shipping: Model<Shipping>,
    pub orders: Vec<Uuid>,
}

const POLICY: Policy = Policy {
    window: Window { horizon: TimeDelta::days(30), skew: TimeDelta::minutes(10) },
    retry: RetryPolicy { base: TimeDelta::milliseconds(20), cap: TimeDelta::milliseconds(200), max_attempts: 4 },
    max_message_bytes: 1_000_000,
    ranges: 4,
    intent_lease: TimeDelta::milliseconds(150),
};

const PARTICIPANT: Order = Order { deadline: Duration::from_millis(900) };

/// Runs the schedule of `seed`.
pub fn run(seed: u64, plant: Option<Plant>, tell: bool) -> Outcome {
    let core = Arc::new(Core::new(seed, plant, tell));
    let shop = Shop::new(&core);
    let mut running = Running::new(&shop);
    let (steps, rested) = running.come_to_rest();
    let mut findings = std::mem::take(&mut running.findings);
    drop(running);
    findings.extend(check::check(&shop));
    if !rested {
        findings.insert(0, format!("no rest after {steps} steps: {:?}", check::all_open_work(&shop)));
    }
    Outcome { findings, story: core.story(), steps }
}

impl Shop {
    fn new(core: &Arc<Core>) -> Self {
        let inventory = Model::new(
            core.clone(),
            Arc::new(Inventory),
            POLICY,
            |row| matches!(row, stock::Row::Reservation(row) if row.state == stock::ReservationState::Released && row.items.is_empty()),
        );
        let pieces = stock::Stock { available: PIECES, reserved: 0, shipped: 0 };
        let chairs = OwnRow { table: stock::Table::Stock, key: "chair".to_owned(), row: stock::Row::Stock(pieces) };
        lock(&inventory.state).rows.put(chairs);
        Self {
            core: core.clone(),
            kafka: Arc::new(Mutex::new(Broker::default())),
            world: World { core: core.clone(), ledger: Arc::new(Mutex::new(Ledger::default())) },
            order: Model::new(core.clone(), Arc::new(PARTICIPANT), POLICY, |_| false),
            inventory,
            payment: Model::new(core.clone(), Arc::new(Payment), POLICY, |row| row.state == PaymentState::Voided),
            shipping: Model::new(core.clone(), Arc::new(Shipping), POLICY, |row| row.state == ShippingState::Cancelled),
            orders: (0..ORDERS).map(|_| core.uuid()).collect(),
        }
    }
}
