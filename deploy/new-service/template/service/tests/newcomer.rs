//! Newcomer's rules through its routes, its rows on a real PostgreSQL, and what it describes.

use choreography::testing::Given;
use contracts::{Item, OrderCompleted, OrderDetails, OrderPlaced};
use newcomer::{MIGRATIONS, Newcomer, Order, State};
use one_service::OneService;
use uuid::Uuid;

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

fn order(state: State) -> Order {
    Order { state, customer: Some("ada".into()) }
}

#[test]
fn given_nothing_when_placed_then_the_customer_is_known() {
    let mut given = Given::nothing(Newcomer);
    assert_eq!(given.event(placed()).unwrap(), []);
    assert_eq!(given.find::<Order>(ORDER), order(State::Placed));
}

#[test]
fn given_an_order_when_it_is_completed_then_that_is_known_however_often_it_is_said() {
    let mut given = Given::nothing(Newcomer).row(ORDER, order(State::Placed));
    for _ in 0..2 {
        assert_eq!(given.event(completed()).unwrap(), []);
        assert_eq!(given.event(placed()).unwrap(), []);
        assert_eq!(given.find::<Order>(ORDER), order(State::Completed));
    }
}

#[test]
fn given_nothing_when_completed_then_an_operator_is_called() {
    let mut given = Given::nothing(Newcomer);
    assert!(given.event(completed()).is_err());
    assert_eq!(given.find::<Order>(ORDER), Order::default());
}

#[tokio::test]
async fn rows_come_back_as_they_were_written() {
    let service = OneService::start(Newcomer, &MIGRATIONS).await;
    service.keeps(vec![Order::default(), order(State::Placed), order(State::Completed)]).await;
}

#[test]
fn what_is_committed_is_what_it_takes_part_in() {
    let committed = include_str!("../../../deploy/choreography/newcomer.json");
    let described = choreography::json_of::<Newcomer, ()>().unwrap();
    let update = "cargo run -p newcomer -- describe > deploy/choreography/newcomer.json";
    assert_eq!(described, committed, "after a wanted change: {update}");
}
