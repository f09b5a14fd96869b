//! A TCP proxy that behaves as wires do: it goes nowhere, or its other end vanishes without a word.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Leads from an address of its own to another, if one is given.
pub struct Wire {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    to: Mutex<Option<String>>,
    /// Of each connection that is open: whether its bytes are swallowed.
    dead: Mutex<Vec<Arc<AtomicBool>>>,
}

impl Wire {
    /// An address where connections are closed at once, until it is [`lead`](Self::lead) somewhere.
    pub async fn nowhere() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(serve(listener, shared.clone()));
        Ok(Self { address, shared, task })
    }

    /// From here on new connections lead to `address` (`host:port`).
    pub fn lead(&self, address: &str) {
        *self.shared.to.lock().unwrap_or_else(PoisonError::into_inner) = Some(address.to_owned());
    }

    /// The other end of every open connection vanishes: nothing is closed, and nothing comes through. New ones are well.
    /// Answers how many there were.
    pub fn vanish(&self) -> usize {
        let mut dead = self.shared.dead.lock().unwrap_or_else(PoisonError::into_inner);
        dead.iter().for_each(|dead| dead.store(true, Ordering::SeqCst));
        std::mem::take(&mut *dead).len()
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let to = shared.to.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(to) = to else { continue };
        let dead = Arc::new(AtomicBool::new(false));
        shared.dead.lock().unwrap_or_else(PoisonError::into_inner).push(dead.clone());
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(to).await else { return };
            let (from_client, to_client) = tokio::io::split(client);
            let (from_server, to_server) = tokio::io::split(server);
            tokio::join!(carry(from_client, to_server, &dead), carry(from_server, to_client, &dead));
        });
    }
}

async fn carry(mut from: ReadHalf<TcpStream>, mut to: WriteHalf<TcpStream>, dead: &AtomicBool) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await.unwrap_or(0);
        if dead.load(Ordering::SeqCst) {
            if read == 0 {
                return;
            }
            continue;
        }
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            let _ = to.shutdown().await;
            return;
        }
    }
}
