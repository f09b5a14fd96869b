//! Notification: tells each customer, once, how the order ended. The smallest complete service on the engine.

mod message;
mod notice;
mod on_message_answer;
mod on_order_ended;
mod on_order_placed;

use choreography::{Routes, Service};
use contracts::{OrderCancellationRequested, OrderCancelled, OrderCompleted, OrderPlaced};

pub use message::Message;
pub use notice::{End, Notice, State};

/// The notification service.
#[derive(Clone, Copy, Debug)]
pub struct Notification;

impl Service for Notification {
    type Aggregate = Notice;

    const NAME: &'static str = "notification";

    fn routes(on: &mut Routes<Self>) {
        on.saga(include_str!("../saga.json"));
        // An order that could not be read is dead-lettered, and its end is parked. Once it can be, it must get past that.
        on.event::<OrderPlaced>(on_order_placed::handle).overtakes();
        on.event::<OrderCompleted>(on_order_ended::completed);
        on.event::<OrderCancelled>(on_order_ended::cancelled);
        on.ignore::<OrderCancellationRequested>();
        on.answer::<Message>(on_message_answer::handle);
        on.ends("state", &[State::Told, State::Failed].map(State::word));
    }
}

impl providers::Provided for Notification {
    const PROVIDER: &'static str = "the mail service";
    const PREFIX: &'static str = "MAIL";
}

pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations/notification");

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
