//! The servers that are measured, and the provider that is called.

mod bare;
mod order;

use std::fmt;

use anyhow::Result;
use clap::ValueEnum;
use tokio::net::TcpListener;

/// The server that answers.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Server {
    /// Order's own routes with all that stands before them in a service; what they ask is answered at once.
    Order,
    /// A route of axum's, served by axum.
    Axum,
    /// hyper's loop.
    Hyper,
    /// hyper's loop, as a provider.
    KeyedProvider,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
    }
}

/// Prints the address that it listens at, and serves. The bare ones answer with so many bytes.
pub async fn serve(server: Server, answer_bytes: usize) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let answer = " ".repeat(answer_bytes).into();
    match server {
        Server::Order => order::serve(listener).await,
        Server::Axum => bare::axum(listener, answer).await,
        Server::Hyper => bare::hyper(listener, bare::accepts(answer)).await,
        Server::KeyedProvider => bare::hyper(listener, bare::charges()).await,
    }
}
