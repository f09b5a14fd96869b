//! What must hold once everything rests.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use engine::{envelope::Envelope, outbox::share_of, participant::Participant};
use inventory::state as stock;
use order::state::{Row as OrderRow, Status, Table as OrderTable};
use payment::provider::ChargeAnswer;
use shipping::carrier::ShipmentAnswer;

use crate::{
    core::lock,
    database::Model,
    kafka::PARTITIONS,
    schedule::{PIECES, Shop},
};

/// Whether nothing is left to do. Parked events are for somebody else to decide, so they are no work, but a finding.
pub fn rests(shop: &Shop) -> bool {
    idle(shop, &shop.order) && idle(shop, &shop.inventory) && idle(shop, &shop.payment) && idle(shop, &shop.shipping)
}

fn idle<P: Participant>(shop: &Shop, model: &Model<P>) -> bool {
    open_work(shop, model).is_empty()
}

/// What is left to do, for a run that does not come to rest.
pub fn all_open_work(shop: &Shop) -> Vec<String> {
    let mut open = open_work(shop, &shop.order);
    open.extend(open_work(shop, &shop.inventory));
    open.extend(open_work(shop, &shop.payment));
    open.extend(open_work(shop, &shop.shipping));
    open
}

fn open_work<P: Participant>(shop: &Shop, model: &Model<P>) -> Vec<String> {
    let parked = model.worth_a_redrive().len();
    let state = lock(&model.state);
    let retrying = state.held.committed().filter(|row| row.status == engine::store::HeldStatus::Retrying).count();
    let unpublished = state.outbox.committed().filter(|entry| !entry.published).count();
    let stopped = state.stopped.committed().count();
    let (deadlines, intents) = (state.deadlines.committed().count(), state.intents.committed().count());
    drop(state);
    let unread = usize::from(!lock(&shop.kafka).is_read(P::NAME, P::TOPICS));
    [
        ("held", retrying),
        ("parked", parked),
        ("unpublished", unpublished),
        ("stopped", stopped),
        ("deadlines", deadlines),
        ("intents", intents),
        ("unread", unread),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .map(|(what, count)| format!("{}: {count} {what}", P::NAME))
    .collect()
}

/// Everything that is wrong.
pub fn check(shop: &Shop) -> Vec<String> {
    let mut findings = Vec::new();
    check_orders(shop, &mut findings);
    check_stock(shop, &mut findings);
    check_facts(shop, &shop.order, &mut findings);
    check_facts(shop, &shop.inventory, &mut findings);
    check_facts(shop, &shop.payment, &mut findings);
    check_facts(shop, &shop.shipping, &mut findings);
    findings
}

/// At any moment: a cancelled order holds no money, since stock goes back only after the money.
pub fn money_held_at_the_end(shop: &Shop) -> Vec<String> {
    let orders = lock(&shop.order.state);
    let ledger = lock(&shop.world.ledger);
    let cancelled = orders
        .rows
        .committed()
        .filter(|own| matches!(&own.row, OrderRow::Order(row) if row.status == Status::Cancelled));
    cancelled
        .filter_map(|own| {
            let id = &own.key;
            let charged = ledger
                .charges
                .values()
                .any(|(order, _, answer)| order == id && matches!(answer, ChargeAnswer::Succeeded { .. }));
            let refunded = ledger.refunds.values().any(|(order, _)| order == id);
            (charged && !refunded).then(|| format!("order {id} was cancelled while its money was held"))
        })
        .collect()
}

/// Exactly one end per order; money captured = shipped + refunded.
fn check_orders(shop: &Shop, findings: &mut Vec<String>) {
    let orders = lock(&shop.order.state);
    let ledger = lock(&shop.world.ledger);
    for id in shop.orders.iter().map(ToString::to_string) {
        let status = match orders.row(OrderTable::Orders, &id) {
            Some(OrderRow::Order(row)) => row.status,
            _ => Status::None,
        };
        if !matches!(status, Status::Completed | Status::Cancelled) {
            findings.push(format!("order {id} has not ended: {status:?}"));
        }
        let captured: i64 = ledger
            .charges
            .values()
            .filter(|(order, _, answer)| *order == id && matches!(answer, ChargeAnswer::Succeeded { .. }))
            .map(|(_, amount, _)| amount)
            .sum();
        let refunded: i64 = ledger.refunds.values().filter(|(order, _)| *order == id).map(|(_, amount)| amount).sum();
        let shipped = ledger
            .shipments
            .values()
            .any(|(order, answer)| *order == id && matches!(answer, ShipmentAnswer::Accepted { .. }));
        if shipped != (status == Status::Completed) {
            findings.push(format!("order {id} is {status:?}, and shipped: {shipped}"));
        }
        let kept = captured - refunded;
        if (shipped && (kept != captured || kept == 0)) || (!shipped && kept != 0) {
            findings.push(format!("order {id}: captured {captured}, refunded {refunded}, shipped: {shipped}"));
        }
    }
}

/// Initial = available + reserved + shipped; nothing reserved at rest.
fn check_stock(shop: &Shop, findings: &mut Vec<String>) {
    let state = lock(&shop.inventory.state);
    if let Some(stock::Row::Stock(pieces)) = state.row(stock::Table::Stock, "chair") {
        let sum = pieces.available + pieces.reserved + pieces.shipped;
        if sum != PIECES || pieces.reserved != 0 || pieces.available < 0 {
            findings.push(format!("stock does not add up at rest: {pieces:?}"));
        }
    }
}

/// A fact stands on its topic if and only if it was committed, once per effect, and first appears in commit order.
fn check_facts<P: Participant>(shop: &Shop, model: &Model<P>, findings: &mut Vec<String>) {
    let state = lock(&model.state);
    let broker = lock(&shop.kafka);
    for row in state.held.committed() {
        findings.push(format!("{} holds {} ({:?})", P::NAME, row.event.event.event_type, row.status));
    }
    let mut effects = BTreeSet::new();
    for id in state.inbox.committed().filter(|id| !effects.insert(**id)) {
        findings.push(format!("event {id} had one more effect in {}", P::NAME));
    }
    let mut committed: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut kinds = HashSet::new();
    for entry in state.outbox.committed() {
        let message = &entry.row.message;
        let Ok(event) = Envelope::parse(message.key.as_deref(), message.payload.as_deref()) else { continue };
        if message.topic.ends_with(".dlq") {
            continue;
        }
        if !kinds.insert((event.aggregate_id.clone(), event.event_type.clone())) {
            findings.push(format!("{} stated {} of {} twice", P::NAME, event.event_type, event.aggregate_id));
        }
        committed.entry((message.topic.clone(), event.aggregate_id)).or_default().push(event.id.to_string());
    }
    for ((topic, key), expected) in committed {
        let partition = share_of(Some(key.as_bytes()), PARTITIONS);
        let log = broker.logs.get(&(topic.clone(), partition)).map(Vec::as_slice).unwrap_or_default();
        let mut appeared = Vec::new();
        for delivery in log.iter().filter(|delivery| delivery.key.as_deref() == Some(key.as_bytes())) {
            if let Ok(event) = Envelope::parse(delivery.key.as_deref(), delivery.payload.as_deref())
                && event.source.as_deref() == Some(P::NAME)
                && !appeared.contains(&event.id.to_string())
            {
                appeared.push(event.id.to_string());
            }
        }
        // Forged events of a planted bug are found by what they break, not by their ids.
        appeared.retain(|id| expected.contains(id));
        if appeared != expected {
            findings.push(format!("{topic} of {key}: committed {expected:?}, appeared {appeared:?}"));
        }
    }
}
