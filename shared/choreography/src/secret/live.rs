//! Secrets whose files are looked at again and again: an operator who rotates a password writes the file, and restarts no process.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;
use tracing::{info, warn};

use super::{SecretError, read};

/// A secret as it is now. Clones see the same changes.
#[derive(Clone, Debug)]
pub struct LiveSecret(watch::Receiver<SecretString>);

impl LiveSecret {
    /// One that stays as it is.
    #[must_use]
    pub fn fixed(secret: SecretString) -> Self {
        Self(watch::channel(secret).1)
    }

    /// What its file held when it was looked at last.
    #[must_use]
    pub fn current(&self) -> SecretString {
        self.0.borrow().clone()
    }

    /// Waits until it is another, and answers that; `None` once it can't change any more.
    pub async fn changed(&mut self) -> Option<SecretString> {
        self.0.changed().await.ok()?;
        Some(self.0.borrow_and_update().clone())
    }

    /// For code that knows no more of it than a channel.
    #[must_use]
    pub fn receiver(&self) -> watch::Receiver<SecretString> {
        self.0.clone()
    }
}

/// Like [`read`]; and if it comes from a file, the file is looked at again `every` so long, by a task of the runtime that
/// this is called in, which ends with the last clone. What can't be read, or is empty, leaves the secret as it is and is
/// counted.
///
/// # Errors
/// Those of [`read`], about what is there now.
pub fn live(
    name: &'static str,
    value: Option<&SecretString>,
    file: Option<&Path>,
    every: Duration,
) -> Result<Option<LiveSecret>, SecretError> {
    let Some(secret) = read(name, value, file)? else { return Ok(None) };
    let Some(file) = file else { return Ok(Some(LiveSecret::fixed(secret))) };
    let (sender, receiver) = watch::channel(secret);
    tokio::spawn(follow(name, file.to_owned(), every, sender));
    Ok(Some(LiveSecret(receiver)))
}

async fn follow(name: &'static str, file: PathBuf, every: Duration, sender: watch::Sender<SecretString>) {
    let failures = || metrics::counter!("saga_secret_failures_total", "secret" => name);
    loop {
        tokio::select! {
            () = sender.closed() => return,
            () = tokio::time::sleep(every) => {}
        }
        match read_again(name, file.clone()).await {
            Ok(found) => {
                failures().increment(0);
                let changed = sender.send_if_modified(|known| {
                    let changed = known.expose_secret() != found.expose_secret();
                    if changed {
                        *known = found;
                    }
                    changed
                });
                if changed {
                    info!(secret = name, "the secret was read anew from its file");
                }
            }
            Err(problem) => {
                failures().increment(1);
                warn!(
                    secret = name,
                    problem, "the old secret stays in use: its file holds nothing usable; replace the file"
                );
            }
        }
    }
}

async fn read_again(name: &'static str, file: PathBuf) -> Result<SecretString, String> {
    let reading = tokio::task::spawn_blocking(move || super::need(name, None, Some(&file)));
    reading.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFTEN: Duration = Duration::from_millis(5);
    const PATIENCE: Duration = Duration::from_secs(30);

    fn file(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("secret-{name}-{}", std::process::id()))
    }

    async fn next(secret: &mut LiveSecret) -> Option<String> {
        let changed = tokio::time::timeout(PATIENCE, secret.changed()).await.expect("nothing changed");
        changed.map(|secret| secret.expose_secret().to_owned())
    }

    #[tokio::test]
    async fn a_file_that_changes_is_a_secret_that_changes() {
        let path = file("changes");
        std::fs::write(&path, "one\n").unwrap();
        let mut secret = live("TOKEN", None, Some(&path), OFTEN).unwrap().unwrap();
        let other = secret.clone();
        assert_eq!(secret.current().expose_secret(), "one");
        std::fs::write(&path, "two\n").unwrap();
        assert_eq!(next(&mut secret).await.as_deref(), Some("two"));
        assert_eq!(other.current().expose_secret(), "two");
        // As it is while an operator writes it, or has laid it down wrong.
        std::fs::write(&path, "").unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "three").unwrap();
        assert_eq!(next(&mut secret).await.as_deref(), Some("three"));
        std::fs::remove_file(&path).unwrap();
    }

    #[tokio::test]
    async fn a_secret_without_a_file_stays_and_a_wrong_one_is_refused_at_once() {
        let mut secret = live("TOKEN", Some(&"one".into()), None, OFTEN).unwrap().unwrap();
        assert_eq!(next(&mut secret).await, None);
        assert!(live("TOKEN", None, None, OFTEN).unwrap().is_none());
        assert!(live("TOKEN", None, Some(&file("nowhere")), OFTEN).is_err());
    }
}
