//! How the shop calls its providers: ask before sending again, and never resend past the key's lifetime.

use std::future::Future;

use choreography::{Intent, NoAnswer};
use chrono::TimeDelta;

/// Makes an intended call. The first time it is sent; later its outcome is asked for first. "Not found" is not no, since
/// a stalled call may still arrive: it is sent again under the same key, as long as the provider surely keeps the key
/// ([`setting::resend_within`](crate::setting::resend_within)). From then on it is only asked about, even if no attempt
/// was counted: a process may have been frozen before it counted one.
///
/// `age`: how old the intent is at most, by the database's clock.
pub async fn ask_then_send<T>(
    intent: &Intent,
    age: TimeDelta,
    resend_within: TimeDelta,
    find: impl Future<Output = Result<Option<T>, rest_client::NoAnswer>>,
    send: impl Future<Output = Result<T, rest_client::NoAnswer>>,
) -> Result<T, NoAnswer> {
    let expired = age >= resend_within;
    if (intent.attempts > 0 || expired)
        && let Some(answer) = find.await.map_err(no_answer)?
    {
        return Ok(answer);
    }
    if expired {
        return Err(NoAnswer::Wrong(format!(
            "{} is not known at the provider and was intended {} minutes ago, when its key may be forgotten there: sending \
             it again could do it twice. Look it up at the provider, then settle it by hand (/admin/calls/{})",
            intent.idempotency_key(),
            age.num_minutes(),
            intent.id
        )));
    }
    send.await.map_err(no_answer)
}

/// A request that the provider refuses stays refused; everything else may pass.
fn no_answer(no_answer: rest_client::NoAnswer) -> NoAnswer {
    let why = no_answer.to_string();
    match no_answer {
        rest_client::NoAnswer::Refused { .. } => NoAnswer::Wrong(why),
        rest_client::NoAnswer::InProgress { .. } => NoAnswer::InProgress(why),
        _ => NoAnswer::Passing(why),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use choreography::testing::TraceContext;
    use chrono::DateTime;

    use super::*;

    const RESEND_WITHIN: TimeDelta = TimeDelta::seconds(60);

    fn call(attempts: u32, age: TimeDelta, found: Option<&'static str>) -> Result<&'static str, NoAnswer> {
        let intent = Intent {
            id: uuid::Uuid::nil(),
            aggregate_id: "o".into(),
            step: "charge".into(),
            request: "{}".into(),
            correlation_id: "o".into(),
            causation_id: None,
            trace: TraceContext::default(),
            attempts,
            intended_at: DateTime::UNIX_EPOCH,
        };
        let called = pin!(ask_then_send(&intent, age, RESEND_WITHIN, async { Ok(found) }, async { Ok("sent") }));
        match called.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => panic!("nothing in here waits"),
        }
    }

    #[test]
    fn a_first_call_is_sent_without_asking() {
        assert_eq!(call(0, TimeDelta::zero(), Some("found")), Ok("sent"));
    }

    #[test]
    fn a_repeated_call_asks_first_and_resends_what_is_not_found() {
        assert_eq!(call(1, TimeDelta::zero(), Some("found")), Ok("found"));
        assert_eq!(call(1, TimeDelta::zero(), None), Ok("sent"));
    }

    #[test]
    fn past_the_keys_lifetime_nothing_is_resent() {
        assert_eq!(call(3, TimeDelta::seconds(61), Some("found")), Ok("found"));
        for attempts in [0, 3] {
            let called = call(attempts, TimeDelta::seconds(60), None);
            assert!(matches!(called, Err(NoAnswer::Wrong(why)) if why.contains("by hand")), "attempts: {attempts}");
        }
    }

    #[test]
    fn only_a_refused_request_needs_a_person() {
        use rest_client::NoAnswer as Rest;
        let server = Rest::Server { status: 503, body: String::new() };
        for passing in [Rest::TimedOut, Rest::Unreachable("reset".into()), server, Rest::Malformed("html".into())] {
            assert!(matches!(no_answer(passing), NoAnswer::Passing(_)));
        }
        let refused = Rest::Refused { status: 409, message: "key_conflict".into() };
        assert!(matches!(no_answer(refused), NoAnswer::Wrong(_)));
        let at_work = Rest::InProgress { message: "a moment".into() };
        assert!(matches!(no_answer(at_work), NoAnswer::InProgress(_)));
    }
}
