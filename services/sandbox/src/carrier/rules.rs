//! What the carrier answers, without I/O.

use uuid::Uuid;

use super::{Answer, Call, Page};
use crate::{behaviour::Behaviour, reply::Reply};

/// Settles one call on the page.
pub(crate) fn ship(page: &mut Page, call: &Call) -> Reply<Answer> {
    page.settle(call, Behaviour::of_shipment(call.request.city()), |outcome| match outcome {
        Ok(()) => Answer::Accepted { tracking_number: format!("SB{}", Uuid::now_v7().simple()) },
        Err(reason) => Answer::Refused { reason: call.request.quoting(reason) },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::reply::Manner;

    fn shipped_to(address: Value) -> Reply<Answer> {
        let mut page = Page::new(BTreeMap::new(), BTreeMap::new());
        let body = json!({"orderId": "o1", "items": [{"sku": "chair", "quantity": 2}], "address": address});
        ship(&mut page, &Call { key: "k".into(), request: serde_json::from_value(body).unwrap() })
    }

    #[test]
    fn without_an_address_or_to_nowhere_nothing_is_shipped() {
        for address in [Value::Null, json!({"city": "Nowhere"})] {
            let said = shipped_to(address);
            assert!(matches!(said, Reply::Answer(Answer::Refused { .. }, Manner::AtOnce)), "{said:?}");
        }
    }

    #[test]
    fn each_test_city_behaves_as_documented() {
        for (city, manner) in [("Graz", Manner::AtOnce), ("Latetown", Manner::Late), ("Silentville", Manner::Never)] {
            let said = shipped_to(json!({ "city": city }));
            assert!(matches!(said, Reply::Answer(Answer::Accepted { .. }, told) if told == manner), "{city}: {said:?}");
        }
        assert_eq!(shipped_to(json!({"city": "Flakytown"})), Reply::TryAgain);
    }
}
