//! What the provider answers, without I/O.

use uuid::Uuid;

use super::{
    Call,
    answers::{Answer, ChargeAnswer, RefundAnswer},
    page::{Charge, Page, Refund},
    requests::{ChargeRequest, RefundRequest},
};
use crate::{
    behaviour::{Behaviour, FAILED_TRIES},
    reply::{Manner, Reply},
};

/// Settles one call on the page.
pub(crate) fn settle(page: &mut Page, call: &Call) -> Reply<Answer> {
    match call {
        Call::Charge { key, request } => charge(page, key, request),
        Call::CancelCharge { key } => cancel(page, key),
        Call::Refund { key, request } => refund(page, key, request),
    }
}

fn charge(page: &mut Page, key: &str, request: &ChargeRequest) -> Reply<Answer> {
    if let Some(known) = page.charges.get(key) {
        return match &known.request {
            Some(earlier) if earlier != request => Reply::KeyConflict,
            _ => at_once(Answer::Charge(known.answer.clone())),
        };
    }
    let behaviour = Behaviour::of_charge(request.payment_method.as_deref());
    if behaviour == Behaviour::Unacceptable {
        return Reply::Unacceptable("paymentMethod");
    }
    if behaviour.counts_tries() {
        let tries = page.charge_tries.entry(key.to_owned()).or_default();
        if *tries < FAILED_TRIES {
            *tries += 1;
            page.tried_charges.insert(key.to_owned());
            return if behaviour == Behaviour::AtWork { Reply::AtWork } else { Reply::TryAgain };
        }
    }
    let answer = match behaviour {
        Behaviour::No(reason) => ChargeAnswer::Declined { reason: reason.to_owned() },
        _ => ChargeAnswer::Succeeded { charge_id: new_id("ch") },
    };
    page.add_charge(key, Charge { request: Some(request.clone()), answer: answer.clone(), refunded: 0 });
    page.new_charges.insert(key.to_owned());
    Reply::Answer(Answer::Charge(answer), Manner::from(behaviour))
}

fn cancel(page: &mut Page, key: &str) -> Reply<Answer> {
    if let Some(known) = page.charges.get(key) {
        return at_once(Answer::Charge(known.answer.clone()));
    }
    page.add_charge(key, Charge { request: None, answer: ChargeAnswer::Cancelled, refunded: 0 });
    page.new_charges.insert(key.to_owned());
    at_once(Answer::Charge(ChargeAnswer::Cancelled))
}

fn refund(page: &mut Page, key: &str, request: &RefundRequest) -> Reply<Answer> {
    if let Some(known) = page.refunds.get(key) {
        return match known.request == *request {
            true => at_once(Answer::Refund(known.answer.clone())),
            false => Reply::KeyConflict,
        };
    }
    if is_failing_try(page, key, request) {
        return Reply::TryAgain;
    }
    let answer = give_back(page, request);
    page.refunds.insert(key.to_owned(), Refund { request: request.clone(), answer: answer.clone() });
    page.new_refunds.insert(key.to_owned());
    at_once(Answer::Refund(answer))
}

fn is_failing_try(page: &mut Page, key: &str, request: &RefundRequest) -> bool {
    let Some((_, charge)) = page.charge_of(request) else { return false };
    let method = charge.request.as_ref().and_then(|r| r.payment_method.as_deref());
    if Behaviour::of_refund(method) != Behaviour::Flaky {
        return false;
    }
    let tries = page.refund_tries.entry(key.to_owned()).or_default();
    if *tries >= FAILED_TRIES {
        return false;
    }
    *tries += 1;
    page.tried_refunds.insert(key.to_owned());
    true
}

fn give_back(page: &mut Page, request: &RefundRequest) -> RefundAnswer {
    let declined = |reason: &str| RefundAnswer::Declined { reason: reason.to_owned() };
    let Some((charge_key, charge)) = page.charge_of(request) else {
        return declined("no such charge of this order in this currency");
    };
    let captured = charge.request.as_ref().map_or(0, |r| r.amount);
    let refunded = match charge.refunded.checked_add(request.amount) {
        Some(sum) if sum <= captured => sum,
        _ => return declined("more than was captured and not yet refunded"),
    };
    charge.refunded = refunded;
    page.refunded.insert(charge_key);
    RefundAnswer::Succeeded { refund_id: new_id("re") }
}

fn at_once(answer: Answer) -> Reply<Answer> {
    Reply::Answer(answer, Manner::AtOnce)
}

fn new_id(kind: &str) -> String {
    format!("{kind}_{}", Uuid::now_v7().simple())
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
