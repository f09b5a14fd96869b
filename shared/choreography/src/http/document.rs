//! The OpenAPI document of an address's routes, made of the routes themselves, and served beside them.

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    routing::get,
};
use serde_json::{Map, Value, json};
use utoipa::{
    OpenApi as _, PartialSchema,
    openapi::{
        OpenApi,
        extensions::Extensions,
        path::{Operation, PathItem, Paths},
        security::{Http, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::problem::{Body, MEDIA_TYPE, Problem, ProblemType};

/// Where an address serves its document.
const PATH: &str = "/openapi.json";
/// Where an operation's kinds of problems stand until the document is finished.
const MARK: &str = "x-problems";
/// What any request may come to, whatever its route.
const ANYWHERE: [ProblemType; 3] = [ProblemType::INTERNAL, ProblemType::UNAVAILABLE, ProblemType::TIMEOUT];

impl Problem {
    /// Routes whose document says which kinds of problems they answer with.
    ///
    /// ```
    /// # use choreography::{Problem, ProblemType};
    /// use utoipa_axum::{router::OpenApiRouter, routes};
    ///
    /// /// Shows a cup.
    /// #[utoipa::path(get, path = "/cups/{cup}", params(("cup" = u32, Path)), responses((status = 200, body = String)))]
    /// async fn show() -> Result<String, Problem> {
    ///     Err(Problem::new(ProblemType::NOT_FOUND, "no such cup"))
    /// }
    ///
    /// let api: OpenApiRouter = OpenApiRouter::default().routes(Problem::refusing(routes!(show), &[ProblemType::NOT_FOUND]));
    /// ```
    pub fn refusing<S>(routes: UtoipaMethodRouter<S>, kinds: &[ProblemType]) -> UtoipaMethodRouter<S> {
        let (schemas, mut paths, methods) = routes;
        mark(&mut paths, kinds);
        (schemas, paths, methods)
    }

    /// As [`refusing`](Self::refusing), of all the routes that are in a document by now.
    pub fn refusing_all(document: &mut OpenApi, kinds: &[ProblemType]) {
        mark(&mut document.paths, kinds);
    }
}

/// Says of each operation that is in a document by now that it takes a bearer token, which the document calls by this name.
pub fn secured(document: &mut OpenApi, name: &str, token: Http) {
    let needs = SecurityRequirement::new(name, [""; 0]);
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        operation.security.get_or_insert_default().push(needs.clone());
    }
    document.components.get_or_insert_default().add_security_scheme(name, SecurityScheme::Http(token));
}

fn mark(paths: &mut Paths, kinds: &[ProblemType]) {
    for operation in paths.paths.values_mut().flat_map(operations) {
        let extensions = operation.extensions.get_or_insert_with(Extensions::default);
        let marks = extensions.entry(MARK.to_owned()).or_insert_with(|| json!([]));
        let kinds = kinds.iter().map(|kind| json!([kind.status.as_u16(), kind.uri(), kind.title]));
        if let Value::Array(marks) = marks {
            marks.extend(kinds);
        }
    }
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, options, head, patch, trace, .. } = path;
    [get, put, post, delete, options, head, patch, trace].into_iter().flatten()
}

/// The document of the routes at an address, in OpenAPI 3.1.
#[utoipa::path(get, path = "/openapi.json", operation_id = "openapi", responses((status = 200, body = serde_json::Value)))]
#[expect(dead_code, reason = "what it says is the route's part of the document")]
fn document() {}

/// The document's own place in it.
#[derive(utoipa::OpenApi)]
#[openapi(paths(document))]
struct Itself;

/// Says of each operation what may come of any request.
pub(super) fn refusing_anywhere(mut routes: OpenApiRouter) -> OpenApiRouter {
    let document = routes.get_openapi_mut();
    Problem::refusing_all(document, &ANYWHERE);
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        if operation.request_body.is_some() {
            let extensions = operation.extensions.get_or_insert_with(Extensions::default);
            let too_large = ProblemType::TOO_LARGE;
            if let Some(Value::Array(marks)) = extensions.get_mut(MARK) {
                marks.push(json!([too_large.status.as_u16(), too_large.uri(), too_large.title]));
            }
        }
    }
    routes
}

/// The routes, and their document beside them. It is finished when it is asked for: a start has other things to do.
pub fn documented(routes: OpenApiRouter) -> Router {
    let (router, mut document) = routes.split_for_parts();
    document.merge(Itself::openapi());
    let (document, finished_once) = (Arc::new(document), Arc::new(OnceLock::<Bytes>::new()));
    let serve = move || async move {
        let json = finished_once.get_or_init(|| Bytes::from(format!("{:#}\n", finished(&document)))).clone();
        ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], json)
    };
    router.route(PATH, get(serve))
}

/// The document with the answers that its operations' kinds of problems come to.
fn finished(document: &OpenApi) -> Value {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    if let Some(Value::Object(paths)) = document.get_mut("paths") {
        paths.values_mut().filter_map(Value::as_object_mut).for_each(finish);
    }
    document["components"]["schemas"]["Problem"] = serde_json::to_value(Body::schema()).unwrap_or_default();
    document
}

fn finish(path: &mut Map<String, Value>) {
    for operation in path.values_mut().filter(|part| part.get("responses").is_some()) {
        describe(&mut operation["responses"]);
        let marks = operation.as_object_mut().and_then(|operation| operation.remove(MARK));
        let Some(Value::Array(mut marks)) = marks else { continue };
        marks.sort_by_key(|mark| (mark[0].as_u64(), mark[1].as_str().map(str::to_owned)));
        marks.dedup();
        for of_status in marks.chunk_by(|one, other| one[0] == other[0]) {
            operation["responses"][of_status[0][0].to_string()] = answer(of_status);
        }
    }
}

/// Each answer needs a word; what it is says its schema.
fn describe(responses: &mut Value) {
    for (status, response) in responses.as_object_mut().into_iter().flatten() {
        let reason = StatusCode::from_bytes(status.as_bytes()).ok().and_then(|status| status.canonical_reason());
        if let Some(response) = response.as_object_mut() {
            response.entry("description").or_insert_with(|| format!("{}.", reason.unwrap_or("An answer")).into());
        }
    }
}

/// What a status is answered with, by the kinds that have it.
fn answer(kinds: &[Value]) -> Value {
    let titles: Vec<&str> = kinds.iter().filter_map(|kind| kind[2].as_str()).collect();
    let uris: Vec<&Value> = kinds.iter().map(|kind| &kind[1]).collect();
    let schema = json!({
        "allOf": [
            { "$ref": "#/components/schemas/Problem" },
            { "properties": { "type": { "enum": uris }, "status": { "const": kinds[0][0] } } },
        ],
    });
    json!({ "description": format!("{}.", titles.join(". ")), "content": { MEDIA_TYPE: { "schema": schema } } })
}

#[cfg(test)]
mod tests {
    use axum::{body::Body as AxumBody, http::Request};
    use tower::ServiceExt;
    use utoipa_axum::routes;

    use super::*;

    /// Takes a cup.
    #[utoipa::path(put, path = "/cups/{cup}", params(("cup" = u32, Path)), request_body = String, responses((status = 200)))]
    async fn take() {}

    const BROKEN: ProblemType = ProblemType::new("broken", axum::http::StatusCode::CONFLICT, "The cup is broken");

    #[tokio::test]
    async fn the_document_says_of_each_route_what_it_answers_and_how_it_refuses() {
        let routes = Problem::refusing(routes!(take), &[BROKEN, ProblemType::CONFLICT]);
        let routes = documented(refusing_anywhere(OpenApiRouter::default().routes(routes)));
        let answer = routes.oneshot(Request::get(PATH).body(AxumBody::empty()).unwrap()).await.unwrap();
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let document: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let take = &document["paths"]["/cups/{cup}"]["put"];
        let statuses: Vec<&String> = take["responses"].as_object().unwrap().keys().collect();
        assert_eq!(statuses, ["200", "409", "413", "500", "503", "504"]);
        let conflict = &take["responses"]["409"];
        assert_eq!(conflict["description"], "The cup is broken. What is there rules this out.");
        let kinds = &conflict["content"][MEDIA_TYPE]["schema"]["allOf"][1]["properties"]["type"]["enum"];
        assert_eq!(kinds, &json!(["urn:choreography:problem:broken", "urn:choreography:problem:conflict"]));
        assert_eq!(
            document["components"]["schemas"]["Problem"]["required"],
            json!(["type", "title", "status", "detail"])
        );
        assert!(document["paths"][PATH]["get"].is_object() && take.get(MARK).is_none(), "{document:#}");
    }
}
