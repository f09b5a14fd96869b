//! The notification service.

use choreography::{no_api, program, run};
use notification::{MIGRATIONS, Message, Notification};
use providers::ProviderSettings;

#[global_allocator]
static ALLOCATOR: choreography::Allocator = choreography::Allocator;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some((settings, mail)) = program!(Notification, ProviderSettings<Notification>)? else { return Ok(()) };
    let calls = mail.calls(&settings)?.to::<Message>();
    run(settings, Notification, calls, &MIGRATIONS, no_api).await
}
