use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{ConnectInfo, Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use engine::problem::Problem;
use tokio::sync::Semaphore;
use tracing::warn;

use crate::{Caller, Keys, keys::Refused, rate::Rate};

/// Lets requests through to an API: not too many at once, from callers who show who they are, not too often.
#[derive(Clone)]
pub struct Gate {
    pub(crate) keys: Option<Arc<Keys>>,
    pub(crate) rate: Option<Arc<Rate>>,
    pub(crate) places: Arc<Semaphore>,
}

impl Gate {
    /// Lets everybody through.
    #[must_use]
    pub fn open() -> Self {
        Self { keys: None, rate: None, places: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)) }
    }

    /// Stands before an API from here on; its handlers learn from their [`Caller`] who asks.
    pub fn before(self, api: Router) -> Router {
        if self.keys.is_none() {
            warn!("the API asks nobody who he is: set JWT_KEYS_FILE or JWT_KEYS_URL where others can reach it");
        }
        api.layer(from_fn_with_state(self, admit))
    }

    /// Stands before an API that is the shop's own business.
    pub fn before_back_office(self, api: Router) -> Router {
        self.before(api.layer(from_fn(back_office)))
    }

    async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refused> {
        let Some(keys) = &self.keys else { return Ok(Caller::Anyone) };
        let header = headers.get(AUTHORIZATION).ok_or_else(|| Refused::Token("none was sent".into()))?;
        let token = header.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
        keys.caller(token.ok_or_else(|| Refused::Token("it is not of the form Bearer TOKEN".into()))?).await
    }

    fn admits(&self, caller: &str) -> bool {
        self.rate.as_ref().is_none_or(|rate| rate.admits(caller))
    }
}

async fn admit(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let Ok(_place) = gate.places.try_acquire() else {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too much is asked at once; try again in a moment")
            .into_response();
    };
    let caller = gate.caller(request.headers()).await;
    // Who shows no token that holds is known by where he comes from.
    let subject = caller.as_ref().ok().and_then(Caller::subject);
    let name = subject.map_or_else(|| address(&request), |subject| format!("subject {subject}"));
    if !gate.admits(&name) {
        return too_often();
    }
    match caller {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(Refused::Token(why)) => unauthorized(&why),
        Err(Refused::NoKeysYet) => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "tokens can't be checked: the identity provider's keys could not be fetched yet; try again in a moment",
        )
        .into_response(),
    }
}

async fn back_office(caller: Caller, request: Request, next: Next) -> Response {
    if caller.is_back_office() {
        return next.run(request).await;
    }
    Problem::new(StatusCode::FORBIDDEN, "this is the shop's own: it takes a token with the scope back-office")
        .into_response()
}

fn address(request: &Request) -> String {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    peer.map_or_else(String::new, |ConnectInfo(peer)| format!("address {}", peer.ip()))
}

fn too_often() -> Response {
    let mut response = Problem::new(StatusCode::TOO_MANY_REQUESTS, "you ask too often; wait a moment").into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn unauthorized(why: &str) -> Response {
    let error = format!("show a token that holds (Authorization: Bearer …): {why}");
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, error).into_response();
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use axum::{body::Body, routing::get};
    use tokio::sync::Notify;
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn who_finds_no_place_is_told_to_come_again() {
        let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let slow = {
            let (begun, go_on) = (begun.clone(), go_on.clone());
            move || async move {
                begun.notify_one();
                go_on.notified().await;
            }
        };
        let gate = Gate { places: Arc::new(Semaphore::new(1)), ..Gate::open() };
        let api = gate.before(Router::new().route("/", get(slow)));
        let ask = || api.clone().oneshot(Request::new(Body::empty()));
        let mut first = pin!(ask());
        tokio::select! {
            answer = &mut first => panic!("answered too soon: {answer:?}"),
            () = begun.notified() => {}
        }
        let second = ask().await.unwrap();
        assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(second.headers().contains_key(RETRY_AFTER));
        go_on.notify_one();
        assert_eq!(first.await.unwrap().status(), StatusCode::OK);
    }
}
