//! What each user may do, from the choreography: its own topics and dead letters to write, what it describes to read.

use std::collections::BTreeSet;

use choreography_kafka::Connection;
use contracts::topic::dead_letter_topic;

use super::{admin::Admin, blocking, client};
use crate::{Result, choreography::Part};

/// One thing that one user may do from any address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acl {
    pub user: String,
    pub resource: Resource,
    pub operation: Operation,
}

/// A topic or a consumer group, by its whole name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    Topic(String),
    Group(String),
}

/// Reading and writing include describing; writing includes what an idempotent producer needs (KIP-679).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Read,
    Write,
    /// To compare the topics' settings at the start with what the service needs: their retention with the inbox's horizon, and that keys
    /// are compacted.
    DescribeConfigs,
}

/// All that a service's user may do.
#[must_use]
pub fn access_of(part: &Part) -> BTreeSet<Acl> {
    let acl = |resource, operation| Acl { user: part.service.clone(), resource, operation };
    let topic = |name: &str| Resource::Topic(name.to_owned());
    let group = acl(Resource::Group(part.service.clone()), Operation::Read);
    let written = part.writes.iter().map(|name| acl(topic(name), Operation::Write));
    let read = part.reads.iter().flat_map(|name| {
        [
            acl(topic(name), Operation::Read),
            acl(topic(name), Operation::DescribeConfigs),
            acl(topic(&dead_letter_topic(name)), Operation::Write),
        ]
    });
    let read_before = part.read_before.iter().map(|name| acl(topic(&dead_letter_topic(name)), Operation::Write));
    let owned_keys = part.owns_keys.iter().map(|name| acl(topic(name), Operation::Write));
    let read_keys =
        part.owns_keys.iter().chain(&part.reads_keys).flat_map(|name| {
            [Operation::Read, Operation::DescribeConfigs].map(|operation| acl(topic(name), operation))
        });
    let of_keys = owned_keys.chain(read_keys);
    std::iter::once(group).chain(written).chain(read).chain(read_before).chain(of_keys).collect()
}

/// Makes the access of these services' users what it should be: grants what is missing, then takes away what no part of
/// theirs asks for any more.
///
/// # Errors
/// [`crate::Error::Broker`].
pub async fn set_access(kafka: &Connection, parts: &[Part]) -> Result<()> {
    let (admin, connection, parts) = (client(kafka)?, kafka.clone(), parts.to_vec());
    blocking(kafka, move || {
        let admin = Admin::new(&admin, &connection);
        for part in &parts {
            let (wanted, found) = (access_of(part), admin.access_of(&part.service)?);
            admin.grant(&wanted.difference(&found).cloned().collect::<Vec<_>>())?;
            admin.revoke(&found.difference(&wanted).cloned().collect::<Vec<_>>())?;
        }
        Ok(())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choreography::PARTS;

    fn may(service: &str, resource: &Resource, operation: Operation) -> bool {
        let part = PARTS.iter().find(|part| part.service == service).expect("a service");
        access_of(part).iter().any(|acl| acl.resource == *resource && acl.operation == operation)
    }

    #[test]
    fn each_topic_has_one_writer() {
        for &topic in contracts::topic::ALL {
            let writers =
                PARTS.iter().filter(|part| may(&part.service, &Resource::Topic(topic.into()), Operation::Write));
            assert_eq!(writers.count(), 1, "{topic}");
        }
    }

    #[test]
    fn order_alone_writes_the_customers_keys_and_who_opens_nothing_reads_none() {
        let keys = || Resource::Topic(contracts::topic::CUSTOMER_KEYS.into());
        for part in *PARTS {
            let name = part.service.as_str();
            assert_eq!(may(name, &keys(), Operation::Write), name == "order", "{name}");
            assert_eq!(may(name, &keys(), Operation::Read), ["order", "shipping"].contains(&name), "{name}");
        }
    }

    #[test]
    fn payment_reads_and_writes_what_it_declares() {
        let topic = |name: &str| Resource::Topic(name.into());
        assert!(may("payment", &topic("inventory-events"), Operation::Read));
        assert!(may("payment", &topic("inventory-events.dlq"), Operation::Write));
        assert!(may("payment", &topic("payment-events"), Operation::Write));
        assert!(may("payment", &Resource::Group("payment".into()), Operation::Read));
        assert!(!may("payment", &topic("order-events"), Operation::Read));
        assert!(!may("payment", &topic("payment-events"), Operation::Read));
        assert!(!may("payment", &topic("payment-events.dlq"), Operation::Write));
        assert!(!may("payment", &topic("inventory-events.dlq"), Operation::Read));
        assert!(!may("payment", &Resource::Group("order".into()), Operation::Read));
    }

    #[test]
    fn while_a_topic_moves_its_owner_may_write_both_and_its_readers_read_both_and_then_the_new_one_alone() {
        let topics_of = |service: &str, moves: &str, wanted: Operation| -> Vec<String> {
            let part = PARTS.iter().find(|part| part.service == service).expect("a service");
            let all = access_of(&part.with_moves(&moves.parse().expect("a move")));
            let of = |acl: Acl| match acl.resource {
                Resource::Topic(name) if acl.operation == wanted && name.starts_with("order-events") => Some(name),
                _ => None,
            };
            all.into_iter().filter_map(of).collect()
        };
        let moving = "both:order-events:order-events.v2";
        assert_eq!(topics_of("order", moving, Operation::Write), ["order-events", "order-events.v2"]);
        assert_eq!(topics_of("inventory", moving, Operation::Read), ["order-events", "order-events.v2"]);
        let dead = ["order-events.dlq", "order-events.v2.dlq"];
        assert_eq!(topics_of("inventory", moving, Operation::Write), dead);
        let moved = "moved:order-events:order-events.v2";
        assert_eq!(topics_of("order", moved, Operation::Write), ["order-events.v2"]);
        assert_eq!(topics_of("inventory", moved, Operation::Read), ["order-events.v2"]);
        assert_eq!(topics_of("inventory", moved, Operation::Write), dead, "of what waits since before");
    }
}
