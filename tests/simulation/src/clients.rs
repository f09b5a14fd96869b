//! Clients who repeat what was not confirmed, and keep a ledger of their own.

use std::sync::{Arc, Mutex};

use choreography_keys::{Fresh, HeldKey, OwnedKey};
use choreography_simulator::{
    System,
    core::{Core, lock, sleep},
};
use contracts::{Address, Item, OrderDetails};
use order::{
    cancel_order::CancelOrder,
    order_row::Status,
    place_order::{PlaceOrder, Placed as Answer},
};
use uuid::Uuid;

use crate::{
    shop::{SKUS, Shop},
    usage::Usage,
};

const ORDERS: usize = 3;
/// Customers, by their key at shipping: it is there, it comes late, it was erased.
pub const CUSTOMERS: [&str; 3] = ["ada", "bob", "eve"];
/// The generation of the erasure that was before the run.
const ERASED: i64 = i64::MAX / 4;
/// How many steps a client waits before it cancels, or asks again: part of a saga's time, or all of it.
const PATIENCE: [usize; 4] = [300, 1_500, 4_000, 9_000];

/// What a client knows of its order.
#[derive(Clone, Debug)]
pub struct Placed {
    /// As it was told first.
    pub order_id: Uuid,
    pub details: OrderDetails,
    /// It asked for the cancellation.
    pub cancels: bool,
    /// Answers that differ from earlier ones, or that it did not expect.
    pub complaints: Vec<String>,
}

/// Each order is placed, some are cancelled and some are placed once more, by clients that repeat what was not confirmed.
pub fn join(shop: &Arc<Shop>, system: &mut System) {
    (0..ORDERS).for_each(|number| system.client(client(shop, number)));
    // A key's generation is the time, or one more than the last generation. Each customer was erased once before, at a generation that no
    // clock here reaches: so the generation of the key under which order seals is known.
    CUSTOMERS
        .iter()
        .for_each(|customer| shop.order.put(customer, OwnedKey { generation: ERASED, ..OwnedKey::default() }));
    let here = || HeldKey::of(ERASED + 1, Fresh::of(1).key);
    let [at_once, late, erased] = CUSTOMERS;
    shop.shipping.put(at_once, here());
    shop.shipping.put(erased, HeldKey { generation: ERASED + 2, key: None });
    let shipping = shop.shipping.clone();
    system.client(async move {
        shipping.pause(8_000).await;
        shipping.put(late, here());
    });
}

fn client(shop: &Arc<Shop>, number: usize) -> impl Future<Output = ()> + Send + 'static {
    let shop = shop.clone();
    let (core, usage) = (shop.core.clone(), shop.usage);
    let details = details(&core, usage);
    let (cancels, repeats) = (core.pick(3) == 0 || usage.cancels, core.pick(3) == 0);
    let mut patience = [(); 2].map(|()| core.pick(PATIENCE[core.pick(PATIENCE.len())]));
    if usage.cancels {
        // While money is being captured.
        patience[0] = 1_000 + core.pick(5_000);
    }
    let wait = core.pick(2_000);
    async move {
        sleep(&core, wait).await;
        let minted = Mutex::new(Uuid::nil());
        let place = |body: u8| {
            let order_id = core.uuid();
            *lock(&minted) = order_id;
            PlaceOrder {
                order_id,
                request_key: Some(format!("client-{number}")),
                body_hash: vec![body],
                details: Box::new(details.clone()),
                fresh: Some(Fresh::of(1)),
            }
        };
        let order_id = match shop.order.ask(|| place(1)).await {
            Some(Answer::Now(_)) => *lock(&minted),
            // A request whose answer was lost had placed it.
            Some(Answer::Before(order_id)) => order_id.parse().unwrap_or_default(),
            _ => return,
        };
        let mine = {
            let mut placed = lock(&shop.placed);
            placed.push(Placed { order_id, details: details.clone(), cancels, complaints: Vec::new() });
            placed.len() - 1
        };
        let complain = |complaint: String| lock(&shop.placed)[mine].complaints.push(complaint);
        if cancels {
            sleep(&core, patience[0]).await;
            let answer: Option<Status> = shop.order.ask(|| CancelOrder(order_id)).await;
            if answer.is_none() {
                complain(format!("a cancellation was answered by {answer:?}"));
            }
        }
        if repeats {
            sleep(&core, patience[1]).await;
            match shop.order.ask(|| place(1)).await {
                Some(Answer::Before(again)) if again == order_id.to_string() => {}
                other => complain(format!("the same request was answered by {other:?}")),
            }
            match shop.order.ask(|| place(2)).await {
                Some(Answer::KeyReused) => {}
                other => complain(format!("another request under the same key was answered by {other:?}")),
            }
        }
    }
}

fn details(core: &Core, usage: &Usage) -> OrderDetails {
    let suffices = usage.plenty || usage.returns;
    let declined = core.pick(6) == 0 && !suffices;
    let no_address = if usage.returns { core.pick(4) != 0 } else { core.pick(6) == 0 && !usage.plenty };
    let customer = match core.pick(8) {
        0 if !usage.plenty => CUSTOMERS[2],
        1 | 2 => CUSTOMERS[1],
        _ => CUSTOMERS[0],
    };
    let items = core.pick(SKUS.len()) + 1;
    let first = core.pick(SKUS.len());
    let items: Vec<Item> = (0..items)
        .map(|n| {
            let quantity = u32::try_from(core.pick(3) + 1).unwrap_or(1);
            Item { sku: SKUS[(first + n) % SKUS.len()].into(), quantity, price: 100 }
        })
        .collect();
    OrderDetails {
        user_id: customer.into(),
        total_amount: items.iter().map(|item| 100 * i64::from(item.quantity)).sum(),
        currency: "EUR".into(),
        items,
        payment_method: Some(if declined { "tok_declined" } else { "tok_visa" }.into()),
        shipping_address: (!no_address).then(address),
        sealed_address: None,
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
