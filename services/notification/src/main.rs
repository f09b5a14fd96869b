//! The notification service.

use choreography::{Runner, program};
use notification::{MIGRATIONS, Message, Notification};
use providers::ProviderSettings;

#[global_allocator]
static ALLOCATOR: choreography::Allocator = choreography::Allocator;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some((settings, mail)) = program!(Notification, ProviderSettings<Notification>)? else { return Ok(()) };
    let calls = mail.calls(&settings)?.to::<Message>();
    Runner::new(settings, Notification, &MIGRATIONS).provider(calls).run().await
}
