//! From event to event on the forward path, by the events' timestamps.

use std::collections::HashMap;

use uuid::Uuid;

use crate::clock::Micros;
use crate::latency::Latencies;

const PATH: [&str; 5] =
    ["order.placed", "inventory.reserved", "payment.succeeded", "shipping.dispatched", "order.completed"];

/// Orders on their way, and how long each hop took those that have gone all of it.
#[derive(Debug, Default)]
pub struct Hops {
    /// When each was due, and the timestamps of its events.
    orders: HashMap<Uuid, [Option<Micros>; PATH.len() + 1]>,
    hops: [Latencies; PATH.len()],
}

/// A hop's name and how long it took.
pub type Hop<'a> = (String, &'a Latencies);

impl Hops {
    pub fn placed(&mut self, order: Uuid, due: Micros) {
        self.note(order, 0, due);
    }

    /// A repeat says the same.
    pub fn seen(&mut self, order: Uuid, event_type: &str, at: Micros) {
        if let Some(place) = PATH.iter().position(|on_path| *on_path == event_type) {
            self.note(order, place + 1, at);
        }
    }

    /// Each hop, in their order.
    pub fn each(&self) -> impl Iterator<Item = Hop<'_>> {
        let from = std::iter::once("POST").chain(PATH);
        from.zip(PATH).zip(&self.hops).map(|((from, to), hop)| (format!("{from} → {to}"), hop))
    }

    /// What a saga would take if each hop took no longer than it ever did, in milliseconds.
    pub fn sum_of_minima(&self) -> f64 {
        self.hops.iter().map(Latencies::min).sum()
    }

    fn note(&mut self, order: Uuid, place: usize, at: Micros) {
        let times = self.orders.entry(order).or_default();
        if let Some(time) = times.get_mut(place) {
            *time = Some(at);
        }
        // Topics have no order between them, so any event may be seen last.
        if let [Some(_), Some(_), Some(_), Some(_), Some(_), Some(_)] = times {
            let gone: Vec<Micros> = times.iter().flatten().copied().collect();
            for (hop, pair) in self.hops.iter_mut().zip(gone.windows(2)) {
                hop.record(pair.iter().rev().copied().reduce(Micros::saturating_sub).unwrap_or_default());
            }
            self.orders.remove(&order);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hop_is_timed_once_the_order_has_gone_all_of_its_way() {
        let (order, mut hops) = (Uuid::from_u128(1), Hops::default());
        for (place, event_type) in PATH.iter().enumerate().rev() {
            hops.seen(order, event_type, 10_000 + 3_000 * place as Micros);
        }
        hops.seen(order, "payment.failed", 0);
        assert_eq!(hops.hops[0].count(), 0);
        hops.placed(order, 8_000);
        let shown: Vec<_> = hops.each().map(|(name, hop)| (name, hop.count(), hop.min().round())).collect();
        assert_eq!(shown[0], ("POST → order.placed".to_owned(), 1, 2.0));
        assert_eq!(shown[4], ("shipping.dispatched → order.completed".to_owned(), 1, 3.0));
        assert!((hops.sum_of_minima() - 14.0).abs() < 0.1, "{}", hops.sum_of_minima());
    }
}
