//! An erasure: asked for once, done as soon as none of the subject's sagas is open.

use choreography::Pool;
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use tracing::{info, warn};

use super::KeyOwner;
use crate::KeysError;

/// Subjects that are looked up at once.
const AT_ONCE: i64 = 1_000;

/// How an erasure stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromRow)]
pub struct Erasure {
    /// Since when it is wanted and not done yet.
    pub asked_at: Option<DateTime<Utc>>,
    /// When the key was erased here, the last time.
    pub erased_at: Option<DateTime<Utc>>,
    /// There is a key.
    pub has_key: bool,
    /// The topic has what the table says.
    pub is_published: bool,
    /// Sagas that it waits for.
    #[sqlx(skip)]
    pub open_sagas: i64,
}

impl KeyOwner {
    /// Asks for the erasure of a subject: it is done once none of their sagas is open. Until then no new text is sealed for them, as
    /// their rules see by [`OwnedKey::erasure_asked_at`](crate::OwnedKey). To ask again meanwhile changes nothing. To ask once it is done
    /// does it all again, for what may have come since then without a key.
    ///
    /// # Errors
    /// The database is away.
    pub async fn erase(&self, pool: &Pool, subject: &str) -> Result<Erasure, KeysError> {
        sqlx::query(
            "INSERT INTO owned_keys AS owned (subject, generation, erasure_asked_at) VALUES ($1, 0, now())
             ON CONFLICT (subject) DO UPDATE SET erasure_asked_at = now() WHERE owned.erasure_asked_at IS NULL",
        )
        .bind(subject)
        .execute(pool)
        .await?;
        self.erase_one(pool, subject).await?;
        self.erasure(pool, subject).await
    }

    /// How a subject's erasure stands.
    ///
    /// # Errors
    /// The database is away.
    pub async fn erasure(&self, pool: &Pool, subject: &str) -> Result<Erasure, KeysError> {
        let found: Option<Erasure> = sqlx::query_as(
            "SELECT erasure_asked_at AS asked_at, erased_at, key IS NOT NULL AS has_key, published = generation AS is_published
             FROM owned_keys WHERE subject = $1",
        )
        .bind(subject)
        .fetch_optional(pool)
        .await?;
        let open_sagas = self.open_sagas(pool, subject).await?;
        Ok(Erasure { open_sagas, ..found.unwrap_or_default() })
    }

    /// Does what was asked for, as far as no saga is open.
    pub(super) async fn erase_what_can_be(&self, pool: &Pool) -> Result<(), KeysError> {
        let mut behind = String::new();
        loop {
            let asked: Vec<String> = sqlx::query_scalar(
                "SELECT subject FROM owned_keys WHERE erasure_asked_at IS NOT NULL AND subject > $1 ORDER BY subject LIMIT $2",
            )
            .bind(&behind)
            .bind(AT_ONCE)
            .fetch_all(pool)
            .await?;
            for subject in &asked {
                // One that fails keeps no other: it is tried again at the next look.
                if let Err(error) = self.erase_one(pool, subject).await {
                    warn!(%error, "an erasure that was asked for failed, and is tried again");
                }
            }
            match asked.into_iter().last() {
                Some(last) => behind = last,
                None => return Ok(()),
            }
        }
    }

    /// Under the lock of the subject's key, which whoever begins a saga of theirs takes too, after their sagas' rows.
    async fn erase_one(&self, pool: &Pool, subject: &str) -> Result<(), KeysError> {
        if self.open_sagas(pool, subject).await? > 0 {
            return Ok(());
        }
        let mut session = pool.begin().await?;
        // Rules lock in this order, so the key comes last. If it turns out that nothing is to be erased, this is undone.
        for statement in self.0.data.forget {
            sqlx::query(*statement).bind(subject).execute(&mut session).await?;
        }
        let asked: Option<i32> = sqlx::query_scalar(
            "SELECT 1 FROM owned_keys WHERE subject = $1 AND erasure_asked_at IS NOT NULL FOR UPDATE",
        )
        .bind(subject)
        .fetch_optional(&mut session)
        .await?;
        let open: i64 = sqlx::query_scalar(self.0.data.open_sagas).bind(subject).fetch_one(&mut session).await?;
        if asked.is_none() || open > 0 {
            return Ok(());
        }
        sqlx::query(
            "UPDATE owned_keys SET key = NULL, erasure_asked_at = NULL, erased_at = now(),
                 generation = greatest(generation + 1, (extract(epoch FROM now()) * 1000)::bigint)
             WHERE subject = $1",
        )
        .bind(subject)
        .execute(&mut session)
        .await?;
        session.commit().await?;
        info!("the key of a subject was erased, as was asked for");
        self.tell();
        Ok(())
    }

    async fn open_sagas(&self, pool: &Pool, subject: &str) -> Result<i64, KeysError> {
        Ok(sqlx::query_scalar(self.0.data.open_sagas).bind(subject).fetch_one(pool).await?)
    }
}
