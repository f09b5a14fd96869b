//! A server of HTTP/1.1 that no client can fill: connections are bounded, each has limited time, and when all are taken the
//! one that has been idle longest makes room.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{
    BoxError,
    body::{Bytes, HttpBody},
    extract::ConnectInfo,
    http::{Request, Response},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{Service, ServiceExt};
use tracing::{debug, warn};

use super::connections::{Connections, Held, Place};

/// After the listener failed, as without free file descriptors.
const PAUSE: Duration = Duration::from_millis(50);
/// How often a connection that answers is checked against its time limit.
const LOOK: Duration = Duration::from_secs(5);

/// What a server grants its clients.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Connections at once.
    pub connections: usize,
    /// From the end of one request to the end of the next one's headers.
    pub idle: Duration,
    /// From a request's headers to the last byte of its answer.
    pub request: Duration,
}

/// Answers each request by what `service` gives at that time (a clone that costs little: a router, with or without something
/// around it), until `stop`; then ends the requests under way.
///
/// A client may close its sending side after its request and is answered all the same.
pub async fn serve<S, B>(
    listener: TcpListener,
    service: impl Fn() -> S + Clone + Send + Sync + 'static,
    limits: ServerLimits,
    stop: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<BoxError>,
{
    let connections = Connections::new(limits.connections);
    let tasks = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => match connections.admit() {
                Some(place) => {
                    drop(tasks.spawn(connection(stream, peer, place, service.clone(), limits, stop.clone())))
                }
                None => metrics::counter!("saga_http_connections_refused_total").increment(1),
            },
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

async fn connection<S, B>(
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    service: impl Fn() -> S + Sync,
    limits: ServerLimits,
    stop: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Send + 'static,
    S::Future: Send + 'static,
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<BoxError>,
{
    // Answers are small and complete: nothing is gained by waiting for more.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, %peer, "a connection was gone at once");
    }
    let answering = service_fn(|mut request: Request<Incoming>| {
        let busy = place.busy();
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = service().oneshot(request);
        async move { answer.await.map(|answer| answer.map(|body| Held::new(body, busy))) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.idle).half_close(true);
    let mut conn = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), answering));
    let mut look = tokio::time::interval(LOOK.min(limits.request));
    let mut stopping = false;
    loop {
        tokio::select! {
            served = conn.as_mut() => {
                if let Err(error) = served {
                    debug!(%error, %peer, "a connection ended early");
                }
                return;
            }
            () = place.evicted() => return,
            _ = look.tick() => if place.busy_for() > limits.request { return },
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                conn.as_mut().graceful_shutdown();
            }
        }
    }
}
