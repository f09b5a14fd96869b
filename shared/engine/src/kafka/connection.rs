//! Where Kafka is, and what it takes to be let in: the same for consumers, producers and admin clients.

use rdkafka::ClientConfig;
use secrecy::{ExposeSecret, SecretString};

/// Kafka's address and librdkafka's settings for reaching it. Debug output is without the password.
#[derive(Clone, Debug)]
pub struct Connection {
    brokers: String,
    security: Vec<(&'static str, String)>,
    password: Option<SecretString>,
}

impl Connection {
    /// To a broker that asks nobody who he is.
    pub fn plain(brokers: impl Into<String>) -> Self {
        Self { brokers: brokers.into(), security: Vec::new(), password: None }
    }

    /// One of librdkafka's settings for security.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.security.push((name, value.into()));
        self
    }

    #[must_use]
    pub fn with_password(mut self, password: SecretString) -> Self {
        self.password = Some(password);
        self
    }

    /// The bootstrap servers.
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// A client's configuration with nothing but this in it.
    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        for (name, value) in &self.security {
            config.set(*name, value);
        }
        if let Some(password) = &self.password {
            config.set("sasl.password", password.expose_secret());
        }
        config
    }
}
