//! What came of calls: answers are inputs, and calls without one are given back.

use std::sync::Arc;

use choreography_core::{
    calls::{self, Called},
    event_id::Ids,
    participant::Answer,
    store::PendingCall,
};
use tokio::sync::mpsc;
use tracing::warn;

use super::{ServiceHandler, backoff, beat, idle};

/// How often calls are given back here while the database is away; then they are taken up once their lease is over.
const TRIES: u32 = 5;

/// Runs until the call loop is gone and everything is handed on.
pub(crate) async fn answer_loop(
    handler: Arc<ServiceHandler>,
    mut called: mpsc::Receiver<Called>,
    answers: mpsc::Sender<(PendingCall, Answer)>,
    limit: usize,
) {
    let mut ids = Ids::new();
    let mut ended = Vec::new();
    while idle(called.recv_many(&mut ended, limit)).await > 0 {
        let mut unanswered = Vec::new();
        for (call, result) in ended.drain(..) {
            match result {
                // Without a receiver the service is stopping: the call stands in the database and is asked about again.
                Ok(answer) => drop(idle(answers.send((call, answer))).await),
                Err(no_answer) => unanswered.push((call, no_answer)),
            }
        }
        for failures in 1..=TRIES {
            beat();
            match calls::give_back(&handler.database, &handler.policy.retry, &mut ids, &unanswered).await {
                Ok(()) => break,
                Err(error) => {
                    warn!(%error, failures, "calls without an answer wait for the database; they are asked about again");
                    tokio::time::sleep(backoff(failures)).await;
                }
            }
        }
    }
}
