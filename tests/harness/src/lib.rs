//! The worlds of a test run: in each a real Kafka, a real PostgreSQL, the sandbox and all services; and verbs to tell stories with.
//!
//! A story that disturbs the services (freezes, crashes) asks for a world alone.

mod kafka_proxy;
mod mend;
mod messages;
mod stage;
mod topics;
mod verbs;
mod wire;

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use futures::FutureExt;
use local::producer::Producer;
use local::shop::Shop;
use local::system::{ADMIN_TOKEN, publishers, topics};
use local::{BrokerChoice, EventLog, Jaeger, Kafka, KafkaOptions, RunDir, System, SystemOptions, TracesTo, binaries};
use tokio::runtime::Runtime;

pub use kafka_proxy::{CONSUMER_GROUP_HEARTBEAT, KafkaProxy, Loss, OF_THE_COORDINATOR, OFFSET_COMMIT, OFFSET_FETCH};
pub use local::Record;
pub use messages::{Typed, typed};
pub use verbs::{Money, Pieces};
pub use wire::Wire;

/// How long anything may take to come about on a slow, busy machine.
pub const PATIENCE: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(25);

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// Everything that runs.
pub struct World {
    pub system: System,
    pub log: EventLog,
    pub shop: Shop,
    /// With the token that opens the admin routes.
    pub operator: Shop,
    pub producer: Producer,
}

/// Tells a story beside others.
pub fn story<F: Future<Output = ()>>(tell: impl FnOnce(&'static World) -> F) {
    runtime().block_on(async {
        let (_turn, world) = stage::shared().await;
        tell(world).await;
    });
}

/// Tells a story that disturbs the services, so it has a world to itself. If it fails, the world is mended for the next one.
pub fn story_alone<F: Future<Output = ()>>(tell: impl FnOnce(&'static World) -> F) {
    runtime().block_on(async {
        let (_turn, world) = stage::alone().await;
        if let Err(panic) = AssertUnwindSafe(tell(world)).catch_unwind().await {
            world.mend().await;
            resume_unwind(panic);
        }
    });
}

/// Tells a story in a world of its own, with these services alone: for what would leave its mark on the topics.
pub fn story_apart<F: Future<Output = ()>>(services: &[&'static str], tell: impl FnOnce(System) -> F) {
    runtime().block_on(async {
        let _turn = stage::instead().await;
        let system = parts("a world apart", of(services)).await;
        for service in system.services() {
            system.spawn(service, service, &[]).expect("it starts");
            system.wait_ready(service).await.expect("it gets ready");
        }
        tell(system).await;
    });
}

/// Tells a story in a world of its own, in which none of these services runs yet: it starts them itself, with programs of any build.
pub fn story_of_builds<F: Future<Output = ()>>(services: &[&'static str], tell: impl FnOnce(World) -> F) {
    runtime().block_on(async {
        let _turn = stage::instead().await;
        tell(World::around(parts("a world of builds", of(services)).await)).await;
    });
}

/// Tells a story in a world of its own, as compose runs it: Kafka with TLS, users and ACLs, and APIs that ask for tokens. Beside the
/// services these programs are built. The story starts all of them itself.
pub fn story_secured<F: Future<Output = ()>>(programs: &[&str], tell: impl FnOnce(System) -> F) {
    runtime().block_on(async {
        let _turn = stage::instead().await;
        let env = [impatient(), vec![("RATE_PER_CALLER".to_owned(), "1000".to_owned())]].concat();
        let options = SystemOptions { broker: BrokerChoice::Kafka, secured: true, env, ..SystemOptions::default() };
        let system = parts("a secured world", options).await;
        binaries::build(programs).await.expect("the programs build");
        tell(system).await;
    });
}

/// Tells a story in a world of its own with all services, those that only listen included, and a Jaeger that takes their spans: for
/// stories about everything that stands on the topics.
pub fn story_of_all<F: Future<Output = ()>>(tell: impl FnOnce(World) -> F) {
    runtime().block_on(async {
        let _turn = stage::instead().await;
        build().await;
        let options = SystemOptions {
            broker: BrokerChoice::Kafka,
            traces: if Jaeger::can_be_had() { TracesTo::Jaeger } else { TracesTo::Nowhere },
            env: impatient(),
            ..SystemOptions::default()
        };
        let say = |what: &str| eprintln!("a world of all: {what}");
        tell(World::around(System::start(options, say).await.expect("the system comes up"))).await;
    });
}

/// Tells a story in a world of its own whose broker has these properties. A service that is given the proxy's address as
/// `KAFKA_BROKERS` comes to it that way. The story starts the services itself.
pub fn story_behind_proxy<F: Future<Output = ()>>(
    services: &[&'static str],
    properties: Vec<(String, String)>,
    tell: impl FnOnce(World, KafkaProxy) -> F,
) {
    runtime().block_on(async {
        let _turn = stage::instead().await;
        let proxy = KafkaProxy::nowhere().await.expect("a proxy");
        let dir = RunDir::create().expect("a directory");
        let options = KafkaOptions { properties, proxy: Some(proxy.address), ..KafkaOptions::default() };
        let kafka = Kafka::start(&dir.path().join("kafka"), options).await.expect("Kafka starts");
        proxy.lead(kafka.behind_proxy().expect("it listens for the proxy"));
        let broker = BrokerChoice::External(kafka.bootstrap().to_owned());
        let system = parts("a world behind a proxy", SystemOptions { broker, ..of(services) }).await;
        tell(World::around(system), proxy).await;
    });
}

/// These services, with Kafka.
fn of(services: &[&'static str]) -> SystemOptions {
    let services = Some(services.to_vec());
    SystemOptions { broker: BrokerChoice::Kafka, services, env: impatient(), ..SystemOptions::default() }
}

/// Everything but the services, whose programs are built.
async fn parts(whose: &str, options: SystemOptions) -> System {
    build().await;
    let say = |what: &str| eprintln!("{whose}: {what}");
    System::start_parts(options, &say).await.expect("the system comes up")
}

async fn build() {
    binaries::build_shop("local").await.expect("the services build");
}

/// Settings with which nothing waits for long.
fn impatient() -> Vec<(String, String)> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![
        pair("RETRY_BASE", "200ms"),
        pair("RETRY_CAP", "2s"),
        pair("POLL_INTERVAL", "300ms"),
        pair("RELAY_LEASE", "3s"),
        // The least that the broker allows: crashed replicas are replaced soon.
        pair("KAFKA_SESSION_TIMEOUT", "6s"),
        pair("CALL_TIMEOUT", "4s"),
    ]
}

fn runtime() -> &'static Runtime {
    RUNTIME.get_or_init(|| Runtime::new().expect("a tokio runtime"))
}

impl World {
    /// The query API of the Jaeger that takes all spans.
    pub fn jaeger(&self) -> String {
        self.system.jaeger_url().expect("no Jaeger: install Go 1.24 or newer to build it, or name one in JAEGER_BIN")
    }

    async fn start() -> Self {
        let say = |what: &str| eprintln!("world: {what}");
        build().await;
        let options = SystemOptions {
            broker: BrokerChoice::Kafka,
            // A service that only listens is started by the stories about it.
            services: Some(publishers()),
            // Without it only the stories that ask for it fail, and say so.
            traces: if Jaeger::can_be_had() { TracesTo::Jaeger } else { TracesTo::Nowhere },
            env: impatient(),
            ..SystemOptions::default()
        };
        let world = Self::around(System::start(options, say).await.expect("the system comes up"));
        say("ready");
        world
    }

    fn around(system: System) -> Self {
        let names: Vec<String> = topics().into_iter().map(|topic| topic.name).collect();
        let log = EventLog::follow(&system.broker.connection(), &names).expect("the topics can be followed");
        let producer = Producer::connect(&system.broker.connection()).expect("a producer");
        Self { system, log, shop: Shop::default(), operator: Shop::bearing(ADMIN_TOKEN), producer }
    }

    /// Waits until `look` gives something; a time-out says what was seen last.
    pub async fn until<T, F>(&self, what: &str, look: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, String>>,
    {
        until(&self.system, what, look).await
    }
}

/// Waits until `look` gives something; a time-out says what was seen last, and keeps the system's logs.
pub async fn until<T, F>(system: &System, what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let since = Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) if since.elapsed() > PATIENCE => {
                system.keep_files();
                panic!("not seen within {PATIENCE:?}: {what}; last seen: {seen}; logs: {}", system.logs().display());
            }
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}
