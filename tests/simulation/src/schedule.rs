//! One schedule: a few orders, scarce stock, faults for a while, then rest, then the checks.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    task::{Context, Waker},
    time::Duration,
};

use chrono::TimeDelta;
use contracts::{Address, Event, Item, PaymentVoided};
use engine::{
    door::{Door, Progress},
    event_id::Window,
    input::{Input, Source, Verdict, Work},
    intents::Nobody,
    outbox::{self, Origin},
    participant::What,
    policy::{Policy, RetryPolicy},
    trace::TraceContext,
};
use inventory::{Inventory, state as stock};
use order::{Order, participant::Command, place_order::PlaceOrder, state::Details};
use payment::{Payment, outside::ProviderCalls, state::State as PaymentState};
use shipping::{Shipping, outside::CarrierCalls, state::State as ShippingState};
use uuid::Uuid;

use crate::{
    check,
    core::{Core, Plant, SeededIds, lock, pause},
    database::{Model, OwnRow},
    kafka::{Broker, Kafka},
    outside::{Ledger, World},
    replica::{Task, tasks},
};

const ORDERS: usize = 3;
pub const PIECES: i64 = 4;
const FAULTY_STEPS: u64 = 1_500;
/// Far more than any run needs to come to rest.
const LAST_STEP: u64 = 150_000;
const LIFETIME: Duration = Duration::from_secs(100 * 365 * 86_400);

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
    retry: RetryPolicy { base: TimeDelta::milliseconds(20), cap: TimeDelta::milliseconds(200), max_attempts: 50 },
    max_message_bytes: 1_000_000,
    ranges: 4,
    intent_lease: TimeDelta::milliseconds(150),
};

const PARTICIPANT: Order = Order { deadline: Duration::from_millis(900) };

/// Runs the schedule of `seed`.
pub fn run(seed: u64, plant: Option<Plant>, tell: bool) -> Outcome {
    let core = Arc::new(Core::new(seed, plant, tell));
    let shop = Shop::new(&core);
    let mut running = Running {
        shop: &shop,
        replicas: BTreeMap::new(),
        clients: clients(&shop),
        members: 0,
        forged: 0,
        findings: Vec::new(),
    };
    let two = core.pick(2) + 1;
    for service in 0..4 {
        for _ in 0..two {
            running.start(service);
        }
    }
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

struct Running<'a> {
    shop: &'a Shop,
    replicas: BTreeMap<u64, (usize, Vec<Task>)>,
    clients: Vec<Task>,
    members: u64,
    /// How much of shipping's topic was looked at for a planted bug.
    forged: usize,
    findings: Vec<String>,
}

impl Running<'_> {
    fn start(&mut self, service: usize) {
        self.members += 1;
        let (shop, member) = (self.shop, self.members);
        let (core, kafka, world) = (&shop.core, &shop.kafka, shop.world.clone());
        let tasks = match service {
            0 => tasks(core, kafka, &shop.order, &Arc::new(PARTICIPANT), Arc::new(Nobody), member),
            1 => tasks(core, kafka, &shop.inventory, &Arc::new(Inventory), Arc::new(Nobody), member),
            2 => {
                let calls = Arc::new(ProviderCalls::new(world, LIFETIME));
                tasks(core, kafka, &shop.payment, &Arc::new(Payment), calls, member)
            }
            _ => {
                let calls = Arc::new(CarrierCalls::new(world, LIFETIME));
                tasks(core, kafka, &shop.shipping, &Arc::new(Shipping), calls, member)
            }
        };
        self.replicas.insert(member, (service, tasks));
    }

    /// Drives everything until nothing is left to do. `false`: that did not come about.
    fn come_to_rest(&mut self) -> (u64, bool) {
        let core = self.shop.core.clone();
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let step = core.step();
            if step == FAULTY_STEPS {
                core.end_faults();
                while lock(&self.shop.kafka).arrive_late() {}
            }
            if step > FAULTY_STEPS && step.is_multiple_of(256) && check::rests(self.shop) && self.clients.is_empty() {
                return (step, true);
            }
            if step > LAST_STEP {
                return (step, false);
            }
            if core.fault(200) {
                self.crash();
            }
            if core.pick(20) == 0 {
                lock(&self.shop.kafka).arrive_late();
            }
            self.forge();
            if step.is_multiple_of(16) && self.findings.is_empty() {
                self.findings = check::money_held_at_the_end(self.shop);
            }
            self.poll_one(&mut context);
        }
    }

    fn poll_one(&mut self, context: &mut Context<'_>) {
        let core = &self.shop.core;
        let others = self.replicas.len();
        let chosen = core.pick(others + self.clients.len().min(1));
        if let Some((_, (_, tasks))) = self.replicas.iter_mut().nth(chosen) {
            let task = core.pick(tasks.len());
            // The loops of a replica never end by themselves.
            let _ = tasks[task].as_mut().poll(context);
        } else if !self.clients.is_empty() {
            let client = core.pick(self.clients.len());
            if self.clients[client].as_mut().poll(context).is_ready() {
                drop(self.clients.swap_remove(client));
            }
        }
    }

    /// kill -9: all tasks of a replica are dropped where they stand. Another takes its place.
    fn crash(&mut self) {
        let chosen = self.shop.core.pick(self.replicas.len());
        let Some(member) = self.replicas.keys().nth(chosen).copied() else { return };
        let Some((service, tasks)) = self.replicas.remove(&member) else { return };
        let group = ["order", "inventory", "payment", "shipping"][service];
        self.shop.core.tell(|| format!("{group} crashes"));
        drop(tasks);
        lock(&self.shop.kafka).leave(group, member);
        self.start(service);
    }

    /// Stock released before the money went back: inventory hears `payment.voided` as soon as shipping is off.
    fn forge(&mut self) {
        if !self.shop.core.has(Plant::StockFirst) {
            return;
        }
        let mut broker = lock(&self.shop.kafka);
        let logs = broker.logs.iter().filter(|((topic, _), _)| topic == "shipping-events");
        let off: Vec<Uuid> = logs
            .flat_map(|(_, log)| log)
            .filter(|delivery| {
                delivery.headers.iter().any(|header| {
                    let kinds: [&[u8]; 2] = [b"shipping.failed", b"shipping.cancelled"];
                    header.name == "event-type" && header.value.as_deref().is_some_and(|value| kinds.contains(&value))
                })
            })
            .filter_map(|delivery| std::str::from_utf8(delivery.key.as_deref()?).ok()?.parse().ok())
            .collect();
        for order_id in off.iter().skip(self.forged) {
            let event = Event::from(PaymentVoided { order_id: *order_id, reason: "planted".into() });
            let (core, trace) = (&self.shop.core, TraceContext::default());
            let key = order_id.to_string();
            let origin = Origin { source: "payment", correlation_id: &key, causation_id: None, trace: &trace };
            let fact = engine::effects::Fact {
                topic: event.topic(),
                event_type: event.event_type(),
                version: 1,
                aggregate_id: key.clone(),
                payload: event.to_payload().unwrap_or_default(),
            };
            if let Ok(message) = outbox::message(fact, core.uuid(), core.now(), &origin, usize::MAX) {
                broker.append(message);
            }
        }
        self.forged = off.len();
    }
}

/// Each order is placed, and some are cancelled, by clients that repeat what was not confirmed.
fn clients(shop: &Shop) -> Vec<Task> {
    let mut clients: Vec<Task> = Vec::new();
    for (number, order_id) in shop.orders.iter().copied().enumerate() {
        let core = shop.core.clone();
        let token = if core.pick(4) == 0 { "tok_declined" } else { "tok_visa" };
        let address = (core.pick(4) != 0).then(address);
        let quantity = u32::try_from(core.pick(3) + 1).unwrap_or(1);
        let cancels = core.pick(2) == 0;
        let (wait, patience) = (core.pick(300), core.pick([80, 600][core.pick(2)]));
        let door = Arc::new(Door { participant: Arc::new(PARTICIPANT), database: shop.order.clone(), policy: POLICY });
        let details = Details {
            user_id: "ada".into(),
            total_amount: 100 * i64::from(quantity),
            currency: "EUR".into(),
            items: vec![Item { sku: "chair".into(), quantity, price: 100 }],
            payment_method: Some(token.into()),
            shipping_address: address,
        };
        clients.push(Box::pin(async move {
            for _ in 0..wait {
                pause().await;
            }
            let place = || {
                Command::Place(Box::new(PlaceOrder {
                    order_id,
                    request_key: Some(format!("client-{number}")),
                    body_hash: vec![1],
                    details: Box::new(details.clone()),
                }))
            };
            submit(&core, &door, place).await;
            if cancels {
                for _ in 0..patience {
                    pause().await;
                }
                submit(&core, &door, || Command::Cancel(order_id)).await;
            }
        }));
    }
    clients
}

fn address() -> Address {
    Address {
        name: "Ada".into(),
        line1: "Main Street 1".into(),
        line2: None,
        postal_code: "1010".into(),
        city: "Vienna".into(),
        country: "AT".into(),
    }
}

async fn submit(core: &Arc<Core>, door: &Door<Order, Model<Order>>, command: impl Fn() -> Command) {
    let mut ids = SeededIds(core.clone());
    loop {
        let work = [Work::Input(Input {
            what: What::Command(command()),
            correlation_id: None,
            trace: TraceContext::default(),
            source: Source::Client,
        })];
        let mut progress = Progress::new(1);
        let handled = door.handle_isolating(&mut ids, &work, &mut progress).await;
        core.tell(|| format!("client: {handled:?} {:?}", progress.verdicts));
        if matches!(progress.verdicts[0], Some(Verdict::Applied(_))) {
            return;
        }
        pause().await;
    }
}
