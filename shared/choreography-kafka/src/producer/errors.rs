//! What the producer's errors mean for the relay
//! (https://kafka.apache.org/protocol#protocol_error_codes, and librdkafka's own).

use rdkafka::{error::KafkaError, types::RDKafkaErrorCode as Code};

use choreography_core::broker::PublishError;

/// What is to be done about an error of the producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The queue is full: wait until something has left it.
    QueueFull,
    Failed(PublishError),
}

pub(super) fn trouble(error: &KafkaError) -> Trouble {
    let text = error.to_string();
    if let KafkaError::Nul(_) = error {
        return Trouble::Failed(PublishError::Refused(text));
    }
    match error.rdkafka_error_code() {
        Some(Code::QueueFull) => Trouble::QueueFull,
        Some(code) => Trouble::Failed(kind(code, text)),
        None => Trouble::Failed(PublishError::Transient(text)),
    }
}

/// Only errors that are certain to be the message's own fault refuse it: that stops its key until an operator decides. Errors
/// that can befall every message of a topic, such as a wrong clock of a broker, make the topic wait.
fn kind(code: Code, text: String) -> PublishError {
    match code {
        Code::MessageSizeTooLarge | Code::MessageBatchTooLarge | Code::InvalidMessageSize | Code::InvalidRecord => {
            PublishError::Refused(text)
        }
        Code::TopicAuthorizationFailed
        | Code::UnknownTopicOrPartition
        | Code::UnknownTopic
        | Code::UnknownPartition
        | Code::InvalidTopic
        | Code::InvalidTimestamp
        | Code::PolicyViolation
        | Code::UnsupportedForMessageFormat => PublishError::Topic(text),
        _ => PublishError::Transient(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_sorted_by_what_has_to_wait() {
        let sorted = |code| trouble(&KafkaError::MessageProduction(code));
        let refused = |code| matches!(sorted(code), Trouble::Failed(PublishError::Refused(_)));
        let topic = |code| matches!(sorted(code), Trouble::Failed(PublishError::Topic(_)));
        let transient = |code| matches!(sorted(code), Trouble::Failed(PublishError::Transient(_)));
        assert!(refused(Code::MessageSizeTooLarge) && refused(Code::InvalidRecord));
        assert!(topic(Code::TopicAuthorizationFailed) && topic(Code::UnknownTopic));
        assert!(topic(Code::UnknownTopicOrPartition));
        assert!(transient(Code::BrokerTransportFailure) && transient(Code::PurgeQueue) && transient(Code::Fatal));
        assert!(transient(Code::MessageTimedOut) && transient(Code::NotEnoughReplicas));
        assert_eq!(sorted(Code::QueueFull), Trouble::QueueFull);
    }
}
