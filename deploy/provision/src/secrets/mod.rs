//! Passwords, tokens, keys and certificates, made at the first start and kept.
//!
//! One directory holds the originals and is this program's alone; every reader has a directory with copies of just
//! what it needs. In compose each is a volume, in Kubernetes a Secret.

mod certificates;
mod files;
mod random;

use std::path::PathBuf;

use files::{Store, User};

use crate::{Result, choreography::PARTS, databases::owner_of, token};

/// The directory for the job that makes Kafka's topics, users and access rules.
pub const KAFKA_SETUP: &str = "kafka-setup";
/// The directory for the job that makes databases and roles.
pub const DATABASE_SETUP: &str = "database-setup";
/// The directory for Prometheus: the targets that it scrapes.
const PROMETHEUS: &str = "prometheus";
/// Where services answer operators, in compose.
const ADMIN_PORT: u16 = 9464;

/// Where things will be when they are read.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// `HOST:PORT` of PostgreSQL.
    pub postgres: String,
    /// Where a reader's directory is mounted.
    pub mounted_at: PathBuf,
    /// Names by which Kafka is reached.
    pub kafka_names: Vec<String>,
}

impl Default for Addresses {
    fn default() -> Self {
        Self {
            postgres: "postgres:5432".into(),
            mounted_at: "/run/secrets".into(),
            kafka_names: vec!["kafka".into(), "localhost".into(), "127.0.0.1".into()],
        }
    }
}

/// Makes what is missing below `dir`, and gives the files to the users who read them if `give` (which takes root).
///
/// # Errors
/// [`crate::Error::File`] and the like, with what could not be made.
pub fn provide(dir: PathBuf, addresses: &Addresses, give: bool) -> Result<()> {
    let store = Store::open(dir, give)?;
    let authority = certificates::Authority::provide(&store)?;
    for_kafka(&store, &authority, addresses)?;
    for_postgres(&store, &authority, addresses)?;
    for_kafka_setup(&store, &authority)?;
    for_database_setup(&store, &authority, addresses)?;
    let mut here = Vec::new();
    for part in PARTS.iter() {
        if store.is_here(&part.service)? {
            for_service(&store, &authority, addresses, &part.service)?;
            here.push(part.service.as_str());
        } else {
            eprintln!("{} has no directory for its secrets here: it gets none", part.service);
        }
    }
    store.hand(PROMETHEUS, "services.json", &targets(&here), User::Prometheus)?;
    let sandbox = database_url(&store, addresses, "sandbox", "sandbox")?;
    store.hand("sandbox", "database-url", &sandbox, User::Services)?;
    store.hand("sandbox", "ca.pem", authority.pem(), User::Services)?;
    store.hand("operator", "signing-key.pem", &signing_key(&store)?, User::Services)?;
    store.hand("load-tokens", "signing-key.pem", &signing_key(&store)?, User::Services)
}

/// Writes a file for a reader, below the directory with all of theirs; given to them if `give` (which takes root).
///
/// # Errors
/// [`crate::Error::File`].
pub fn hand(dir: PathBuf, give: bool, reader: &str, name: &str, content: &str) -> Result<()> {
    Store::readers(dir, give).hand(reader, name, content, User::Services)
}

/// The broker knows two users from this file, itself and the administrator; the others it keeps by itself (SCRAM).
fn for_kafka(store: &Store, authority: &certificates::Authority, addresses: &Addresses) -> Result<()> {
    let (broker, admin) = (store.password("kafka-broker")?, store.password("kafka-admin")?);
    let jaas = format!(
        "KafkaServer {{\n    org.apache.kafka.common.security.plain.PlainLoginModule required\n        \
         username=\"broker\" password=\"{broker}\" user_broker=\"{broker}\" user_admin=\"{admin}\";\n    \
         org.apache.kafka.common.security.scram.ScramLoginModule required;\n}};\n"
    );
    let issued = authority.issue(&addresses.kafka_names)?;
    store.hand("kafka", "broker.pem", &format!("{}{}", issued.key, issued.chain), User::Kafka)?;
    store.hand("kafka", "ca.pem", authority.pem(), User::Kafka)?;
    store.hand("kafka", "jaas.conf", &jaas, User::Kafka)
}

fn for_postgres(store: &Store, authority: &certificates::Authority, addresses: &Addresses) -> Result<()> {
    let host = addresses.postgres.split(':').next().unwrap_or_default().to_owned();
    let issued = authority.issue(&[host, "localhost".into(), "127.0.0.1".into()])?;
    store.hand("postgres", "server.crt", &issued.chain, User::Postgres)?;
    store.hand("postgres", "server.key", &issued.key, User::Postgres)?;
    store.hand("postgres", "superuser-password", &store.password("postgres.database-password")?, User::Postgres)
}

/// The job that makes Kafka's users must know their passwords, and nothing of the databases.
fn for_kafka_setup(store: &Store, authority: &certificates::Authority) -> Result<()> {
    store.hand(KAFKA_SETUP, "ca.pem", authority.pem(), User::Services)?;
    store.hand(KAFKA_SETUP, "kafka-password", &store.password("kafka-admin")?, User::Services)?;
    for part in PARTS.iter() {
        let name = kafka_password(&part.service);
        store.hand(KAFKA_SETUP, &name, &store.password(&name)?, User::Services)?;
    }
    Ok(())
}

/// The job that makes the databases' roles must know their passwords, and nothing of Kafka.
fn for_database_setup(store: &Store, authority: &certificates::Authority, addresses: &Addresses) -> Result<()> {
    store.hand(DATABASE_SETUP, "ca.pem", authority.pem(), User::Services)?;
    let url = database_url(store, addresses, "postgres", "postgres")?;
    store.hand(DATABASE_SETUP, "database-url", &url, User::Services)?;
    let roles = PARTS.iter().flat_map(|part| [part.service.clone(), owner_of(&part.service)]);
    for role in roles.chain(["sandbox".to_owned()]) {
        let name = database_password(&role);
        store.hand(DATABASE_SETUP, &name, &store.password(&name)?, User::Services)?;
    }
    Ok(())
}

fn for_service(store: &Store, authority: &certificates::Authority, addresses: &Addresses, service: &str) -> Result<()> {
    let admin_token = store.password(&format!("{service}.admin-token"))?;
    store.hand(service, "ca.pem", authority.pem(), User::Services)?;
    store.hand(service, "kafka-password", &store.password(&kafka_password(service))?, User::Services)?;
    store.hand(service, "database-url", &database_url(store, addresses, service, service)?, User::Services)?;
    store.hand(service, "admin-token", &admin_token, User::Services)?;
    store.hand(service, "jwks.json", &token::public_keys(&signing_key(store)?)?, User::Services)?;
    store.hand("operator", &format!("{service}.admin-token"), &admin_token, User::Services)?;

    let migrations = format!("{service}-migrations");
    let url = database_url(store, addresses, service, &owner_of(service))?;
    store.hand(&migrations, "ca.pem", authority.pem(), User::Services)?;
    store.hand(&migrations, "database-url", &url, User::Services)
}

/// Prometheus's targets: a job for each service.
fn targets(services: &[&str]) -> String {
    let target = |service: &&str| serde_json::json!({ "targets": [format!("{service}:{ADMIN_PORT}")], "labels": { "job": service } });
    serde_json::Value::from_iter(services.iter().map(target)).to_string()
}

fn signing_key(store: &Store) -> Result<String> {
    store.original("signing-key.pem", token::new_signing_key)
}

fn database_url(store: &Store, addresses: &Addresses, database: &str, role: &str) -> Result<String> {
    let password = store.password(&database_password(role))?;
    let (host, ca) = (&addresses.postgres, addresses.mounted_at.join("ca.pem"));
    let ca = ca.display();
    Ok(format!("postgres://{role}:{password}@{host}/{database}?sslmode=verify-full&sslrootcert={ca}"))
}

/// The file with a Kafka user's password.
#[must_use]
pub fn kafka_password(user: &str) -> String {
    format!("{user}.kafka-password")
}

/// The file with a database role's password.
#[must_use]
pub fn database_password(role: &str) -> String {
    format!("{role}.database-password")
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;

    #[test]
    fn a_second_start_keeps_what_the_first_made() {
        let dir = std::env::temp_dir().join(format!("provision-{}", uuid::Uuid::now_v7()));
        let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
        let kept = ["order/database-url", "order/admin-token", "order/jwks.json", "kafka/jaas.conf", "kafka/ca.pem"];
        provide(dir.clone(), &Addresses::default(), false).unwrap();
        let first = kept.map(read);
        provide(dir.clone(), &Addresses::default(), false).unwrap();
        assert_eq!(kept.map(read), first);
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn each_service_gets_its_own_secrets_alone() {
        let dir = std::env::temp_dir().join(format!("provision-{}", uuid::Uuid::now_v7()));
        provide(dir.clone(), &Addresses::default(), false).unwrap();
        let files = |reader: &str| -> BTreeSet<String> {
            let entries = fs::read_dir(dir.join(reader)).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        };
        let expected = ["admin-token", "ca.pem", "database-url", "jwks.json", "kafka-password"];
        assert_eq!(files("order"), expected.map(str::to_owned).into());
        assert_eq!(files("order-migrations"), ["ca.pem", "database-url"].map(str::to_owned).into());
        assert_eq!(files("load-tokens"), ["signing-key.pem".to_owned()].into());
        let targets = fs::read_to_string(dir.join("prometheus/services.json")).unwrap();
        assert!(targets.contains(r#"{"labels":{"job":"order"},"targets":["order:9464"]}"#), "{targets}");
        let (kafka, databases) = (files(KAFKA_SETUP), files(DATABASE_SETUP));
        assert!(kafka.contains("order.kafka-password") && databases.contains("order.database-password"));
        assert_eq!(kafka.intersection(&databases).collect::<Vec<_>>(), ["ca.pem"]);
        let secrets = |service: &str| {
            ["admin-token", "database-url", "kafka-password"]
                .map(|name| fs::read_to_string(dir.join(service).join(name)).unwrap())
        };
        assert!(secrets("order").iter().all(|secret| !secrets("payment").contains(secret)));
        fs::remove_dir_all(dir).unwrap();
    }
}
