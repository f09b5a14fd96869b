//! What `/readyz` answers. Unauthenticated clients may ask: no names of hosts and roles, no errors of the database.

/// What is seen of a service.
#[derive(Clone, Debug)]
pub struct Seen {
    /// A loop that stands still, in words.
    pub stalled: Option<String>,
    pub database_answers: bool,
    /// A row fits into no partition.
    pub day_missing: bool,
    /// The partitions with which the consumer is ready, or why it is not; in words.
    pub consumer: Result<String, String>,
}

/// In words: ready, or why not.
pub fn readiness(seen: Seen) -> Result<String, String> {
    if let Some(stalled) = seen.stalled {
        return Err(stalled);
    }
    if !seen.database_answers {
        return Err("the database does not answer".into());
    }
    if seen.day_missing {
        return Err("a day's partition is missing in the database; it is being made".into());
    }
    seen.consumer.map(|standing| format!("ready, with {standing}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn well() -> Seen {
        Seen { stalled: None, database_answers: true, day_missing: false, consumer: Ok("6 partitions".into()) }
    }

    #[test]
    fn ready_says_with_how_much() {
        assert_eq!(readiness(well()), Ok("ready, with 6 partitions".into()));
    }

    #[test]
    fn whatever_keeps_it_is_said() {
        let says = |seen, what: &str| {
            let answer = readiness(seen);
            assert!(answer.as_ref().is_err_and(|why| why.contains(what)), "{answer:?}");
        };
        says(Seen { stalled: Some("the relay loop has ended".into()), ..well() }, "relay");
        says(Seen { database_answers: false, ..well() }, "database does not answer");
        says(Seen { day_missing: true, ..well() }, "partition is missing");
        says(Seen { consumer: Err("Kafka does not answer".into()), ..well() }, "Kafka does not answer");
    }
}
