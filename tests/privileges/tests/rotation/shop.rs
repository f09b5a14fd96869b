//! A secured shop whose secrets all lie in files.

use std::fs;
use std::future::Future;
use std::path::PathBuf;

use local::shop::{Shop, order};
use local::{BrokerChoice, System, SystemOptions, binaries};
use provision::token::{Bearer, sign};

pub struct Rotating {
    pub system: System,
}

impl Rotating {
    pub async fn start() -> Self {
        binaries::build_shop("local").await.expect("the services build");
        let options = SystemOptions { broker: BrokerChoice::Kafka, secured: true, ..SystemOptions::default() };
        let system = System::start_parts(options, &|what: &str| eprintln!("rotation: {what}")).await;
        let shop = Self { system: system.expect("the parts come up") };
        for service in shop.system.services() {
            let file = |name: &str| shop.file(service, name).display().to_string();
            fs::write(file("url"), shop.system.database_url(service)).expect("a file");
            let (url, token) = (file("url"), file("admin-token"));
            let env = [
                // The file wins over the URL that a local run has.
                ("DATABASE_URL_FILE", url.as_str()),
                ("ADMIN_TOKEN_FILE", token.as_str()),
                ("SECRETS_POLL_INTERVAL", "200ms"),
                ("JWT_KEYS_REFRESH", "200ms"),
                // Asking again and again is what this test does.
                ("RATE_UNAUTHENTICATED", "1000"),
            ];
            shop.system.spawn(service, service, &env).expect("it starts");
        }
        for service in shop.system.services() {
            shop.system.wait_ready(service).await.expect("it is ready");
        }
        shop
    }

    /// A service's file with a secret.
    pub fn file(&self, service: &str, name: &str) -> PathBuf {
        self.system.secrets().expect("a secured system").join(service).join(name)
    }

    pub fn read(&self, service: &str, name: &str) -> String {
        fs::read_to_string(self.file(service, name)).expect("a secret")
    }

    /// Puts another file in its place, as the mount of a changed secret does.
    pub fn replace(&self, service: &str, name: &str, content: &str) {
        let (path, new) = (self.file(service, name), self.file(service, "new"));
        fs::write(&new, content).expect("a file");
        fs::rename(new, path).expect("the file is replaced");
    }

    pub fn pids(&self) -> Vec<(String, u32)> {
        self.system.running().into_iter().map(|(name, running)| (name, running.process.pid())).collect()
    }

    /// The key that signs tokens.
    pub fn signing_key(&self) -> String {
        let path = self.system.secrets().expect("a secured system").join("operator/signing-key.pem");
        fs::read_to_string(path).expect("a key")
    }

    pub async fn order_completes(&self, when: &str) {
        let clerk = bearing(&self.signing_key(), "clerk", &["back-office"]);
        let url = |service, path: &str| format!("{}/{path}", self.system.url(service));
        self.until(&format!("{when}: stock is set"), || async {
            let stock = serde_json::json!({ "onHand": 100 });
            let answer = clerk.put(&url("inventory", "stock/lamp"), &stock).await.map_err(|e| e.to_string())?;
            if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
        let mut lamp = order(&[("lamp", 1)], "tok_visa", "Vienna");
        lamp["userId"] = "clerk".into();
        let id = self
            .until(&format!("{when}: an order is taken"), || async {
                let answer = clerk.post(&url("order", "orders"), &lamp, &[]).await.map_err(|e| e.to_string())?;
                answer.body["orderId"].as_str().map(str::to_owned).ok_or_else(|| format!("{answer:?}"))
            })
            .await;
        let url = url("order", &format!("orders/{id}"));
        self.until(&format!("{when}: order {id} is completed"), || async {
            let answer = clerk.get(&url).await.map_err(|error| error.to_string())?;
            if answer.body["status"] == "completed" { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
    }

    /// Waits until `look` gives something; a time-out says what was seen last.
    pub async fn until<T, F>(&self, what: &str, look: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, String>>,
    {
        harness::until(&self.system, what, look).await
    }
}

/// A caller with a token.
pub fn bearing(signing_key: &str, user: &str, scopes: &[&str]) -> Shop {
    let bearer = Bearer {
        user: user.into(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        issuer: "choreography".into(),
        audience: "shop".into(),
        lifetime: chrono::TimeDelta::hours(1),
    };
    Shop::bearing(sign(signing_key, &bearer).expect("a token"))
}
