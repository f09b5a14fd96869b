//! Payment's SQL on a real PostgreSQL.

use chrono::DateTime;
use contracts::{Address, Item};
use engine::postgres::Tables;
use payment::{
    Payment,
    state::{Kind, LedgerEntry, OrderToPay, Row, State, Table},
};

use crate::given::start;

const TABLE: Table = Table::Payments;
const STATES: [State; 8] = [
    State::None,
    State::Capturing { undo: false },
    State::Capturing { undo: true },
    State::Succeeded,
    State::Failed,
    State::Refunding,
    State::Refunded,
    State::Voided,
];

/// A row in each state: some know everything, some nothing.
fn rows() -> Vec<(String, Row)> {
    let address = Address {
        name: "Ada".into(),
        line1: "1 \"Road\" \\ {x,NULL}".into(),
        line2: None,
        postal_code: "8010".into(),
        city: "Graz".into(),
        country: "AT".into(),
    };
    let order = OrderToPay {
        amount: i64::MAX,
        currency: "EUR".into(),
        items: vec![Item { sku: "chair".into(), quantity: 2, price: 100 }],
        shipping_address: Some(address),
    };
    let row = |(index, state): (usize, State)| {
        let known = index % 2 == 1;
        (
            format!("o{index}"),
            Row { state, order: known.then(|| order.clone()), charge_id: known.then(|| format!("ch_{index}")) },
        )
    };
    STATES.into_iter().enumerate().map(row).collect()
}

fn entry(kind: Kind) -> LedgerEntry {
    let (currency, provider_id) = ("EUR".into(), "p_1".into());
    LedgerEntry { order_id: "o1".into(), kind, amount: 200, currency, provider_id, at: DateTime::UNIX_EPOCH }
}

#[tokio::test]
async fn rows_come_back_as_they_were_written_and_money_is_booked_once() {
    let world = start().await;
    let db = &mut world.pool.session().await.unwrap();
    let rows = rows();
    let keys: Vec<String> = rows.iter().map(|(key, _)| key.clone()).collect();

    Payment.ensure(db, TABLE, &keys).await.unwrap();
    let absent = Payment.lock(db, TABLE, &keys).await.unwrap();
    assert_eq!(absent, keys.iter().map(|key| (key.clone(), Row::NONE)).collect::<Vec<_>>());

    Payment.update(db, TABLE, &rows).await.unwrap();
    Payment.ensure(db, TABLE, &keys).await.unwrap();
    assert_eq!(Payment.lock(db, TABLE, &keys).await.unwrap(), rows);

    let new = vec![("p1".to_owned(), rows[1].1.clone())];
    Payment.insert(db, TABLE, &new).await.unwrap();
    assert_eq!(Payment.lock(db, TABLE, &["p1".to_owned()]).await.unwrap(), new);

    Payment.append(db, &[entry(Kind::Captured), entry(Kind::Refunded)]).await.unwrap();
    let refused = Payment.append(db, &[entry(Kind::Refunded)]).await.unwrap_err();
    assert!(refused.to_string().contains("payment_ledger"), "{refused}");
    let balance: i64 = sqlx::query_scalar(
        "SELECT sum(CASE kind WHEN 'captured' THEN amount ELSE -amount END)::bigint FROM payment_ledger",
    )
    .fetch_one(db)
    .await
    .unwrap();
    assert_eq!(balance, 0);
}
