//! Payment's rows on a real PostgreSQL.

use choreography_core::Json;
use chrono::DateTime;
use contracts::{Address, Item};
use payment::payment_row::{Kind, LedgerEntry, OrderToPay, PaymentRow, State};

use crate::samples::start;

/// A row in each state: some know everything, some nothing.
fn rows() -> Vec<PaymentRow> {
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
        sealed_address: Some("sealed".into()),
    };
    let row = |(index, state): (usize, &State)| {
        let known = index % 2 == 1;
        let details = known.then(|| Json(order.clone()));
        PaymentRow { state: *state, details, charge_id: known.then(|| format!("ch_{index}")) }
    };
    State::ALL.iter().enumerate().map(row).collect()
}

fn entry(kind: Kind) -> LedgerEntry {
    let (currency, provider_id) = ("EUR".into(), "p_1".into());
    LedgerEntry { order_id: "o1".into(), kind, amount: 200, currency, provider_id, at: DateTime::UNIX_EPOCH }
}

#[tokio::test]
async fn rows_come_back_as_they_were_written_and_money_is_booked_once() {
    let service = start().await;
    service.keeps(rows()).await;
    service.appends(vec![entry(Kind::Captured), entry(Kind::Refunded)]).await.unwrap();
    let refused = service.appends(vec![entry(Kind::Refunded)]).await.unwrap_err();
    assert!(refused.to_string().contains("payment_ledger"), "{refused}");
    let balance = service
        .count("SELECT sum(CASE kind WHEN 'captured' THEN amount ELSE -amount END)::bigint FROM payment_ledger")
        .await;
    assert_eq!(balance, 0);
}
