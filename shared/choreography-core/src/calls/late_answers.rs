//! Answers that come after their call was settled by hand.

use tracing::{error, warn};
use uuid::Uuid;

use super::CallStore;
use crate::participant::Answer;

/// An answer whose call is not open any more.
#[derive(Clone, Debug, PartialEq)]
pub struct LateAnswer {
    /// The call's id.
    pub call: Uuid,
    /// What was answered.
    pub answer: Answer,
}

/// The provider did something else than the operator said.
#[derive(Clone, Debug, PartialEq)]
pub struct Contradiction {
    /// The aggregate that it is about.
    pub aggregate_id: String,
    /// Names the call within the aggregate.
    pub step: String,
    /// `done` or `not-done`.
    pub settled_as: String,
    /// The provider's answer.
    pub said: String,
}

/// Mostly another replica was quicker with the same answer. But where an operator said something else, money or goods may
/// have moved that the rules know nothing of.
pub async fn report<S: CallStore>(store: &S, late: &[LateAnswer]) {
    if late.is_empty() {
        return;
    }
    match store.contradictions(late).await {
        Ok(contradictions) => contradictions.iter().for_each(report_one),
        Err(error) => {
            warn!(%error, late = late.len(), "late answers could not be compared with what operators settled")
        }
    }
}

fn report_one(contradiction: &Contradiction) {
    let Contradiction { aggregate_id, step, settled_as, said } = contradiction;
    metrics::counter!("saga_calls_contradicted_total").increment(1);
    error!(
        aggregate_id,
        step,
        settled_as,
        said,
        "the provider's answer contradicts the operator who settled this call: correct it at the provider"
    );
}
