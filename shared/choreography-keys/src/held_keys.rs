//! The keys that a service holds to open sealed texts.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use choreography::{Context, Pool, Runner, Service};
use tokio::sync::Mutex as AsyncMutex;

use crate::{HeldKey, KeysError, retry_pause, topic::Topic};

/// Keys that are remembered beside the table.
const REMEMBERED: usize = 10_000;

/// Follows the topic of keys into the table `held_keys`, and finds keys there. Clones are the same.
#[derive(Clone)]
pub struct HeldKeys(Arc<Shared>);

struct Shared {
    topic: AsyncMutex<Topic>,
    /// Known once the service runs.
    pool: OnceLock<Pool>,
    remembered: Mutex<Remembered>,
}

#[derive(Default)]
struct Remembered {
    keys: HashMap<String, HeldKey>,
    /// Counts what came: whoever looked a key up before must not remember it behind that.
    came: u64,
}

impl HeldKeys {
    /// The keys that travel on `topic`, as `service` holds them.
    #[must_use]
    pub fn new(service: &'static str, topic: &'static str) -> Self {
        let topic = AsyncMutex::new(Topic::new(service, topic));
        Self(Arc::new(Shared { topic, pool: OnceLock::new(), remembered: Mutex::default() }))
    }

    /// Has the topic followed for as long as the service runs. Each replica does so: each forgets in memory what was erased.
    #[must_use]
    pub fn followed_by<S: Service>(&self, runner: Runner<S>) -> Runner<S> {
        let keys = self.clone();
        runner.job("follow keys", Duration::from_millis(1), move |context| {
            let keys = keys.clone();
            async move { retry_pause::or_wait(keys.follow(&context).await).await }
        })
    }

    /// The key of a subject; the default, if none has come.
    ///
    /// # Errors
    /// The database is away, or the service is starting.
    pub async fn find(&self, subject: &str) -> Result<HeldKey, KeysError> {
        let pool = self.0.pool.get().ok_or(KeysError::Starting)?;
        let came = {
            let remembered = self.remembered();
            if let Some(key) = remembered.keys.get(subject) {
                return Ok(key.clone());
            }
            remembered.came
        };
        let found: Option<(i64, Option<Vec<u8>>)> =
            sqlx::query_as("SELECT generation, key FROM held_keys WHERE subject = $1")
                .bind(subject)
                .fetch_optional(pool)
                .await?;
        let Some((generation, key)) = found else { return Ok(HeldKey::default()) };
        let found = HeldKey { generation, key: key.as_deref().and_then(crate::Key::from_bytes) };
        self.remembered().keep(subject, &found, came);
        Ok(found)
    }

    /// Takes over what comes within a second.
    async fn follow(&self, context: &Context) -> Result<(), KeysError> {
        self.0.pool.get_or_init(|| context.pool.clone());
        let mut topic = self.0.topic.lock().await;
        let followed = self.take_over(&mut topic, context).await;
        if followed.is_err() {
            topic.close();
            self.remembered().forget_all();
        }
        followed
    }

    async fn take_over(&self, topic: &mut Topic, context: &Context) -> Result<(), KeysError> {
        if topic.open(context).await? {
            // Another replica may have read an erasure that this one never will.
            self.remembered().forget_all();
        }
        let Some(came) = topic.read().await? else { return Ok(()) };
        let (subjects, generations, keys) = came.columns();
        let mut session = context.pool.begin().await?;
        // Of a higher generation alone: what a replica read long ago must not bring an erased key back.
        sqlx::query(
            "INSERT INTO held_keys (subject, generation, key)
             SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS came (subject, generation, key)
             ORDER BY came.subject COLLATE \"C\"
             ON CONFLICT (subject) DO UPDATE SET generation = EXCLUDED.generation, key = EXCLUDED.key
             WHERE held_keys.generation < EXCLUDED.generation",
        )
        .bind(subjects)
        .bind(generations)
        .bind(keys)
        .execute(&mut session)
        .await?;
        topic.keep_place(&mut session, &came).await?;
        session.commit().await?;
        let mut remembered = self.remembered();
        remembered.came += 1;
        for record in &came.records {
            remembered.keys.remove(&record.subject);
        }
        Ok(())
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remembered {
    fn forget_all(&mut self) {
        self.came += 1;
        self.keys.clear();
    }

    /// `came`: as it was before the key was looked up.
    fn keep(&mut self, subject: &str, key: &HeldKey, came: u64) {
        if self.came != came {
            return;
        }
        if self.keys.len() >= REMEMBERED {
            self.keys.clear();
        }
        self.keys.insert(subject.to_owned(), key.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fresh;

    #[test]
    fn what_was_looked_up_before_a_topic_was_opened_anew_is_not_remembered_behind_that() {
        let keys = HeldKeys::new("shipping", "keys");
        let key = HeldKey::of(1, Fresh::of(1).key);
        let look_up = || keys.remembered().came;
        let found = |before| {
            let mut remembered = keys.remembered();
            remembered.keep("ada", &key, before);
            remembered.keys.contains_key("ada")
        };
        assert!(found(look_up()));
        let before = look_up();
        keys.remembered().forget_all();
        assert!(!found(before));
        assert!(found(look_up()));
    }
}
