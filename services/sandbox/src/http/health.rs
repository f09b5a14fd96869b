use std::time::Duration;

use axum::{Router, extract::State, http::StatusCode, routing::get};

use crate::app::App;

const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/livez", get(|| async { "alive\n" })).route("/readyz", get(ready))
}

async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    if app.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "ending\n");
    }
    let asked = sqlx::query("SELECT 1").execute(&app.pool);
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(_)) => (StatusCode::OK, "ready\n"),
        Ok(Err(_)) | Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the ledger's database does not answer\n"),
    }
}
