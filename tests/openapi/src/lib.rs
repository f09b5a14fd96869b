//! Whether an API's OpenAPI document is the committed one, keeps OpenAPI's own schema, and is that of the routes and of their answers.

mod answers;
mod format;
mod routes;

use std::{collections::BTreeSet, fs, path::Path};

use axum::Router;
pub use one_service::Answer;
use one_service::call;
use serde_json::Value;

pub use answers::Asked;

/// The methods that a path of a document can have.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/choreography/openapi");

/// Answers of what stands around every API that its service's test does not bring about; the engine's tests do.
pub const SEEN_ELSEWHERE: [&str; 7] = ["GET /livez 503", "GET /readyz 200", " 401", " 403", " 429", " 500", " 504"];

/// An API's document, as the API serves it.
pub struct Document {
    text: String,
    json: Value,
}

impl Document {
    /// What the API answers at `/openapi.json`.
    ///
    /// # Panics
    /// It has no document.
    pub async fn of(api: &Router) -> Self {
        let Answer { status, body, .. } = call(api, "GET", "/openapi.json", &[], "").await;
        assert!(status.is_success(), "{status}: {body}");
        Self::read(body)
    }

    /// As a running service answered it.
    ///
    /// # Panics
    /// It is no document.
    #[must_use]
    pub fn read(json: Value) -> Self {
        assert!(json["openapi"].is_string(), "{json}");
        Self { text: format!("{json:#}\n"), json }
    }

    /// Is it the committed one, does it keep the format, and does it have each route that there is, and no other? `routes` are those that
    /// serve the document, bare. With `UPDATE_OPENAPI` in the environment it becomes the committed one.
    ///
    /// # Panics
    /// It is not so; what is wrong is named.
    pub async fn assert_is_right(&self, name: &str, routes: &Router) {
        self.assert_committed(name);
        self.assert_keeps_the_format();
        self.assert_has_the_routes(routes).await;
    }

    fn assert_committed(&self, name: &str) {
        let file = Path::new(COMMITTED).join(format!("{name}.json"));
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            fs::write(&file, &self.text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
        let update = format!("UPDATE_OPENAPI=1 cargo test --release -p {package} -- the_document_is");
        assert!(committed == self.text, "{} is another one; after a wanted change: {update}", file.display());
    }

    /// Does it keep OpenAPI's own schema, and do all references in it lead somewhere?
    fn assert_keeps_the_format(&self) {
        let wrong = format::wrong(&self.json);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    async fn assert_has_the_routes(&self, routes: &Router) {
        let (documented, there) = (self.operations(), routes::of(routes).await);
        let missing: Vec<_> = there.difference(&documented).collect();
        let made_up: Vec<_> = documented.difference(&there).collect();
        assert!(missing.is_empty() && made_up.is_empty(), "not in the document: {missing:?}; not there: {made_up:?}");
    }

    /// Its operations, by path and method.
    fn operations(&self) -> BTreeSet<(String, String)> {
        let paths = self.json["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            METHODS
                .iter()
                .filter(|method| item.get(**method).is_some())
                .map(|method| (path.clone(), method.to_string()))
        });
        operations.collect()
    }
}
