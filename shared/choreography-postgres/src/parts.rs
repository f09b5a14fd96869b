//! One statement that is put together from parts: the steps of a `WITH`, and what is selected of them.

use std::fmt::Write as _;

use sqlx::{
    Arguments as _, AssertSqlSafe, Encode, Executor, Postgres, Type,
    error::BoxDynError,
    postgres::{PgArguments, PgRow},
};

#[derive(Default)]
pub(super) struct Parts {
    steps: String,
    selects: Vec<String>,
    arguments: PgArguments,
    bound: usize,
    /// The first argument that can't be sent.
    wrong: Option<BoxDynError>,
    /// The last step that others have to come after.
    last: Option<String>,
    /// The step that all writes have to come after.
    first: Option<String>,
}

impl Parts {
    /// Its place in the statement, as `$1`.
    pub fn bind<'q, T: Encode<'q, Postgres> + Type<Postgres>>(&mut self, value: T) -> String {
        if let Err(wrong) = self.arguments.add(value) {
            self.wrong.get_or_insert(wrong);
        }
        self.bound += 1;
        format!("${}", self.bound)
    }

    /// A step. PostgreSQL promises no order of such steps but that of their dependencies: see [`after`](Self::after).
    pub fn step(&mut self, name: &str, statement: &str) {
        self.push(name, "", statement);
    }

    /// A step that returns rows, and that others can be made to come after.
    pub fn ordered_step(&mut self, name: &str, statement: &str) {
        self.push(name, "", statement);
        self.last = Some(name.to_owned());
    }

    /// A step that locks: it is carried out once, whole, and others can be made to come after it.
    pub fn locking_step(&mut self, name: &str, statement: &str) {
        self.push(name, " MATERIALIZED", statement);
        self.last = Some(name.to_owned());
    }

    /// The steps so far come before all that are written from here on.
    pub fn write_after_these(&mut self) {
        self.first.clone_from(&self.last);
    }

    /// A condition that holds once the last ordered step is over.
    pub fn after(&self) -> String {
        after(self.last.as_deref())
    }

    /// A condition that holds once writes may begin, for a step that comes after no other.
    pub fn once_it_writes(&self) -> String {
        after(self.first.as_deref())
    }

    /// Rows of the answer. All that is selected has the same columns.
    pub fn select(&mut self, select: String) {
        self.selects.push(select);
    }

    fn push(&mut self, name: &str, how: &str, statement: &str) {
        let begin = if self.steps.is_empty() { "WITH" } else { "," };
        // Writing to a text cannot fail.
        let _ = write!(self.steps, "{begin} {name} AS{how} ({statement})");
    }

    /// In an open transaction, or (with a pool) in one of its own. `nothing` is the select of a statement that has none.
    pub async fn fetch<'e>(
        self,
        db: impl Executor<'e, Database = Postgres>,
        nothing: &str,
    ) -> sqlx::Result<Vec<PgRow>> {
        if let Some(wrong) = self.wrong {
            return Err(sqlx::Error::Encode(wrong));
        }
        let select = if self.selects.is_empty() { nothing.to_owned() } else { self.selects.join(" UNION ALL ") };
        let statement = format!("{} {select}", self.steps);
        sqlx::query_with(AssertSqlSafe(statement), self.arguments).fetch_all(db).await
    }
}

fn after(step: Option<&str>) -> String {
    match step {
        Some(step) => format!("(SELECT count(*) FROM {step}) IS NOT NULL"),
        None => "true".to_owned(),
    }
}
