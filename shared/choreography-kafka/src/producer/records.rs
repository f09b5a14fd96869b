//! Rows and the records that they go out as: one for each topic, of which a topic that moves has two.

use std::borrow::Cow;

use choreography_core::{broker::PublishError, outbox::OutboxRow, store::OutboxMessage, topic_moves::Publication};

/// A message on its way to one of its topics.
pub(super) struct Record<'a> {
    /// Its place in the batch.
    pub index: usize,
    pub topic: &'a str,
    pub message: Cow<'a, OutboxMessage>,
}

/// The records of a message, of which the first has this place in the batch.
pub(super) fn as_records<'a>(
    message: &'a OutboxMessage,
    publication: &'a Publication,
    first: usize,
) -> Result<Vec<Record<'a>>, PublishError> {
    let record = |(index, topic)| {
        let message = publication.message(message, topic).map_err(|error| {
            PublishError::Refused(format!("it can't be brought to the version that {topic} has: {error}"))
        })?;
        Ok(Record { index, topic, message })
    };
    (first..).zip(publication.topics(message)).map(record).collect()
}

/// How many records each row goes out as.
pub(super) fn count(rows: &[OutboxRow], publication: &Publication) -> Vec<usize> {
    rows.iter().map(|row| publication.topics(&row.message).count()).collect()
}

/// What became of each row, by what became of its records: it is published once all of them are.
pub(super) fn per_row(records: Vec<Result<(), PublishError>>, counts: &[usize]) -> Vec<Result<(), PublishError>> {
    let mut records = records.into_iter();
    counts.iter().map(|count| records.by_ref().take(*count).fold(Ok(()), worse)).collect()
}

/// What has to be done about is said before what passes: of a row that one topic refuses, the other has not failed by itself.
fn worse(one: Result<(), PublishError>, other: Result<(), PublishError>) -> Result<(), PublishError> {
    match (one, other) {
        (Ok(()) | Err(PublishError::Transient(_)), Err(error)) => Err(error),
        (one, _) => one,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transient() -> Result<(), PublishError> {
        Err(PublishError::Transient("away".into()))
    }

    fn refused() -> Result<(), PublishError> {
        Err(PublishError::Refused("too large".into()))
    }

    #[test]
    fn a_row_is_published_once_all_its_topics_have_it() {
        let records = vec![Ok(()), Ok(()), Ok(()), transient(), Ok(())];
        assert_eq!(per_row(records, &[2, 2, 1]), [Ok(()), transient(), Ok(())]);
    }

    #[test]
    fn what_stops_a_row_is_said_before_what_passes() {
        let records = vec![transient(), refused(), refused(), transient(), transient(), Ok(())];
        assert_eq!(per_row(records, &[2, 2, 2]), [refused(), refused(), transient()]);
    }
}
