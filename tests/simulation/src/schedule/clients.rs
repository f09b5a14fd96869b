//! Clients who repeat what was not confirmed.

use std::sync::Arc;

use contracts::{Address, Item};
use engine::{
    door::{Door, Progress},
    input::{Input, Source, Verdict, Work},
    participant::What,
    trace::TraceContext,
};
use order::{Order, participant::Command, place_order::PlaceOrder, state::Details};

use super::{PARTICIPANT, POLICY, Shop};
use crate::{
    core::{Core, SeededIds, pause},
    database::Model,
    replica::Task,
};

/// Each order is placed, and some are cancelled, by clients that repeat what was not confirmed.
pub fn clients(shop: &Shop) -> Vec<Task> {
    let mut clients: Vec<Task> = Vec::new();
    for (number, order_id) in shop.orders.iter().copied().enumerate() {
        let core = shop.core.clone();
        let token = if core.pick(4) == 0 { "tok_declined" } else { "tok_visa" };
        let address = (core.pick(4) != 0).then(address);
        let quantity = u32::try_from(core.pick(3) + 1).unwrap_or(1);
        let cancels = core.pick(2) == 0;
        let (wait, patience) = (core.pick(300), core.pick([80, 600][core.pick(2)]));
        let door = Arc::new(Door::new(Arc::new(PARTICIPANT), shop.order.clone(), POLICY));
        let details = Details {
            user_id: "ada".into(),
            total_amount: 100 * i64::from(quantity),
            currency: "EUR".into(),
            items: vec![Item { sku: "chair".into(), quantity, price: 100 }],
            payment_method: Some(token.into()),
            shipping_address: address,
        };
        clients.push(Box::pin(async move {
            for _ in 0..wait {
                pause().await;
            }
            let place = || {
                Command::Place(Box::new(PlaceOrder {
                    order_id,
                    request_key: Some(format!("client-{number}")),
                    body_hash: vec![1],
                    details: Box::new(details.clone()),
                }))
            };
            submit(&core, &door, place).await;
            if cancels {
                for _ in 0..patience {
                    pause().await;
                }
                submit(&core, &door, || Command::Cancel(order_id)).await;
            }
        }));
    }
    clients
}

fn address() -> Address {
    Address {
        name: "Ada".into(),
        line1: "Main Street 1".into(),
        line2: None,
        postal_code: "1010".into(),
        city: "Vienna".into(),
        country: "AT".into(),
    }
}

async fn submit(core: &Arc<Core>, door: &Door<Order, Model<Order>>, command: impl Fn() -> Command) {
    let mut ids = SeededIds(core.clone());
    loop {
        let mut work = [Work::Input(Input {
            what: What::Command(command()),
            correlation_id: None,
            trace: TraceContext::default(),
            source: Source::Client,
        })];
        let mut progress = Progress::new(1);
        let handled = door.handle_isolating(&mut ids, &mut work, &mut progress).await;
        core.tell(|| format!("client: {handled:?} {:?}", progress.verdicts));
        if matches!(progress.verdicts[0], Some(Verdict::Applied(_))) {
            return;
        }
        pause().await;
    }
}
