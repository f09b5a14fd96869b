//! Waiting for a process to be what it should be.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use super::ServiceProcess;
use crate::{LocalError, Result};

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
const ONE_LOOK: Duration = Duration::from_secs(2);
const TAIL: usize = 30;

impl ServiceProcess {
    /// Waits until a GET of `url` (a service's `/readyz`) answers with a 2xx status.
    ///
    /// # Errors
    /// [`LocalError::Ended`] at once when the process ends, [`LocalError::NotInTime`] with the last answer
    /// after `timeout`.
    pub async fn wait_ready(&self, url: &str, timeout: Duration) -> Result<()> {
        crate::tls::install_provider();
        let client = reqwest::Client::builder().no_proxy().build();
        let client = client.map_err(|error| self.too_late("ready", timeout, error.to_string()))?;
        self.wait_until("ready", timeout, || look(&client, url)).await
    }

    /// Waits until `look` succeeds; its errors say what was seen instead. `wanted` completes
    /// the sentence "was not …".
    ///
    /// # Errors
    /// [`LocalError::Ended`] at once when the process ends, [`LocalError::NotInTime`] after `timeout`.
    pub async fn wait_until<F>(
        &self,
        wanted: &'static str,
        timeout: Duration,
        mut look: impl FnMut() -> F,
    ) -> Result<()>
    where
        F: Future<Output = std::result::Result<(), String>>,
    {
        let start = Instant::now();
        loop {
            self.ensure_running()?;
            let last = match tokio::time::timeout(ONE_LOOK, look()).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(seen)) => seen,
                Err(_) => format!("no answer within {ONE_LOOK:?}"),
            };
            if start.elapsed() >= timeout {
                return Err(self.too_late(wanted, timeout, last));
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    /// # Errors
    /// [`LocalError::Ended`] with the end of its log when it runs no more.
    pub fn ensure_running(&self) -> Result<()> {
        match self.exit_status()? {
            None => Ok(()),
            Some(status) => Err(LocalError::Ended {
                name: self.name().into(),
                status: status.to_string(),
                log: self.log_path().into(),
                tail: self.log_tail(TAIL),
            }),
        }
    }

    pub(super) fn too_late(&self, wanted: &'static str, after: Duration, last: String) -> LocalError {
        LocalError::NotInTime {
            name: self.name().into(),
            wanted,
            after,
            last: last.into(),
            log: self.log_path().display().to_string().into(),
            tail: self.log_tail(TAIL),
        }
    }
}

async fn look(client: &reqwest::Client, url: &str) -> std::result::Result<(), String> {
    let answer = client.get(url).send().await.map_err(|error| format!("{error:?}"))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let body = answer.text().await.unwrap_or_default();
    Err(format!("{url} answered {status}: {body}"))
}
