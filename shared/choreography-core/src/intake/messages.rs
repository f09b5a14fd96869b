//! Messages on their way from Kafka to the loop.

use super::{Limits, item::Item};
use crate::{broker::EventConsumer, delivery::Delivery, input::Inbound, participant::Participant, reception};

/// Messages that were taken. They can be while a transaction is on its way.
pub struct Messages<P: Participant> {
    pub(super) items: Vec<Item<P>>,
    pub(super) bytes: usize,
    pub(super) room: usize,
    pub(super) limits: Limits,
    /// They are read at once. After a crash they are not: one of them may end the process, and that is found out elsewhere.
    pub(super) reads: bool,
}

impl<P: Participant> Messages<P> {
    /// How many more fit.
    pub fn room(&self) -> usize {
        if self.bytes >= self.limits.bytes { 0 } else { self.room.saturating_sub(self.items.len()) }
    }

    /// Takes what `consumer` has just handed over.
    pub fn add<S: EventConsumer>(&mut self, participant: &P, messages: Vec<Delivery>, consumer: &mut S) {
        for message in messages {
            let position = message.position.clone();
            let since = consumer.owned_since(&position.topic, position.partition);
            let mut item = Item::message(message, since);
            self.bytes += item.size();
            if self.reads {
                reception::read_all(participant, std::slice::from_mut(&mut item.inbound));
                consumer.note(&position, !matches!(item.inbound, Inbound::Ignored(_)));
            }
            self.items.push(item);
        }
    }
}
