//! The notification service.

use axum::Router;
use choreography::described;
use clap::Parser;
use notification::{MIGRATIONS, MailerCalls, Notification, Settings};

// Batches are many small allocations, made and freed together: it halves what they cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if described::<Notification, Settings>()? {
        return Ok(());
    }
    let settings = Settings::parse();
    let resend_within = settings.resend_within().map_err(anyhow::Error::msg)?;
    let calls = MailerCalls::new(settings.mailer().map_err(anyhow::Error::msg)?, resend_within);
    choreography::run(settings.engine, Notification, calls, &MIGRATIONS, |_| Router::new()).await
}
