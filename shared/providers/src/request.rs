//! Requests, and how their answers read.

use std::{collections::BTreeMap, fmt};

use choreography::{Answer, Call};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::ProviderError;

/// A call that is a request to a provider. It is posted to `/v1/{PATH}` under its idempotency key, with the order's id
/// beside its own fields, and asked about at `/v1/{PATH}/{key}`.
pub trait Request: Call<Request = Self> + Serialize + DeserializeOwned + fmt::Debug + Send + Sync + 'static {
    /// Where it is posted, such as `charges`.
    const PATH: &'static str;
    /// How its answer reads.
    const READS: Reads;
    /// It is an undo, which is tried for ever: a no that is found is not the last word. The request is sent again, and under
    /// its one key it can't be done twice.
    const INSISTS: bool = false;

    /// It has personal data in clear, which the provider may quote. So of what the provider says nothing is kept in its own words, which
    /// would go into rows, logs and events: neither why it refuses, nor what is wrong.
    const CONFIDENTIAL: bool = false;

    /// Nothing is to be done any more: instead of sending it, its key is cancelled, and the provider answers what became of it.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// How a provider's answer reads: `{"status": …}` and what each status means.
#[derive(Clone, Copy, Debug)]
pub struct Reads {
    yes: &'static str,
    named: &'static str,
    no: &'static str,
    cancelled: Option<&'static str>,
}

impl Reads {
    /// `yes`: the status of a request that was done; the field `named` has the provider's name for it. `no`: of one that was not
    /// done and never will be under this key; the field `reason` says why.
    #[must_use]
    pub const fn new(yes: &'static str, named: &'static str, no: &'static str) -> Self {
        Self { yes, named, no, cancelled: None }
    }

    /// The status of a key that was cancelled before anything was done: a no as well.
    #[must_use]
    pub const fn or_cancelled(self, status: &'static str) -> Self {
        Self { cancelled: Some(status), ..self }
    }

    pub(crate) fn read(&self, mut said: Said) -> Result<Answer, ProviderError> {
        let missing =
            |field: &str| ProviderError::Malformed(format!("it is {:?}, but has no text in {field:?}", said.status));
        match said.status.as_str() {
            yes if yes == self.yes => match said.more.remove(self.named) {
                Some(Value::String(detail)) => Ok(Answer::Yes { detail }),
                _ => Err(missing(self.named)),
            },
            no if no == self.no => match said.more.remove("reason") {
                Some(Value::String(reason)) => Ok(Answer::No { reason }),
                _ => Err(missing("reason")),
            },
            cancelled if Some(cancelled) == self.cancelled => {
                Ok(Answer::No { reason: "it was cancelled at the provider".into() })
            }
            other => Err(ProviderError::Malformed(format!("the contract has no status {other:?} for it"))),
        }
    }
}

/// A provider's answer as it came.
#[derive(Deserialize)]
pub(crate) struct Said {
    status: String,
    #[serde(flatten)]
    more: BTreeMap<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const READS: Reads = Reads::new("accepted", "trackingNumber", "refused");

    fn read(reads: Reads, json: &str) -> Result<Answer, ProviderError> {
        reads.read(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_yes_has_the_providers_name_for_it_and_a_no_its_reason() {
        let yes = Answer::Yes { detail: "T1".into() };
        assert_eq!(read(READS, r#"{"status":"accepted","trackingNumber":"T1","added":{"later":1}}"#), Ok(yes));
        let no = Answer::No { reason: "not served".into() };
        assert_eq!(read(READS, r#"{"reason":"not served","status":"refused"}"#), Ok(no));
        let cancelled = Answer::No { reason: "it was cancelled at the provider".into() };
        assert_eq!(read(READS.or_cancelled("cancelled"), r#"{"status":"cancelled"}"#), Ok(cancelled));
    }

    #[test]
    fn what_the_contract_does_not_have_is_no_answer() {
        for (json, why) in [
            (r#"{"status":"succeeded","trackingNumber":"T1"}"#, "no status \"succeeded\""),
            (r#"{"status":"cancelled"}"#, "no status \"cancelled\""),
            (r#"{"status":"accepted"}"#, "no text in \"trackingNumber\""),
            (r#"{"status":"accepted","trackingNumber":1}"#, "no text in \"trackingNumber\""),
            (r#"{"status":"refused","reason":null}"#, "no text in \"reason\""),
        ] {
            let read = read(READS, json);
            assert!(matches!(&read, Err(ProviderError::Malformed(said)) if said.contains(why)), "{json}: {read:?}");
        }
        for json in [r#"{"trackingNumber":"T1"}"#, r#"{"status":1}"#, r#"{"status":"refused","status":"accepted"}"#] {
            assert!(serde_json::from_str::<Said>(json).is_err(), "{json}");
        }
    }
}
