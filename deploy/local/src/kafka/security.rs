//! A broker that asks clients to log in (SASL over TLS) and lets each user do what they were granted (ACLs), from the secrets that
//! `provision secrets` makes.

use std::path::Path;

use choreography::secret;
use choreography_kafka::Connection;
use provision::secrets::KAFKA_SETUP;

use crate::Result;

/// What the administrator needs to be let in; plain without secrets.
pub(super) fn connection(port: u16, secrets: Option<&Path>) -> Result<Connection> {
    let connection = Connection::plain(format!("127.0.0.1:{port}"));
    let Some(secrets) = secrets.map(|secrets| secrets.join(KAFKA_SETUP)) else { return Ok(connection) };
    let password = secret::need("KAFKA_PASSWORD", None, Some(&secrets.join("kafka-password")))?;
    Ok(connection
        .with("security.protocol", "sasl_ssl")
        .with("ssl.ca.location", secrets.join("ca.pem").display().to_string())
        .with("sasl.mechanism", "PLAIN")
        .with("sasl.username", "admin")
        .with_password(password))
}

/// The JVM's argument that names the file with the broker's own login.
pub(super) fn login(secrets: &Path) -> String {
    format!("-Djava.security.auth.login.config={}", secrets.join("kafka/jaas.conf").display())
}

/// The same as the compose file says in the image's variables.
pub(super) fn properties(secrets: &Path, port: u16, controller: u16) -> String {
    let secrets = secrets.join("kafka");
    format!(
        "listeners=CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENTS://127.0.0.1:{port}
listener.security.protocol.map=CLIENTS:SASL_SSL,CONTROLLER:SASL_SSL
inter.broker.listener.name=CLIENTS
ssl.keystore.type=PEM
ssl.keystore.location={secrets}/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location={secrets}/ca.pem
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.mechanism.controller.protocol=PLAIN
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:broker;User:admin
allow.everyone.if.no.acl.found=false
",
        secrets = secrets.display(),
    )
}
