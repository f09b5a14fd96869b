//! Starts before its parts, connections that vanish, clients that say nothing, and an end in time.

use std::net::SocketAddr;

use harness::{PATIENCE, Wire, World, story_alone};
use local::shop::{Answer, order};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// A wire to PostgreSQL for one replica, and the URLs by which it goes through it.
struct Cable {
    wire: Wire,
    url: String,
    owner_url: String,
}

fn server(world: &World) -> String {
    let url = world.system.postgres.admin_url();
    let host = url.rsplit_once('@').map_or(url, |(_, host)| host);
    host.split(['/', '?']).next().unwrap_or(host).to_owned()
}

async fn cable(world: &World, service: &str) -> Cable {
    let (wire, server) = (Wire::nowhere().await.expect("a wire"), server(world));
    let through = |url: String| url.replace(&server, &wire.address.to_string());
    let (url, owner_url) = (through(world.system.database_url(service)), through(world.system.owner_url(service)));
    assert!(url.contains(&wire.address.to_string()), "{url} does not lead through the wire");
    Cable { wire, url, owner_url }
}

async fn get(world: &World, url: &str) -> Result<Answer, String> {
    world.shop.get(url).await.map_err(|error| error.to_string())
}

/// What is said at an address that is no JSON.
async fn text(url: &str, path: &str) -> Result<String, String> {
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.map_err(|error| error.to_string())?;
    Ok(answer)
}

async fn says(world: &World, url: &str, path: &str, status: &str, what: &str) {
    world
        .until(&format!("{path} says {status} {what}"), || async {
            let answer = text(url, path).await?;
            if answer.starts_with(&format!("HTTP/1.1 {status}")) && answer.contains(what) {
                Ok(())
            } else {
                Err(answer)
            }
        })
        .await;
}

#[test]
fn a_service_that_starts_first_waits_and_says_for_what() {
    story_alone(|world| async {
        let cable = cable(world, "inventory").await;
        let broker = Wire::nowhere().await.expect("a wire");
        let brokers = broker.address.to_string();
        let env = [
            ("DATABASE_URL", cable.url.as_str()),
            ("MIGRATION_DATABASE_URL", cable.owner_url.as_str()),
            ("KAFKA_BROKERS", brokers.as_str()),
        ];
        let early = world.system.spawn("inventory", "early", &env).expect("it starts");
        says(world, &early.url, "/readyz", "503", "waits for the database").await;
        says(world, &early.url, "/livez", "200", "alive").await;
        cable.wire.lead(&server(world));
        says(world, &early.url, "/readyz", "503", "waits for Kafka").await;
        says(world, &early.url, "/livez", "200", "alive").await;
        broker.lead(world.system.broker.bootstrap());
        says(world, &early.url, "/readyz", "200", "ready").await;
        assert!(early.process.exit_status().expect("the kernel knows").is_none());
        world.system.stop("early").await.expect("it drains");
    });
}

#[test]
fn a_service_that_is_told_to_stop_while_it_waits_ends_well() {
    story_alone(|world| async {
        let cable = cable(world, "inventory").await;
        let env = [("DATABASE_URL", cable.url.as_str()), ("MIGRATION_DATABASE_URL", cable.owner_url.as_str())];
        let early = world.system.spawn("inventory", "early", &env).expect("it starts");
        says(world, &early.url, "/readyz", "503", "waits for the database").await;
        early.process.terminate().expect("it is told");
        let status = early.process.wait_exit(PATIENCE).await.expect("it ends");
        assert!(status.success(), "{status}");
        world.system.kill("early").expect("it is forgotten");
    });
}

#[test]
fn a_service_goes_on_by_itself_when_the_other_end_of_all_its_connections_vanishes() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 20).await;
        let cable = cable(world, "order").await;
        cable.wire.lead(&server(world));
        let env = [
            ("DATABASE_URL", cable.url.as_str()),
            ("MIGRATION_DATABASE_URL", cable.owner_url.as_str()),
            ("DATABASE_STATEMENT_TIMEOUT", "2s"),
        ];
        let url = world.replica("order", "wired", &env).await;
        world.system.stop("order").await.expect("it drains");
        let before = world.place_at(&url, &[(&chair, 1)], "tok_visa", "Vienna").await;
        assert!(cable.wire.vanish() > 0);
        // All loops had connections, some in the middle of a statement: each has to find another by itself.
        let after = world
            .until("an order is placed again", || async {
                let answer = world.post_order(&url, &order(&[(&chair, 1)], "tok_visa", "Vienna"), &[]).await;
                placed(&answer).ok_or_else(|| format!("{answer:?}"))
            })
            .await;
        for id in [before, after] {
            world.until(&format!("order {id} is completed"), || ended(world, &url, &id)).await;
        }
        says(world, &url, "/livez", "200", "alive").await;
        says(world, &url, "/readyz", "200", "ready").await;
        world.replica("order", "order", &[]).await;
        world.system.stop("wired").await.expect("it drains");
    });
}

async fn ended(world: &World, url: &str, id: &str) -> Result<(), String> {
    let answer = get(world, &format!("{url}/orders/{id}")).await?;
    if answer.body["status"] == "completed" { Ok(()) } else { Err(format!("{answer:?}, {:?}", world.log.path_of(id))) }
}

#[test]
fn a_stopping_service_is_gone_in_time_though_broker_and_database_are_frozen() {
    story_alone(|world| async {
        world.replica("payment", "frozen", &[("DRAIN_TIMEOUT", "2s")]).await;
        let frozen = world.system.find("frozen").expect("it runs");
        let kafka = world.system.broker.kafka().expect("this world has its own Kafka");
        kafka.pause().expect("Kafka is frozen");
        world.system.postgres.pause().expect("PostgreSQL is frozen");
        frozen.process.terminate().expect("it is told");
        let ended = frozen.process.wait_exit(PATIENCE).await;
        world.system.postgres.resume().expect("PostgreSQL goes on");
        kafka.resume().expect("Kafka goes on");
        let status = ended.expect("it is gone while both are frozen");
        assert!(!status.success(), "a drain that did not finish is no good end: {status}");
        world.system.kill("frozen").expect("it is forgotten");
        for service in world.system.services() {
            says(world, &world.system.url(service), "/readyz", "200", "ready").await;
        }
    });
}

#[test]
fn silent_connections_take_neither_the_api_nor_the_probes_away() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 5).await;
        world.replica("order", "besieged", &[("MAX_CONNECTIONS", "20")]).await;
        let besieged = world.system.find("besieged").expect("it runs");
        let mut silent = Vec::new();
        for base in [&besieged.url, &besieged.admin] {
            for _ in 0..200 {
                let address: SocketAddr = base.trim_start_matches("http://").parse().expect("an address");
                silent.push(TcpStream::connect(address).await.expect("the listener takes it"));
            }
        }
        let id = world.place_at(&besieged.url, &[(&chair, 1)], "tok_visa", "Vienna").await;
        says(world, &besieged.url, "/readyz", "200", "ready").await;
        says(world, &besieged.admin, "/metrics", "200", "saga_inputs_total").await;
        world.eventually(&id, "completed").await;
        assert_eq!(silent.len(), 400);
        world.system.stop("besieged").await.expect("it drains");
    });
}

#[test]
fn a_client_that_closes_its_sending_side_is_answered() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 50).await;
        let url = world.system.url("order");
        let address = url.trim_start_matches("http://");
        for number in 0..50 {
            let body = order(&[(&chair, 1)], "tok_visa", "Vienna").to_string();
            let mut stream = TcpStream::connect(address).await.expect("the service listens");
            let head = format!(
                "POST /orders HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(format!("{head}{body}").as_bytes()).await.expect("it takes the request");
            stream.shutdown().await.expect("this side is closed");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("an answer");
            assert!(answer.starts_with("HTTP/1.1 202"), "request {number}: {answer:?}");
        }
    });
}

#[test]
fn a_day_that_lost_its_partition_gets_it_back_at_once() {
    story_alone(|world| async {
        let chair = world.stocked("chair", 5).await;
        let mut db = world.database("order").await;
        world
            .until("everything is published", || {
                let waiting = world.system.database_url("order");
                async move {
                    let mut db = <sqlx::PgConnection as sqlx::Connection>::connect(&waiting)
                        .await
                        .map_err(|error| error.to_string())?;
                    let waiting = "SELECT count(*) FROM outbox o JOIN outbox_ranges r USING (range)
                                   WHERE number > published_through
                                   AND NOT EXISTS (SELECT FROM outbox_blocks b WHERE b.range = o.range AND o.number = ANY(numbers))";
                    let waiting: i64 = sqlx::query_scalar(waiting)
                        .fetch_one(&mut db)
                        .await
                        .map_err(|error| error.to_string())?;
                    if waiting == 0 { Ok(()) } else { Err(format!("{waiting} wait")) }
                }
            })
            .await;
        let today: String = sqlx::query_scalar("SELECT 'outbox_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')")
            .fetch_one(&mut db)
            .await
            .expect("a name");
        let mut owner = <sqlx::PgConnection as sqlx::Connection>::connect(&world.system.owner_url("order"))
            .await
            .expect("the owner may in");
        sqlx::query(sqlx::AssertSqlSafe(format!("DROP TABLE {today}"))).execute(&mut owner).await.expect("it is gone");
        let url = world.system.url("order");
        let id = world
            .until("an order is placed again", || async {
                let answer = world.post_order(&url, &order(&[(&chair, 1)], "tok_visa", "Vienna"), &[]).await;
                placed(&answer).ok_or_else(|| format!("{answer:?}"))
            })
            .await;
        world.eventually(&id, "completed").await;
        says(world, &url, "/readyz", "200", "ready").await;
    });
}

fn placed(answer: &Answer) -> Option<String> {
    match (answer.status, &answer.body["orderId"]) {
        (202, Value::String(id)) => Some(id.clone()),
        _ => None,
    }
}
