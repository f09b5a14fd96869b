//! PostgreSQL URLs taken apart and put together.

use crate::{LocalError, Result};

/// `HOST:PORT` of a server, and what follows the database's name in its URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    host_and_port: String,
    /// With its question mark, or empty.
    query: String,
}

impl Address {
    pub fn loopback(port: u16) -> Self {
        Self { host_and_port: format!("127.0.0.1:{port}"), query: String::new() }
    }

    /// From an administrator's URL.
    pub fn of(url: &str) -> Result<Self> {
        // The password stays out of the message.
        let bad = |problem: &str| LocalError::BadDatabaseUrl(problem.into());
        let rest = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"))
            .ok_or_else(|| bad("it does not start with postgres://"))?;
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, format!("?{query}")),
            None => (rest, String::new()),
        };
        let authority = rest.split('/').next().unwrap_or_default();
        let host_and_port = match authority.rsplit_once('@') {
            Some((_, host)) => host,
            None => authority,
        };
        if host_and_port.is_empty() {
            return Err(bad("it names no host"));
        }
        Ok(Self { host_and_port: host_and_port.into(), query })
    }

    pub fn url(&self, database: &str, role: &str, password: &str) -> String {
        format!(
            "postgres://{}:{}@{}/{}{}",
            encode(role),
            encode(password),
            self.host_and_port,
            encode(database),
            self.query
        )
    }
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_services_url_keeps_the_servers_address_and_query() -> Result<()> {
        let admin = "postgresql://admin:p%40ss@db.internal:6432/postgres?sslmode=require";
        assert_eq!(
            Address::of(admin)?.url("order", "order", "a/b"),
            "postgres://order:a%2Fb@db.internal:6432/order?sslmode=require"
        );
        assert_eq!(Address::of("postgres://localhost")?.url("a", "b", "c"), "postgres://b:c@localhost/a");
        Ok(())
    }

    #[test]
    fn what_is_no_postgres_url_is_refused() {
        assert!(Address::of("mysql://localhost/x").is_err());
        assert!(Address::of("postgres:///x").is_err());
    }
}
