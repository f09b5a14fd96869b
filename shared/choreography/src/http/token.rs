//! The admin routes' bearer token.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue,
        header::{AUTHORIZATION, WWW_AUTHENTICATE},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use crate::{
    problem::{Problem, ProblemType},
    secret::LiveSecret,
};

/// Lets only requests with the token as it is now in, and none at all where no token is set.
pub(super) async fn check(State(token): State<Arc<Option<LiveSecret>>>, request: Request, next: Next) -> Response {
    let token = token.as_ref().as_ref().map(LiveSecret::current);
    match opens(token.as_ref(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err((kind, why)) => {
            let mut refusal = Problem::new(kind, why).into_response();
            if kind == ProblemType::UNAUTHENTICATED {
                refusal.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            refusal
        }
    }
}

fn opens(token: Option<&SecretString>, headers: &HeaderMap) -> Result<(), (ProblemType, &'static str)> {
    let Some(token) = token else {
        return Err((ProblemType::FORBIDDEN, "the admin routes are closed: start the service with an ADMIN_TOKEN"));
    };
    let given = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    match given {
        // In constant time, so that answers do not tell how much of a guess was right.
        Some(given) if bool::from(given.ct_eq(token.expose_secret().as_bytes())) => Ok(()),
        Some(_) => Err((ProblemType::UNAUTHENTICATED, "this is not the admin token")),
        None => Err((ProblemType::UNAUTHENTICATED, "send the admin token: Authorization: Bearer …")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_opens() {
        let token = SecretString::from("hush");
        let status = |token: Option<&SecretString>, header: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            header.map(|header| headers.insert(AUTHORIZATION, header.parse().unwrap()));
            opens(token, &headers).err().map(|(kind, _)| kind.status.as_u16())
        };
        assert_eq!(status(Some(&token), Some("Bearer hush")), None);
        for wrong in [None, Some("Bearer hus"), Some("Bearer hush!"), Some("Basic hush"), Some("Bearer "), Some("hush")]
        {
            assert_eq!(status(Some(&token), wrong), Some(401), "{wrong:?}");
        }
        assert_eq!(status(None, Some("Bearer hush")), Some(403));
        assert_eq!(status(None, Some("Bearer ")), Some(403));
    }
}
