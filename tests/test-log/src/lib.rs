//! The log of a test, line by line.

use std::sync::{Arc, LazyLock, Mutex};

use tracing::{Dispatch, subscriber::NoSubscriber};

/// With a single subscriber in the process, a line of the log that another thread passes first, one without a subscriber,
/// counts as wanted by no subscriber. So there always is a second one.
static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::default()));

/// What the log says of level and above while `act` runs, a line each.
pub fn logged(level: tracing::Level, act: impl FnOnce()) -> Vec<String> {
    LazyLock::force(&ANOTHER);
    let file = Arc::new(Mutex::new(Vec::new()));
    let writer = file.clone();
    let lines = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .with_writer(move || Lines(writer.clone()))
        .finish();
    tracing::subscriber::with_default(lines, act);
    let text = String::from_utf8(std::mem::take(&mut *file.lock().unwrap())).unwrap();
    text.lines().map(|line| line.trim().to_owned()).collect()
}

struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
