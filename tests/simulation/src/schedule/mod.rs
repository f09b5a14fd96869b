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

use choreography_core::{
    AnyRow, Row,
    event_id::Window,
    policy::{Policy, RetryPolicy},
    routes::{Service, TableId},
};
use chrono::TimeDelta;
use inventory::{
    Inventory,
    reservation::{Reservation, State as ReservationState},
    stock::Stock,
};
use order::Order;
use payment::{
    Payment,
    payment_row::{PaymentRow, State as PaymentState},
};
use shipping::{
    Shipping,
    shipment::{Shipment, State as ShippingState},
};

use crate::{
    check,
    core::{Core, lock},
    coverage::Coverage,
    database::{Model, OwnRow},
    kafka::{Broker, Kafka},
    observed::Observed,
    outside::World,
    plant::Plant,
    poison::Poison,
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
    pub order: Model<Probe>,
    pub inventory: Model<Probe>,
    pub payment: Model<Probe>,
    pub shipping: Model<Probe>,
    pub order_requests: Requests<Probe>,
    pub inventory_requests: Requests<Probe>,
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

fn probe<S: Service + Observed + Copy>(service: S, core: &Arc<Core>, poison: Option<Poison>) -> Arc<Probe> {
    Arc::new(Probe::new(service, core.clone(), poison))
}

impl Shop {
    fn new(core: &Arc<Core>) -> Self {
        let plan = Plan::draw(core);
        let (deadline, poison) = (plan.deadline, plan.poison);
        let inventory = Model::new(core.clone(), probe(Inventory, core, poison), POLICY, |row| {
            let reservation = row.get::<Reservation>();
            reservation.is_some_and(|row| row.state == ReservationState::Released && row.items.0.is_empty())
        });
        let pieces = Stock { available: plan.pieces, reserved: 0, shipped: 0 };
        for sku in SKUS {
            let row = OwnRow { table: TableId(Stock::TABLE), key: sku.to_owned(), row: AnyRow::new(pieces) };
            lock(&inventory.state).rows.put(row);
        }
        let order = probe(Order { deadline }, core, poison);
        let payment = probe(Payment, core, poison);
        let shipping = probe(Shipping, core, poison);
        Self {
            core: core.clone(),
            plan,
            kafka: Arc::new(Mutex::new(Broker::default())),
            world: World::new(core.clone()),
            order: Model::new(core.clone(), order, POLICY, |_| false).locking_at_once(|table| table.0.forgets),
            inventory,
            payment: Model::new(core.clone(), payment, POLICY, |row| {
                row.get::<PaymentRow>().is_some_and(|row| row.state == PaymentState::Voided)
            }),
            shipping: Model::new(core.clone(), shipping, POLICY, |row| {
                row.get::<Shipment>().is_some_and(|row| row.state == ShippingState::Cancelled)
            }),
            order_requests: Requests::default(),
            inventory_requests: Requests::default(),
            placed: Arc::default(),
        }
    }
}
