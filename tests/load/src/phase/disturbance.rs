//! What a disturbance needs before the load.

use anyhow::Result;
use local::System;

use crate::arguments::Arguments;
use crate::disturbance::{Disturber, Kind, Prepared};
use crate::latency::Latencies;
use crate::placement::{Limit, Orders};
use crate::progress::say;

use super::drive::Drive;
use super::{Phase, preparation};

impl Phase {
    /// Leaves the system at rest, and prepared for what is to befall it.
    pub(super) async fn prepare_disturbance(
        &self,
        system: &System,
        orders: &Orders,
        arguments: &Arguments,
    ) -> Result<Option<Prepared>> {
        let settings = &arguments.disturbance;
        let mut before = Latencies::default();
        if settings.disturb == Some(Kind::Backlog) {
            say("measuring what POSTs take before the backlog");
            let limit = Limit { orders: usize::MAX, time: Some(settings.undisturbed) };
            let drive = Drive { limit, hops: false, ..self.drive(system, orders, arguments) };
            before = drive.run().await?.seen.post_latencies();
        }
        preparation::at_rest(system).await?;
        Prepared::new(system, settings, before).await
    }

    /// Call it right before the load: services that were stopped run again, and answer elsewhere.
    pub(super) async fn begin_disturbance(
        &self,
        prepared: Option<Prepared>,
        system: &System,
        orders: &mut Orders,
        arguments: &Arguments,
    ) -> Result<Option<Disturber>> {
        let Some(prepared) = prepared else { return Ok(None) };
        let disturber = prepared.begin(system).await?;
        if matches!(disturber, Disturber::Backlog(_)) {
            orders.addresses = preparation::add_replicas(system, arguments.replicas).await?;
        }
        Ok(Some(disturber))
    }
}
