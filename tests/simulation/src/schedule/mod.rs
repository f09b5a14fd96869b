//! One schedule: a few orders, scarce stock, faults for a while, then rest, then the checks.

mod clients;
mod faults;
mod forged;
mod intruder;
mod junk;
mod many;
mod plan;
mod running;
mod scribbler;
mod stock_taker;

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use engine::{
    event_id::Window,
    policy::{Policy, RetryPolicy},
};
use inventory::{Inventory, state as stock};
use order::{Order, state as orders};
use payment::{Payment, state::State as PaymentState};
use shipping::{Shipping, state::State as ShippingState};

use crate::{
    check,
    core::{Core, lock},
    coverage::Coverage,
    database::{Model, OwnRow},
    kafka::{Broker, Kafka},
    outside::World,
    plant::Plant,
    probe::Probe,
    requests::Requests,
};
pub use clients::Placed;
pub use many::{Many, many};
pub use plan::Plan;
use running::Running;

/// What can be ordered.
pub const SKUS: [&str; 2] = ["chair", "table"];
/// Far more than any run needs to come to rest.
const LAST_STEP: u64 = 150_000;
const LIFETIME: TimeDelta = TimeDelta::days(36_500);

/// What a schedule came to.
pub struct Outcome {
    pub findings: Vec<String>,
    /// Told only if asked for.
    pub story: Vec<String>,
    pub steps: u64,
    pub coverage: Coverage,
}

/// Everything that a schedule runs on.
pub struct Shop {
    pub core: Arc<Core>,
    pub plan: Plan,
    pub kafka: Kafka,
    pub world: World,
    pub order: Model<Probe<Order>>,
    pub inventory: Model<Probe<Inventory>>,
    pub payment: Model<Probe<Payment>>,
    pub shipping: Model<Probe<Shipping>>,
    pub order_requests: Requests<Probe<Order>>,
    pub inventory_requests: Requests<Probe<Inventory>>,
    /// The clients' own ledger.
    pub placed: Arc<Mutex<Vec<Placed>>>,
}

pub const POLICY: Policy = Policy {
    window: Window { horizon: TimeDelta::days(30), skew: TimeDelta::minutes(10) },
    retry: RetryPolicy { base: TimeDelta::milliseconds(20), cap: TimeDelta::milliseconds(200), max_attempts: 4 },
    max_message_bytes: 1_000_000,
    ranges: 4,
    intent_lease: TimeDelta::milliseconds(150),
};

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
    check::count(&shop);
    Outcome { findings, story: core.story(), steps, coverage: core.coverage() }
}

impl Shop {
    fn new(core: &Arc<Core>) -> Self {
        let plan = Plan::draw(core);
        let (deadline, poison) = (plan.deadline, plan.poison);
        let inventory = Model::new(
            core.clone(),
            Arc::new(Probe::new(Inventory, core.clone(), poison)),
            POLICY,
            |row| matches!(row, stock::Row::Reservation(row) if row.state == stock::ReservationState::Released && row.items.is_empty()),
        );
        let pieces = stock::Stock { available: plan.pieces, reserved: 0, shipped: 0 };
        for sku in SKUS {
            let row = OwnRow { table: stock::Table::Stock, key: sku.to_owned(), row: stock::Row::Stock(pieces) };
            lock(&inventory.state).rows.put(row);
        }
        let order = Arc::new(Probe::new(Order { deadline }, core.clone(), poison));
        let payment = Arc::new(Probe::new(Payment, core.clone(), poison));
        let shipping = Arc::new(Probe::new(Shipping, core.clone(), poison));
        Self {
            core: core.clone(),
            plan,
            kafka: Arc::new(Mutex::new(Broker::default())),
            world: World::new(core.clone()),
            order: Model::new(core.clone(), order, POLICY, |_| false)
                .locking_at_once(|table| table == orders::Table::Requests),
            inventory,
            payment: Model::new(core.clone(), payment, POLICY, |row| row.state == PaymentState::Voided),
            shipping: Model::new(core.clone(), shipping, POLICY, |row| row.state == ShippingState::Cancelled),
            order_requests: Requests::default(),
            inventory_requests: Requests::default(),
            placed: Arc::default(),
        }
    }
}
