//! The sandbox as a server.

use std::{future::Future, time::Duration};

use choreography::server::{ServerLimits, serve};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    lane::{Lane, LaneOptions},
    settings::Settings,
};

const CONNECTIONS: usize = 1_000;
const SLACK: Duration = Duration::from_secs(60);

/// Why the sandbox can't run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The URL is not given, or its file can't be read.
    #[error(transparent)]
    Url(#[from] choreography::secret::SecretError),
    /// The URL can't be parsed, or the database does not answer.
    #[error("the ledger's database can't be reached: {0}; check DATABASE_URL")]
    Database(sqlx::Error),
    /// Its schema could not be brought up to date.
    #[error("the ledger's schema can't be made: {0}; the role in DATABASE_URL must own the database")]
    Schema(#[from] sqlx::migrate::MigrateError),
    /// The address is taken or not this machine's.
    #[error("can't listen on {address}: {source}; choose another HTTP_ADDR")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// The reason.
        source: std::io::Error,
    },
    /// A bug: without its writer the ledger takes no calls.
    #[error("a writer of the ledger broke off, see the log before this; start the sandbox again, nothing is lost")]
    WriterGone,
}

/// Runs until `stop` is ready, then ends the open calls and returns.
pub async fn run(settings: Settings, stop: impl Future<Output = ()>) -> Result<(), StartError> {
    let url = choreography::secret::need(
        "DATABASE_URL",
        settings.database_url.as_ref(),
        settings.database_url_file.as_deref(),
    )?;
    let pool = connect(&url, &settings).await.map_err(StartError::Database)?;
    sqlx::migrate!("../../migrations/sandbox").run(&pool).await?;
    let address = settings.http_addr;
    let listener = TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })?;
    tracing::info!(address = %listener.local_addr().unwrap_or(address), "the sandbox listens");

    let stopping = CancellationToken::new();
    let (app, mut writers) = open(&settings, pool, stopping.clone());
    // Some answers are late on purpose.
    let request = settings.silent().max(settings.late()) + SLACK;
    let limits = ServerLimits { connections: CONNECTIONS, idle: SLACK, request };
    let router = app.router();
    let server = tokio::spawn(serve(listener, move || router.clone(), limits, stopping.clone()));
    let [payments, shipments, messages] = &mut writers;
    tokio::select! {
        () = stop => tracing::info!("the sandbox ends"),
        _ = payments => return Err(StartError::WriterGone),
        _ = shipments => return Err(StartError::WriterGone),
        _ = messages => return Err(StartError::WriterGone),
    }
    stopping.cancel();
    let drained = async {
        let _ = server.await;
        for writer in writers {
            let _ = writer.await;
        }
    };
    if tokio::time::timeout(settings.drain(), drained).await.is_err() {
        tracing::warn!("some calls were still open when the time to drain was over");
    }
    Ok(())
}

fn open(settings: &Settings, pool: PgPool, stopping: CancellationToken) -> (App, [JoinHandle<()>; 3]) {
    let options = LaneOptions {
        queue: settings.sandbox_queue as usize,
        batch: settings.sandbox_batch as usize,
        gather: Duration::from_millis(settings.sandbox_gather_ms),
    };
    let (payments, payment_writer) = Lane::open(pool.clone(), options);
    let (shipments, shipment_writer) = Lane::open(pool.clone(), options);
    let (messages, message_writer) = Lane::open(pool.clone(), options);
    let (late, silent) = (settings.late(), settings.silent());
    (
        App { payments, shipments, messages, pool, late, silent, stopping },
        [payment_writer, shipment_writer, message_writer],
    )
}

async fn connect(url: &SecretString, settings: &Settings) -> Result<PgPool, sqlx::Error> {
    let options = url.expose_secret().parse::<PgConnectOptions>()?.options([
        // A plan made for all parameters while a table was still empty scans it whole for ever after; planning costs
        // little, once a batch.
        ("plan_cache_mode", "force_custom_plan"),
        // Writers wait for each other: a frozen process must not keep the others out.
        ("idle_in_transaction_session_timeout", "10s"),
        ("statement_timeout", "30s"),
    ]);
    PgPoolOptions::new()
        .max_connections(settings.sandbox_database_connections)
        .acquire_timeout(Duration::from_secs(10))
        // The first statement of a transaction finds out, one round trip sooner.
        .test_before_acquire(false)
        .connect_with(options)
        .await
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use openapi::Document;

    use super::*;

    #[tokio::test]
    async fn the_document_is_the_committed_one_and_has_the_routes() {
        let nowhere = "postgres://127.0.0.1:1/none";
        let settings = Settings::parse_from(["sandbox", "--database-url", nowhere]);
        let pool = PgPoolOptions::new().connect_lazy(nowhere).unwrap();
        let (app, _writers) = open(&settings, pool, CancellationToken::new());
        let document = Document::of(&app.clone().router()).await;
        document.assert_is_right("sandbox", &app.routes()).await;
    }
}
