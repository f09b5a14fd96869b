//! librdkafka's mock cluster: a broker in this process's memory, for trying out where no Java is.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::mocking::MockCluster;

use crate::{LocalError, Result};

/// Consumers must let a fetch wait at least this long (`fetch.wait.max.ms`): with less, the mock
/// cluster stalls them.
pub const SHORTEST_FETCH_WAIT: Duration = Duration::from_millis(50);

/// What a user who is given this broker should be told.
pub const CAVEAT: &str = "in memory, in this process, gone with it; it forgets the oldest messages past 5 MB per partition: for trying out only";

/// A broker on a loopback port that any client of this machine can use while this handle lives.
///
/// Its topics are fixed at the start, for it does not answer a client's request to make some; an
/// unknown topic that a client asks for is made with 4 partitions.
#[derive(Debug)]
pub struct EmbeddedBroker {
    bootstrap: String,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl EmbeddedBroker {
    /// Starts it with these topics, each of `partitions` partitions.
    ///
    /// # Errors
    /// [`LocalError::Broker`] when librdkafka refuses.
    pub fn start<T: AsRef<str>>(topics: &[T], partitions: i32) -> Result<Self> {
        let topics: Vec<String> = topics.iter().map(|topic| topic.as_ref().into()).collect();
        let (stop, stopped) = channel();
        let (reply, started) = channel();
        // The cluster is bound to the thread that made it, so it gets one of its own.
        let thread = std::thread::Builder::new()
            .name("embedded-broker".into())
            .spawn(move || run(&topics, partitions, &reply, &stopped))
            .map_err(LocalError::io("starting the embedded broker"))?;
        let bootstrap = started
            .recv()
            .unwrap_or_else(|_| Err("its thread ended".into()))
            .map_err(|problem| LocalError::Broker { bootstrap: "embedded".into(), what: "starting".into(), problem })?;
        Ok(Self { bootstrap, stop: Some(stop), thread: Some(thread) })
    }

    /// `host:port` for `bootstrap.servers`.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(
    topics: &[String],
    partitions: i32,
    reply: &Sender<std::result::Result<String, String>>,
    stopped: &Receiver<()>,
) {
    let cluster = MockCluster::new(1).and_then(|cluster| {
        for topic in topics {
            cluster.create_topic(topic, partitions, 1)?;
        }
        Ok(cluster)
    });
    match cluster {
        Ok(cluster) => {
            let _ = reply.send(Ok(cluster.bootstrap_servers()));
            // Nothing is ever sent: this returns when the handle drops its end.
            let _ = stopped.recv();
        }
        Err(error) => {
            let _ = reply.send(Err(error.to_string()));
        }
    }
}
