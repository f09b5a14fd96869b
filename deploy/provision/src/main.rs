//! One-shot jobs that make what must be there before the services start.

mod availability;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use choreography::{KafkaSettings, TopicMoves, duration, secret};
use choreography_kafka::Connection;
use chrono::TimeDelta;
use clap::{Parser, Subcommand};
use provision::{
    choreography::{PARTITIONS, PARTS, SHOP, TopicSpec, is_of_keys, may_move, successors, topics_but},
    databases::{self, Login, owner_of},
    kafka,
    secrets::{self, Addresses, database_password, kafka_password},
    token::IssuerSettings,
    tokens::{self, Tokens},
};
use secrecy::{ExposeSecret, SecretString};

/// A migrating job has two, and a second job may start before the server has noticed that the first is gone.
const OWNER_CONNECTIONS: u32 = 4;
/// One that is there and one that takes its place, with SANDBOX_DATABASE_CONNECTIONS each.
const SANDBOX_CONNECTIONS: u32 = 16;

/// Creates what must be there before the services start. Each job can be run again: it keeps what is there.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    job: Job,
}

#[derive(Subcommand)]
enum Job {
    /// Makes passwords, signing keys and certificates, with a directory for each reader.
    Secrets {
        #[arg(long, default_value = "/secrets")]
        dir: PathBuf,
        /// Make the image's user that reads a file its owner; needs root.
        #[arg(long)]
        give: bool,
        /// HOST:PORT of PostgreSQL, as the services reach it.
        #[arg(long, env, default_value = "postgres:5432")]
        postgres: String,
        /// Names and addresses by which Kafka is reached.
        #[arg(long, env, value_delimiter = ',', default_value = "kafka,localhost,127.0.0.1")]
        kafka_names: Vec<String>,
    },
    /// Creates topics, users and each user's ACLs, as the services describe themselves.
    Kafka {
        #[command(flatten)]
        kafka: KafkaSettings,
        /// The directory with the users' passwords.
        #[arg(long, env, default_value = "/run/secrets")]
        secrets_dir: PathBuf,
        /// Replicas of each topic: 3 where there are as many brokers.
        #[arg(long, env, default_value_t = 1)]
        replicas: i32,
        /// Partitions of each topic. Without it each has as many as it has already, a new one as many as the others; if there are
        /// none, 6.
        #[arg(long, env, value_parser = clap::value_parser!(i32).range(1..=1_000))]
        partitions: Option<i32>,
        /// Topics that move, as the services have them: those that take their places are made too, and opened to owner and readers.
        /// A topic that has moved is closed to all.
        #[arg(long, env)]
        topic_moves: Option<TopicMoves>,
        /// Partitions of each topic that takes another's place. Without it as many as it has already, or as the other topics have.
        #[arg(long, env, value_parser = clap::value_parser!(i32).range(1..=1_000))]
        new_partitions: Option<i32>,
    },
    /// Prints, for the readers of a topic that moves, the offsets up to which they read the old one. Run it once each replica of the
    /// owner publishes on both topics.
    Switch {
        #[command(flatten)]
        kafka: KafkaSettings,
        /// The old topic.
        #[arg(long)]
        from: String,
        /// The new one.
        #[arg(long)]
        to: String,
        /// Do not look whether the last events of the old topic are on the new one, as where nothing is published just now.
        #[arg(long)]
        unchecked: bool,
    },
    /// Makes a database and two roles for each service.
    Databases {
        /// An administrator's URL.
        #[arg(long, env, hide_env_values = true)]
        database_url: Option<SecretString>,
        /// A file with DATABASE_URL.
        #[arg(long, env)]
        database_url_file: Option<PathBuf>,
        /// The directory with the roles' passwords.
        #[arg(long, env, default_value = "/run/secrets")]
        secrets_dir: PathBuf,
        /// Connections of one replica, as its DATABASE_CONNECTIONS says.
        #[arg(long, env, default_value_t = 12)]
        database_connections: u32,
        /// Connections of its API, as its API_DATABASE_CONNECTIONS says.
        #[arg(long, env, default_value_t = 6)]
        api_database_connections: u32,
        /// Most replicas of a service. A role may have the connections of this many and of one more, which a rollout
        /// brings.
        #[arg(long, env, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1000))]
        most_replicas: u32,
    },
    /// Writes tokens for customers and the shop's clerk, for the program that places orders to try it out.
    Tokens {
        #[arg(long, default_value = "/secrets")]
        dir: PathBuf,
        /// Make the image's user that reads the file its owner; needs root.
        #[arg(long)]
        give: bool,
        #[arg(long, env, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        customers: u32,
        #[arg(long, default_value = "12h", value_parser = duration)]
        lifetime: std::time::Duration,
        #[command(flatten)]
        issuer: IssuerSettings,
    },
    /// Prints a token for the services' APIs.
    Token {
        /// The customer whose orders it opens (`sub`).
        #[arg(long)]
        user: String,
        /// A scope that it carries, such as back-office.
        #[arg(long)]
        scope: Vec<String>,
        #[arg(long, default_value = "1h", value_parser = duration)]
        lifetime: std::time::Duration,
        #[command(flatten)]
        issuer: IssuerSettings,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    // Another crate in the build may leave rustls without a default; the first to install one decides, so a second time is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let job = Arguments::parse().job;
    for wrong in &SHOP.refused {
        eprintln!("takes no part: {wrong}");
    }
    match job {
        Job::Secrets { dir, give, postgres, kafka_names } => {
            let addresses = Addresses { postgres, kafka_names, ..Addresses::default() };
            secrets::provide(dir.clone(), &addresses, give)?;
            println!("secrets are in {}", dir.display());
        }
        Job::Kafka { kafka, secrets_dir, replicas, partitions, topic_moves, new_partitions } => {
            let wanted = Topics { replicas, partitions, moves: topic_moves.unwrap_or_default(), new_partitions };
            make_kafka(&kafka.connection()?, &secrets_dir, wanted).await?;
        }
        Job::Switch { kafka, from, to, unchecked } => {
            println!("{}", kafka::switch_offsets(&kafka.connection()?, &from, &to, !unchecked).await?);
        }
        Job::Databases {
            database_url,
            database_url_file,
            secrets_dir,
            database_connections,
            api_database_connections,
            most_replicas,
        } => {
            let url = secret::need("DATABASE_URL", database_url.as_ref(), database_url_file.as_deref())?;
            let most =
                service_connections(database_connections.saturating_add(api_database_connections), most_replicas);
            make_databases(url.expose_secret(), &secrets_dir, most).await?;
        }
        Job::Tokens { dir, give, customers, lifetime, issuer } => {
            let lifetime = TimeDelta::from_std(lifetime).context("--lifetime")?;
            let tokens = Tokens::issue(&issuer.issuer()?, customers, lifetime)?;
            secrets::hand(dir, give, "load", tokens::FILE, &tokens.to_json())?;
            println!("tokens for {customers} customers and a clerk");
        }
        Job::Token { user, scope, lifetime, issuer } => {
            let lifetime = TimeDelta::from_std(lifetime).context("--lifetime")?;
            println!("{}", issuer.issuer()?.token(&user, scope, lifetime)?);
        }
    }
    Ok(())
}

/// What is asked for of the topics.
struct Topics {
    replicas: i32,
    partitions: Option<i32>,
    moves: TopicMoves,
    new_partitions: Option<i32>,
}

async fn make_kafka(connection: &Connection, secrets_dir: &Path, wanted: Topics) -> Result<()> {
    availability::for_kafka(connection).await?;
    let Topics { replicas, partitions, moves, new_partitions } = wanted;
    may_move(&moves)?;
    let mut topics = kafka::with_partitions(connection, topics_but(&moves), partitions).await?;
    let others = topics.iter().find(|topic| !is_of_keys(&topic.name)).map_or(PARTITIONS, |topic| topic.partitions);
    let new = successors(&moves).into_iter().map(|topic| TopicSpec { partitions: others, ..topic }).collect();
    topics.extend(kafka::with_partitions(connection, new, new_partitions).await?);
    let topics: Vec<TopicSpec> = topics.into_iter().map(|topic| TopicSpec { replicas, ..topic }).collect();
    kafka::create_topics(connection, &topics).await?;
    let users =
        PARTS.iter().map(|part| Ok((part.service.clone(), password(secrets_dir, &kafka_password(&part.service))?)));
    kafka::set_passwords(connection, users.collect::<Result<_>>()?).await?;
    let parts: Vec<_> = PARTS.iter().map(|part| part.with_moves(&moves)).collect();
    kafka::set_access(connection, &parts).await?;
    println!("{} topics, and what {} users may do with them", topics.len(), PARTS.len());
    Ok(())
}

/// What a service's role may have at once: the sum of its replicas' pools, of the connections on which they listen, and of
/// their probes', while a rollout brings one more.
fn service_connections(of_pools: u32, most_replicas: u32) -> u32 {
    of_pools.saturating_add(2).saturating_mul(most_replicas.saturating_add(1))
}

async fn make_databases(admin_url: &str, secrets_dir: &Path, service_connections: u32) -> Result<()> {
    availability::for_postgres(admin_url).await?;
    databases::close_the_servers_own(admin_url).await?;
    let login = |role: &str| Ok::<_, anyhow::Error>(Login::new(role, password(secrets_dir, &database_password(role))?));
    for part in PARTS.iter() {
        let owner = login(&owner_of(&part.service))?.limited_to(OWNER_CONNECTIONS);
        let service = login(&part.service)?.limited_to(service_connections);
        databases::create_service_database(admin_url, &part.service, &owner, &service).await?;
    }
    // It stands for providers elsewhere: what roles it has is its own business.
    let sandbox = login("sandbox")?.limited_to(SANDBOX_CONNECTIONS);
    databases::create_database(admin_url, "sandbox", &sandbox).await?;
    println!(
        "{} databases, each with its owner ({OWNER_CONNECTIONS} connections at most) and its service's role \
         ({service_connections} at most)",
        PARTS.len()
    );
    Ok(())
}

fn password(secrets_dir: &Path, name: &str) -> Result<SecretString> {
    let path = secrets_dir.join(name);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{} can't be read: run `provision secrets` first", path.display()))?;
    Ok(text.trim().into())
}
