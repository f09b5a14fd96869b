//! The undo through the engine's own handler, on a real PostgreSQL.

use choreography_core::{input::Verdict, participant::Answer};
use contracts::ShippingFailed;

use crate::samples::{ORDER, charging, start, state};

fn yes(detail: &str) -> Answer {
    Answer::Yes { detail: detail.into() }
}

#[tokio::test]
async fn a_refund_that_the_provider_refuses_stays_open_until_it_goes_through() {
    let service = start().await;
    let charge = charging(&service).await;
    assert!(matches!(service.answered(&charge, yes("ch_1")).await, Verdict::Applied(None)));
    let failed = service.told(ShippingFailed { order_id: ORDER, reason: "refused".into() }).await;
    let refund = failed.calls.into_iter().next().expect("a refund is asked for").call;

    for _ in 0..3 {
        let refused = service.answered(&refund, Answer::No { reason: "no funds".into() }).await;
        assert!(matches!(refused, Verdict::Refused(_)), "{refused:?}");
        assert_eq!(state(&service).await, ["refunding"]);
        let open = service.texts("SELECT aggregate_id || '/' || step FROM intents").await;
        assert_eq!(open, [refund.idempotency_key()]);
        assert_eq!(service.published().await, ["payment.succeeded"]);
    }

    assert!(matches!(service.answered(&refund, yes("re_1")).await, Verdict::Applied(None)));
    assert!(matches!(service.answered(&refund, yes("re_1")).await, Verdict::Gone));
    assert_eq!(state(&service).await, ["refunded"]);
    assert_eq!(service.count("SELECT count(*) FROM intents").await, 0);
    assert_eq!(service.published().await, ["payment.succeeded", "payment.refunded"]);
    let ledger =
        service.texts("SELECT kind || ' ' || amount || ' ' || provider_id FROM payment_ledger ORDER BY number").await;
    assert_eq!(ledger, ["captured 200 ch_1", "refunded 200 re_1"]);
}
