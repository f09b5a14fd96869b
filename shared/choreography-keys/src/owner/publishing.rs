//! From the table of keys to their topic.
//!
//! Keys do not go through the outbox: its rows stay for days, and would hold them. The table itself says what is published. What it says
//! of a subject is sent as it stands then, so a message that is lost is sent again, and one that is sent twice says the same.

use std::time::{Duration, Instant};

use choreography::Context;
use choreography_core::{broker::EventProducer, outbox::OutboxRow};
use choreography_kafka::{KafkaProducer, ProducerLimits, segment_time};
use tracing::warn;

use super::KeyOwner;
use crate::{Key, KeyRecord, KeysError, topic::Topic};

/// How often the table is looked at where nobody tells: another replica may have written to it.
const LOOK: Duration = Duration::from_secs(1);
/// A look is followed by a rest that is as long, at most this: in a flood, it finds many keys.
const LONGEST_REST: Duration = Duration::from_millis(50);
/// The `segment.ms` of a topic of keys that `provision kafka` has made: for a broker that does not show the topic's settings.
const USUAL_SEGMENT: Duration = Duration::from_secs(3_600);
const LIMITS: ProducerLimits =
    ProducerLimits { message_bytes: 10_000, batch_bytes: 5_000_000, patience: Duration::from_secs(30) };

/// Subject, generation, key, and what is published as the row says.
type Row = (String, i64, Option<Vec<u8>>, i64);
/// A message to send, and what was published when it was read.
type Unpublished = (KeyRecord, i64);

impl KeyOwner {
    /// Waits until it is told of a key, or for a second, and publishes what the topic does not have.
    pub(super) async fn publish(&self, context: &Context) -> Result<(), KeysError> {
        // Told or not, it looks.
        let _ = tokio::time::timeout(LOOK, self.0.told.notified()).await;
        let mut publishing = self.0.publishing.lock().await;
        tokio::time::sleep_until(publishing.rests_until.into()).await;
        let began = Instant::now();
        let published = self.publish_all(context, &mut publishing.producer).await;
        publishing.rests_until = Instant::now() + began.elapsed().min(LONGEST_REST);
        published
    }

    async fn publish_all(&self, context: &Context, producer: &mut Option<KafkaProducer>) -> Result<(), KeysError> {
        let records = self.unpublished(context).await?;
        if records.is_empty() {
            return Ok(());
        }
        let producer = match producer {
            Some(producer) => producer,
            none => none.insert(KafkaProducer::connect(&context.kafka, self.0.service, LIMITS)?),
        };
        let row = |(number, (record, _)): (i64, &Unpublished)| OutboxRow {
            number,
            range: 0,
            message: record.message(self.0.topic),
        };
        let results = producer.publish((0..).zip(&records).map(row).collect()).await;
        let (sent, failed): (Vec<_>, Vec<_>) = records.iter().zip(results).partition(|(_, result)| result.is_ok());
        let sent: Vec<&Unpublished> = sent.into_iter().map(|(record, _)| record).collect();
        // Asked once the keys are out: they wait for no answer about an erasure.
        let again_after = match sent.iter().any(|(record, _)| record.key.is_none()) {
            true => Some(self.again_after(context).await),
            false => None,
        };
        self.mark(context, sent, again_after).await?;
        failed.into_iter().find_map(|(_, result)| result.err()).map_or(Ok(()), |error| Err(error.into()))
    }

    /// After this long an erasure is said once more. Kafka compacts no segment that is written to, and begins a new one only when a message
    /// comes: by then the key is in a segment that can be compacted.
    async fn again_after(&self, context: &Context) -> Duration {
        let known = segment_time(&context.kafka, self.0.topic).await;
        known.map(|time| time.to_std().unwrap_or_default()).unwrap_or_else(|error| {
            warn!(%error, topic = self.0.topic, usual = ?USUAL_SEGMENT, "an erasure is said once more after the usual segment.ms");
            USUAL_SEGMENT
        })
    }

    async fn unpublished(&self, context: &Context) -> Result<Vec<Unpublished>, KeysError> {
        let rows: Vec<Row> = sqlx::query_as(
            "(SELECT subject, generation, key, published FROM owned_keys
              WHERE published <> generation ORDER BY subject LIMIT 500)
             UNION ALL
             (SELECT subject, generation, key, published FROM owned_keys
              WHERE again_at < now() AND published = generation ORDER BY subject LIMIT 500)",
        )
        .fetch_all(&context.pool)
        .await?;
        let record = |(subject, generation, key, published): Row| {
            let key = key.as_deref().and_then(Key::from_bytes);
            (KeyRecord { subject, generation, key }, published)
        };
        Ok(rows.into_iter().map(record).collect())
    }

    /// What Kafka has is marked, unless a message came behind it meanwhile: see [`Self::follow`]. An erasure is said again later, once;
    /// `again_after` is known if there is one.
    async fn mark(
        &self,
        context: &Context,
        sent: Vec<&Unpublished>,
        again_after: Option<Duration>,
    ) -> Result<(), KeysError> {
        if sent.is_empty() {
            return Ok(());
        }
        let subjects: Vec<&str> = sent.iter().map(|(record, _)| record.subject.as_str()).collect();
        let generations: Vec<i64> = sent.iter().map(|(record, _)| record.generation).collect();
        let published: Vec<i64> = sent.iter().map(|(_, published)| *published).collect();
        sqlx::query(
            "WITH locked AS MATERIALIZED (
                 SELECT subject FROM owned_keys WHERE subject = ANY($1) ORDER BY subject COLLATE \"C\" FOR UPDATE
             )
             UPDATE owned_keys AS owned SET
                 published = sent.generation,
                 again_at = CASE WHEN owned.key IS NULL AND owned.published <> sent.generation
                                 THEN now() + make_interval(secs => $4) END
             FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS sent (subject, generation, published)
             WHERE owned.subject = sent.subject AND owned.generation = sent.generation
             AND owned.published = sent.published
             AND owned.subject IN (SELECT subject FROM locked)",
        )
        .bind(subjects)
        .bind(generations)
        .bind(published)
        .bind(again_after.map(|after| after.as_secs_f64()))
        .execute(&context.pool)
        .await?;
        Ok(())
    }

    /// Reads its own topic, so that the topic ends up saying what the table says. A replica that was frozen may send a key behind its
    /// erasure: then what is published counts as unknown, also for a message that is on its way, and the erasure is said again. Where the
    /// database was restored from a backup, the topic knows better: what was erased since then is erased again, with all that goes with it.
    pub(super) async fn follow(&self, context: &Context) -> Result<(), KeysError> {
        let mut topic = self.0.followed.lock().await;
        let followed = self.take_over(&mut topic, context).await;
        if followed.is_err() {
            topic.close();
        }
        followed
    }

    async fn take_over(&self, topic: &mut Topic, context: &Context) -> Result<(), KeysError> {
        topic.open(context).await?;
        let Some(came) = topic.read().await? else { return Ok(()) };
        let (subjects, generations, keys) = came.columns();
        let mut session = context.pool.begin().await?;
        let ahead = sqlx::query(
            "INSERT INTO owned_keys AS owned (subject, generation, key, published, erased_at, erasure_asked_at)
             SELECT subject, generation, key, generation, CASE WHEN key IS NULL THEN now() END, CASE WHEN key IS NULL THEN now() END
             FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS came (subject, generation, key)
             ORDER BY subject COLLATE \"C\"
             ON CONFLICT (subject) DO UPDATE SET
                 generation = EXCLUDED.generation, key = EXCLUDED.key, published = EXCLUDED.generation,
                 erased_at = coalesce(EXCLUDED.erased_at, owned.erased_at),
                 erasure_asked_at = coalesce(owned.erasure_asked_at, EXCLUDED.erasure_asked_at)
             WHERE owned.generation < EXCLUDED.generation",
        )
        .bind(&subjects)
        .bind(&generations)
        .bind(keys)
        .execute(&mut session)
        .await?
        .rows_affected();
        sqlx::query(
            "UPDATE owned_keys AS owned SET published = least(owned.published, 0) - 1
             FROM unnest($1::text[], $2::bigint[]) AS came (subject, generation)
             WHERE owned.subject = came.subject AND owned.generation > came.generation",
        )
        .bind(&subjects)
        .bind(&generations)
        .execute(&mut session)
        .await?;
        topic.keep_place(&mut session, &came).await?;
        session.commit().await?;
        if ahead > 0 {
            warn!(
                ahead,
                "the topic of keys knew more than the database, as after a backup was restored: the database has it now"
            );
        }
        Ok(())
    }
}
