//! Commands: those that wait together share a transaction.

use std::{sync::Arc, time::Duration};

use choreography_core::{
    commands::{CommandBatch, CommandQueue},
    door::Progress,
    event_id::Ids,
    routes::Routed,
};
use tokio_util::sync::CancellationToken;

use super::{Aftermath, ServiceDoor, idle};

pub(crate) async fn command_loop(
    door: Arc<ServiceDoor>,
    mut queue: CommandQueue<Routed>,
    aftermath: Aftermath,
    limit: usize,
    time_limit: Duration,
    stop: CancellationToken,
) {
    let mut ids = Ids::new();
    loop {
        let batch = idle(async {
            tokio::select! {
                batch = queue.next(limit) => batch,
                () = stop.cancelled() => {
                    queue.close();
                    queue.next(limit).await
                }
            }
        });
        let Some(batch) = batch.await else { return };
        handle(&door, batch, &aftermath, &mut ids, time_limit).await;
    }
}

async fn handle(
    door: &ServiceDoor,
    mut batch: CommandBatch<Routed>,
    aftermath: &Aftermath,
    ids: &mut Ids,
    time_limit: Duration,
) {
    let mut progress = Progress::new(batch.work.len());
    // Commands are not repeated here: whether a failed commit happened is not known, and the client has the key to ask.
    let handled = tokio::time::timeout(time_limit, door.handle_isolating(ids, &mut batch.work, &mut progress)).await;
    let unconfirmed: Option<Arc<str>> = match handled {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Arc::from(error.to_string())),
        Err(_) => Some(Arc::from(format!("no commit within {time_limit:?}"))),
    };
    aftermath.of(&mut progress);
    metrics::histogram!("saga_batch_size", "kind" => "commands").record(batch.work.len() as f64);
    batch.answer(progress, unconfirmed);
}
