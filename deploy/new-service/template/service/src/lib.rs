//! Newcomer: remembers who placed each order, and whether it was completed.

mod on_order_completed;
mod on_order_placed;
mod order;

use choreography::{Routes, Service};
use contracts::{OrderCancellationRequested, OrderCancelled, OrderCompleted, OrderPlaced};

pub use order::{Order, State};

/// The newcomer service.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer;

impl Service for Newcomer {
    type Aggregate = Order;

    const NAME: &'static str = "newcomer";

    fn routes(on: &mut Routes<Self>) {
        on.saga(include_str!("../saga.json"));
        // An order that could not be read is dead-lettered, and its end is parked. Once it can be, it must get past that.
        on.event::<OrderPlaced>(on_order_placed::handle).overtakes();
        on.event::<OrderCompleted>(on_order_completed::handle);
        on.ignore::<OrderCancellationRequested>();
        on.ignore::<OrderCancelled>();
        on.ends("state", &[State::Completed.word()]);
    }
}

/// The service's own tables.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/newcomer");
