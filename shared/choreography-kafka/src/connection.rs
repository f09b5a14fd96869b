//! Where Kafka is, and what it takes to be let in: the same for consumers, producers and admin clients.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rdkafka::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use tracing::warn;

use super::credentials::{self, Authenticated};

/// Kafka's address and librdkafka's settings for reaching it. Clones share the password, also when it is changed. Debug
/// output is without it.
#[derive(Clone, Debug)]
pub struct Connection {
    brokers: String,
    security: Vec<(&'static str, String)>,
    password: Option<Arc<Password>>,
}

/// A password, and the running clients that must hear of a new one.
struct Password(Mutex<(SecretString, Vec<Weak<dyn Authenticated>>)>);

impl Password {
    fn lock(&self) -> MutexGuard<'_, (SecretString, Vec<Weak<dyn Authenticated>>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[REDACTED]")
    }
}

impl Connection {
    /// To a broker without authentication.
    pub fn plain(brokers: impl Into<String>) -> Self {
        Self { brokers: brokers.into(), security: Vec::new(), password: None }
    }

    /// One of librdkafka's settings for security.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.security.push((name, value.into()));
        self
    }

    /// The password, for SASL.
    #[must_use]
    pub fn with_password(mut self, password: SecretString) -> Self {
        self.password = Some(Arc::new(Password(Mutex::new((password, Vec::new())))));
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
            config.set("sasl.password", password.lock().0.expose_secret());
        }
        config
    }

    /// From here on this client gets each new password, as long as it lives.
    pub(crate) fn tell<C: Authenticated + 'static>(&self, client: &Arc<C>) {
        let Some(password) = &self.password else { return };
        let mut password = password.lock();
        let (current, clients) = &mut *password;
        clients.retain(|client| client.strong_count() > 0);
        let told: Weak<C> = Arc::downgrade(client);
        clients.push(told);
        // It may have been made just before the password was changed.
        self.give(client.as_ref(), current);
    }

    /// Changes the password, for clients that are made from here on, and for the next connections of those that run.
    pub fn set_password(&self, new: SecretString) {
        let Some(password) = &self.password else { return };
        let clients: Vec<_> = {
            let mut password = password.lock();
            password.0 = new.clone();
            password.1.iter().filter_map(Weak::upgrade).collect()
        };
        for client in clients {
            self.give(client.as_ref(), &new);
        }
    }

    fn give(&self, client: &dyn Authenticated, password: &SecretString) {
        let user =
            self.security.iter().find(|(name, _)| *name == "sasl.username").map_or("", |(_, user)| user.as_str());
        if let Err(error) = credentials::set(client, user, password) {
            warn!(error, "KAFKA_PASSWORD: a running client could not be given the new password");
        }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::consumer::BaseConsumer;

    use super::*;

    #[test]
    fn clones_share_the_password_and_clients_that_ended_are_forgotten() {
        let connection = Connection::plain("127.0.0.1:1").with("sasl.username", "order").with_password("one".into());
        let clone = connection.clone();
        let client = || Arc::new(connection.config().set("group.id", "x").create::<BaseConsumer>().unwrap());
        let running = client();
        connection.tell(&running);
        connection.tell(&client());
        clone.set_password("two".into());
        assert_eq!(connection.config().get("sasl.password"), Some("two"));
        connection.tell(&running);
        assert_eq!(connection.password.as_ref().unwrap().lock().1.len(), 2, "of the three, one has ended");
        assert!(!format!("{connection:?}").contains("two"));
    }
}
