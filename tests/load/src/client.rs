//! Clients that place orders over kept connections: with hyper itself, since this program shares the processors.

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, LOCATION};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use local::shop::order;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::under_way::UnderWay;

/// The service has said that it has too much to do.
const BREATH: Duration = Duration::from_millis(20);
type Connection = SendRequest<Full<Bytes>>;

/// What all clients share.
pub struct Orders {
    pub address: SocketAddr,
    pub bodies: Vec<Bytes>,
    pub keyed: bool,
}

/// One body per article: two pieces of it, paid by a card that is never declined.
pub fn bodies(skus: usize) -> Vec<Bytes> {
    (0..skus).map(|number| Bytes::from(order(&[(&sku(number), 2)], "tok_visa", "Vienna").to_string())).collect()
}

/// An article's name.
pub fn sku(number: usize) -> String {
    format!("load-{number:04}")
}

/// Places `count` orders over `clients` connections. Returns when all are accepted.
pub async fn place(orders: &Arc<Orders>, under_way: &Arc<UnderWay>, clients: usize, count: usize) -> Result<()> {
    let local = tokio::task::LocalSet::new();
    let next = std::rc::Rc::new(Cell::new(0));
    let placing = async {
        let mut all = JoinSet::new();
        for _ in 0..clients.min(count) {
            let (orders, under_way, next) = (Arc::clone(orders), Arc::clone(under_way), next.clone());
            all.spawn_local(async move { place_in_turn(&orders, &under_way, &next, count).await });
        }
        while let Some(ended) = all.join_next().await {
            ended.context("a client panicked")??;
        }
        Ok(())
    };
    local.run_until(placing).await
}

async fn place_in_turn(orders: &Orders, under_way: &UnderWay, next: &Cell<usize>, count: usize) -> Result<()> {
    let mut connection = connect(orders.address).await?;
    while next.get() < count {
        let number = next.replace(next.get() + 1);
        let Some(body) = orders.bodies.get(number % orders.bodies.len().max(1)) else { bail!("there are no articles") };
        let Some(room) = under_way.room().await else { bail!("nobody waits for orders any more") };
        let key = orders.keyed.then(|| Uuid::now_v7().to_string());
        let asked = Instant::now();
        let order = loop {
            let response = send(&mut connection, orders.address, body, key.as_deref()).await?;
            match accepted(response).await? {
                Some(order) => break order,
                None => {
                    under_way.refused();
                    tokio::time::sleep(BREATH).await;
                }
            }
        };
        under_way.accepted(order, asked, room);
    }
    Ok(())
}

async fn connect(address: SocketAddr) -> Result<Connection> {
    let stream = TcpStream::connect(address).await.with_context(|| format!("order does not answer at {address}"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // Its end shows at the next request.
    tokio::task::spawn_local(connection);
    Ok(sender)
}

async fn send(
    connection: &mut Connection,
    address: SocketAddr,
    body: &Bytes,
    key: Option<&str>,
) -> Result<Response<hyper::body::Incoming>> {
    let mut request =
        Request::post("/orders").header(HOST, address.to_string()).header(CONTENT_TYPE, "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    connection.ready().await.context("order has closed a connection")?;
    connection.send_request(request.body(Full::new(body.clone()))?).await.context("no answer to POST /orders")
}

/// The order's id from the Location header; `None` where the service says "come again".
async fn accepted(response: Response<hyper::body::Incoming>) -> Result<Option<Uuid>> {
    let status = response.status();
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let order = location.and_then(|location| location.rsplit('/').next()?.parse().ok());
    let body = response.into_body().collect().await?.to_bytes();
    match (status, order) {
        (StatusCode::ACCEPTED, Some(order)) => Ok(Some(order)),
        (StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS, _) => Ok(None),
        _ => bail!("POST /orders was answered with {status}: {}", String::from_utf8_lossy(&body)),
    }
}
