//! A search for deadlines, which is over once all that it found are done with.

use std::convert::Infallible;

use tokio::sync::mpsc;

/// Deferred by each deadline that was found.
#[derive(Clone)]
pub struct Found(#[expect(dead_code, reason = "dropping it is what says something")] mpsc::Sender<Infallible>);

/// Whether the deadlines that were found are done with.
pub struct Search(mpsc::Receiver<Infallible>);

/// A search begins.
pub fn search() -> (Found, Search) {
    let (found, search) = mpsc::channel(1);
    (Found(found), Search(search))
}

impl Search {
    /// Waits until it is over.
    pub async fn over(mut self) {
        while self.0.recv().await.is_some() {}
    }

    /// Whether it is over.
    pub fn is_over(&self) -> bool {
        self.0.is_closed()
    }
}
