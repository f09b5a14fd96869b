//! Whether answers are as a document says, and which of those that it says were seen.

use std::{cell::RefCell, collections::BTreeSet};

use axum::Router;
use one_service::{Answer, call};
use serde_json::{Value, json};

use crate::Document;

/// An API that is asked; each answer is held against the document.
pub struct Asked<'a> {
    document: &'a Document,
    seen: RefCell<BTreeSet<String>>,
}

impl<'a> Asked<'a> {
    pub fn by(document: &'a Document) -> Self {
        Self { document, seen: RefCell::default() }
    }

    /// Asks, as [`call`] does.
    ///
    /// # Panics
    /// The document has no such operation, or does not say that it answers so.
    pub async fn ask(&self, api: &Router, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let answer = call(api, method, path, headers, body).await;
        self.hold(method, path, &answer);
        answer
    }

    /// Holds an answer against the document.
    ///
    /// # Panics
    /// The document does not say that the operation answers so.
    pub fn hold(&self, method: &str, path: &str, answer: &Answer) {
        let (template, operation) = self.document.operation(method, path);
        let (status, what) = (answer.status.as_u16(), format!("{method} {template}"));
        let said = &operation["responses"][status.to_string()];
        assert!(said.is_object(), "{what} answers {status}, which is not in the document: {}", answer.body);
        self.seen.borrow_mut().insert(format!("{what} {status}"));
        let Some(content) = said["content"].as_object() else {
            assert_eq!(answer.body, "", "{what} {status} has a body that is not in the document");
            return;
        };
        let media = answer.headers.get("content-type").and_then(|media| media.to_str().ok()).unwrap_or_default();
        let media = media.split(';').next().unwrap_or_default();
        let of_media = content.get(media).unwrap_or_else(|| panic!("{what} {status} is {media:?}, not {content:#?}"));
        if media.ends_with("json") {
            let mut schema = of_media["schema"].clone();
            schema["components"] = self.document.json["components"].clone();
            let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
            let wrong: Vec<String> = validator.iter_errors(&answer.body).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{what} {status}: {}\n{:#}", wrong.join("\n"), answer.body);
        }
    }

    /// Was each answer seen that the document says? `but` names the ends of those that were not: operations with a status, or statuses.
    ///
    /// # Panics
    /// Some were not; or all were of which some are said not to be.
    pub fn assert_all_seen(&self, but: &[&str]) {
        let seen = self.seen.borrow();
        let said = self.document.operations().into_iter().flat_map(|(path, method)| {
            let responses = self.document.json["paths"][&path][&method]["responses"].as_object();
            let statuses: Vec<String> = responses.into_iter().flatten().map(|(status, _)| status.clone()).collect();
            statuses.into_iter().map(move |status| format!("{} {path} {status}", method.to_uppercase()))
        });
        let unseen: Vec<String> = said.filter(|answer| !seen.contains(answer)).collect();
        let missing: Vec<_> = unseen.iter().filter(|answer| !but.iter().any(|but| answer.ends_with(but))).collect();
        assert!(missing.is_empty(), "the document says so, and no test sees it: {missing:#?}");
        let seen_all: Vec<_> = but.iter().filter(|but| !unseen.iter().any(|unseen| unseen.ends_with(**but))).collect();
        assert!(seen_all.is_empty(), "all of these were seen: {seen_all:?}");
    }
}

impl Document {
    /// The operation that a request is for, and its path as the document has it.
    fn operation(&self, method: &str, path: &str) -> (String, &Value) {
        let path = path.split('?').next().unwrap_or_default();
        let method = method.to_lowercase();
        let fits = |template: &str| {
            let parts = || template.split('/').zip(path.split('/'));
            let literal = parts().filter(|(of, _)| !of.starts_with('{')).count();
            let same = template.split('/').count() == path.split('/').count();
            (same && parts().all(|(of, part)| of.starts_with('{') || of == part)).then_some(literal)
        };
        let operations = self.operations().into_iter().filter(|(_, of)| *of == method);
        let fitting = operations.filter_map(|(template, _)| Some((fits(&template)?, template)));
        let (_, template) = fitting.max().unwrap_or_else(|| panic!("{method} {path} is not in the document"));
        let operation = &self.json["paths"][&template][&method];
        (template, operation)
    }

    /// What the document takes as a body of an operation.
    ///
    /// # Panics
    /// It takes none.
    #[must_use]
    pub fn takes(&self, method: &str, path: &str, body: &str) -> bool {
        let (_, operation) = self.operation(method, path);
        let mut schema = operation["requestBody"]["content"]["application/json"]["schema"].clone();
        assert!(schema.is_object(), "{method} {path} takes no body: {operation:#}");
        schema["components"] = self.json["components"].clone();
        let body = serde_json::from_str(body).unwrap_or_else(|_| json!(body));
        jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema").is_valid(&body)
    }
}
