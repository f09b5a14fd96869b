//! The layer in front of an API: it asks for a token, and bounds how often each caller and address may call.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Instant,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue,
        header::{AUTHORIZATION, WWW_AUTHENTICATE},
    },
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use choreography::{Problem, ProblemType, server::secured};
use tokio::sync::Semaphore;
use tracing::warn;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder};
use utoipa_axum::router::OpenApiRouter;

use crate::{Caller, Keys, attempts::Attempts, keys::Refused, rate::Rate};

/// What the gate itself refuses.
const REFUSALS: [ProblemType; 3] =
    [ProblemType::UNAUTHENTICATED, ProblemType::TOO_MANY_REQUESTS, ProblemType::UNAVAILABLE];
/// The token's name in an API's document.
const TOKEN: &str = "token";

/// Lets requests through to an API: not too many at once, from callers who show who they are, not too often.
#[derive(Clone)]
pub struct Gate {
    pub(crate) keys: Option<Arc<Keys>>,
    pub(crate) rate: Option<Arc<Rate>>,
    /// Of unauthenticated callers.
    pub(crate) attempts: Option<Arc<Attempts>>,
    /// In which a proxy says where a request comes from.
    pub(crate) address_header: Option<HeaderName>,
    pub(crate) places: Arc<Semaphore>,
}

impl Gate {
    /// Lets every request through.
    #[must_use]
    pub fn open() -> Self {
        let places = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        Self { keys: None, rate: None, attempts: None, address_header: None, places }
    }

    /// Stands before an API from here on; its handlers learn from their [`Caller`] who asks, and its document says what is refused.
    pub fn before(self, api: impl Into<OpenApiRouter>) -> OpenApiRouter {
        if self.keys.is_none() {
            warn!("the API is open, it asks for no token: set JWT_KEYS_FILE or JWT_KEYS_URL where others can reach it");
        }
        let mut api = api.into();
        let document = api.get_openapi_mut();
        Problem::refusing_all(document, &REFUSALS);
        let about =
            "A JSON Web Token. It is asked for where the service was given keys: JWT_KEYS_FILE or JWT_KEYS_URL.";
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(about));
        secured(document, TOKEN, token.build());
        api.layer(from_fn_with_state(self, admit))
    }

    /// Stands before an API that is the shop's own business.
    pub fn before_back_office(self, api: impl Into<OpenApiRouter>) -> OpenApiRouter {
        let mut api = api.into();
        Problem::refusing_all(api.get_openapi_mut(), &[ProblemType::FORBIDDEN]);
        self.before(api.layer(from_fn(back_office)))
    }

    /// The caller of a request. A token that held a moment ago costs nothing; any other takes an attempt from its address first, so that
    /// a flood of bad tokens costs no more signature checks than the address has attempts.
    async fn caller(&self, headers: &HeaderMap, from: Option<IpAddr>) -> Result<Caller, Response> {
        let Some(keys) = &self.keys else { return Ok(Caller::Anyone) };
        let token = bearer(headers);
        if let Some(known) = token.and_then(|token| keys.remembered(token)) {
            return Ok(known);
        }
        if self.attempts.as_ref().is_some_and(|attempts| !attempts.take(from, Instant::now())) {
            return Err(too_often());
        }
        let Some(token) = token else { return Err(unauthorized("there was none of the form Bearer TOKEN")) };
        let caller = keys.caller(token).await;
        if let Some(attempts) = &self.attempts
            && !matches!(caller, Err(Refused::Token(_)))
        {
            attempts.give_back(from, Instant::now());
        }
        caller.map_err(|refused| match refused {
            Refused::Token(why) => unauthorized(&why),
            Refused::NoKeys => no_keys(),
        })
    }

    /// Where a request comes from. Of IPv6 the network: a client that has one has all its addresses.
    fn address(&self, request: &Request) -> Option<IpAddr> {
        let told = self.address_header.as_ref().and_then(|name| forwarded(request.headers(), name));
        let peer = || request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        match told.or_else(peer)?.to_canonical() {
            IpAddr::V6(address) => Some(IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))),
            address => Some(address),
        }
    }

    fn admits(&self, caller: &Caller, from: Option<IpAddr>) -> bool {
        let Some(rate) = &self.rate else { return true };
        let name = match (caller.subject(), from) {
            (Some(subject), _) => format!("subject {subject}"),
            (None, Some(address)) => format!("address {address}"),
            (None, None) => String::new(),
        };
        rate.admits(&name)
    }
}

async fn admit(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let Ok(_place) = gate.places.try_acquire() else {
        return Problem::new(ProblemType::UNAVAILABLE, "too many requests at once; try again in a moment")
            .into_response();
    };
    let from = gate.address(&request);
    let caller = match gate.caller(request.headers(), from).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal,
    };
    if !gate.admits(&caller, from) {
        return too_often();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

async fn back_office(caller: Caller, request: Request, next: Next) -> Response {
    if caller.is_back_office() {
        return next.run(request).await;
    }
    Problem::new(ProblemType::FORBIDDEN, "this needs a token with the scope back-office").into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The address that the nearest proxy put in: the last one, where each adds its own.
fn forwarded(headers: &HeaderMap, name: &HeaderName) -> Option<IpAddr> {
    headers.get_all(name).iter().next_back()?.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

fn no_keys() -> Response {
    let error = "tokens can't be checked: the identity provider's keys could not be fetched; try again in a moment";
    Problem::new(ProblemType::UNAVAILABLE, error).into_response()
}

fn too_often() -> Response {
    Problem::new(ProblemType::TOO_MANY_REQUESTS, "too many requests from you; wait a moment").into_response()
}

fn unauthorized(why: &str) -> Response {
    let error = format!("send a valid token (Authorization: Bearer …): {why}");
    let mut response = Problem::new(ProblemType::UNAUTHENTICATED, error).into_response();
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

#[cfg(test)]
mod tests;
