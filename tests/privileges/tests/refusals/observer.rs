//! Who holds what happened against the descriptions comes to Kafka as the services do, with their settings, and reads what they may.

use std::process::Command;

use local::{binaries, producer::Producer};
use provision::secrets::KAFKA_SETUP;
use uuid::Uuid;

use crate::world::{World, test};

const DESCRIPTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/choreography");
const PROGRAM: &str = "choreography-check";

/// How it ended, and all that it said.
fn check(world: &World, user: &str, password: &str, mechanism: &str) -> (Option<i32>, String) {
    let secrets = world.system.secrets().expect("a secured system");
    let mut program = Command::new(binaries::sibling(PROGRAM).expect("it is built"));
    program.args([DESCRIPTIONS, "--observed", "kafka://", "--since", "1h"]).env_clear();
    program
        .env("KAFKA_BROKERS", world.system.broker.bootstrap())
        .env("KAFKA_SECURITY_PROTOCOL", "sasl_ssl")
        .env("KAFKA_SASL_MECHANISM", mechanism)
        .env("KAFKA_CA_FILE", secrets.join(KAFKA_SETUP).join("ca.pem"))
        .env("KAFKA_USERNAME", user)
        .env("KAFKA_PASSWORD_FILE", secrets.join(password));
    let output = program.output().expect("it runs");
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    (output.status.code(), said.concat())
}

#[test]
fn an_administrator_reads_all_topics_and_a_service_is_told_which_it_may_not() {
    test(|world| async {
        binaries::build(&["local", PROGRAM]).await.expect("it builds");
        let producer = Producer::connect(&world.system.broker.connection()).expect("a producer");
        for &topic in contracts::topic::ALL {
            let key = Uuid::now_v7().to_string();
            producer.send(topic, &key, b"no event", &[]).await.expect("Kafka takes it from its administrator");
        }
        let (code, said) = check(world, "admin", "kafka-setup/kafka-password", "PLAIN");
        assert_eq!(code, Some(1), "{said}");
        for &topic in contracts::topic::ALL {
            assert!(said.contains(&format!("invalid-message at {}: {topic}", owner(topic))), "{topic}: {said}");
        }
        // What it may write it sees, and may not read: its own topic, and dead letters. The first that refuses is named.
        let (code, said) = check(world, "payment", "payment/kafka-password", "SCRAM-SHA-512");
        let (topic, why) = said.split_once(": ").unwrap_or_default();
        assert!(["payment-events", "inventory-events.dlq", "shipping-events.dlq"].contains(&topic), "{said}");
        let expected = "this user may not read it: name one in KAFKA_USERNAME who may (ACL Read on the topics and their dead letters)\n";
        assert_eq!((code, why), (Some(2), expected));
        let (code, said) = check(world, "payment", "order/kafka-password", "SCRAM-SHA-512");
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.contains("uthentication") && said.contains("check the address (kafka://HOST:PORT), and KAFKA_SEC"),
            "{said}"
        );
    });
}

fn owner(topic: &str) -> &str {
    topic.strip_suffix("-events").unwrap_or(topic)
}
