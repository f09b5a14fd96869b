//! A service that someone else starts, as from a debugger: all that it needs is there.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{Ports, System, make_database};
use crate::ports::free_port;
use crate::{LocalError, Result};

/// What such a service is started with, and where it will answer.
#[derive(Debug)]
pub struct LeftOut {
    pub service: &'static str,
    /// Its API's base URL.
    pub url: String,
    /// The base URL of its metrics and admin routes.
    pub admin: String,
    /// Its environment, a `NAME=value` a line, readable by this user alone. It goes with this value.
    pub env_file: PathBuf,
}

impl Drop for LeftOut {
    fn drop(&mut self) {
        // What stays behind leads to ports on which nothing listens any more.
        let _ = fs::remove_file(&self.env_file);
    }
}

impl System {
    /// Makes a service's database and role, sets ports aside for it, and writes its environment to `SERVICE.env` in `folder`. An
    /// older file of that name is replaced.
    ///
    /// # Errors
    /// When the database can't be made, no port is free, or the file can't be written.
    pub async fn leave_out(&self, service: &'static str, folder: &Path) -> Result<LeftOut> {
        make_database(&self.postgres, service).await?;
        let ports = Ports { api: free_port()?, admin: free_port()? };
        let env_file = folder.join(format!("{service}.env"));
        write(&env_file, &lines(&self.environment(service, service, ports)))?;
        Ok(LeftOut { service, url: ports.url_of_api(), admin: ports.url_of_admin(), env_file })
    }
}

fn write(file: &Path, text: &str) -> Result<()> {
    // An older one may have other permissions.
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(LocalError::path("replacing", file)(error)),
        Ok(()) | Err(_) => {}
    }
    let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    new.and_then(|mut new| new.write_all(text.as_bytes())).map_err(LocalError::path("writing", file))
}

/// As a shell reads them after `set -a`, and a debugger's configuration too.
fn lines(env: &[(String, String)]) -> String {
    env.iter().map(|(name, value)| format!("{name}={}\n", quoted(value))).collect()
}

/// In quotes only where a shell would not take it as it is: not every reader of such files knows them.
fn quoted(value: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_-.,:/@%+=".contains(character);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_a_shell_would_change_them() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let env = [pair("A", "postgres://a:b@127.0.0.1:5/a"), pair("B", "a&b c"), pair("C", "it's"), pair("D", "")];
        assert_eq!(lines(&env), "A=postgres://a:b@127.0.0.1:5/a\nB='a&b c'\nC='it'\\''s'\nD=''\n");
    }
}
