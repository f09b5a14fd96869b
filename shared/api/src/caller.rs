//! Who sends a request, and what they may see.

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};

/// Opens every customer's orders, and what is the shop's own: stock, payments, shipments.
const BACK_OFFICE: &str = "back-office";

/// The caller that sends a request, for handlers to take as an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// No client is asked who they are.
    Anyone,
    /// The bearer of a token that holds.
    Bearer { subject: String, scopes: Vec<String> },
    /// No gate stood before the handler, or it refused the client: may do nothing.
    Unauthenticated,
}

impl Caller {
    /// The token's subject.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        match self {
            Self::Bearer { subject, .. } => Some(subject),
            Self::Anyone | Self::Unauthenticated => None,
        }
    }

    /// May they see and change what belongs to this user?
    #[must_use]
    pub fn may_act_for(&self, user: &str) -> bool {
        match self {
            Self::Anyone => true,
            Self::Bearer { subject, .. } => subject == user || self.is_back_office(),
            Self::Unauthenticated => false,
        }
    }

    /// May they do the shop's own business?
    #[must_use]
    pub fn is_back_office(&self) -> bool {
        match self {
            Self::Anyone => true,
            Self::Bearer { scopes, .. } => scopes.iter().any(|scope| scope == BACK_OFFICE),
            Self::Unauthenticated => false,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or(Self::Unauthenticated))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_may_act_for_himself_and_the_back_office_for_all() {
        let bearer = |subject: &str, scopes: &[&str]| Caller::Bearer {
            subject: subject.into(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        };
        assert!(bearer("ada", &[]).may_act_for("ada"));
        assert!(!bearer("ada", &[]).may_act_for("bob"));
        assert!(!bearer("ada", &["back"]).is_back_office());
        assert!(bearer("eve", &["mail", BACK_OFFICE]).may_act_for("ada"));
        assert!(Caller::Anyone.may_act_for("ada"));
        assert!(!Caller::Unauthenticated.may_act_for("ada") && !Caller::Unauthenticated.is_back_office());
    }
}
