//! One connection while a caller has it. Every statement ends within a limit. A connection on whose wire anything may come
//! next is closed, never handed to the next caller.

use std::{
    fmt,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, stream, stream::BoxStream};
use sqlx::{
    AssertSqlSafe, Either, Executor, PgConnection, Postgres, Row as _, SqlStr,
    postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};

use super::{
    pool::{Place, Pool},
    statement::{Statement, ends_connection, lacks_partition, no_answer},
};

/// BEGIN takes no lock: if its answer takes longer, the server is gone or frozen.
pub(super) const BEGIN_LIMIT: Duration = Duration::from_secs(5);

/// What is known of a connection between two statements.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Idle,
    /// A transaction is open.
    Open,
    /// A statement of the open transaction failed: PostgreSQL would answer its COMMIT with a rollback.
    Failed,
    /// A statement is under way, or it ended without its answer.
    Unknown,
}

/// A connection of a [`Pool`]. Dropped, it goes back; an open transaction is rolled back first, and what was given up
/// in the middle of a statement is closed.
pub struct Session {
    connection: Option<PgConnection>,
    state: State,
    place: Option<Place>,
    pool: Pool,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("state", &self.state).finish_non_exhaustive()
    }
}

type Results = Vec<Either<PgQueryResult, PgRow>>;

impl Session {
    pub(super) fn new(connection: PgConnection, place: Place, pool: Pool) -> Self {
        Self { connection: Some(connection), state: State::Idle, place: Some(place), pool }
    }

    /// Opens a transaction (READ COMMITTED, PostgreSQL's default) that ends with [`commit`](Self::commit) or is rolled
    /// back. `then` is what follows the BEGIN, each with a semicolon before it. The database's clock comes along.
    pub(super) async fn begin(&mut self, then: &str) -> sqlx::Result<DateTime<Utc>> {
        let begin = format!("{}{then}; SELECT now()", self.pool.begin_statement());
        let begun = self.run(Statement::simple(AssertSqlSafe(begin)), BEGIN_LIMIT).await;
        self.state = match &begun {
            Ok(_) => State::Open,
            Err(_) if self.state == State::Unknown => State::Unknown,
            // What follows the BEGIN did not go through.
            Err(_) => State::Failed,
        };
        let row = first(begun?).ok_or_else(|| sqlx::Error::Protocol("BEGIN answered without the time".into()))?;
        row.try_get(0)
    }

    /// The database's clock, as it just said.
    pub(super) fn was_told(&self, now: DateTime<Utc>, asked: Instant) {
        self.pool.was_told(now, asked);
    }

    /// Whether anything more can be had from it.
    pub(super) fn is_lost(&self) -> bool {
        self.state == State::Unknown
    }

    /// An error leaves open whether the commit happened.
    pub async fn commit(mut self) -> sqlx::Result<()> {
        if self.state != State::Open {
            return Err(sqlx::Error::Protocol("a statement of the transaction failed; it is rolled back".into()));
        }
        self.run(Statement::simple("COMMIT"), self.pool.statement_limit()).await?;
        self.state = State::Idle;
        Ok(())
    }

    pub(super) async fn roll_back(&mut self) {
        self.state = State::Idle;
        if self.run(Statement::simple("ROLLBACK"), BEGIN_LIMIT).await.is_err() {
            self.state = State::Unknown;
        }
    }

    async fn run(&mut self, statement: sqlx::Result<Statement>, limit: Duration) -> sqlx::Result<Results> {
        let statement = statement?;
        self.limited(limit, |connection| connection.fetch_many(statement).try_collect().boxed()).await
    }

    async fn limited<T>(
        &mut self,
        limit: Duration,
        ask: impl for<'a> FnOnce(&'a mut PgConnection) -> BoxFuture<'a, sqlx::Result<T>>,
    ) -> sqlx::Result<T> {
        let before = self.state;
        let connection = match &mut self.connection {
            Some(connection) if before != State::Unknown => connection,
            _ => {
                return Err(sqlx::Error::Protocol(
                    "the connection is closed: an earlier statement on it got lost".into(),
                ));
            }
        };
        self.state = State::Unknown;
        let answer = match tokio::time::timeout(limit, ask(connection)).await {
            Ok(answer) => answer,
            Err(_) => Err(no_answer(limit)),
        };
        if answer.as_ref().is_err_and(lacks_partition) {
            self.pool.misses_partition();
        }
        self.state = match &answer {
            Ok(_) => before,
            Err(error) if ends_connection(error) => {
                self.pool.distrust();
                State::Unknown
            }
            Err(_) if before == State::Open => State::Failed,
            Err(_) => before,
        };
        answer
    }

    pub(super) async fn ping(&mut self, limit: Duration) -> sqlx::Result<()> {
        self.limited(limit, |connection| sqlx::Connection::ping(connection).boxed()).await
    }

    fn statement<'q>(&self, query: impl sqlx::Execute<'q, Postgres>) -> sqlx::Result<Statement> {
        Statement::of(query, self.pool.names_statements())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let (Some(connection), Some(place)) = (self.connection.take(), self.place.take()) else { return };
        match (self.state, tokio::runtime::Handle::try_current()) {
            (State::Idle, _) => self.pool.put_back(connection, place),
            (State::Open | State::Failed, Ok(runtime)) => {
                let mut session = Self::new(connection, place, self.pool.clone());
                // A runtime that ends drops the task, and the connection with it.
                session.state = State::Unknown;
                runtime.spawn(async move { session.roll_back().await });
            }
            // The socket is closed with the connection.
            _ => drop(connection),
        }
    }
}

/// As a stream of sqlx's, though all of it is there by now: no caller holds a connection while they look at rows.
pub(super) fn results<'e>(
    run: impl Future<Output = sqlx::Result<Results>> + Send + 'e,
) -> BoxStream<'e, sqlx::Result<Either<PgQueryResult, PgRow>>> {
    stream::once(run).map_ok(|results| stream::iter(results.into_iter().map(Ok))).try_flatten().boxed()
}

fn first(results: Results) -> Option<PgRow> {
    results.into_iter().find_map(Either::right)
}

impl<'c> Executor<'c> for &'c mut Session {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<Either<PgQueryResult, PgRow>>>
    where
        'c: 'e,
        E: 'q + sqlx::Execute<'q, Postgres>,
    {
        let (statement, limit) = (self.statement(query), self.pool.statement_limit());
        results(self.run(statement, limit))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        'c: 'e,
        E: 'q + sqlx::Execute<'q, Postgres>,
    {
        let (statement, limit) = (self.statement(query), self.pool.statement_limit());
        async move { self.run(statement, limit).await.map(first) }.boxed()
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'c: 'e,
    {
        let limit = self.pool.statement_limit();
        async move {
            let parameters = parameters.to_vec();
            self.limited(limit, |connection| async move { connection.prepare_with(sql, &parameters).await }.boxed())
                .await
        }
        .boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<sqlx::Describe<Postgres>>>
    where
        'c: 'e,
    {
        let limit = self.pool.statement_limit();
        async move { self.limited(limit, |connection| connection.describe(sql)).await }.boxed()
    }
}

/// One statement on any connection of the pool, in a transaction of its own.
impl<'p> Executor<'p> for &'p Pool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<Either<PgQueryResult, PgRow>>>
    where
        'p: 'e,
        E: 'q + sqlx::Execute<'q, Postgres>,
    {
        let (pool, statement) = (self.clone(), Statement::of(query, self.names_statements()));
        results(async move { pool.run(statement).await })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        'p: 'e,
        E: 'q + sqlx::Execute<'q, Postgres>,
    {
        let (pool, statement) = (self.clone(), Statement::of(query, self.names_statements()));
        async move { pool.run(statement).await.map(first) }.boxed()
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        async move { pool.session().await?.prepare_with(sql, parameters).await }.boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<sqlx::Describe<Postgres>>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        async move { pool.session().await?.describe(sql).await }.boxed()
    }
}

impl Pool {
    /// A pooler may give the next statement outside of a transaction to another connection of the server.
    async fn run(&self, statement: sqlx::Result<Statement>) -> sqlx::Result<Results> {
        let statement = statement?;
        if self.names_statements() {
            return self.session().await?.run(Ok(statement), self.statement_limit()).await;
        }
        let mut session = self.begin().await?;
        let results = session.run(Ok(statement), self.statement_limit()).await?;
        session.commit().await?;
        Ok(results)
    }
}
