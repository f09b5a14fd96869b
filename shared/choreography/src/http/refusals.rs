//! Around all routes of an address: whatever refuses a request (a handler, the router, a limit, a panic), the answer is a [`Problem`].

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use axum::{
    BoxError,
    body::{Bytes, HttpBody},
    http::{
        HeaderMap, HeaderValue, Request, Response, StatusCode, Uri,
        header::{CONTENT_LENGTH, CONTENT_TYPE},
    },
};
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Either, Full, Limited};
use tower::Service;

use super::tracing::TRACE_ID;
use crate::problem::{MEDIA_TYPE, Occurrence, Problem, ProblemType};

/// As much of what a framework says is passed on.
const LONGEST_DETAIL: usize = 4 * 1024;

/// Makes problems of the answers of a service that refuse.
///
/// What answers in words of its own, in JSON or HTML, or by a stream, is left as it is.
#[derive(Clone)]
pub(super) struct Refusals<S>(pub S);

impl<S, B, R> Service<Request<B>> for Refusals<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    S::Future: Send + 'static,
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    type Response = Response<Either<R, Full<Bytes>>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let asked = request.uri().clone();
        let answer = self.0.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            let status = answer.status();
            if status.is_client_error() || status.is_server_error() {
                Ok(as_problem(answer, &asked).await)
            } else {
                Ok(answer.map(Either::Left))
            }
        })
    }
}

async fn as_problem<R>(answer: Response<R>, asked: &Uri) -> Response<Either<R, Full<Bytes>>>
where
    R: HttpBody<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError>,
{
    let (mut head, body) = answer.into_parts();
    let problem = match head.extensions.remove::<Problem>() {
        Some(problem) => problem,
        // A stream is a handler's own, and may never end.
        None if says_nothing_or_text(&head.headers) && body.size_hint().exact().is_some() => {
            Problem::new(ProblemType::of(head.status), detail(head.status, said(body).await, asked))
        }
        None => return Response::from_parts(head, Either::Left(body)),
    };
    let trace_id = head.headers.get(TRACE_ID).and_then(|id| id.to_str().ok());
    let json = problem.json(&Occurrence { instance: Some(asked.path()), trace_id });
    // What else was said in headers (Allow, WWW-Authenticate, Retry-After) stays.
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, Either::Right(Full::new(json)))
}

/// Frameworks answer nothing, or a line of text.
fn says_nothing_or_text(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_none_or(|of| of.as_bytes().starts_with(b"text/plain"))
}

async fn said<R>(body: R) -> String
where
    R: HttpBody<Data = Bytes>,
    R::Error: Into<BoxError>,
{
    let bytes = Limited::new(body, LONGEST_DETAIL).collect().await.map(http_body_util::Collected::to_bytes);
    bytes.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()).unwrap_or_default()
}

/// The framework's own words; where it has none, what happened and what to do.
fn detail(status: StatusCode, said: String, asked: &Uri) -> String {
    let path = asked.path();
    match status {
        StatusCode::NOT_FOUND if said.is_empty() => {
            format!("no route leads to {path}; GET /openapi.json lists those that there are")
        }
        StatusCode::METHOD_NOT_ALLOWED if said.is_empty() => {
            format!("{path} takes other methods: the header Allow names them")
        }
        StatusCode::GATEWAY_TIMEOUT if said.is_empty() => {
            "there was no answer in time, and whether it was done is not known; ask before you send it again".into()
        }
        // What a fault says of itself is for the log.
        StatusCode::INTERNAL_SERVER_ERROR => "the service has a fault of its own; its log says which".into(),
        status if said.is_empty() => status.canonical_reason().unwrap_or("the request failed").to_lowercase(),
        _ => said,
    }
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, body::Body, response::IntoResponse, routing::post};
    use futures::{FutureExt, stream};
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;

    type Piece = Result<Bytes, Infallible>;

    async fn asked(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (Response<()>, Value) {
        let teapot = async || (StatusCode::IM_A_TEAPOT, Json(json!({ "mine": true })));
        let limited = async || Problem::new(ProblemType::TOO_MANY_REQUESTS, "wait");
        let traced = async || {
            let mut answer = Problem::parameter("n", "no number").into_response();
            answer.headers_mut().insert(TRACE_ID, HeaderValue::from_static("0af7"));
            answer
        };
        let routes = Router::new()
            .route("/json", post(async |Json(body): Json<Value>| Json(body)))
            .route("/text", post(async || (StatusCode::NOT_FOUND, "there is none\n")))
            .route("/teapot", post(teapot))
            .route("/limited", post(limited))
            .route("/traced", post(traced));
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = Refusals(routes).oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(head, ()), serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    /// Its status, its kind, and its words.
    async fn problem(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String, String) {
        let (head, json) = asked(method, path, headers, body).await;
        assert_eq!(head.headers()[CONTENT_TYPE], MEDIA_TYPE, "{json}");
        assert_eq!(json["status"], head.status().as_u16(), "{json}");
        let text = |name: &str| json[name].as_str().unwrap_or_else(|| panic!("{name}: {json}")).to_owned();
        assert_eq!(text("instance"), path.split('?').next().unwrap());
        (head.status().as_u16(), text("type").replace("urn:choreography:problem:", ""), text("detail"))
    }

    #[tokio::test]
    async fn what_the_framework_refuses_is_a_problem_in_its_words_or_in_ours() {
        let json = [("content-type", "application/json")];
        let of = |kind: (u16, String, String)| (kind.0, kind.1);
        assert_eq!(of(problem("POST", "/nowhere?n=1", &[], "").await), (404, "no-such-route".into()));
        assert_eq!(of(problem("GET", "/json", &[], "").await), (405, "method-not-allowed".into()));
        assert_eq!(of(problem("POST", "/json", &[], "{}").await), (415, "unsupported-media-type".into()));
        assert_eq!(of(problem("POST", "/json", &json, "{").await), (400, "malformed".into()));
        let told = problem("POST", "/text", &[], "").await;
        assert_eq!(told, (404, "no-such-route".into(), "there is none".into()));
        let (_, _, detail) = problem("POST", "/nowhere", &[], "").await;
        assert!(detail.contains("/nowhere") && detail.contains("/openapi.json"), "{detail}");
    }

    #[tokio::test]
    async fn headers_stay_and_so_does_what_has_words_of_its_own() {
        let (head, _) = asked("GET", "/json", &[], "").await;
        assert_eq!(head.headers()["allow"], "POST");
        let (head, json) = asked("POST", "/limited", &[], "").await;
        assert_eq!((&head.headers()["retry-after"], &json["retryAfter"]), (&HeaderValue::from_static("1"), &json!(1)));
        let (head, json) = asked("POST", "/traced", &[], "").await;
        assert_eq!((&head.headers()[TRACE_ID], &json["traceId"]), (&HeaderValue::from_static("0af7"), &json!("0af7")));
        let (head, json) = asked("POST", "/teapot", &[], "").await;
        assert_eq!((head.status().as_u16(), json), (418, json!({ "mine": true })));
        let endless = Refusals(
            Router::new()
                .route("/", post(async || (StatusCode::BAD_GATEWAY, Body::from_stream(stream::pending::<Piece>())))),
        );
        let answer = endless.oneshot(Request::post("/").body(Body::empty()).unwrap()).now_or_never();
        assert_eq!(answer.expect("it is not waited for").unwrap().status(), StatusCode::BAD_GATEWAY);
    }
}
