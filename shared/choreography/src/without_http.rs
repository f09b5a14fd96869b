//! In place of the HTTP side in a build without it: no port is open, so only the log and the exit code report anything.

use std::sync::Arc;

use anyhow::Result;

use crate::{
    health::Health,
    runtime::{PostCommit, ServiceHandler},
    secret::LiveSecret,
    service::Context,
    settings::EngineSettings,
};

/// The service has no API.
pub(crate) struct Api;

pub(crate) struct Front;

impl Front {
    pub async fn open(_: &EngineSettings, _: &Health) -> Result<Self> {
        Ok(Self)
    }

    pub fn show(
        &self,
        _: &str,
        _: Api,
        _: Context,
        _: &Health,
        _: (Arc<ServiceHandler>, PostCommit, Option<LiveSecret>),
    ) {
    }

    pub async fn close(&mut self) {}
}
