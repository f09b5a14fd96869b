//! Clients who repeat what was not confirmed, and keep a ledger of their own.

use std::sync::{Arc, Mutex};

use choreography_core::{
    input::Verdict,
    participant::What,
    routes::{AnyCommand, AnyReply},
};
use contracts::{Address, Item};
use order::{
    cancel_order::CancelOrder,
    order_row::{Details, Status},
    place_order::{PlaceOrder, Placed as Answer},
};
use uuid::Uuid;

use super::{SKUS, Shop};
use crate::{
    core::{Core, lock, sleep},
    focus::Profile,
    probe::{Probe, Told},
    replica::Task,
    requests::Requests,
};

const ORDERS: usize = 3;
/// How many steps a client waits before it cancels, or asks again: part of a saga's time, or all of it.
const PATIENCE: [usize; 4] = [300, 1_500, 4_000, 9_000];

/// What a client knows of its order.
#[derive(Clone, Debug)]
pub struct Placed {
    /// As it was told first.
    pub order_id: Uuid,
    pub details: Details,
    /// It asked for the cancellation.
    pub cancels: bool,
    /// What it was told otherwise than before, or did not expect.
    pub complaints: Vec<String>,
}

/// Each order is placed, some are cancelled and some are placed once more, by clients that repeat what was not confirmed.
pub fn clients(shop: &Shop) -> Vec<Task> {
    (0..ORDERS).map(|number| Task::new(client(shop, number))).collect()
}

fn client(shop: &Shop, number: usize) -> impl Future<Output = ()> + Send + 'static {
    let core = shop.core.clone();
    let profile = &core.focus.profile;
    let details = details(&core, profile);
    let (cancels, repeats) = (core.pick(3) == 0 || profile.cancels, core.pick(3) == 0);
    let mut patience = [(); 2].map(|()| core.pick(PATIENCE[core.pick(PATIENCE.len())]));
    if profile.cancels {
        // While money is being captured.
        patience[0] = 1_000 + core.pick(5_000);
    }
    let wait = core.pick(2_000);
    let requests = shop.order_requests.clone();
    let placed = shop.placed.clone();
    async move {
        sleep(&core, wait).await;
        let minted = Mutex::new(Uuid::nil());
        let place = |body: u8| {
            let order_id = core.uuid();
            *lock(&minted) = order_id;
            AnyCommand::new(PlaceOrder {
                order_id,
                request_key: Some(format!("client-{number}")),
                body_hash: vec![body],
                details: Box::new(details.clone()),
            })
        };
        let order_id = match submit(&core, &requests, || place(1)).await.and_then(AnyReply::take) {
            Some(Answer::Now(_)) => *lock(&minted),
            // A request whose answer was lost had placed it.
            Some(Answer::Before(order_id)) => order_id.parse().unwrap_or_default(),
            _ => return,
        };
        let mine = {
            let mut placed = lock(&placed);
            placed.push(Placed { order_id, details: details.clone(), cancels, complaints: Vec::new() });
            placed.len() - 1
        };
        let complain = |complaint: String| lock(&placed)[mine].complaints.push(complaint);
        if cancels {
            sleep(&core, patience[0]).await;
            let answer = submit(&core, &requests, || AnyCommand::new(CancelOrder(order_id))).await;
            let answer = answer.and_then(AnyReply::take::<Status>);
            if answer.is_none() {
                complain(format!("a cancellation was answered by {answer:?}"));
            }
        }
        if repeats {
            sleep(&core, patience[1]).await;
            match submit(&core, &requests, || place(1)).await.and_then(AnyReply::take) {
                Some(Answer::Before(again)) if again == order_id.to_string() => {}
                other => complain(format!("the same request was answered by {other:?}")),
            }
            match submit(&core, &requests, || place(2)).await.and_then(AnyReply::take) {
                Some(Answer::KeyReused) => {}
                other => complain(format!("another request under the same key was answered by {other:?}")),
            }
        }
    }
}

fn details(core: &Core, profile: &Profile) -> Details {
    let suffices = profile.plenty || profile.returns;
    let declined = core.pick(6) == 0 && !suffices;
    let no_address = if profile.returns { core.pick(4) != 0 } else { core.pick(6) == 0 && !profile.plenty };
    let items = core.pick(SKUS.len()) + 1;
    let first = core.pick(SKUS.len());
    let items: Vec<Item> = (0..items)
        .map(|n| {
            let quantity = u32::try_from(core.pick(3) + 1).unwrap_or(1);
            Item { sku: SKUS[(first + n) % SKUS.len()].into(), quantity, price: 100 }
        })
        .collect();
    Details {
        user_id: "ada".into(),
        total_amount: items.iter().map(|item| 100 * i64::from(item.quantity)).sum(),
        currency: "EUR".into(),
        items,
        payment_method: Some(if declined { "tok_declined" } else { "tok_visa" }.into()),
        shipping_address: (!no_address).then(address),
    }
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

/// Until it is confirmed. What the rules reply.
pub async fn submit(
    core: &Arc<Core>,
    requests: &Requests<Probe>,
    command: impl Fn() -> AnyCommand,
) -> Option<AnyReply> {
    loop {
        let verdict = requests.send(core, Told { id: None, what: What::Command(command()) }).await;
        core.tell(|| format!("a client is answered: {verdict:?}"));
        match verdict {
            Some(Verdict::Applied(reply)) => {
                core.count("client", "applied");
                return reply;
            }
            Some(Verdict::Refused(_)) => core.count("client", "refused"),
            _ => core.count("client", "unknown"),
        }
    }
}
