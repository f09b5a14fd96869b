//! The undo through the engine's own door, on a real PostgreSQL.

use std::sync::Arc;

use crate::world::World;
use clap::Parser;
use contracts::{Event, InventoryReserved, Item, ShippingFailed};
use engine::{
    door::{Door, Progress},
    event_id::Ids,
    input::{Input, Source, Verdict, Work},
    intents,
    participant::{Answer, What},
    postgres::{self, Postgres},
    settings::RANGES,
    store::Intent,
    trace::TraceContext,
};
use payment::{Payment, settings::Settings};
use uuid::Uuid;

const ORDER: Uuid = Uuid::from_u128(1);

struct Service {
    world: World,
    door: Door<Payment, Postgres<Payment>>,
}

impl Service {
    async fn new() -> Self {
        let world = World::new().await;
        let settings = Settings::try_parse_from(["payment", "--database-url", "postgres://unused"]).unwrap();
        let policy = settings.engine.policy();
        postgres::make_partitions(&world.pool, policy.window).await.unwrap();
        let participant = Arc::new(Payment);
        let database = Postgres::new(world.pool.clone(), participant.clone(), RANGES);
        Self { world, door: Door::new(participant, database, policy) }
    }

    /// The one call that follows from an event.
    async fn intended_by(&self, event: impl Into<Event>) -> Intent {
        let (correlation_id, trace) = (Some(ORDER.to_string()), TraceContext::default());
        // As if typed in by hand: the inbox is not what is tried here.
        let input = Input { what: What::Event(event.into()), correlation_id, trace, source: Source::Client };
        let mut progress = Progress::new(1);
        self.door.handle_isolating(&mut Ids::new(), &mut [Work::Input(input)], &mut progress).await.unwrap();
        progress
            .intents
            .pop()
            .map(|call| call.intent)
            .unwrap_or_else(|| panic!("no call is intended; the verdict is {:?}", progress.verdicts))
    }

    async fn answered(&self, intent: &Intent, answer: Answer) -> Verdict<()> {
        let called = [(intent.clone(), Ok(answer))];
        let progress = intents::settle(&self.door, &self.door.database, &mut Ids::new(), &called).await.unwrap();
        progress.verdicts.into_iter().flatten().next().unwrap()
    }

    async fn texts(&self, query: &'static str) -> Vec<String> {
        sqlx::query_scalar(query).fetch_all(&self.world.pool).await.unwrap()
    }

    async fn facts(&self) -> Vec<String> {
        self.texts("SELECT convert_from(payload, 'UTF8')::jsonb->>'type' FROM outbox ORDER BY number").await
    }

    async fn state(&self) -> Vec<String> {
        self.texts("SELECT state FROM payments").await
    }

    async fn open_calls(&self) -> Vec<String> {
        self.texts("SELECT aggregate_id || '/' || step FROM intents").await
    }

    async fn ledger(&self) -> Vec<String> {
        self.texts("SELECT kind || ' ' || amount || ' ' || provider_id FROM payment_ledger ORDER BY number").await
    }
}

fn reserved() -> InventoryReserved {
    InventoryReserved {
        order_id: ORDER,
        user_id: "ada".into(),
        total_amount: 200,
        currency: "EUR".into(),
        items: vec![Item { sku: "chair".into(), quantity: 2, price: 100 }],
        payment_method: Some("tok_visa".into()),
        shipping_address: None,
    }
}

fn yes(detail: &str) -> Answer {
    Answer::Yes { detail: detail.into() }
}

#[tokio::test]
async fn a_refund_that_the_provider_refuses_stays_open_until_it_goes_through() {
    let service = Service::new().await;
    let charge = service.intended_by(reserved()).await;
    assert_eq!(service.answered(&charge, yes("ch_1")).await, Verdict::Applied(None));
    let refund = service.intended_by(ShippingFailed { order_id: ORDER, reason: "refused".into() }).await;

    for _ in 0..3 {
        let refused = service.answered(&refund, Answer::No { reason: "no funds".into() }).await;
        assert!(matches!(refused, Verdict::Refused(_)), "{refused:?}");
        assert_eq!(service.state().await, ["refunding"]);
        assert_eq!(service.open_calls().await, [refund.idempotency_key()]);
        assert_eq!(service.facts().await, ["payment.succeeded"]);
    }

    assert_eq!(service.answered(&refund, yes("re_1")).await, Verdict::Applied(None));
    assert_eq!(service.answered(&refund, yes("re_1")).await, Verdict::Gone);
    assert_eq!(service.state().await, ["refunded"]);
    assert_eq!(service.open_calls().await, [""; 0]);
    assert_eq!(service.facts().await, ["payment.succeeded", "payment.refunded"]);
    assert_eq!(service.ledger().await, ["captured 200 ch_1", "refunded 200 re_1"]);
}
