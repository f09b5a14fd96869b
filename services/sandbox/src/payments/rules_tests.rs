//! The payment provider's rules.

use super::*;

fn charge_call(key: &str, amount: i64, method: &str) -> Call {
    let request =
        ChargeRequest { order_id: "o1".into(), amount, currency: "EUR".into(), payment_method: Some(method.into()) };
    Call::Charge { key: key.into(), request }
}

fn refund_call(key: &str, charge_id: &str, amount: i64) -> Call {
    let (order_id, currency) = ("o1".into(), "EUR".into());
    Call::Refund { key: key.into(), request: RefundRequest { order_id, charge_id: charge_id.into(), amount, currency } }
}

fn cancel_call(key: &str) -> Call {
    Call::CancelCharge { key: key.into() }
}

fn charged(page: &mut Page, key: &str, amount: i64, method: &str) -> String {
    match settle(page, &charge_call(key, amount, method)) {
        Reply::Answer(Answer::Charge(ChargeAnswer::Succeeded { charge_id }), _) => charge_id,
        other => panic!("not charged: {other:?}"),
    }
}

fn is_given_back(reply: &Reply<Answer>) -> bool {
    matches!(reply, Reply::Answer(Answer::Refund(RefundAnswer::Succeeded { .. }), _))
}

fn is_not_given_back(reply: &Reply<Answer>) -> bool {
    matches!(reply, Reply::Answer(Answer::Refund(RefundAnswer::Declined { .. }), _))
}

#[test]
fn the_same_key_twice_in_one_batch_is_one_charge_with_one_answer() {
    let mut page = Page::default();
    let first = settle(&mut page, &charge_call("k", 100, "tok_visa"));
    assert_eq!(settle(&mut page, &charge_call("k", 100, "tok_visa")), first);
    assert_eq!(page.new_charges.len(), 1);
}

#[test]
fn another_amount_under_the_same_key_is_a_conflict() {
    let mut page = Page::default();
    charged(&mut page, "k", 100, "tok_visa");
    assert_eq!(settle(&mut page, &charge_call("k", 101, "tok_visa")), Reply::KeyConflict);
}

#[test]
fn a_cancelled_key_never_charges_and_a_charged_key_is_not_cancelled() {
    let mut page = Page::default();
    let cancelled = Reply::Answer(Answer::Charge(ChargeAnswer::Cancelled), Manner::AtOnce);
    assert_eq!(settle(&mut page, &cancel_call("a")), cancelled);
    assert_eq!(settle(&mut page, &charge_call("a", 100, "tok_visa")), cancelled);
    let charge_id = charged(&mut page, "b", 100, "tok_visa");
    let earlier = Reply::Answer(Answer::Charge(ChargeAnswer::Succeeded { charge_id }), Manner::AtOnce);
    assert_eq!(settle(&mut page, &cancel_call("b")), earlier);
}

#[test]
fn a_flaky_key_charges_nothing_twice_and_then_once() {
    let mut page = Page::default();
    assert_eq!(settle(&mut page, &charge_call("k", 100, "tok_flaky")), Reply::TryAgain);
    assert_eq!(settle(&mut page, &charge_call("k", 100, "tok_flaky")), Reply::TryAgain);
    assert!(page.new_charges.is_empty());
    charged(&mut page, "k", 100, "tok_flaky");
    charged(&mut page, "k", 100, "tok_flaky");
    assert_eq!((page.new_charges.len(), page.charge_tries["k"]), (1, FAILED_TRIES));
}

#[test]
fn a_late_or_silent_key_behaves_so_once_and_repeats_are_told_at_once() {
    let mut page = Page::default();
    for (method, manner) in [("tok_late", Manner::Late), ("tok_silent", Manner::Never)] {
        let first = settle(&mut page, &charge_call(method, 100, method));
        assert!(matches!(first, Reply::Answer(_, m) if m == manner), "{first:?}");
        let again = settle(&mut page, &charge_call(method, 100, method));
        assert!(matches!(again, Reply::Answer(_, Manner::AtOnce)), "{again:?}");
    }
}

#[test]
fn refunds_of_a_charge_never_exceed_it_within_one_batch() {
    let mut page = Page::default();
    let charge_id = charged(&mut page, "k", 100, "tok_visa");
    assert!(is_given_back(&settle(&mut page, &refund_call("r1", &charge_id, 60))));
    assert!(is_given_back(&settle(&mut page, &refund_call("r1", &charge_id, 60))));
    assert!(is_not_given_back(&settle(&mut page, &refund_call("r2", &charge_id, 41))));
    assert!(is_not_given_back(&settle(&mut page, &refund_call("r3", &charge_id, i64::MAX))));
    assert!(is_given_back(&settle(&mut page, &refund_call("r4", &charge_id, 40))));
    assert_eq!(page.charges["k"].refunded, 100);
}

#[test]
fn a_refund_of_an_unknown_charge_or_of_another_order_is_declined() {
    let mut page = Page::default();
    assert!(is_not_given_back(&settle(&mut page, &refund_call("r1", "ch_unknown", 1))));
    let charge_id = charged(&mut page, "k", 100, "tok_visa");
    let Call::Refund { key, mut request } = refund_call("r2", &charge_id, 1) else { unreachable!() };
    request.order_id = "o2".into();
    assert!(is_not_given_back(&settle(&mut page, &Call::Refund { key, request })));
}

#[test]
fn a_flaky_refund_fails_twice_and_then_gives_back_once() {
    let mut page = Page::default();
    let charge_id = charged(&mut page, "k", 100, "tok_refund_flaky");
    assert_eq!(settle(&mut page, &refund_call("r", &charge_id, 100)), Reply::TryAgain);
    assert_eq!(settle(&mut page, &refund_call("r", &charge_id, 100)), Reply::TryAgain);
    assert!(is_given_back(&settle(&mut page, &refund_call("r", &charge_id, 100))));
    assert!(is_given_back(&settle(&mut page, &refund_call("r", &charge_id, 100))));
    assert_eq!(page.charges["k"].refunded, 100);
}
