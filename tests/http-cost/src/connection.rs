//! A kept connection of a client, with hyper itself.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
    header::{CONTENT_TYPE, HOST},
    http::request,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::flood::Ask;

/// To a server on this machine.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("nobody answers at {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // How it ends shows at the next request.
        tokio::spawn(connection);
        Ok(Self { sender, host: address.to_string() })
    }

    /// So many.
    pub async fn open_all(address: SocketAddr, connections: usize) -> Result<Vec<Self>> {
        let mut all = Vec::new();
        for _ in 0..connections {
            all.push(Self::open(address).await?);
        }
        Ok(all)
    }

    /// Begins a POST of JSON.
    pub fn post(&self, path: &str) -> request::Builder {
        Request::post(path).header(HOST, self.host.as_str()).header(CONTENT_TYPE, "application/json")
    }

    /// Sends a request and reads its answer, so that the connection is free again.
    pub async fn send(&mut self, request: request::Builder, body: Bytes) -> Result<(StatusCode, Bytes)> {
        self.sender.ready().await.context("the server has closed a connection")?;
        let response = self.sender.send_request(request.body(Full::new(body))?).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    }
}

/// A client who places one order after another.
pub struct Placing {
    pub connection: Connection,
    pub order: Bytes,
}

impl Placing {
    /// The answer's body.
    pub async fn place(&mut self) -> Result<Bytes> {
        let request = self.connection.post("/orders");
        let (status, body) = self.connection.send(request, self.order.clone()).await?;
        let said = || format!("POST /orders was answered with {status}: {}", String::from_utf8_lossy(&body));
        ensure!(status == StatusCode::ACCEPTED, said());
        Ok(body)
    }
}

impl Ask for Placing {
    async fn ask(&mut self) -> Result<()> {
        self.place().await.map(drop)
    }
}
