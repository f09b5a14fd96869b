//! Notification's rules, by given, when, then.

use std::time::Duration;

use choreography::{Answer, testing::Given};
use contracts::{Item, OrderCancelled, OrderCompleted, OrderDetails, OrderPlaced};
use providers::{HttpProvider, KeyedProvider, ProviderSettings};
use uuid::Uuid;

use super::*;

const ORDER: Uuid = Uuid::from_u128(1);

fn placed() -> OrderPlaced {
    OrderPlaced {
        order_id: ORDER,
        details: OrderDetails {
            user_id: "ada".into(),
            total_amount: 100,
            currency: "EUR".into(),
            items: vec![Item { sku: "chair".into(), quantity: 1, price: 100 }],
            payment_method: None,
            shipping_address: None,
            sealed_address: None,
        },
    }
}

fn completed() -> OrderCompleted {
    OrderCompleted { order_id: ORDER }
}

fn cancelled() -> OrderCancelled {
    OrderCancelled { order_id: ORDER, reason: "out of stock".into() }
}

fn answer(yes: bool) -> Answer {
    if yes { Answer::Yes { detail: "m1".into() } } else { Answer::No { reason: "unknown".into() } }
}

fn given_placed() -> Given<Notification> {
    let mut given = Given::nothing(Notification);
    given.event(placed()).unwrap();
    given
}

fn notice(given: &Given<Notification>) -> Notice {
    given.find(ORDER)
}

#[test]
fn given_nothing_when_placed_then_the_customer_is_known_and_no_message_is_sent() {
    let mut given = Given::nothing(Notification);
    assert_eq!(given.event(placed()).unwrap(), []);
    assert_eq!(notice(&given), Notice { state: State::Known, customer: Some("ada".into()), ending: None });
}

#[test]
fn given_an_order_when_it_ends_then_its_customer_is_to_be_told_how() {
    let mut given = given_placed();
    let then = given.event(completed()).unwrap();
    let [message] = &then.calls::<Message>()[..] else { panic!("{then:?}") };
    assert_eq!(message.user_id, "ada");
    assert_eq!(message.text, "Your order 00000000-0000-0000-0000-000000000001 is on its way.");
    assert_eq!((notice(&given).state, notice(&given).ending), (State::Telling, Some(End::Completed)));
    let mut given = given_placed();
    let then = given.event(cancelled()).unwrap();
    let text = "Your order 00000000-0000-0000-0000-000000000001 was cancelled: out of stock";
    assert_eq!(then.calls::<Message>()[0].text, text);
    assert_eq!((notice(&given).state, notice(&given).ending), (State::Telling, Some(End::Cancelled)));
}

#[test]
fn given_an_end_when_anything_comes_again_then_nothing_is_asked() {
    for answered in [None, Some(true), Some(false)] {
        let mut given = given_placed();
        given.event(completed()).unwrap();
        if let Some(yes) = answered {
            given.answer::<Message>(ORDER, answer(yes)).unwrap();
        }
        let before = notice(&given);
        assert_eq!(given.event(completed()).unwrap(), []);
        assert_eq!(given.event(placed()).unwrap(), []);
        assert_eq!(notice(&given), before);
    }
}

#[test]
fn given_one_end_when_the_other_comes_then_an_operator_is_called() {
    let mut given = given_placed();
    given.event(completed()).unwrap();
    assert!(given.event(cancelled()).is_err());
    assert_eq!(notice(&given).ending, Some(End::Completed));
}

#[test]
fn given_nothing_when_an_end_comes_then_an_operator_is_called() {
    let mut given = Given::nothing(Notification);
    assert!(given.event(completed()).is_err());
    assert!(given.event(cancelled()).is_err());
    assert_eq!(notice(&given), Notice::default());
}

#[test]
fn given_the_mail_service_was_asked_when_it_answers_then_the_customer_is_told_or_it_failed() {
    for (yes, state) in [(true, State::Told), (false, State::Failed)] {
        let mut given = given_placed();
        assert!(given.answer::<Message>(ORDER, answer(yes)).is_err(), "it was not asked");
        given.event(completed()).unwrap();
        assert_eq!(given.answer::<Message>(ORDER, answer(yes)).unwrap(), []);
        assert_eq!(notice(&given).state, state);
        assert!(given.answer::<Message>(ORDER, answer(yes)).is_err(), "one call has one answer");
    }
}

#[test]
fn what_is_committed_is_what_it_takes_part_in() {
    let committed = include_str!("../../../deploy/choreography/notification.json");
    let described = choreography::json_of::<Notification, ProviderSettings<Notification>>().unwrap();
    let update = "cargo run --release -p notification -- describe > deploy/choreography/notification.json";
    assert_eq!(described, committed, "after a wanted change: {update}");
}

#[tokio::test]
async fn messages_are_sent_and_found_under_their_key() {
    let (url, asked) = noting_server::start(r#"{"status":"sent","messageId":"m1"}"#).await;
    let mail = HttpProvider::new(&url, None, Duration::from_secs(60)).unwrap();
    let message = Message { user_id: "ada".into(), text: "hello".into() };
    assert_eq!(mail.send("o/tell", "o", &message).await, Ok(answer(true)));
    assert_eq!(mail.find::<Message>("o/tell").await, Ok(Some(answer(true))));
    let body = r#"{"orderId":"o","userId":"ada","text":"hello"}"#;
    assert_eq!(asked.lines(), [format!("POST /v1/messages o/tell {body}"), "GET /v1/messages/o%2Ftell -".into()]);
    let (url, _) = noting_server::start(r#"{"status":"refused","reason":"unknown"}"#).await;
    let mail = HttpProvider::new(&url, None, Duration::from_secs(60)).unwrap();
    assert_eq!(mail.send("o/tell", "o", &message).await, Ok(answer(false)));
}
