//! Kept HTTP connections: with hyper itself, since this program shares the processors.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, LOCATION};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use uuid::Uuid;

/// The service has said that it has too much to do.
pub const BREATH: Duration = Duration::from_millis(20);

/// One that was not used for so long is not used again: the service may be closing it at that moment.
const LONGEST_IDLE: Duration = Duration::from_secs(5);

/// One to a replica of order.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    address: SocketAddr,
    used: Instant,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self> {
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("order does not answer at {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // Its end shows at the next request.
        tokio::task::spawn_local(connection);
        Ok(Self { sender, address, used: Instant::now() })
    }

    /// `POST /orders`: the order's id; `None` where the service says "come again".
    pub async fn place(&mut self, body: &Bytes, key: Option<&str>) -> Result<Option<Uuid>> {
        let response = self.post("/orders", body.clone(), key).await?;
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let order = location.and_then(|location| location.rsplit('/').next()?.parse().ok());
        let (status, body) = read(response).await?;
        match (status, order) {
            (StatusCode::ACCEPTED, Some(order)) => Ok(Some(order)),
            (StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS, _) => Ok(None),
            _ => bail!("POST /orders was answered with {status}: {body}"),
        }
    }

    /// `POST /orders/{id}/cancel`: is it in time, as far as order knows? `None` where the service says "come again".
    pub async fn cancel(&mut self, order: Uuid) -> Result<Option<bool>> {
        let path = format!("/orders/{order}/cancel");
        match read(self.post(&path, Bytes::new(), None).await?).await? {
            (StatusCode::ACCEPTED, _) => Ok(Some(true)),
            (StatusCode::CONFLICT, _) => Ok(Some(false)),
            (StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS, _) => Ok(None),
            (status, body) => bail!("POST {path} was answered with {status}: {body}"),
        }
    }

    async fn post(&mut self, path: &str, body: Bytes, key: Option<&str>) -> Result<Response<Incoming>> {
        let mut request = Request::post(path).header(HOST, self.address.to_string());
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.sender.ready().await.context("order has closed a connection")?;
        let response = self.sender.send_request(request.body(Full::new(body))?).await;
        response.with_context(|| format!("no answer to POST {path}"))
    }
}

/// Read whole, so that the connection is free again.
async fn read(response: Response<Incoming>) -> Result<(StatusCode, String)> {
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// Idle connections, by replica: the one that was used last is taken first.
pub struct Pool {
    replicas: Vec<(SocketAddr, RefCell<Vec<Connection>>)>,
}

impl Pool {
    pub fn new(addresses: &[SocketAddr]) -> Self {
        Self { replicas: addresses.iter().map(|address| (*address, RefCell::default())).collect() }
    }

    /// A free connection, or a new one. Replicas take turns by the order's number.
    pub async fn take(&self, number: usize) -> Result<Connection> {
        let replica = self.replicas.get(number % self.replicas.len().max(1));
        let (address, free) = replica.context("order has no replica")?;
        let kept = free.borrow_mut().pop();
        match kept {
            Some(kept) if kept.used.elapsed() < LONGEST_IDLE && !kept.sender.is_closed() => Ok(kept),
            // Those below it were used longer ago.
            Some(_) => {
                free.borrow_mut().clear();
                Connection::open(*address).await
            }
            None => Connection::open(*address).await,
        }
    }

    pub fn give_back(&self, mut connection: Connection) {
        connection.used = Instant::now();
        if let Some((_, free)) = self.replicas.iter().find(|(address, _)| *address == connection.address) {
            free.borrow_mut().push(connection);
        }
    }
}
