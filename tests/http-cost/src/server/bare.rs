//! The same without anything around it.

use std::convert::Infallible;

use anyhow::Result;
use axum::{Router, extract::State, routing::post};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use order::http::NewOrder;
use tokio::net::TcpListener;

/// What a body is answered with.
type Said = (StatusCode, Bytes);

/// As the sandbox answers a charge.
const CHARGED: &str = r#"{"status":"succeeded","chargeId":"ch_01990000000070008000000000000001"}"#;

/// One route, served by axum.
pub async fn axum(listener: TcpListener, answer: Bytes) -> Result<()> {
    let place = async |State(answer): State<Bytes>, body: Bytes| accepted(&answer, &body);
    let router = Router::new().route("/orders", post(place)).with_state(answer);
    Ok(axum::serve(listener, router).await?)
}

/// Answers an order.
pub fn accepts(answer: Bytes) -> impl Fn(&Bytes) -> Said + Clone + Send + Sync + 'static {
    move |body| accepted(&answer, body)
}

fn accepted(answer: &Bytes, body: &Bytes) -> Said {
    match serde_json::from_slice::<NewOrder>(body) {
        Ok(_order) => (StatusCode::ACCEPTED, answer.clone()),
        Err(error) => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string().into()),
    }
}

/// Answers every charge alike.
pub fn charges() -> impl Fn(&Bytes) -> Said + Clone + Send + Sync + 'static {
    |_| (StatusCode::OK, Bytes::from_static(CHARGED.as_bytes()))
}

/// A loop over hyper's connections.
pub async fn hyper(listener: TcpListener, say: impl Fn(&Bytes) -> Said + Clone + Send + Sync + 'static) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let say = say.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answered(request, &say));
            // A client that ends its connection ends it in the midst of nothing.
            if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
                eprintln!("a connection ended early: {error}");
            }
        });
    }
}

async fn answered(
    request: Request<Incoming>,
    say: &impl Fn(&Bytes) -> Said,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, answer) = match request.into_body().collect().await {
        Ok(body) => say(&body.to_bytes()),
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string().into()),
    };
    let mut response = Response::new(Full::new(answer));
    *response.status_mut() = status;
    Ok(response)
}
