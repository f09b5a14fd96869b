//! Answers: those that come together share a transaction.

use std::sync::Arc;

use choreography_core::{
    event_id::Ids,
    intents::{self, Called},
};
use tokio::sync::mpsc;
use tracing::warn;

use super::{Aftermath, ServiceDoor, backoff, beat, idle};

/// How often an answer is handed in again here while the database is away; then the intent is asked about anew.
const TRIES: u32 = 5;

/// Runs until the call loop is gone and everything is settled.
pub(crate) async fn answer_loop(
    door: Arc<ServiceDoor>,
    mut answers: mpsc::Receiver<Called>,
    aftermath: Aftermath,
    limit: usize,
) {
    let mut ids = Ids::new();
    let mut called = Vec::new();
    while idle(answers.recv_many(&mut called, limit)).await > 0 {
        metrics::histogram!("saga_batch_size", "kind" => "answers").record(called.len() as f64);
        for failures in 1..=TRIES {
            beat();
            match intents::settle(&door, &door.database, &mut ids, &called).await {
                Ok(mut progress) => {
                    aftermath.of(&mut progress);
                    break;
                }
                Err(error) => {
                    warn!(%error, failures, "answers wait for the database; unsettled intents are asked about again");
                    tokio::time::sleep(backoff(failures)).await;
                }
            }
        }
        called.clear();
    }
}
