//! What a registry answers.

use std::fmt;

use reqwest::{Response, StatusCode};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Asked, RegistryError};

/// As much of a registry's words as a line can bear, in characters.
const SHOWN: usize = 400;

/// What a registry said instead of doing what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// The HTTP status.
    pub status: u16,
    /// The registry's own code, such as 42201.
    pub code: Option<i64>,
    /// Its words, cut to a few lines; of what is not JSON, the beginning.
    pub message: String,
}

#[derive(Deserialize)]
struct Problem {
    error_code: i64,
    #[serde(default)]
    message: String,
}

impl fmt::Display for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.status)?;
        if let Some(code) = self.code {
            write!(formatter, " (error_code {code})")?;
        }
        write!(formatter, ": {}", if self.message.is_empty() { "without a word" } else { &self.message })
    }
}

impl Said {
    fn of(status: StatusCode, body: &[u8]) -> Self {
        let problem: Option<Problem> = serde_json::from_slice(body).ok();
        let (code, message) = match problem {
            Some(problem) => (Some(problem.error_code), shortened(&problem.message)),
            None => (None, beginning(body)),
        };
        Self { status: status.as_u16(), code, message }
    }

    /// Whether the registry itself says that it does not have it. A bare 404 may come from a wrong path, or a proxy.
    fn is_missing(&self) -> bool {
        self.status == 404 && self.code.is_some_and(|code| (40400..40500).contains(&code))
    }
}

/// An answer that has come whole.
#[derive(Debug)]
pub(super) struct Answer {
    asked: Asked,
    status: StatusCode,
    body: Vec<u8>,
}

impl Answer {
    /// What it answers.
    pub(super) fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Reads it, up to so many bytes.
    pub(super) async fn read(asked: Asked, mut response: Response, most_bytes: usize) -> Result<Self, RegistryError> {
        let (status, mut body) = (response.status(), Vec::new());
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(Self { asked, status, body }),
                Err(error) => return Err(RegistryError::unreachable(asked, &error)),
            };
            if body.len() + chunk.len() > most_bytes {
                let problem = format!("its answer is longer than {most_bytes} bytes");
                return Err(RegistryError::NotARegistry { asked, problem });
            }
            body.extend_from_slice(&chunk);
        }
    }

    /// What it says, unless the registry does not have what it was asked for, or refuses the schema.
    pub(super) fn json<T: DeserializeOwned>(self) -> Result<Came<T>, RegistryError> {
        let Self { asked, status, body } = self;
        if status.is_success() {
            return match serde_json::from_slice(&body) {
                Ok(answer) => Ok(Came::Answer(answer)),
                Err(error) => {
                    let problem = format!("its answer can't be read ({error}): it begins with {:?}", beginning(&body));
                    Err(RegistryError::NotARegistry { asked, problem })
                }
            };
        }
        let said = Said::of(status, &body);
        match status.as_u16() {
            404 if said.is_missing() => Ok(Came::Missing(said)),
            409 | 422 => Ok(Came::Refused(said)),
            401 | 403 => Err(RegistryError::Denied { asked, said }),
            300..=399 | 404 | 405 => Err(RegistryError::NotARegistry { asked, problem: format!("it answered {said}") }),
            _ => Err(RegistryError::Failed { asked, said }),
        }
    }

    /// What it says, of a request that can't be about something missing or refused.
    pub(super) fn only<T: DeserializeOwned>(self) -> Result<T, RegistryError> {
        let asked = self.asked.clone();
        match self.json()? {
            Came::Answer(answer) => Ok(answer),
            Came::Missing(said) | Came::Refused(said) => Err(RegistryError::Failed { asked, said }),
        }
    }
}

/// What came of a request.
#[derive(Debug)]
pub(super) enum Came<T> {
    Answer(T),
    Missing(Said),
    Refused(Said),
}

fn beginning(body: &[u8]) -> String {
    shortened(&String::from_utf8_lossy(&body[..body.len().min(SHOWN * 4)]))
}

fn shortened(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = text.trim().chars().map(plain).take(SHOWN).collect();
    if text.trim().chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Result<Came<Vec<u32>>, RegistryError> {
        let asked = Asked::new("GET", "http://registry/subjects/loan.granted", Some("loan.granted version 1".into()));
        Answer { asked, status: StatusCode::from_u16(status).unwrap(), body: body.as_bytes().to_vec() }.json()
    }

    fn error(status: u16, body: &str) -> String {
        answer(status, body).unwrap_err().to_string()
    }

    #[test]
    fn what_is_missing_and_what_is_refused_is_said_by_the_registry_itself() {
        assert!(matches!(answer(200, "[1]"), Ok(Came::Answer(of)) if of == [1]));
        let missing = answer(404, r#"{"error_code":40403,"message":"no such schema"}"#);
        assert!(matches!(missing, Ok(Came::Missing(said)) if said.code == Some(40403)));
        for (status, code) in [(409, 409), (422, 42201)] {
            let refused = answer(status, &format!(r#"{{"error_code":{code},"message":"no\nway"}}"#));
            let Ok(Came::Refused(said)) = refused else { panic!("{refused:?}") };
            assert_eq!(said.to_string(), format!("{status} (error_code {code}): no way"));
        }
    }

    #[test]
    fn what_is_no_registry_is_told_from_one_that_denies_or_fails() {
        for (status, body) in [
            (200, "<html>"),
            (200, r#"{"no":"list"}"#),
            (302, ""),
            (404, "<html>not here"),
            (404, r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#),
            (405, ""),
        ] {
            let said = error(status, body);
            assert!(
                said.contains("no schema registry") && said.contains("/apis/ccompat/v7"),
                "{status} {body}: {said}"
            );
        }
        let denied = error(401, r#"{"error_code":401,"message":"who are you?"}"#);
        assert!(
            denied.contains("401 (error_code 401): who are you?") && denied.contains("SCHEMA_REGISTRY_USER"),
            "{denied}"
        );
        let failed = error(503, "busy");
        assert!(failed.contains("it answered 503: busy") && failed.contains("run this again"), "{failed}");
        for said in [denied, failed] {
            assert!(said.starts_with("GET http://registry/subjects/loan.granted (loan.granted version 1)"), "{said}");
        }
    }

    #[test]
    fn long_words_are_cut_and_control_characters_are_not_shown() {
        let said = Said::of(StatusCode::CONFLICT, format!("\u{1b}[31m{}", "é".repeat(5000)).as_bytes());
        assert_eq!(said.message.chars().count(), SHOWN + 1);
        assert!(said.message.starts_with(" [31mé") && said.message.ends_with('…'), "{said}");
        assert_eq!(Said::of(StatusCode::BAD_GATEWAY, b"").to_string(), "502: without a word");
    }
}
