//! Where in the topic a service has read to, in its own database.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use choreography::Context;
use choreography_kafka::{CompactedTopic, Keyed};
use choreography_postgres::Session;
use tracing::warn;

use crate::{KeyRecord, KeysError};

const UNREADABLE: &str = "saga_key_messages_unreadable_total";
/// How long one look waits for something to come.
const WAIT: Duration = Duration::from_secs(1);
/// Messages taken at once.
const MOST: usize = 1_000;
/// After so long the topic is asked anew which partitions it has.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// A topic as it is followed.
pub(crate) struct Topic {
    name: &'static str,
    service: &'static str,
    open: Option<(CompactedTopic, Instant)>,
}

/// What came.
#[derive(Debug, Default)]
pub(crate) struct Came {
    /// Of each subject the last, in the order of the subjects.
    pub records: Vec<KeyRecord>,
    /// The place behind it, by partition.
    next: BTreeMap<i32, i64>,
}

/// Subjects, generations and keys.
pub(crate) type Columns<'a> = (Vec<&'a str>, Vec<i64>, Vec<Option<&'a [u8]>>);

impl Topic {
    pub fn new(service: &'static str, name: &'static str) -> Self {
        Self { name, service, open: None }
    }

    /// Opens the topic where the database says, if it is not open, or from time to time. Whether it did: the reading goes on where any
    /// replica got to, so what came before that may have passed this one by.
    pub async fn open(&mut self, context: &Context) -> Result<bool, KeysError> {
        let opens = self.open.as_ref().is_none_or(|(_, since)| since.elapsed() > LOOK_AGAIN);
        if opens {
            metrics::describe_counter!(UNREADABLE, "Messages passed over that are no key, by topic of keys");
            metrics::counter!(UNREADABLE, "topic" => self.name).increment(0);
            let stored: HashMap<i32, i64> = sqlx::query_as("SELECT partition, next FROM key_offsets WHERE topic = $1")
                .bind(self.name)
                .fetch_all(&context.pool)
                .await?
                .into_iter()
                .collect();
            let next = |partition| stored.get(&partition).copied();
            let topic = CompactedTopic::open(&context.kafka, self.service, self.name, next).await?;
            self.open = Some((topic, Instant::now()));
        }
        Ok(opens)
    }

    /// What comes within a second, if it is open and anything does. After an error, also one in writing down what came:
    /// [`close`](Self::close).
    pub async fn read(&self) -> Result<Option<Came>, KeysError> {
        let Some((topic, _)) = &self.open else { return Ok(None) };
        let messages = topic.read(WAIT, MOST).await?;
        Ok((!messages.is_empty()).then(|| Came::of(self.name, &messages)))
    }

    /// The next look begins at what the database says.
    pub fn close(&mut self) {
        self.open = None;
    }

    /// To be committed with what came.
    pub async fn keep_place(&self, session: &mut Session, came: &Came) -> sqlx::Result<()> {
        let (partitions, next): (Vec<i32>, Vec<i64>) = came.next.iter().map(|(at, next)| (*at, *next)).unzip();
        sqlx::query(
            "INSERT INTO key_offsets (topic, partition, next) SELECT $1, * FROM unnest($2::integer[], $3::bigint[])
             ON CONFLICT (topic, partition) DO UPDATE SET next = EXCLUDED.next",
        )
        .bind(self.name)
        .bind(partitions)
        .bind(next)
        .execute(session)
        .await
        .map(drop)
    }
}

impl Came {
    fn of(topic: &'static str, messages: &[Keyed]) -> Self {
        let (mut last, mut next) = (BTreeMap::new(), BTreeMap::new());
        for message in messages {
            next.insert(message.partition, message.offset + 1);
            match KeyRecord::read(message) {
                Ok(record) => drop(last.insert(record.subject.clone(), record)),
                Err(error) => {
                    metrics::counter!(UNREADABLE, "topic" => topic).increment(1);
                    let Keyed { partition, offset, .. } = message;
                    warn!(%error, topic, partition, offset, "a message among the keys is passed over");
                }
            }
        }
        Self { records: last.into_values().collect(), next }
    }

    /// For a statement.
    pub fn columns(&self) -> Columns<'_> {
        let mut columns = Columns::default();
        for KeyRecord { subject, generation, key } in &self.records {
            columns.0.push(subject.as_str());
            columns.1.push(*generation);
            columns.2.push(key.as_ref().map(crate::Key::bytes));
        }
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fresh;

    fn message(offset: i64, generation: i64, key: bool) -> Keyed {
        let key = key.then(|| Fresh::of(1).key);
        let sent = KeyRecord { subject: "ada".into(), generation, key }.message("keys");
        Keyed { partition: 2, offset, key: sent.key, value: sent.payload, headers: sent.headers }
    }

    #[test]
    fn the_last_word_about_a_subject_counts_and_what_is_no_word_is_passed_over() {
        let junk = Keyed { value: Some(b"junk".to_vec()), ..message(9, 9, true) };
        let came = Came::of("keys", &[message(7, 1, true), message(8, 2, false), junk]);
        assert_eq!(came.records, [KeyRecord { subject: "ada".into(), generation: 2, key: None }]);
        assert_eq!(came.next, BTreeMap::from([(2, 10)]));
        assert_eq!(came.columns(), (vec!["ada"], vec![2], vec![None]));
    }
}
