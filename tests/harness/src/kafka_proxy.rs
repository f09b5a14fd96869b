//! A TCP proxy before a broker that holds back requests by their kind: so a client can lose the group's coordinator while the
//! same broker goes on answering its fetches.
//!
//! It reads no more of the protocol than it takes: a request is its length in four bytes, and begins with its kind in two
//! (<https://kafka.apache.org/protocol>). Answers are passed on as they come.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Kinds of requests (`api_key`).
pub const OFFSET_COMMIT: i16 = 8;
pub const OFFSET_FETCH: i16 = 9;
pub const CONSUMER_GROUP_HEARTBEAT: i16 = 68;
/// What only the coordinator of a group answers: OffsetCommit, OffsetFetch, JoinGroup, Heartbeat, LeaveGroup, SyncGroup,
/// ConsumerGroupHeartbeat. A client asks any broker which one that is.
pub const OF_THE_COORDINATOR: [i16; 7] = [OFFSET_COMMIT, OFFSET_FETCH, 11, 12, 13, 14, CONSUMER_GROUP_HEARTBEAT];

/// No request of a test is larger; a larger one is none.
const LARGEST: usize = 100 << 20;

/// What a client sees of requests that are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// They are never answered, as where packets vanish.
    Silence,
    /// The connection ends, as where the other end's process does.
    Reset,
}

/// Leads from an address of its own to a broker, if one is given.
pub struct KafkaProxy {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared(Mutex<Rules>);

#[derive(Default)]
struct Rules {
    to: Option<String>,
    lost: Option<(Loss, Vec<i16>)>,
    /// How many requests of a kind were held back since the last change.
    held_back: BTreeMap<i16, usize>,
}

impl Shared {
    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What becomes of a request of this kind, if it is not passed on.
    fn lost(&self, kind: i16) -> Option<Loss> {
        let mut rules = self.rules();
        let loss = rules.lost.as_ref().filter(|(_, kinds)| kinds.contains(&kind)).map(|(loss, _)| *loss)?;
        *rules.held_back.entry(kind).or_default() += 1;
        Some(loss)
    }
}

impl KafkaProxy {
    /// An address where connections are closed at once, until it is [`lead`](Self::lead) somewhere. Give it to the broker as
    /// the one to come by.
    pub async fn nowhere() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(serve(listener, shared.clone()));
        Ok(Self { address, shared, task })
    }

    /// From here on new connections lead to `address` (`host:port`).
    pub fn lead(&self, address: &str) {
        self.shared.rules().to = Some(address.to_owned());
    }

    /// From here on requests of these kinds get nowhere, on connections that are open and on new ones.
    pub fn hold_back(&self, loss: Loss, kinds: &[i16]) {
        let mut rules = self.shared.rules();
        rules.lost = Some((loss, kinds.to_vec()));
        rules.held_back.clear();
    }

    /// From here on all is passed on. What was held back stays lost.
    pub fn pass(&self) {
        self.shared.rules().lost = None;
    }

    /// How many requests of a kind were held back since [`hold_back`](Self::hold_back).
    #[must_use]
    pub fn held_back(&self, kind: i16) -> usize {
        self.shared.rules().held_back.get(&kind).copied().unwrap_or_default()
    }
}

impl Drop for KafkaProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let to = shared.rules().to.clone();
        let Some(to) = to else { continue };
        let shared = shared.clone();
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(to).await else { return };
            let (from_client, to_client) = tokio::io::split(client);
            let (from_server, to_server) = tokio::io::split(server);
            // Whichever way ends first, the connection has ended for both sides.
            tokio::select! {
                _ = requests(from_client, to_server, &shared) => {}
                _ = answers(from_server, to_client) => {}
            }
        });
    }
}

/// Until the client ends the connection, or it is reset.
async fn requests(mut from: ReadHalf<TcpStream>, mut to: WriteHalf<TcpStream>, shared: &Shared) -> io::Result<()> {
    loop {
        let length = from.read_u32().await?;
        let size = usize::try_from(length).map_err(io::Error::other)?;
        if size > LARGEST {
            return Err(io::Error::other(format!("a request of {size} bytes")));
        }
        let mut request = vec![0; size];
        from.read_exact(&mut request).await?;
        let kind = request.first_chunk().copied().map(i16::from_be_bytes);
        match kind.and_then(|kind| shared.lost(kind)) {
            None => {
                to.write_u32(length).await?;
                to.write_all(&request).await?;
            }
            Some(Loss::Silence) => {}
            Some(Loss::Reset) => return Ok(()),
        }
    }
}

async fn answers(mut from: ReadHalf<TcpStream>, mut to: WriteHalf<TcpStream>) -> io::Result<()> {
    tokio::io::copy(&mut from, &mut to).await.map(drop)
}
