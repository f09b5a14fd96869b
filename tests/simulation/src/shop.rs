//! The shop as it is simulated: a few orders, scarce stock.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use choreography_simulator::{Handle, Simulation, Subject, System, core::Core};
use chrono::TimeDelta;
use inventory::{
    Inventory,
    reservation::{Reservation, State as ReservationState},
    stock::Stock,
};
use notification::{Message, Notification};
use order::Order;
use payment::{
    Payment,
    calls::{Charge, Refund},
    payment_row::{PaymentRow, State as PaymentState},
};
use providers::Calls;
use shipping::{
    Shipping,
    shipment::{Ship, Shipment, State as ShippingState},
};

use crate::{
    check,
    clients::{self, Placed},
    forgery::forger,
    observation::Seen,
    plant::Plant,
    poisons::poisons,
    stock_taker::stock_taker,
    usage::{TABLES, USAGES, Usage},
    world::World,
};

/// What can be ordered.
pub const SKUS: [&str; 2] = ["chair", "table"];
const LIFETIME: TimeDelta = TimeDelta::days(36_500);
/// How long an order may take, in milliseconds (steps): far too short for a saga, short, or long enough.
const DEADLINES: [u64; 5] = [900, 4_000, 15_000, 40_000, 40_000];
const PIECES: [i64; 3] = [4, 12, MANY];
const MANY: i64 = 40;

/// Everything that the shop's own checks look at.
pub struct Shop {
    pub core: Arc<Core>,
    pub usage: &'static Usage,
    pub deadline: Duration,
    /// In stock of each SKU.
    pub pieces: i64,
    pub world: World,
    pub order: Handle,
    pub inventory: Handle,
    pub payment: Handle,
    pub shipping: Handle,
    pub notification: Handle,
    /// The clients' own ledger.
    pub placed: Mutex<Vec<Placed>>,
}

/// The shop, with a bug in it or as it ships.
pub fn simulation(plant: Option<Plant>) -> Simulation<impl Fn(&mut System) + Sync> {
    let set_up = move |system: &mut System| set_up(system, plant);
    Simulation::new(set_up).aiming(&TABLES).planting(plant.and_then(Plant::of_the_engine))
}

fn set_up(system: &mut System, plant: Option<Plant>) {
    let shop = Arc::new(Shop::new(system, plant));
    system.publishes_each_type_once();
    system.poison(poisons());
    clients::join(&shop, system);
    if shop.core.pick(3) == 0 {
        system.client(stock_taker(&shop));
    }
    if plant == Some(Plant::StockFirst) {
        system.meddler(forger(&shop, system.broker()));
    }
    let world = shop.world.clone();
    system.late(move || world.land_late(), {
        let world = shop.world.clone();
        move || world.is_quiet()
    });
    system.always({
        let shop = shop.clone();
        move |_| check::at_any_moment(&shop)
    });
    system.counting({
        let shop = shop.clone();
        move || check::count(&shop)
    });
    system.at_rest(move || check::at_rest(&shop));
}

impl Shop {
    fn new(system: &mut System, plant: Option<Plant>) -> Self {
        let core = system.core.clone();
        let usage = &USAGES[core.focus.profile.usage];
        let drawn = DEADLINES[core.pick(DEADLINES.len())];
        let deadline = Duration::from_millis(usage.deadline.unwrap_or(drawn));
        let drawn = PIECES[core.pick(PIECES.len())];
        let pieces = if usage.plenty || usage.returns { MANY } else { drawn };
        let (world, seen) = (World::new(core.clone(), plant), Seen { plant });

        let order = system.add(Subject::new(Order { deadline }).observed(seen.order()));
        let inventory = system.add(Subject::new(Inventory).observed(seen.inventory()).tombstones(|row| {
            let reservation = row.get::<Reservation>();
            reservation.is_some_and(|row| row.state == ReservationState::Released && row.items.0.is_empty())
        }));
        for sku in SKUS {
            inventory.put(sku, Stock { available: pieces, reserved: 0, shipped: 0 });
        }
        let calls = Calls::at(world.clone(), LIFETIME).to::<Charge>().to::<Refund>();
        let payment = Subject::new(Payment).calling_by(|_| calls).observed(seen.payment());
        let payment = system.add(
            payment.tombstones(|row| row.get::<PaymentRow>().is_some_and(|row| row.state == PaymentState::Voided)),
        );
        let calls = Calls::at(world.clone(), LIFETIME).to::<Ship>();
        let shipping = Subject::new(Shipping).calling_by(|_| calls).observed(seen.shipping());
        let shipping = system.add(
            shipping.tombstones(|row| row.get::<Shipment>().is_some_and(|row| row.state == ShippingState::Cancelled)),
        );
        let calls = Calls::at(world.clone(), LIFETIME).to::<Message>();
        let notification = system.add(Subject::new(Notification).calling_by(|_| calls).observed(seen.notification()));
        let placed = Mutex::default();
        Self { core, usage, deadline, pieces, world, order, inventory, payment, shipping, notification, placed }
    }
}
