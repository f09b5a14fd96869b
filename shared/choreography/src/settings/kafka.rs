//! How Kafka is reached, and as which user.

use std::{path::PathBuf, time::Duration};

use choreography_kafka::Connection;
use clap::{Args, ValueEnum};
use secrecy::SecretString;

use crate::secret::{self, LiveSecret, SecretError};

/// Kafka's address, and who is calling.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct KafkaSettings {
    /// Kafka's bootstrap servers.
    #[arg(long, env, default_value = "127.0.0.1:9092")]
    pub kafka_brokers: String,
    /// How the connection is protected.
    #[arg(long, env, default_value = "plaintext")]
    pub kafka_security_protocol: SecurityProtocol,
    /// The SASL mechanism.
    #[arg(long, env, default_value = "SCRAM-SHA-512")]
    pub kafka_sasl_mechanism: SaslMechanism,
    /// The user, for the protocols with SASL.
    #[arg(long, env)]
    pub kafka_username: Option<String>,
    /// The user's password.
    #[arg(long, env, hide_env_values = true)]
    pub kafka_password: Option<SecretString>,
    /// A file with KAFKA_PASSWORD.
    #[arg(long, env)]
    pub kafka_password_file: Option<PathBuf>,
    /// A PEM file with the certificate authorities to trust for the broker; without it the system's.
    #[arg(long, env)]
    pub kafka_ca_file: Option<PathBuf>,
}

/// How the services of a group share its topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GroupProtocolName {
    Classic,
    Consumer,
}

/// Kafka's own names (https://kafka.apache.org/documentation/#security_protocol).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SecurityProtocol {
    Plaintext,
    Ssl,
    SaslPlaintext,
    SaslSsl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum SaslMechanism {
    #[value(name = "SCRAM-SHA-512")]
    ScramSha512,
    #[value(name = "SCRAM-SHA-256")]
    ScramSha256,
    #[value(name = "PLAIN")]
    Plain,
}

/// Settings that do not fit together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KafkaSettingsError {
    #[error("KAFKA_USERNAME is needed, because KAFKA_SECURITY_PROTOCOL is {0}")]
    NoUser(String),
    #[error(
        "KAFKA_USERNAME is set, but KAFKA_SECURITY_PROTOCOL is {0}, which knows no users: set it to sasl_ssl, or unset \
         the user"
    )]
    UserWithoutSasl(String),
    #[error(
        "KAFKA_SECURITY_PROTOCOL is {0}, but this program was built without the feature tls of the crate choreography"
    )]
    NoTls(String),
    #[error(transparent)]
    Password(#[from] SecretError),
}

fn name(value: &impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

impl KafkaSettings {
    /// Reads the password and checks that what is given fits together. Does not connect yet.
    pub fn connection(&self) -> Result<Connection, KafkaSettingsError> {
        let protocol = self.kafka_security_protocol;
        let connection = Connection::plain(&self.kafka_brokers).with("security.protocol", name(&protocol));
        let connection = match protocol {
            SecurityProtocol::Ssl | SecurityProtocol::SaslSsl if !cfg!(feature = "tls") => {
                return Err(KafkaSettingsError::NoTls(name(&protocol)));
            }
            SecurityProtocol::Ssl | SecurityProtocol::SaslSsl => connection.with("ssl.ca.location", self.authorities()),
            SecurityProtocol::Plaintext | SecurityProtocol::SaslPlaintext => connection,
        };
        match (protocol, &self.kafka_username) {
            (SecurityProtocol::SaslPlaintext | SecurityProtocol::SaslSsl, Some(user)) => {
                let file = self.kafka_password_file.as_deref();
                let password = secret::need("KAFKA_PASSWORD", self.kafka_password.as_ref(), file)?;
                let mechanism = name(&self.kafka_sasl_mechanism);
                Ok(connection.with("sasl.mechanism", mechanism).with("sasl.username", user).with_password(password))
            }
            (SecurityProtocol::SaslPlaintext | SecurityProtocol::SaslSsl, None) => {
                Err(KafkaSettingsError::NoUser(name(&protocol)))
            }
            (_, Some(_)) => Err(KafkaSettingsError::UserWithoutSasl(name(&protocol))),
            (_, None) => Ok(connection),
        }
    }

    /// The password as it is now and will be, where it comes from a file.
    pub(crate) fn live_password(&self, every: Duration) -> Result<Option<LiveSecret>, SecretError> {
        secret::live("KAFKA_PASSWORD", self.kafka_password.as_ref(), self.kafka_password_file.as_deref(), every)
    }

    /// librdkafka brings its own OpenSSL, which does not know where this system keeps its authorities; it can look.
    fn authorities(&self) -> String {
        self.kafka_ca_file.as_ref().map_or_else(|| "probe".into(), |path| path.display().to_string())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use secrecy::ExposeSecret;

    use super::*;

    #[derive(Parser)]
    struct Service {
        #[command(flatten)]
        kafka: KafkaSettings,
    }

    fn connection(arguments: &[&str]) -> Result<Connection, String> {
        let arguments = ["service"].iter().chain(arguments);
        let settings = Service::try_parse_from(arguments).map_err(|error| error.to_string())?.kafka;
        settings.connection().map_err(|error| error.to_string())
    }

    #[test]
    fn what_does_not_fit_together_is_refused_with_the_settings_name() {
        let sasl = ["--kafka-security-protocol", "sasl_ssl"];
        let with = |more: &[&'static str]| connection(&[&sasl[..], more].concat());
        assert!(connection(&[]).is_ok());
        assert!(with(&[]).unwrap_err().starts_with("KAFKA_USERNAME is needed"));
        assert!(with(&["--kafka-username", "order"]).unwrap_err().starts_with("KAFKA_PASSWORD is needed"));
        assert!(with(&["--kafka-username", "order", "--kafka-password", "x"]).is_ok());
        assert!(connection(&["--kafka-username", "order"]).unwrap_err().starts_with("KAFKA_USERNAME is set"));
        assert!(connection(&["--kafka-sasl-mechanism", "GSSAPI"]).unwrap_err().contains("--kafka-sasl-mechanism"));
    }

    #[test]
    fn a_connection_does_not_show_its_password() {
        let given = ["--kafka-security-protocol", "sasl_ssl", "--kafka-username", "order", "--kafka-password", "hush"];
        let shown = format!("{:?}", connection(&given));
        assert!(shown.contains("order") && !shown.contains("hush"), "{shown}");
    }

    #[tokio::test]
    async fn the_client_is_configured_as_the_settings_say() {
        let config = |arguments: &[&str]| {
            let config = connection(arguments).unwrap().config();
            let names = ["security.protocol", "ssl.ca.location", "sasl.mechanism", "sasl.username", "sasl.password"];
            names.map(|name| config.get(name).unwrap_or("-").to_owned())
        };
        assert_eq!(config(&[]), ["plaintext", "-", "-", "-", "-"]);
        assert_eq!(config(&["--kafka-security-protocol", "ssl"]), ["ssl", "probe", "-", "-", "-"]);
        let given = [
            ["--kafka-security-protocol", "sasl_ssl"],
            ["--kafka-ca-file", "/etc/ca.pem"],
            ["--kafka-sasl-mechanism", "PLAIN"],
            ["--kafka-username", "order"],
            ["--kafka-password", "hush"],
        ];
        assert_eq!(config(&given.concat()), ["sasl_ssl", "/etc/ca.pem", "PLAIN", "order", "hush"]);
        let live = |arguments: &[&str]| {
            let arguments = ["service"].iter().chain(arguments);
            let settings = Service::try_parse_from(arguments).unwrap_or_else(|error| panic!("{error}")).kafka;
            settings.live_password(Duration::from_secs(60)).unwrap()
        };
        assert!(live(&[]).is_none());
        assert_eq!(live(&given.concat()).unwrap().current().expose_secret(), "hush");
    }
}
