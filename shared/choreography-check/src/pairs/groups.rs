//! Two services with one consumer group.

use super::Pairs;
use crate::{
    kind::Kind,
    report::{Finding, Place},
};

pub(super) fn shared(pairs: &Pairs<'_>) -> Vec<Finding> {
    let services: Vec<_> = pairs.services().filter(|service| !service.reads.is_empty()).collect();
    let mut found = Vec::new();
    for (index, one) in services.iter().enumerate() {
        for other in services.iter().skip(index + 1).filter(|other| other.group() == one.group()) {
            let group = one.group();
            let what = format!("{} reads by the group {group}, too", one.name);
            let both = one.handles.iter().chain(&other.handles).find(|event| {
                pairs.services().any(|publisher| publisher.publishes(event))
                    && one.handles(event) != other.handles(event)
            });
            let order = both.and_then(|event| {
                let publisher = pairs.services().find(|publisher| publisher.publishes(event))?;
                let (taker, misses) = if one.handles(event) { (other, one) } else { (one, other) };
                let then = format!(
                    "{}: is given the partition of {event} by the group; {} never sees it",
                    taker.name, misses.name
                );
                Some(pairs.order(&publisher.name, event, then))
            });
            let place = Place::new(other.name.clone(), format!("group {group}"));
            found.push(Finding::new(Kind::SharedGroup, place, what, order.unwrap_or_default()));
        }
    }
    found
}
