//! The kinds of problems that each API has; a service adds its own.

use axum::http::StatusCode;

/// What the URI of each kind begins with.
const PREFIX: &str = "urn:choreography:problem:";

/// A kind of problem: what does not change from one occurrence to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemType {
    /// Its name, in which its URI ends. Clients go by it: it stays.
    pub name: &'static str,
    /// The HTTP status that it comes with.
    pub status: StatusCode,
    /// What it is, in a few words.
    pub title: &'static str,
}

impl ProblemType {
    /// A parameter of the path or the query can't be what it is.
    pub const INVALID_PARAMETER: Self = Self::new("invalid-parameter", StatusCode::BAD_REQUEST, "A parameter is wrong");
    /// The request can't be read at all.
    pub const MALFORMED: Self = Self::new("malformed", StatusCode::BAD_REQUEST, "The request can't be read");
    /// There is no token that holds.
    pub const UNAUTHENTICATED: Self =
        Self::new("unauthenticated", StatusCode::UNAUTHORIZED, "A valid token is missing");
    /// The token does not open this.
    pub const FORBIDDEN: Self = Self::new("forbidden", StatusCode::FORBIDDEN, "This is not for this caller");
    /// No route leads there.
    pub const NO_SUCH_ROUTE: Self = Self::new("no-such-route", StatusCode::NOT_FOUND, "There is no such route");
    /// The route is there, and what it should lead to is not.
    pub const NOT_FOUND: Self = Self::new("not-found", StatusCode::NOT_FOUND, "What was asked for is not there");
    /// The route takes other methods.
    pub const METHOD_NOT_ALLOWED: Self =
        Self::new("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "The route does not take this method");
    /// What is there rules it out.
    pub const CONFLICT: Self = Self::new("conflict", StatusCode::CONFLICT, "What is there rules this out");
    /// The body is longer than the route takes.
    pub const TOO_LARGE: Self = Self::new("too-large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too long");
    /// The body is of another type than the route takes.
    pub const UNSUPPORTED_MEDIA_TYPE: Self =
        Self::new("unsupported-media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The route takes no body of this type");
    /// A field of the body or a header is wrong.
    pub const INVALID_FIELD: Self =
        Self::new("invalid-field", StatusCode::UNPROCESSABLE_ENTITY, "A field of the request is wrong");
    /// The rules refuse it, for good.
    pub const REFUSED: Self = Self::new("refused", StatusCode::UNPROCESSABLE_ENTITY, "The rules refuse this");
    /// The caller asks too often.
    pub const TOO_MANY_REQUESTS: Self =
        Self::new("too-many-requests", StatusCode::TOO_MANY_REQUESTS, "Too many requests of this caller");
    /// A bug.
    pub const INTERNAL: Self =
        Self::new("internal-error", StatusCode::INTERNAL_SERVER_ERROR, "The service has a fault of its own");
    /// It is to be tried again: something that the service needs is away, or it is too busy.
    pub const UNAVAILABLE: Self = Self::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, "This can't be done now");
    /// Whether it was done is not known.
    pub const OUTCOME_UNKNOWN: Self =
        Self::new("outcome-unknown", StatusCode::SERVICE_UNAVAILABLE, "Whether this was done is not known");
    /// There was no answer in time.
    pub const TIMEOUT: Self = Self::new("timeout", StatusCode::GATEWAY_TIMEOUT, "There was no answer in time");

    /// All of the above.
    pub(crate) const ALL: [Self; 17] = [
        Self::INVALID_PARAMETER,
        Self::MALFORMED,
        Self::UNAUTHENTICATED,
        Self::FORBIDDEN,
        Self::NO_SUCH_ROUTE,
        Self::NOT_FOUND,
        Self::METHOD_NOT_ALLOWED,
        Self::CONFLICT,
        Self::TOO_LARGE,
        Self::UNSUPPORTED_MEDIA_TYPE,
        Self::INVALID_FIELD,
        Self::REFUSED,
        Self::TOO_MANY_REQUESTS,
        Self::INTERNAL,
        Self::UNAVAILABLE,
        Self::OUTCOME_UNKNOWN,
        Self::TIMEOUT,
    ];

    /// A kind of a service's own.
    #[must_use]
    pub const fn new(name: &'static str, status: StatusCode, title: &'static str) -> Self {
        Self { name, status, title }
    }

    /// What a status means that was answered without a word of the service's own.
    pub(crate) fn of(status: StatusCode) -> Self {
        let same = |kind: &&Self| kind.status == status && **kind != Self::INVALID_PARAMETER;
        let unnamed = Self { name: "", status, title: status.canonical_reason().unwrap_or("The request failed") };
        Self::ALL.iter().find(same).copied().unwrap_or(unnamed)
    }

    /// The URI by which clients tell kinds apart. Where a status says it all it is `about:blank`, as RFC 9457 has it.
    #[must_use]
    pub fn uri(&self) -> String {
        if self.name.is_empty() { "about:blank".into() } else { format!("{PREFIX}{}", self.name) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_kinds_have_one_name() {
        let names: BTreeSet<&str> = ProblemType::ALL.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), ProblemType::ALL.len());
    }

    #[test]
    fn a_bare_status_has_the_kind_that_the_framework_means_by_it() {
        let name = |status: u16| ProblemType::of(StatusCode::from_u16(status).unwrap()).uri();
        assert_eq!(name(400), "urn:choreography:problem:malformed");
        assert_eq!(name(404), "urn:choreography:problem:no-such-route");
        assert_eq!(name(405), "urn:choreography:problem:method-not-allowed");
        assert_eq!(name(413), "urn:choreography:problem:too-large");
        assert_eq!(name(422), "urn:choreography:problem:invalid-field");
        assert_eq!(name(503), "urn:choreography:problem:unavailable");
        assert_eq!(name(418), "about:blank");
    }
}
