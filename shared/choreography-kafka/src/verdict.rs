//! What librdkafka's errors mean for a consumer: most pass by themselves, some stop a partition, hardly any ends the client.

use rdkafka::{Offset, types::RDKafkaErrorCode};

use super::{raw_client::Failure, state::Stop};

/// What follows from an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// librdkafka goes on by itself.
    Passes,
    /// The partition stands still.
    Stops(Stop),
    /// The topic is not there. librdkafka says so once and goes on by itself when it is.
    TopicIsMissing,
    /// The client can't go on.
    Ends,
}

pub(super) fn meaning(failure: &Failure) -> Meaning {
    let stop = match failure.code {
        RDKafkaErrorCode::AutoOffsetReset => Some(Stop::OutOfRange),
        // A corrupt batch is passed over by librdkafka, one that does not decompress is asked for again and again.
        RDKafkaErrorCode::BadMessage
        | RDKafkaErrorCode::BadCompression
        | RDKafkaErrorCode::NotImplemented
        | RDKafkaErrorCode::InvalidMessage
        | RDKafkaErrorCode::MessageSizeTooLarge => Some(Stop::Unreadable),
        _ => None,
    };
    match (stop, &failure.at) {
        _ if failure.fatal || failure.code == RDKafkaErrorCode::Fatal => Meaning::Ends,
        (Some(stop), Some(_)) => Meaning::Stops(stop),
        (None, Some(_)) if is_missing(failure.code) => Meaning::TopicIsMissing,
        _ => Meaning::Passes,
    }
}

fn is_missing(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownPartition
    )
}

/// Whether a partition whose offset was out of range may go on after all, and where. `asked`: the offset that was not there,
/// negative if the group's offset could not even be read. `committed`: the group's offset, if it has one. `low` and `high`:
/// what stands in the partition.
///
/// A topic that was deleted and made anew takes the group's offsets with it and begins at 0: reading it from there skips
/// nothing. Where events were deleted by retention, the group has an offset, or the log begins later: an operator has to decide.
pub(super) fn way_on(asked: i64, committed: Option<i64>, low: i64, high: i64) -> Option<Offset> {
    match committed {
        None if asked < 0 || low == 0 => Some(Offset::Beginning),
        Some(committed) if asked < 0 && (low..=high).contains(&committed) => Some(Offset::Offset(committed)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use choreography_core::delivery::Position;

    fn failure(code: RDKafkaErrorCode, somewhere: bool, fatal: bool) -> Failure {
        let at = somewhere.then(|| Position { topic: Arc::from("t"), partition: 1, offset: 2 });
        Failure { code, text: code.to_string(), fatal, at }
    }

    #[test]
    fn only_what_concerns_a_partition_stops_it() {
        let (range, batch) = (RDKafkaErrorCode::AutoOffsetReset, RDKafkaErrorCode::BadCompression);
        assert_eq!(meaning(&failure(range, true, false)), Meaning::Stops(Stop::OutOfRange));
        assert_eq!(meaning(&failure(batch, true, false)), Meaning::Stops(Stop::Unreadable));
        assert_eq!(meaning(&failure(RDKafkaErrorCode::AllBrokersDown, false, false)), Meaning::Passes);
        assert_eq!(meaning(&failure(RDKafkaErrorCode::TopicAuthorizationFailed, true, false)), Meaning::Passes);
        assert_eq!(meaning(&failure(RDKafkaErrorCode::Fatal, false, true)), Meaning::Ends);
        let missing = RDKafkaErrorCode::UnknownTopicOrPartition;
        assert_eq!(meaning(&failure(missing, true, false)), Meaning::TopicIsMissing);
        assert_eq!(meaning(&failure(missing, false, false)), Meaning::Passes);
    }

    #[test]
    fn a_topic_made_anew_is_read_from_its_beginning() {
        assert_eq!(way_on(500, None, 0, 3), Some(Offset::Beginning));
    }

    #[test]
    fn what_retention_deleted_is_never_skipped() {
        assert_eq!(way_on(500, Some(500), 900, 1_000), None);
        assert_eq!(way_on(0, None, 900, 1_000), None);
        // The log is shorter than what was handled: what stands there now is not known.
        assert_eq!(way_on(500, Some(500), 0, 3), None);
    }

    #[test]
    fn an_offset_that_could_not_be_read_before_is_taken_up_now() {
        assert_eq!(way_on(-1001, Some(40), 0, 100), Some(Offset::Offset(40)));
        assert_eq!(way_on(-1001, Some(40), 60, 100), None);
        assert_eq!(way_on(-1001, None, 60, 100), Some(Offset::Beginning));
    }
}
