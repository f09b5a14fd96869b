//! Databases and roles on a server: for each service a database, a role that owns it and migrates, and a role that may
//! log in to it and is granted rows by the migrations.

use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{ProvisionError, Result, scram};

/// What PostgreSQL answers when another caller was quicker: duplicate object, duplicate database,
/// and the unique violation that a truly concurrent attempt ends in.
const THERE_ALREADY: &[&str] = &["42710", "42P04", "23505"];

/// What PostgreSQL answers to a role that lacks the right.
const NOT_ALLOWED: &str = "42501";

/// A role that can log in.
#[derive(Debug, Clone)]
pub struct Login {
    pub role: String,
    pub password: SecretString,
    /// Connections that it may have at once; `None`: as many as the server has.
    pub connections: Option<u32>,
}

impl Login {
    pub fn new(role: impl Into<String>, password: impl Into<SecretString>) -> Self {
        Self { role: role.into(), password: password.into(), connections: None }
    }

    /// With so many connections at once and no more, so that no role takes those of the others.
    #[must_use]
    pub fn limited_to(mut self, connections: u32) -> Self {
        self.connections = Some(connections);
        self
    }
}

/// The role that owns a service's database and migrates it.
#[must_use]
pub fn owner_of(service: &str) -> String {
    format!("{service}_owner")
}

/// Makes both roles and a database of the first, to which only these two (and administrators) can connect. What is
/// there already is kept; the passwords are set anew.
///
/// # Errors
/// [`ProvisionError::Sql`] with the step that failed.
pub async fn create_service_database(admin_url: &str, name: &str, owner: &Login, service: &Login) -> Result<()> {
    create_database(admin_url, name, owner).await?;
    let mut admin = connect(admin_url).await?;
    make_role(&mut admin, service).await?;
    let grant = "GRANT CONNECT ON DATABASE %1$I TO %2$I";
    run(&mut admin, grant, [name, &service.role], &format!("letting {} in", service.role), false).await?;
    admin.close().await.map_err(ProvisionError::sql("closing"))
}

/// Makes a role, and a database which it owns and which no other role but administrators can connect to. What is there
/// already is kept; the password is set anew.
///
/// # Errors
/// [`ProvisionError::Sql`] with the step that failed.
pub async fn create_database(admin_url: &str, name: &str, owner: &Login) -> Result<()> {
    let mut admin = connect(admin_url).await?;
    make_role(&mut admin, owner).await?;
    let steps = [
        // An administrator who is no superuser can give a database only to a role that they belong to.
        ("GRANT %1$I TO CURRENT_USER", "joining role", false),
        ("CREATE DATABASE %2$I OWNER %1$I", "making the database of role", true),
        ("REVOKE ALL ON DATABASE %2$I FROM PUBLIC", "closing the database of role", false),
    ];
    for (template, doing, may_be_there) in steps {
        let what = format!("{doing} {}", owner.role);
        run(&mut admin, template, [&owner.role, name], &what, may_be_there).await?;
    }
    admin.close().await.map_err(ProvisionError::sql("closing"))
}

/// Closes the databases that every server has to all but administrators: a role connected to one could keep others from making
/// databases. Where the administrator does not own them, as on some managed servers, they stay as they are.
///
/// # Errors
/// [`ProvisionError::Sql`] with the step that failed.
pub async fn close_the_servers_own(admin_url: &str) -> Result<()> {
    let mut admin = connect(admin_url).await?;
    for database in ["postgres", "template1"] {
        let what = format!("closing the database {database}");
        match run(&mut admin, "REVOKE ALL ON DATABASE %1$I FROM PUBLIC", [database, ""], &what, false).await {
            Err(ProvisionError::Sql { source, .. }) if code_of(&source).as_deref() == Some(NOT_ALLOWED) => {}
            done => done?,
        }
    }
    admin.close().await.map_err(ProvisionError::sql("closing"))
}

async fn connect(admin_url: &str) -> Result<PgConnection> {
    PgConnection::connect(admin_url).await.map_err(ProvisionError::sql("connecting as administrator"))
}

async fn make_role(admin: &mut PgConnection, login: &Login) -> Result<()> {
    let Login { role, password, connections } = login;
    run(admin, "CREATE ROLE %1$I LOGIN", [role, ""], &format!("making role {role}"), true).await?;
    let what = format!("setting the password of role {role}");
    run(admin, "ALTER ROLE %1$I LOGIN PASSWORD %2$L", [role, &scram::verifier(password)?], &what, false).await?;
    let most = connections.map_or_else(|| "-1".to_owned(), |connections| connections.to_string());
    let what = format!("limiting the connections of role {role}");
    run(admin, "ALTER ROLE %1$I CONNECTION LIMIT %2$s", [role, &most], &what, false).await
}

/// Runs a statement whose names and literals the server quotes, so that nothing in them can become SQL.
async fn run(
    admin: &mut PgConnection,
    template: &str,
    arguments: [&str; 2],
    what: &str,
    may_be_there: bool,
) -> Result<()> {
    let statement: String = sqlx::query_scalar("SELECT format($1, $2, $3)")
        .bind(template)
        .bind(arguments[0])
        .bind(arguments[1])
        .fetch_one(&mut *admin)
        .await
        .map_err(ProvisionError::sql(what))?;
    match sqlx::raw_sql(AssertSqlSafe(statement)).execute(admin).await {
        Err(error) if may_be_there && is_there_already(&error) => Ok(()),
        done => done.map(drop).map_err(ProvisionError::sql(what)),
    }
}

fn is_there_already(error: &sqlx::Error) -> bool {
    code_of(error).is_some_and(|code| THERE_ALREADY.contains(&code.as_str()))
}

fn code_of(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(|error| error.code()).map(Into::into)
}
