//! What the carrier answers, without I/O.

use uuid::Uuid;

use super::{
    Answer, Call,
    page::{Page, Shipment},
};
use crate::{
    behaviour::{Behaviour, FAILED_TRIES},
    reply::{Manner, Reply},
};

/// Settles one call on the page.
pub(crate) fn ship(page: &mut Page, Call { key, request }: &Call) -> Reply<Answer> {
    if let Some(known) = page.shipments.get(key) {
        return match known.request == *request {
            true => Reply::Answer(known.answer.clone(), Manner::AtOnce),
            false => Reply::KeyConflict,
        };
    }
    let behaviour = Behaviour::of_shipment(request.city());
    if behaviour == Behaviour::Flaky {
        let tries = page.tries.entry(key.clone()).or_default();
        if *tries < FAILED_TRIES {
            *tries += 1;
            page.tried.insert(key.clone());
            return Reply::TryAgain;
        }
    }
    let answer = match behaviour {
        Behaviour::No(reason) => Answer::Refused { reason: reason.to_owned() },
        _ => Answer::Accepted { tracking_number: format!("SB{}", Uuid::now_v7().simple()) },
    };
    page.shipments.insert(key.clone(), Shipment { request: request.clone(), answer: answer.clone() });
    page.new.insert(key.clone());
    Reply::Answer(answer, Manner::from(behaviour))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parcel(key: &str, city: &str) -> Call {
        let body = json!({"orderId": "o1", "items": [{"sku": "chair", "quantity": 2}], "address": {"city": city}});
        Call { key: key.to_owned(), request: serde_json::from_value(body).unwrap() }
    }

    #[test]
    fn the_same_key_twice_in_one_batch_is_one_shipment_with_one_answer() {
        let mut page = Page::default();
        let first = ship(&mut page, &parcel("k", "Graz"));
        assert_eq!(ship(&mut page, &parcel("k", "Graz")), first);
        assert_eq!(page.new.len(), 1);
    }

    #[test]
    fn another_address_under_the_same_key_is_a_conflict() {
        let mut page = Page::default();
        ship(&mut page, &parcel("k", "Graz"));
        assert_eq!(ship(&mut page, &parcel("k", "Wien")), Reply::KeyConflict);
    }

    #[test]
    fn without_an_address_or_to_nowhere_nothing_is_shipped() {
        let mut page = Page::default();
        let mut homeless = parcel("k1", "");
        homeless.request.address = None;
        for call in [homeless, parcel("k2", "Nowhere")] {
            assert!(matches!(ship(&mut page, &call), Reply::Answer(Answer::Refused { .. }, Manner::AtOnce)));
        }
    }

    #[test]
    fn flakytown_fails_twice_then_accepts() {
        let mut page = Page::default();
        assert_eq!(ship(&mut page, &parcel("k", "Flakytown")), Reply::TryAgain);
        assert_eq!(ship(&mut page, &parcel("k", "Flakytown")), Reply::TryAgain);
        assert!(page.new.is_empty());
        assert!(matches!(ship(&mut page, &parcel("k", "Flakytown")), Reply::Answer(Answer::Accepted { .. }, _)));
    }

    #[test]
    fn silentville_answers_the_repeat_only() {
        let mut page = Page::default();
        assert!(matches!(ship(&mut page, &parcel("k", "Silentville")), Reply::Answer(_, Manner::Never)));
        assert!(matches!(ship(&mut page, &parcel("k", "Silentville")), Reply::Answer(_, Manner::AtOnce)));
    }
}
