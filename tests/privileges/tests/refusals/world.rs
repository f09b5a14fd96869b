//! One secured system for all tests of the run.

use std::future::Future;
use std::sync::OnceLock;

use local::shop::Shop;
use local::{BrokerChoice, EventLog, System, SystemOptions, binaries};
use provision::choreography::topics;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use crate::tokens;

/// Enough for one test's own user, and soon used up on purpose.
pub const BURST: usize = 40;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();
static WORLD: OnceCell<World> = OnceCell::const_new();

pub struct World {
    pub system: System,
    pub log: EventLog,
    /// Does the shop's own business.
    pub back_office: Shop,
}

pub fn test<F: Future<Output = ()>>(tell: impl FnOnce(&'static World) -> F) {
    let runtime = RUNTIME.get_or_init(|| Runtime::new().expect("a tokio runtime"));
    runtime.block_on(async { tell(WORLD.get_or_init(World::start).await).await });
}

impl World {
    async fn start() -> Self {
        binaries::build_shop("local").await.expect("the services build");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let options = SystemOptions {
            broker: BrokerChoice::Kafka,
            secured: true,
            service_env: [("order", vec![pair("RATE_PER_CALLER", "1"), pair("RATE_BURST", &BURST.to_string())])].into(),
            ..SystemOptions::default()
        };
        let system = System::start(options, |what| eprintln!("world: {what}")).await.expect("the system comes up");
        let names: Vec<String> = topics().into_iter().map(|topic| topic.name).collect();
        let log = EventLog::follow(&system.broker.connection(), &names).expect("the topics can be followed");
        let back_office = Shop::bearing(tokens::of(&system, "clerk", &["back-office"]));
        Self { system, log, back_office }
    }

    /// A customer with a token.
    pub fn customer(&self, user: &str) -> Shop {
        Shop::bearing(tokens::of(&self.system, user, &[]))
    }

    pub async fn stock(&self, sku: &str) {
        let url = format!("{}/stock/{sku}", self.system.url("inventory"));
        let answer = self.back_office.put(&url, &serde_json::json!({ "onHand": 100 })).await.expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    pub fn orders(&self) -> String {
        format!("{}/orders", self.system.url("order"))
    }

    /// Places an order and answers its id.
    pub async fn place(&self, customer: &Shop, order: &Value) -> String {
        let answer = customer.post(&self.orders(), order, &[]).await.expect("an answer");
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.body["orderId"].as_str().expect("an id").to_owned()
    }

    /// Waits until `look` gives something; a time-out says what was seen last.
    pub async fn until<T, F>(&self, what: &str, look: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, String>>,
    {
        harness::until(&self.system, what, look).await
    }
}
