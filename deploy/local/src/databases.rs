//! Databases and roles on a server.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{Error, Result};

/// What PostgreSQL answers when another caller was quicker: duplicate object, duplicate database,
/// and the unique violation that a truly concurrent attempt ends in.
const THERE_ALREADY: &[&str] = &["42710", "42P04", "23505"];

/// Makes a role that can log in with `password`, and a database which it owns and which no other
/// role but administrators can connect to. What is there already is kept; the password is set anew.
///
/// # Errors
/// [`Error::Sql`] with the step that failed.
pub async fn create_database(admin_url: &str, name: &str, owner_role: &str, password: &str) -> Result<()> {
    let mut admin = PgConnection::connect(admin_url).await.map_err(Error::sql("connecting as administrator"))?;
    let steps = [
        ("CREATE ROLE %1$I LOGIN", "making role", true),
        ("ALTER ROLE %1$I LOGIN PASSWORD %2$L", "setting the password of role", false),
        // An administrator who is no superuser can give a database only to a role he belongs to.
        ("GRANT %1$I TO CURRENT_USER", "joining role", false),
        ("CREATE DATABASE %3$I OWNER %1$I", "making the database of role", true),
        ("REVOKE ALL ON DATABASE %3$I FROM PUBLIC", "closing the database of role", false),
    ];
    for (template, doing, may_be_there) in steps {
        let what = || format!("{doing} {owner_role}");
        // The server quotes names and password, so nothing in them can become SQL.
        let statement: String = sqlx::query_scalar("SELECT format($1, $2, $3, $4)")
            .bind(template)
            .bind(owner_role)
            .bind(password)
            .bind(name)
            .fetch_one(&mut admin)
            .await
            .map_err(Error::sql(what()))?;
        let done = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await;
        match done {
            Err(error) if may_be_there && is_there_already(&error) => {}
            other => {
                other.map_err(Error::sql(what()))?;
            }
        }
    }
    admin.close().await.map_err(Error::sql("closing"))
}

fn is_there_already(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| THERE_ALREADY.contains(&code.as_ref()))
}
